"""One worker of five dies, stops or leaves: the job completes in the same launch.

test_dead_rank.py [--times N] [--seed N]: twice each in the suite, more by the argument.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
import unittest

import harness

OPTIONS = argparse.Namespace(times=2, seed=1)
SCRIPT = {"latency_ms": 10, "latency_spread_ms": 40}
HEARTBEAT_S = 8
LEAVER = os.environ.get("LEAVER_SO", "")


class DeadRankTest(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        harness.mpi()

    def setUp(self):
        super().setUp()
        self.chance = random.Random(f"{OPTIONS.seed}{self._testMethodName}")
        self.claims = self.write_claims(60)

    def start_run(self, server, name, env=None):
        job = self.write_job(self.http_job(server.url, self.claims,
                                           models__m__limits__concurrency=16), name + ".json")
        return harness.start("run", job, "-o", self.dir / name, "--heartbeat", HEARTBEAT_S, ranks=5,
                             recover=True, env=env)

    def run_whole(self):
        with harness.FaultServer(SCRIPT) as server:
            whole = harness.finish(self.start_run(server, "whole"), 240)
        self.assertEqual(0, whole.code, whole)

    def run_hurt(self, name, hurt, env):
        """A run whose N-th call and three more are held until a worker was hurt; the others flow."""
        gate = self.gate(after=self.chance.randrange(5, 200), most=4)
        with harness.FaultServer({**SCRIPT, "rules": [gate.rule]}) as server:
            process = self.start_run(server, name, env)
            try:
                harness.wait_for(lambda: gate.is_reached(server), 120, "calls flow")
                workers = [pid for pid in harness.ranks_of(process) if harness.rank_number(pid) > 0]
                self.assertEqual(4, len(workers))
                hurt(self.chance.choice(workers))
                gate.open()
            except BaseException:
                harness.kill_all(process)
                raise
            return harness.finish(process, 240)

    def survive(self, hurt, env=None):
        self.run_whole()
        for time_ in range(OPTIONS.times):
            result = self.run_hurt(f"hurt{time_}", hurt, env)
            out = self.dir / f"hurt{time_}"
            status = json.loads((out / "status.json").read_text())
            self.assertEqual([], harness.compare(self.dir / "whole" / "run.h5", out / "run.h5"),
                             result)
            self.assertEqual(1, harness.attributes(out / "run.h5")["complete"], status)

    def test_a_killed_worker(self):
        self.survive(lambda pid: os.kill(pid, signal.SIGKILL))

    def test_a_stopped_worker(self):
        self.survive(lambda pid: os.kill(pid, signal.SIGSTOP))

    def leave(self, number):
        if not LEAVER:
            self.skipTest("LEAVER_SO is not set: run by ctest")
        # A preloaded library makes the process leave by _exit when the signal comes.
        self.survive(lambda pid: os.kill(pid, number),
                     {"LD_PRELOAD": LEAVER, "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"})

    def test_a_worker_that_exits_with_3(self):
        self.leave(signal.SIGRTMIN + 3)

    def test_a_worker_that_exits_with_0(self):
        self.leave(signal.SIGRTMIN + 4)

    def test_a_dead_coordinator_takes_the_workers_along_and_a_resume_finishes(self):
        self.run_whole()
        gate = self.gate(after=50, most=4)
        with harness.FaultServer({**SCRIPT, "rules": [gate.rule]}) as server:
            out = self.dir / "hurt"
            process = self.start_run(server, "hurt")
            try:
                harness.wait_for(lambda: gate.is_reached(server), 120, "calls")
                ranks = harness.ranks_of(process)
                begun = time.monotonic()
                os.kill(next(p for p in ranks if harness.rank_number(p) == 0), signal.SIGKILL)
                harness.wait_for(lambda: not any(map(harness.is_running, ranks)), 120,
                                 "all workers leave")
                seconds = time.monotonic() - begun
            finally:
                harness.kill_all(process)
            print(f"workers left {seconds:.1f} s after the coordinator")
            gate.open()
            result = harness.run("run", self.dir / "hurt.json", "-o", out, ranks=3)
        self.assertEqual([], harness.compare(self.dir / "whole" / "run.h5", out / "run.h5"), result)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=2)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    OPTIONS, rest = parser.parse_known_args()
    print(f"test_dead_rank.py --times {OPTIONS.times} --seed {OPTIONS.seed}", file=sys.stderr)
    sys.argv[1:] = rest
    harness.main()
