"""A run that is told to stop drains, says so with 75, and goes on where it was."""

import os
import signal
import time
import unittest

import harness

STOPPED = 75


class SignalsTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.server = harness.FaultServer({"latency_ms": 20, "latency_spread_ms": 30})
        self.addCleanup(self.server.stop)
        self.claims = self.write_claims(60)
        self.job = self.write_job(self.http_job(self.server.url, self.claims,
                                                models__m__limits__concurrency=8))

    def stop_and_resume(self, ranks, send, *options, again=None):
        """A run stopped by SEND; returns the seconds it took, and checks that it can go on."""
        out = self.dir / "run"
        before = self.server.stats()["requests"]
        process = harness.start("run", self.job, "-o", out, *options, ranks=ranks)
        try:
            harness.wait_for(lambda: self.server.stats()["requests"] > before + 40, 60, "calls")
            begun = time.monotonic()
            send(process)
            if again:
                again(process)
        except BaseException:
            harness.kill_all(process)
            raise
        result = harness.finish(process, 60)
        seconds = time.monotonic() - begun
        if ranks == 0:
            self.assertEqual(STOPPED, result.code, result)
        self.assertEqual(0, harness.attributes(out / "run.h5")["complete"])
        tape = len(harness.tape_lines(out))
        self.assertGreater(tape, 0)
        harness.run("run", self.job, "-o", out, ranks=ranks)
        self.assertEqual(1, harness.attributes(out / "run.h5")["complete"])
        self.assertEqual([1] * 60, harness.read_run(out / "run.h5", "status")["status"])
        return seconds

    def test_term_int_and_usr1_alone(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            with self.subTest(signal=number):
                self.stop_and_resume(0, lambda p, n=number: p.send_signal(n))
                self.job.rename(self.dir / "kept.json")
                (self.dir / "run").rename(self.dir / f"run{number}")
                (self.dir / "kept.json").rename(self.job)

    def test_a_signal_to_one_rank_stops_all(self):
        harness.mpi()
        self.stop_and_resume(3, lambda p: os.kill(harness.ranks_of(p)[-1], signal.SIGUSR1))

    def test_a_signal_to_the_launcher_stops_all(self):
        harness.mpi()
        self.stop_and_resume(3, lambda p: p.send_signal(signal.SIGTERM))

    def test_a_second_signal_does_not_wait(self):
        self.server.stop()
        self.server = harness.FaultServer({"rules": [
            {"fault": "never", "after": 45, "times": 0}], "latency_ms": 5})
        self.addCleanup(self.server.stop)
        job = self.http_job(self.server.url, self.claims, models__m__limits__timeout_s=60)
        path, out = self.write_job(job), self.dir / "run"
        process = harness.start("run", path, "-o", out, "--grace", "50")
        try:
            harness.wait_for(lambda: self.server.stats()["faults"]["never"] > 0, 30, "silence")
            process.send_signal(signal.SIGTERM)
            with self.assertRaises(harness.subprocess.TimeoutExpired):
                process.wait(0.5)  # draining: the calls in flight may still land
            process.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            result = harness.finish(process, 20)
            self.assertLess(time.monotonic() - begun, 5)
            self.assertEqual(STOPPED, result.code, result)
        finally:
            harness.kill_all(process)

    def test_the_wall_budget_stops_by_itself(self):
        job = self.write_job(self.http_job(self.server.url, self.claims, budget={"wall_s": 1},
                                           models__m__limits__concurrency=2))
        out = self.dir / "run"
        result = harness.run("run", job, "-o", out, expect=STOPPED)
        self.assertIn("budget", result.err)
        harness.run("run", job, "-o", out, "--set", "budget.wall_s=600")
        self.assertEqual(1, harness.attributes(out / "run.h5")["complete"])


if __name__ == "__main__":
    harness.main()
