"""SIGKILL of the whole job at random instants: a resume loses no call and asks for none twice.

test_kill.py [--kills N] [--seed N] [--seconds S]: 200 kills in the suite, three quarters of them of a run alone;
1000 and more by the argument. No new run is begun after S seconds (300).
"""

import argparse
import random
import shutil
import sys
import time
import unittest

import harness

OPTIONS = argparse.Namespace(kills=200, seed=1, seconds=300)
SCRIPT = {"latency_ms": 5, "latency_spread_ms": 25}
CONCURRENCY = 8
# What names a call on the tape: its trajectory and its seat there.
SEAT = ("key", "trajectory_key", "iteration", "role", "trader", "sample", "repair", "ask", "seat")


def names_of(line):
    return tuple((k, str(line[k])) for k in SEAT if k in line)


class KillTest(harness.TestCase):
    def job_for(self, server, claims):
        return self.write_job(self.http_job(
            server.url, claims, models__m__limits={"concurrency": CONCURRENCY, "timeout_s": 60}))

    def kill_once(self, server, job, out, ranks):
        """Whether the run was killed: on a machine that stands still meanwhile it may end by itself."""
        before = server.stats()["requests"]
        process = harness.start("run", job, "-o", out, ranks=ranks)
        # A third of the deaths hit the start; the others wait for calls to flow.
        if self.chance.random() < 0.66:
            harness.wait_for(lambda: process.poll() is not None or server.stats()["requests"] > before, 120,
                             "a call")
        time.sleep(self.chance.uniform(0, 0.15))
        is_alive = process.poll() is None
        harness.kill_all(process)
        if not is_alive:
            self.assertEqual(0, process.returncode, "it ended by itself")
        return is_alive

    def kill_until_done(self, claims, needed, ranks, kills):
        """One run, killed KILLS times or as often as it lives; how often."""
        out, died = self.dir / "run", 0
        with harness.FaultServer(SCRIPT) as server:
            job = self.job_for(server, claims)
            while died < kills and self.kill_once(server, job, out, ranks):
                died += 1
            result = harness.run("run", job, "-o", out, ranks=ranks)
            sent = server.stats()["requests"]
        self.assertEqual([], harness.compare(self.dir / "whole" / "run.h5", out / "run.h5"), result)
        print(f"{ranks} ranks, {died} deaths: {needed} calls needed, {sent} sent")
        self.assertLessEqual(sent, needed + died * CONCURRENCY)
        seats = [names_of(line) for line in harness.tape_lines(out)]
        self.assertEqual(needed, len(seats))
        self.assertEqual(len(seats), len(set(seats)), "nothing twice on the tape")
        shutil.rmtree(out)
        return died

    def torture(self, ranks, kills):
        """KILLS deaths, then a whole run. The markets are more than the deaths finish, as a rule."""
        self.chance = random.Random(OPTIONS.seed * 100 + ranks)
        claims = self.write_claims(max(30, 5 * kills))
        with harness.FaultServer(SCRIPT) as calm:
            harness.run("run", self.job_for(calm, claims), "-o", self.dir / "whole", ranks=ranks)
            needed = calm.stats()["requests"]
        died, begun = 0, time.monotonic()
        while died < kills and time.monotonic() < begun + OPTIONS.seconds:
            died += self.kill_until_done(claims, needed, ranks, kills - died)
        self.assertGreater(died, 0)

    def test_killed_alone(self):
        self.torture(0, OPTIONS.kills - OPTIONS.kills // 4)

    def test_killed_on_three_ranks(self):
        harness.mpi()
        self.torture(3, max(3, OPTIONS.kills // 4))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seconds", type=float, default=300)
    OPTIONS, rest = parser.parse_known_args()
    print(f"test_kill.py --kills {OPTIONS.kills} --seed {OPTIONS.seed}", file=sys.stderr)
    sys.argv[1:] = rest
    harness.main()
