"""A key appears nowhere: a canary is planted, and every byte that a run writes is searched."""

import os
import pathlib
import unittest

import harness

CANARY = "sk-canary-7f3a91d2c4e84b06"


class SecretsTest(harness.TestCase):
    def assert_absent(self, *texts):
        for path in self.dir.rglob("*"):
            if path.is_file() and path.name != "key":
                self.assertNotIn(CANARY.encode(), path.read_bytes(), path)
        for text in texts:
            self.assertNotIn(CANARY, text)

    def keyed_job(self, url, **changes):
        return self.write_job(self.http_job(url, self.write_claims(6), **changes))

    def test_a_key_from_the_environment_is_sent_and_never_written(self):
        gate = self.gate(most=1)
        with harness.FaultServer({"key": CANARY, "rules": [gate.rule]}) as server:
            job = self.keyed_job(server.url, models__m__api_key_env="CANARY_KEY")
            process = harness.start("run", job, "-o", self.dir / "run",
                                    env={"CANARY_KEY": CANARY})
            try:
                harness.wait_for(lambda: gate.is_reached(server), 60, "a call")
                argv = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
                self.assertIn(str(job), argv)
                gate.open()
            except BaseException:
                harness.kill_all(process)
                raise
            result = harness.finish(process, 120)
            self.assertEqual(0, result.code, result)
        shown = [harness.run(*command, env={"CANARY_KEY": CANARY}).out for command in (
            ("plan", job), ("status", self.dir / "run", "--json"),
            ("show", self.dir / "run", "--episode", 0), ("analyze", self.dir / "run"))]
        self.assert_absent(result.out, result.err, argv, *shown)

    def test_a_refused_key_is_not_in_the_complaint(self):
        with harness.FaultServer({"key": "another"}) as server:
            job = self.keyed_job(server.url, models__m__api_key_env="CANARY_KEY")
            result = harness.run("run", job, "-o", self.dir / "run", expect=4,
                                 env={"CANARY_KEY": CANARY})
        self.assert_absent(result.out, result.err)
        shown = harness.run("show", self.dir / "run", "--episode", 0).out
        self.assertIn("401", shown + result.err)

    def test_a_server_that_echoes_the_key_is_not_quoted(self):
        echo = {"rules": [{"fault": "400", "times": 0, "headers": {"X-Echo": CANARY}}]}
        with harness.FaultServer(echo) as server:
            job = self.keyed_job(server.url, models__m__api_key_env="CANARY_KEY")
            result = harness.run("run", job, "-o", self.dir / "run", expect=3,
                                 env={"CANARY_KEY": CANARY})
        self.assert_absent(result.out, result.err)

    def test_a_key_file_must_be_private(self):
        key = self.dir / "key"
        key.write_text(CANARY + "\n")
        key.chmod(0o644)
        with harness.FaultServer({"key": CANARY}) as server:
            job = self.keyed_job(server.url, models__m__api_key_file=str(key))
            result = harness.run("run", job, "-o", self.dir / "run", expect=2)
            self.assertRegex(result.err, "0?600")
            key.chmod(0o600)
            result = harness.run("run", job, "-o", self.dir / "run")
        self.assert_absent(result.out, result.err)

    def test_a_key_does_not_cross_the_network_in_the_clear(self):
        job = self.keyed_job("http://models.example.org/v1", models__m__api_key_env="CANARY_KEY")
        result = harness.run("run", job, "-o", self.dir / "run", expect=2,
                             env={"CANARY_KEY": CANARY})
        self.assertIn("allow_insecure", result.err)
        self.assert_absent(result.out, result.err)

    def test_a_key_that_is_not_set_is_named(self):
        job = self.keyed_job("http://127.0.0.1:9/v1", models__m__api_key_env="CANARY_KEY")
        os.environ.pop("CANARY_KEY", None)
        self.assertIn("CANARY_KEY", harness.run("run", job, "-o", self.dir / "run", expect=2).err)


if __name__ == "__main__":
    harness.main()
