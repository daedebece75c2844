"""Several servers of one model, and servers that the run starts itself."""

import os
import pathlib
import signal
import unittest

import harness

CLAIMS = 60
ALONE = {"parallel": 1, "context": 8192}


class EndpointsTest(harness.TestCase):
    def start_run(self, job, name, ranks):
        return harness.start("run", self.write_job(job, name + ".json"), "-o", self.dir / name,
                             ranks=ranks)

    def test_a_dead_server_loses_nothing_and_a_living_one_takes_its_load(self):
        harness.mpi()
        script = {"latency_ms": 20, "latency_spread_ms": 30}
        claims = self.write_claims(CLAIMS)
        job, servers = self.job_at_three(claims, script)
        whole = harness.finish(self.start_run(job, "whole", 2), 300)
        self.assertEqual(0, whole.code, whole)
        shares = [s.stats()["requests"] for s in servers]
        self.assertGreater(min(shares), sum(shares) / 10, f"the load is spread: {shares}")

        # Four calls of each server are held, so that there is work left whenever one dies.
        gate = self.gate(after=20, most=4)
        job, servers = self.job_at_three(claims, {**script, "rules": [gate.rule]})
        process = self.start_run(job, "hurt", 2)
        try:
            harness.wait_for(lambda: gate.is_reached(servers[1]), 120, "calls")
            before = servers[0].stats()["requests"] + servers[2].stats()["requests"]
            servers[1].process.kill()
            servers[1].process.wait(60)
            harness.wait_for(lambda: servers[0].stats()["requests"] + servers[2].stats()["requests"] >
                             before + 4, 120, "the others go on")
            servers[1].stop()
            servers[1] = harness.FaultServer(script, port=servers[1].port)
            self.addCleanup(servers[1].stop)
            gate.open()
        except BaseException:
            harness.kill_all(process)
            raise
        hurt = harness.finish(process, 300)
        self.assertEqual(0, hurt.code, hurt)
        self.assertEqual([], harness.compare(self.dir / "whole" / "run.h5",
                                             self.dir / "hurt" / "run.h5"), hurt)

    def job_at_three(self, claims, script):
        servers = [harness.FaultServer(script) for _ in range(3)]
        for server in servers:
            self.addCleanup(server.stop)
        job = self.http_job("", claims, models__m__endpoints=[s.url for s in servers],
                            models__m__limits={"concurrency": 24, "timeout_s": 60})
        return job, servers

    def llama_job(self, **model):
        """Answers that do not depend on what the server was asked before, or at the same time (parallel=1)."""
        return self.http_job("", self.write_claims(9), cell__max_iterations=3, models__m={
            "api": "openai", "model": "tiny", "extra": {"cache_prompt": False}, "params": {"temperature": 0, "max_tokens": 200},
            "limits": {"concurrency": 6, "timeout_s": 240}, **model})

    def test_one_of_three_real_servers_dies_and_comes_back(self):
        harness.llama_files()
        servers = [harness.LlamaServer(self.dir / f"llama{i}.log", **ALONE) for i in range(3)]
        try:
            job = self.llama_job(endpoints=[s.url for s in servers])
            whole = harness.finish(self.start_run(job, "whole", 0), 300)
            self.assertEqual(0, whole.code, whole)
            process = self.start_run(job, "hurt", 0)
            try:
                tape = self.dir / "hurt" / "tape"
                harness.wait_for(lambda: sum(p.read_bytes().count(b"\n") for p in
                                             tape.glob("*.jsonl")) > 10, 300, "calls on the tape")
                servers[1].process.kill()
                servers[1].process.wait(60)
                servers[1].stop()
                servers[1] = harness.LlamaServer(self.dir / "llama1.log", port=servers[1].port, **ALONE)
            except BaseException:
                harness.kill_all(process)
                raise
            hurt = harness.finish(process, 300)
        finally:
            for server in servers:
                server.stop()
        self.assertEqual(0, hurt.code, hurt)
        cached = {"cached_tokens"}
        self.assertEqual([], [line for line in harness.compare(
            self.dir / "whole" / "run.h5", self.dir / "hurt" / "run.h5",
            harness.VOLATILE + ("calls/tokens_cached",)) if line.split(":")[0] not in cached])

    def test_what_a_chat_has_sent_is_cached_by_three_real_servers(self):
        """Both chats of a market find a slot of their own as long as it lives."""
        harness.llama_files()
        room = {"parallel": 18, "context": 18 * 8192}  # even if all nine come to one server
        servers = [harness.LlamaServer(self.dir / f"llama{i}.log", **room) for i in range(3)]
        try:
            job = self.llama_job(endpoints=[s.url for s in servers],
                                 extra={"cache_prompt": True})
            result = harness.finish(self.start_run(job, "run", 0), 600)
        finally:
            for server in servers:
                server.stop()
        self.assertEqual(0, result.code, result)
        self.assertGreater(harness.cached_share(self.dir / "run" / "run.h5"), 0.85)

    def servers_of(self, command):
        """pids of processes that run COMMAND, however they hang together."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(command).encode() in words:
                found.append(int(entry.name))
        return found

    def serve_job(self):
        server, _ = harness.llama_files()
        model = self.dir / "served.gguf"
        model.symlink_to(harness.llama_files()[1])
        command = harness.llama_command("{port}")
        command[command.index("-m") + 1] = str(model)
        self.assertIn(server, command)
        return model, self.llama_job(serve={"command": command, "per": "job"})

    def test_a_run_starts_its_own_server_and_ends_it(self):
        model, job = self.serve_job()
        process = self.start_run(job, "run", 0)
        try:
            harness.wait_for(lambda: self.servers_of(model), 120, "the server starts")
        except BaseException:
            harness.kill_all(process)
            raise
        result = harness.finish(process, 300)
        self.assertEqual(0, result.code, result)
        harness.wait_for(lambda: not self.servers_of(model), 60, "no server is left")

    def test_no_server_outlives_a_killed_run(self):
        model, job = self.serve_job()
        process = self.start_run(job, "run", 0)
        try:
            tape = self.dir / "run" / "tape"
            harness.wait_for(lambda: any(p.stat().st_size for p in tape.glob("*.jsonl")), 300,
                             "a call on the tape")
            os.kill(process.pid, signal.SIGKILL)  # the runner alone: nobody tells the server
            process.wait(60)
            harness.wait_for(lambda: not self.servers_of(model), 60, "no server is left")
        finally:
            harness.kill_all(process)


if __name__ == "__main__":
    harness.main()
