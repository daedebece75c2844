"""A file system that refuses, at many points: exit 75 or 2 with one clear line, and a resume completes.

What needs to mount a tmpfs is for root. test_full_disk.py [--points N]: 8 in the suite.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys

import harness

OPTIONS = argparse.Namespace(points=8)
CLAIMS = 40


class FullDiskTest(harness.TestCase):
    def mount(self, *options):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs",
                               str(self.disk)], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            self.skipTest("cannot mount a tmpfs here: " + done.stderr.strip())
        self.addCleanup(self.unmount)

    def remount(self, options):
        subprocess.run(["mount", "-o", "remount," + options, str(self.disk)], check=True, timeout=60)

    def unmount(self):
        subprocess.run(["umount", "-l", str(self.disk)], capture_output=True, timeout=60)

    def setUp(self):
        super().setUp()
        self.disk = self.dir / "disk"
        self.disk.mkdir()
        self.job = self.write_job(self.sim_job(self.write_claims(CLAIMS)))
        harness.run("run", self.job, "-o", self.dir / "whole", "--quiet")

    def refused(self, out, what, ranks=0, **options):
        """A run into OUT; whether the machine refused: then with one line that says where, what and what to do."""
        # HDF5 itself leaks what it cannot write.
        process = harness.start("run", self.job, "-o", out, "--quiet", ranks=ranks,
                                env={"ASAN_OPTIONS": "detect_leaks=0"}, **options)
        result = harness.finish(process, 300)
        self.assertIn(result.code, (0, 2, 75), result)
        said = [line for line in result.err.splitlines() if line.startswith("credence:")]
        if ranks == 0:
            self.assertEqual(said, result.err.splitlines(), result)
        if result.code == 0:
            self.assertEqual([], said, result)
            return False
        self.assertEqual(1, len(said), result)
        self.assertIn(str(out), said[0])
        self.assertRegex(said[0], what)
        self.assertRegex(said[0], "; .*run the same command again")
        return True

    def assert_resumes(self, out, what):
        harness.run("run", self.job, "-o", out, "--quiet")
        self.assertEqual([], harness.compare(self.dir / "whole" / "run.h5", out / "run.h5"), what)

    def fill_at(self, points, ranks):
        if os.geteuid() != 0:
            self.skipTest("not root: cannot mount a tmpfs")
        size = sum(p.stat().st_blocks * 512 for p in (self.dir / "whole").rglob("*"))
        stopped = 0
        for point in range(1, points + 1):
            kilobytes = max(4, size * point // (points + 1) // 1024)
            with self.subTest(kilobytes=kilobytes, ranks=ranks):
                self.mount(f"size={kilobytes}k")
                stopped += self.refused(self.disk / "run", "No space left on device.*; make room", ranks)
                self.remount("size=64m")
                self.assert_resumes(self.disk / "run", f"{kilobytes} kB")
                self.unmount()
        self.assertGreater(stopped, points // 2)

    def test_full_at_many_points(self):
        self.fill_at(OPTIONS.points, 0)

    def test_full_at_many_points_on_three_ranks(self):
        harness.mpi()
        self.fill_at(max(4, OPTIONS.points // 2), 3)

    def test_short_writes_and_files_that_may_not_grow(self):
        """A limit of the file size cuts a write short, then refuses the next: of tape, spool and run.h5."""
        largest = max(p.stat().st_size for p in (self.dir / "whole").rglob("*"))
        stopped = 0
        for point in range(1, OPTIONS.points + 1):
            most = largest * point // (OPTIONS.points + 1)
            with self.subTest(bytes=most):
                out = self.dir / f"limited{point}"
                stopped += self.refused(out, "No space left|File too large", preexec_fn=lambda m=most: resource.setrlimit(
                    resource.RLIMIT_FSIZE, (m, resource.RLIM_INFINITY)))
                self.assert_resumes(out, f"{most} bytes")
        self.assertGreater(stopped, OPTIONS.points // 2)

    def test_a_directory_that_became_read_only(self):
        if os.geteuid() != 0:
            self.skipTest("not root: cannot mount a tmpfs")
        self.mount("size=64m")
        out = self.disk / "run"
        harness.run("run", self.job, "-o", out, "--quiet", "--set", "budget.calls=40", expect=75)
        tape = harness.tape_lines(out)
        self.remount("ro")
        for ranks in (0, 3) if shutil.which("mpirun") else (0,):
            self.assertTrue(self.refused(out, "Read-only file system", ranks))
        self.remount("rw")
        self.assertEqual(tape, harness.tape_lines(out))
        self.assert_resumes(out, "read-only")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=8)
    OPTIONS, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    harness.main()
