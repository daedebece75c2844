"""What a coordinator does for one rank costs about the same however many there are; workers are emulated."""

import os
import re
import subprocess

import harness

BENCH = os.environ.get("COORDINATOR_BENCH_BIN",
                       str(harness.SOURCE / "build" / "tests" / "bench" / "coordinator_bench"))
FEW, MANY = 256, 10240  # forty times as many
SLACK = 4  # what walks all ranks takes forty times as long


class ScaleTest(harness.TestCase):
    def costs(self, ranks):
        """Microseconds of CPU by what is done, the lesser of two runs."""
        least = {}
        for _ in range(2):
            done = subprocess.run([BENCH, str(ranks), "2", str(self.dir)], capture_output=True, text=True, timeout=300)
            self.assertEqual(0, done.returncode, done.stderr)
            for line in done.stdout.splitlines():
                if found := re.match(r"(\S.*?)  +(\d+) +[\d.]+ s +([\d.]+) us each", line):
                    least[found[1]] = min(float(found[3]), least.get(found[1], float("inf")))
        return least

    def test_a_message_costs_the_same_from_few_ranks_and_from_many(self):
        few, many = self.costs(FEW), self.costs(MANY)
        for what in ("hello, with its welcome", "beat, with its lease", "grant, several episodes each",
                     "episode, 21 calls with texts", "rank that leaves", "rank that is lost"):
            with self.subTest(what=what):
                self.assertLess(many[what], SLACK * few[what] + 1, (few, many))


if __name__ == "__main__":
    harness.main()
