"""A run that only a person can mend says so within seconds, makes few calls, stops with 4 and can be gone on with."""

import json
import os
import signal
import subprocess
import time
import unittest

import harness
from chat_server import Server

BLOCKED = 4
JUDGMENT = json.dumps({"claim": "c", "reasoning": "r", "price": 0.4}), "stop"


class BlockedTest(harness.TestCase):
    def job(self, url, count=60, **changes):
        return self.write_job(self.http_job(url, self.write_claims(count), **changes))

    def status(self):
        return json.loads((self.dir / "run" / "status.json").read_text())

    def first_words(self, job, *arguments, env=None, ranks=0):
        """(seconds until the first line, that line, the result)."""
        begin = time.monotonic()
        process = harness.start("run", job, "-o", self.dir / "run", *arguments, env=env, ranks=ranks)
        line = process.stderr.readline()
        seconds = time.monotonic() - begin
        return seconds, line, harness.finish(process, 120)

    def check_blocked(self, script, *words):
        with harness.FaultServer(script) as server:
            _, line, result = self.first_words(self.job(server.url))
            calls = server.stats()["requests"]
        self.assertEqual(BLOCKED, result.code, result)
        self.assertLess(calls, 50)
        for word in words:
            self.assertIn(word, line)
        status = self.status()
        self.assertEqual(("blocked", BLOCKED), (status["state"], status["exit_code"]))
        self.assertEqual(0, status["done"] + status["invalid"])
        self.assertIn("mend it and run the same command again", status["message"])

    def test_a_wrong_key_stops_the_run_and_the_right_one_goes_on(self):
        script = {"key": "right", "rules": []}
        with harness.FaultServer(script) as server:
            job = self.job(server.url, 8, models__m__api_key_env="BLOCKED_TEST_KEY")
            env = {"BLOCKED_TEST_KEY": "wrong"}
            _, line, result = self.first_words(job, env=env)
            self.assertEqual(BLOCKED, result.code, result)
            self.assertIn("401", line)
            self.assertRegex(result.err, r"blocked: .* failed \(\d+ key: HTTP 401")
            self.assertLess(server.stats()["requests"], 50)
            harness.run("run", job, "-o", self.dir / "run", "--quiet", env={"BLOCKED_TEST_KEY": "right"})
        status = self.status()
        self.assertEqual((8, 0, "complete"), (status["done"], status["failed"], status["state"]))
        starts = [event for event in status["launches"] if event["event"] == "start"]
        ends = [event for event in status["launches"] if event["event"] == "end"]
        self.assertEqual([0, 1], [event["launch"] for event in starts])
        self.assertEqual([BLOCKED, 0], [event["exit_code"] for event in ends])
        self.assertEqual(starts[0]["wall_ms"], status["first_started_wall_ms"])
        self.assertLess(status["this_launch"]["calls"], status["calls"])

    def test_an_unknown_model_stops_the_run(self):
        self.check_blocked({"rules": [{"fault": "404", "times": 0}]}, "404", "(not_found)")

    def test_a_host_without_an_address_stops_the_run(self):
        _, line, result = self.first_words(self.job("http://no-such-host.invalid:1/v1"))
        self.assertEqual(BLOCKED, result.code, result)
        self.assertIn("no-such-host.invalid", line)

    def test_a_mistyped_port_is_told_at_once(self):
        url = f"http://127.0.0.1:{harness.free_port()}/v1"
        process = harness.start("run", self.job(url), "-o", self.dir / "run")
        begin = time.monotonic()
        line = process.stderr.readline()
        self.assertLess(time.monotonic() - begin, 2)
        self.assertIn(url, line)
        self.assertIn("(connection)", line)
        self.assertIn("trying again", line)
        process.terminate()
        self.assertEqual(75, harness.finish(process, 60).code)

    def test_a_server_that_is_not_there_stops_the_run_when_a_call_has_no_tries_left(self):
        job = self.job(f"http://127.0.0.1:{harness.free_port()}/v1", models__m__limits__retries=2)
        _, line, result = self.first_words(job)
        self.assertEqual(BLOCKED, result.code, result)
        self.assertIn("connect", line)
        status = self.status()
        self.assertEqual(("blocked", 0), (status["state"], status["done"]))
        self.assertLess(status["models"][0]["attempts"], 50)
        self.assertIn("connect", status["words"]["connection"])
        self.assertIn("mend it and run the same command again", status["message"])

    def test_a_wait_beyond_the_wall_time_ends_the_run_with_what_it_has(self):
        """Alone and on ranks: said at once with where it was read, 75, and the next launch goes on."""
        for ranks in (0, 3):
            rule = {"fault": "429", "times": 0, "after": 6, "retry_after": 7200}
            with harness.FaultServer({"rules": [rule]}) as server:
                job = self.job(server.url, 12, budget={"wall_s": 600}, models__m__limits__concurrency=2)
                begin = time.monotonic()
                result = harness.run("run", job, "-o", self.dir / "run", "--fresh", ranks=ranks, expect=75)
                self.assertLess(time.monotonic() - begin, 60)
                self.assertLess(server.stats()["requests"], 20)
            if ranks == 0:  # a worker that is told to end may be gone before it says where it read the wait
                self.assertIn("retry-after", result.err.lower())
            self.assertRegex(result.err, r"no call for 2\.0 hours, more than is left of budget\.wall_s")
            status = self.status()
            self.assertEqual((0, "interrupted"), (status["failed"] + status["invalid"], status["state"]))
            self.assertGreater(status["pending"], 0)
            with harness.FaultServer({"rules": []}, port=server.port) as server:
                harness.run("run", job, "-o", self.dir / "run", "--quiet")
            self.assertEqual((12, "complete"), (self.status()["done"], self.status()["state"]))

    def test_two_workers_tell_it_once(self):
        with harness.FaultServer({"rules": [{"fault": "401", "times": 0}]}) as server:
            result = harness.run("run", self.job(server.url), "-o", self.dir / "run", ranks=3, expect=None)
            calls = server.stats()["requests"]
        self.assertEqual(BLOCKED, self.status()["exit_code"], result)
        self.assertLess(calls, 50)
        self.assertEqual(1, result.err.count("only counted"), result)

    def test_ranks_that_do_not_share_the_directory_stop_before_anything(self):
        job = self.write_job(self.sim_job(self.write_claims(20)))
        for rank in range(3):
            (self.dir / f"n{rank}").mkdir()
        line = harness.command("run", job, "-o", "run", ranks=3)
        at = line.index(harness.CREDENCE)
        script = 'cd "$0/n$OMPI_COMM_WORLD_RANK" && exec "$@"'
        line = line[:at] + ["sh", "-c", script, str(self.dir)] + line[at:]
        done = subprocess.run(line, env=harness.environment(3), capture_output=True, text=True, timeout=120)
        self.assertIn("is not the directory that rank 0 has", done.stderr)
        status = json.loads((self.dir / "n0" / "run" / "status.json").read_text())
        self.assertEqual((BLOCKED, 0, 0), (status["exit_code"], status["calls"], status["done"]))
        self.assertFalse((self.dir / "n1" / "run" / "tape").exists())

    def test_another_part_of_the_same_job_is_refused(self):
        job = self.write_job(self.sim_job(self.write_claims(20)))
        harness.run("run", job, "-o", self.dir / "run", "--shard", "1/3", "--quiet")
        for shard in ("1/2", "2/3"):
            result = harness.run("run", job, "-o", self.dir / "run", "--shard", shard, expect=2)
            self.assertIn(f"was begun as --shard 1/3, not {shard}", result.err)
        harness.run("run", job, "-o", self.dir / "run", "--shard", "1/3", "--quiet")

    def test_a_hangup_drains_and_nohup_is_honoured(self):
        for ignored in (False, True):
            gate = self.gate(after=8)
            with harness.FaultServer({"rules": [gate.rule]}) as server:
                job = self.job(server.url, 12, models__m__limits__concurrency=4)
                argv = harness.command("run", job, "-o", self.dir / "run", "--fresh")
                before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
                try:
                    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                               env=harness.environment(), start_new_session=True)
                finally:
                    signal.signal(signal.SIGHUP, before)
                harness.wait_for(lambda: gate.is_reached(server), 60, "calls in flight")
                process.send_signal(signal.SIGHUP)
                if not ignored:
                    self.assertIn("SIGHUP", process.stderr.readline())
                gate.open()
                result = harness.finish(process, 120)
                self.assertEqual(0 if ignored else 75, result.code, result)
                self.assertEqual(server.stats()["requests"], len(harness.tape_lines(self.dir / "run")))

    def test_a_server_without_logprobs_ends_a_run_that_reads_them(self):
        """What is said is answered, what is held never: found at the first calls, alone and on ranks."""
        for ranks in (0, 3):
            for name, cell in (("held", {"cell__held": "logprob"}), ("read", {"cell__elicitation": "logprob"})):
                with self.subTest(name, ranks=ranks), Server(lambda _: JUDGMENT) as server:
                    job = self.job(server.url, 60, models__m__limits__concurrency=4, **cell)
                    result = harness.run("run", job, "-o", self.dir / "run", "--fresh", ranks=ranks, expect=None)
                    self.assertLess(len(server.requests), 60)
                    self.assertIn("no logprobs in the reply", result.err)
                    self.assertIn("give model m a server that has them", result.err)
                    self.assertEqual((BLOCKED, 0), (self.status()["exit_code"], self.status()["done"]), result)

    def test_a_model_that_has_answered_is_not_given_up(self):
        rule = {"fault": "401", "times": 0, "after": 3, "most": 4}
        with harness.FaultServer({"rules": [rule]}) as server:
            result = harness.run("run", self.job(server.url, 10, models__m__limits__concurrency=1),
                                 "-o", self.dir / "run", expect=3)
        self.assertIn("failed", result.err)
        self.assertEqual({"key": 4}, self.status()["reasons"])

    def test_a_rank_whose_calls_alone_fail_is_put_aside_and_named(self):
        """One of three ranks has a wrong key, as a node may have no way out: the others do its markets."""
        with harness.FaultServer({"key": "right", "latency_ms": 20}) as server:
            job = self.job(server.url, 60, models__m__api_key_env="BLOCKED_TEST_KEY", models__m__limits__concurrency=8)
            run = [harness.CREDENCE, "run", str(job), "-o", str(self.dir / "run")]
            launcher, _ = harness.mpi()
            command = [launcher, *harness.launch_flags(), "-n", "2", "env", "BLOCKED_TEST_KEY=right", *run,
                       ":", "-n", "1", "env", "BLOCKED_TEST_KEY=wrong", *run]
            process = subprocess.Popen(command, env=harness.environment(1), text=True, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
            result = harness.finish(process, 180)
            host = os.uname().nodename
            self.assertRegex(result.err, rf"rank 2 on {host} is put aside: its calls alone fail, those of other ranks are "
                                         r"answered; \d+ markets will be reassigned")
            self.assertIn(result.code, (0, 3), result)
            status = self.status()
            self.assertEqual(60, status["done"] + status["failed"])
            self.assertLess(status["failed"], 30, "what the rank still held was done by others")
            self.assertLessEqual(set(status["reasons"]), {"key"})
            harness.run("run", job, "-o", self.dir / "run", "--quiet", env={"BLOCKED_TEST_KEY": "right"})
            self.assertEqual((60, 0), (self.status()["done"], self.status()["failed"]))

    def test_cut_replies_come_with_the_advice(self):
        with harness.FaultServer({"rules": [{"fault": "length", "times": 0}]}) as server:
            job = self.job(server.url, 30, models__m__params__max_tokens=20)
            result = harness.run("run", job, "-o", self.dir / "run", expect=None)
        self.assertIn("replies were cut at max_tokens 20: raise models.m.params.max_tokens", result.err)

    def lossy(self, *arguments):
        """A run that loses about a fifth of its episodes."""
        rule = {"fault": "400", "times": 0, "share": 0.1}
        with harness.FaultServer({"rules": [rule]}) as server:
            return harness.run("run", self.job(server.url, 400, models__m__limits__concurrency=4), "-o",
                               self.dir / "run", *arguments, expect=None)

    def test_a_run_that_loses_too_many_episodes_stops(self):
        result = self.lossy()
        self.assertEqual(BLOCKED, result.code, result)
        self.assertIn("more than --max-failed allows", result.err)
        status = self.status()
        self.assertGreater(status["pending"], 0)
        self.assertEqual({"bad_request"}, set(status["reasons"]) - {"unreadable"})

    def test_what_servers_say_is_in_every_report_of_a_loss(self):
        """Commonest words of a reason: status.json, status, the progress line, analyze, show."""
        self.lossy("--max-failed", "100%")
        words = self.status()["words"]["bad_request"]
        self.assertIn("400", words)
        self.assertEqual({"bad_request"}, set(self.status()["words"]), "a plain stop is no word of a server")
        run = self.dir / "run"
        shown = harness.run("status", run).out
        self.assertRegex(shown, r"lost +\d+ x bad_request\n +\"[^\n]*400")
        log = harness.run("status", run, "--json").out
        self.assertIn(words, json.loads(log)["words"]["bad_request"])
        self.assertIn(words[:40], harness.run("analyze", run, "--section", "reasons").out)
        lost = harness.run("list", run, "--where", "status = failed", "-n", 1, "--format", "ids").out.split()[0]
        self.assertIn("400", harness.run("show", run, "--episode", lost).out)

    def test_max_failed_can_allow_all_or_a_number(self):
        self.assertEqual(3, self.lossy("--max-failed", "100%").code)
        self.assertEqual(0, self.status()["pending"])
        other = self.lossy("--max-failed", "2", "--fresh")
        self.assertEqual(BLOCKED, other.code, other)
        self.assertLess(self.status()["failed"], 20)

    def test_a_bad_max_failed_is_refused(self):
        for text in ("0", "x", "5.5", "-1%", "101%"):
            result = harness.run("run", self.job("http://127.0.0.1:1/v1"), "--max-failed", text, expect=2)
            self.assertIn("--max-failed expects", result.err)

    def test_a_server_that_cannot_start_stops_the_run_and_keeps_its_log(self):
        script = self.dir / "server.sh"
        script.write_text("#!/bin/sh\necho 'no such weights: Qwen/Qwen3-99B' >&2\nexit 3\n")
        script.chmod(0o755)
        job = self.http_job("", self.write_claims(5))
        del job["models"]["m"]["endpoints"]
        job["models"]["m"]["serve"] = {"command": [str(script)], "health": "/health"}
        result = harness.run("run", self.write_job(job), "-o", self.dir / "run", expect=BLOCKED)
        self.assertIn("exited with status 3", result.err)
        self.assertIn("no such weights: Qwen/Qwen3-99B", result.err)
        logs = list((self.dir / "run" / "servers").glob("*.log"))
        self.assertIn("no such weights", logs[0].read_text())
        self.assertEqual(BLOCKED, self.status()["exit_code"])


if __name__ == "__main__":
    harness.main()
