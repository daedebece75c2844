"""A read that fails is a failure with its cause, or it does not matter: never another answer, never a crash.

    test_io_faults.py [COUNT]    COUNT points of each series at most, evenly spread (default 5); all: every one

A series is one command and one kind of call (open, read, stat, readdir): its n-th call on the run's files
fails with EIO, once, for each n.
"""

import hashlib
import os
import pathlib
import shutil
import sys

import harness

FAULT_IO = os.environ.get("FAULT_IO_SO", str(harness.SOURCE / "build" / "tests" / "support" / "libfault_io.so"))
KINDS = ("open", "read", "stat", "readdir")
COUNT = 5
# stopped early, or something else: both say why, and neither is bad usage or an unknown answer
TOLD = (1, 75)


def digest(folder):
    sums = hashlib.sha256()
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file():
            sums.update(path.name.encode() + path.read_bytes())
    return sums.hexdigest()


class IoFaultsTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.job = self.write_job(self.sim_job(self.write_claims(6), grid={"stop.threshold": [0.1, 0.3]}))
        self.stopped, self.whole = self.dir / "stopped", self.dir / "whole"
        harness.run("run", self.job, "-o", self.stopped, "--quiet", "--set", "budget.calls=12", expect=75)
        harness.run("run", self.job, "-o", self.whole, "--quiet")
        self.good = self.whole / "run.h5"
        self.work = self.dir / "work"

    def begin(self, source):
        shutil.rmtree(self.work, ignore_errors=True)
        if source is None:
            self.work.mkdir()
        else:
            shutil.copytree(source, self.work)

    def attempt(self, arguments, source, kind, at, count=None):
        self.begin(source)
        shim = FAULT_IO.replace("fault_io", "fault_memory") if kind == "malloc" else FAULT_IO
        env = {"LD_PRELOAD": shim, "FAULT_DIR": self.work, "FAULT_FN": kind, "FAULT_AT": at}
        # A sanitizer's runtime wants to come first, and does not have to: the shim calls what it stands before.
        # What leaks on the way out of a failure is other tests' concern (HDF5 keeps what it cannot write).
        env["ASAN_OPTIONS"] = "verify_asan_link_order=0:detect_leaks=0"
        if count:
            env["FAULT_COUNT"] = count
        return harness.run(*arguments, env=env, expect=None)

    def calls(self, arguments, source, kind):
        count = self.dir / "count"
        count.unlink(missing_ok=True)
        result = self.attempt(arguments, source, kind, 0, count)
        self.assertIn(result.code, (0, 3), str(result))
        return max(map(int, count.read_text().split()))

    def series(self, arguments, source, right, kinds=KINDS, most=None):
        """RIGHT(result) asserts that a command that said 0 gave the right output."""
        tried, most = 0, most or COUNT
        for kind in kinds:
            calls = self.calls(arguments, source, kind)
            points = range(1, calls + 1)
            if COUNT and calls > most:
                points = sorted({1 + i * (calls - 1) // (most - 1) for i in range(most)})
            for at in points:
                with self.subTest(command=arguments[0], kind=kind, at=at):
                    result = self.attempt(arguments, source, kind, at)
                    tried += 1
                    if result.code in TOLD:
                        self.assertRegex(result.err, r"credence[^:]*: \S", str(result))
                        self.assertNotRegex(result.err, r"(?m)^credence[^:]*: *$", str(result))
                    else:
                        self.assertEqual(0, result.code, str(result))
                        right(result)
        print(f"{arguments[0]}: {tried} points", file=sys.stderr)

    def same_file(self, path):
        return lambda _: self.assertEqual([], harness.compare(self.good, path))

    def same_text(self, arguments, source):
        self.begin(source)
        want = harness.run(*arguments).out
        return lambda result: self.assertEqual(want, result.out)

    def test_run(self):
        self.series(["run", self.job, "-o", self.work / "run", "--quiet"], None, self.same_file(self.work / "run" / "run.h5"))

    def test_resume(self):
        self.series(["run", self.job, "-o", self.work, "--quiet"], self.stopped, self.same_file(self.work / "run.h5"))

    def test_rebuild(self):
        self.series(["rebuild", self.work, "--quiet"], self.whole, self.same_file(self.work / "run.h5"))

    def test_merge(self):
        self.series(["merge", "-o", self.work / "merged.h5", self.work / "run.h5"], self.whole,
                    self.same_file(self.work / "merged.h5"))

    def test_export(self):
        self.begin(self.whole)
        tables = self.dir / "tables"
        arguments = ["export", self.work / "run.h5", "--to", tables]
        harness.run(*arguments)
        want = digest(tables)

        def right(_):
            self.assertEqual(want, digest(tables))
        self.series(arguments, self.whole, right)

    def test_analyze(self):
        for arguments in (["analyze", self.work / "run.h5"], ["analyze", self.work, "--format", "json"]):
            self.series(arguments, self.whole, self.same_text(arguments, self.whole))

    def test_show(self):
        arguments = ["show", self.work, "--episode", "0"]
        self.series(arguments, self.whole, self.same_text(arguments, self.whole))


    def test_what_is_not_on_disk_is_not_success(self):
        if b"__asan_init" in pathlib.Path(harness.CREDENCE).read_bytes():
            self.skipTest("a sanitizer stands before fsync")

        def right(result):
            self.assertEqual("", result.err)
        for name, source in (("run", None), ("resume", self.stopped)):
            with self.subTest(name=name):
                self.series(["run", self.job, "-o", self.work, "--quiet"], source, right, ["sync"], 40)

    def test_memory(self):
        """Half of an answer looks like one: a command whose n-th allocation fails says so."""
        if b"__asan_init" in pathlib.Path(harness.CREDENCE).read_bytes():
            self.skipTest("a sanitizer has allocations of its own")
        for arguments in (["plan", self.job], ["status", self.work], ["show", self.work, "--episode", "0"],
                          ["list", self.work], ["analyze", self.work]):
            self.series(arguments, self.whole, self.same_text(arguments, self.whole), ["malloc"], COUNT * 8)
        for arguments, source in ((["rebuild", self.work, "--quiet"], self.whole),
                                  (["run", self.job, "-o", self.work, "--quiet"], self.stopped)):
            self.series(arguments, source, self.same_file(self.work / "run.h5"), ["malloc"], COUNT * 8)


if __name__ == "__main__":
    if len(sys.argv) > 1 and (sys.argv[1] == "all" or sys.argv[1].isdigit()):
        COUNT = 0 if sys.argv[1] == "all" else max(2, int(sys.argv[1]))
        del sys.argv[1]
    if not pathlib.Path(FAULT_IO).exists():
        raise SystemExit(f"{FAULT_IO} is missing: build the tests first")
    harness.main()
