"""A disk that fills, at many points: exit 75 with one clear line, and a resume completes.

Needs to mount a tmpfs (root). test_full_disk.py [--points N]: 8 in the suite.
"""

import argparse
import os
import subprocess
import sys
import unittest

import harness

OPTIONS = argparse.Namespace(points=8)
CLAIMS = 40


class FullDiskTest(harness.TestCase):
    def mount(self, *options):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs",
                               str(self.disk)], capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            self.skipTest("cannot mount a tmpfs here: " + done.stderr.strip())
        self.addCleanup(self.unmount)

    def unmount(self):
        subprocess.run(["umount", "-l", str(self.disk)], capture_output=True, timeout=30)

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("not root: cannot mount a tmpfs")
        self.disk = self.dir / "disk"
        self.disk.mkdir()

    def test_at_many_points(self):
        job = self.write_job(self.sim_job(self.write_claims(CLAIMS)))
        harness.run("run", job, "-o", self.dir / "whole", "--quiet")
        size = sum(p.stat().st_blocks * 512 for p in (self.dir / "whole").rglob("*"))
        stopped = 0
        for point in range(1, OPTIONS.points + 1):
            kilobytes = max(4, size * point // (OPTIONS.points + 1) // 1024)
            self.mount(f"size={kilobytes}k")
            out = self.disk / "run"
            # HDF5 itself leaks what it cannot write.
            result = harness.run("run", job, "-o", out, "--quiet", expect=None,
                                 env={"ASAN_OPTIONS": "detect_leaks=0"})
            self.assertIn(result.code, (0, 2, 75), f"{kilobytes} kB: {result}")
            if result.code != 0:
                stopped += 1
                self.assertRegex(result.err, "(?i)no space|full", f"{kilobytes} kB")
                self.assertLessEqual(len(result.err.strip().splitlines()), 4, result)
            subprocess.run(["mount", "-o", "remount,size=64m", str(self.disk)], check=True,
                           timeout=30)
            harness.run("run", job, "-o", out, "--quiet")
            self.assertEqual([], harness.compare(self.dir / "whole" / "run.h5", out / "run.h5"),
                             f"{kilobytes} kB")
            self.unmount()
        self.assertGreater(stopped, OPTIONS.points // 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=8)
    OPTIONS, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    harness.main()
