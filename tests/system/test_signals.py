"""A run that is told to stop drains, says so with 75, and goes on where it was.

Four of its calls are held until it has been told, so that no run is over before that."""

import json
import os
import signal
import time
import unittest

import harness

STOPPED = 75


class SignalsTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.claims = self.write_claims(60)

    def serve(self, **script):
        server = harness.FaultServer(script)
        self.addCleanup(server.stop)
        return server

    def state_of(self, out):
        return json.loads((out / "status.json").read_text())["state"]

    def stop_and_resume(self, name, ranks, send, is_killed=False):
        """A run stopped by SEND, which goes on; IS_KILLED: its launcher may not wait until it has drained."""
        out, gate = self.dir / name, self.gate(after=40, most=4)
        server = self.serve(latency_ms=20, latency_spread_ms=30, rules=[gate.rule])
        job = self.write_job(self.http_job(server.url, self.claims, models__m__limits__concurrency=8),
                             name + ".json")
        process = harness.start("run", job, "-o", out, ranks=ranks)
        try:
            harness.wait_for(lambda: gate.is_reached(server), 120, "calls")
            send(process)
            harness.wait_for(lambda: process.poll() is not None or self.state_of(out) == "draining", 120,
                             "it knows")
        except BaseException:
            harness.kill_all(process)
            raise
        finally:
            gate.open()
        result = harness.finish(process, 180)
        if ranks == 0:
            self.assertEqual(STOPPED, result.code, result)
        if not is_killed:
            self.assertEqual(0, harness.attributes(out / "run.h5")["complete"])
        tape = len(harness.tape_lines(out))
        self.assertGreater(tape, 0)
        harness.run("run", job, "-o", out, ranks=ranks)
        self.assertGreater(len(harness.tape_lines(out)), tape)
        self.assertEqual(1, harness.attributes(out / "run.h5")["complete"])
        self.assertEqual([1] * 60, harness.read_run(out / "run.h5", "status")["status"])

    def test_term_int_usr1_and_xcpu_alone(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGXCPU):
            with self.subTest(signal=number):
                self.stop_and_resume(f"run{number}", 0, lambda p, n=number: p.send_signal(n))

    def test_a_signal_to_one_rank_stops_all(self):
        harness.mpi()
        self.stop_and_resume("run", 3, lambda p: os.kill(harness.ranks_of(p)[-1], signal.SIGUSR1))

    def test_a_signal_to_the_launcher_stops_all(self):
        harness.mpi()
        self.stop_and_resume("run", 3, lambda p: p.send_signal(signal.SIGTERM), is_killed=True)

    def test_a_second_signal_does_not_wait(self):
        server = self.serve(latency_ms=5, rules=[{"fault": "never", "after": 45, "times": 0}])
        job = self.http_job(server.url, self.claims, models__m__limits__timeout_s=600)
        path, out = self.write_job(job), self.dir / "run"
        process = harness.start("run", path, "-o", out, "--grace", "500")
        try:
            harness.wait_for(lambda: server.stats()["faults"]["never"] > 0, 60, "silence")
            process.send_signal(signal.SIGTERM)
            with self.assertRaises(harness.subprocess.TimeoutExpired):
                process.wait(0.5)  # draining: the calls in flight may still land
            process.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            result = harness.finish(process, 120)
            self.assertLess(time.monotonic() - begun, 100)  # far below the grace
            self.assertEqual(STOPPED, result.code, result)
        finally:
            harness.kill_all(process)

    def test_the_wall_budget_stops_by_itself(self):
        server = self.serve(latency_ms=20, latency_spread_ms=30)
        job = self.write_job(self.http_job(server.url, self.claims, budget={"wall_s": 1},
                                           models__m__limits__concurrency=2))
        out = self.dir / "run"
        result = harness.run("run", job, "-o", out, expect=STOPPED)
        self.assertIn("budget", result.err)
        harness.run("run", job, "-o", out, "--set", "budget.wall_s=600",
                    "--set", "models.m.limits.concurrency=32")
        self.assertEqual(1, harness.attributes(out / "run.h5")["complete"])


if __name__ == "__main__":
    harness.main()
