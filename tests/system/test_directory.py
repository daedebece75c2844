"""A run directory: one job, one launch at a time, whole whatever happens to its bytes."""

import os
import pathlib
import random
import shutil
import signal
import stat
import unittest

import harness


class DirectoryTest(harness.TestCase):
    def finished(self, count=12, **changes):
        self.job = self.write_job(self.sim_job(self.write_claims(count), **changes))
        self.out = self.dir / "run"
        harness.run("run", self.job, "-o", self.out, "--quiet")
        return self.out / "run.h5"

    def test_a_finished_run_is_left_alone(self):
        path = self.finished()
        before = path.read_bytes()
        harness.run("run", self.job, "-o", self.out)
        kept = self.dir / "before.h5"
        kept.write_bytes(before)
        self.assertEqual([], harness.compare(kept, path))

    def test_another_job_is_refused_and_fresh_moves_the_old_one_aside(self):
        self.finished()
        tape = harness.tape_lines(self.out)
        other = self.write_job(self.sim_job(self.dir / "claims.jsonl", seed=8), "other.json")
        result = harness.run("run", other, "-o", self.out, expect=2)
        self.assertIn("seed", result.err)
        self.assertEqual(tape, harness.tape_lines(self.out))
        harness.run("run", other, "-o", self.out, "--fresh")
        aside = [p for p in self.dir.iterdir() if p.name.startswith("run") and p != self.out]
        self.assertEqual(1, len(aside), "the old directory is kept")
        self.assertEqual(tape, harness.tape_lines(aside[0]))

    def test_other_benchmark_bytes_are_another_job(self):
        self.finished()
        with (self.dir / "claims.jsonl").open("a") as file:
            file.write('{"id": "new", "label": true, "proposition": "One more claim."}\n')
        result = harness.run("run", self.job, "-o", self.out, expect=2)
        self.assertIn("c", result.err)

    def test_more_replicates_and_budget_are_no_other_job(self):
        self.finished()
        harness.run("run", self.job, "-o", self.out, "--set", "cell.replicates=2",
                    "--set", "budget.calls=100000")
        self.assertEqual([1] * 24, harness.read_run(self.out / "run.h5", "status")["status"])

    def test_rebuild_gives_the_same_file(self):
        path = self.finished()
        kept = self.dir / "kept.h5"
        shutil.copy(path, kept)
        path.unlink()
        harness.run("rebuild", self.out)
        self.assertEqual([], harness.compare(kept, path))

    def test_a_damaged_file_is_rebuilt_without_being_asked(self):
        path = self.finished()
        kept = self.dir / "kept.h5"
        shutil.copy(path, kept)
        for spoil in (lambda: path.write_bytes(path.read_bytes()[:3000]),
                      lambda: path.write_bytes(b""), path.unlink):
            spoil()
            harness.run("run", self.job, "-o", self.out)
            self.assertEqual([], harness.compare(kept, path))

    def test_a_torn_last_line_is_mended(self):
        path = self.finished()
        kept = self.dir / "kept.h5"
        shutil.copy(path, kept)
        tape = sorted((self.out / "tape").glob("*.jsonl"))[-1]
        whole = tape.read_bytes()
        for cut in (1, 20, 200):
            tape.write_bytes(whole[:-cut])
            path.unlink()
            harness.run("run", self.job, "-o", self.out)
            self.assertEqual([], harness.compare(kept, path), f"{cut} bytes cut")
            for later in (self.out / "tape").glob("*.jsonl"):
                if later != tape:
                    later.unlink()

    def test_no_flipped_byte_of_a_tape_is_believed(self):
        path = self.finished(2)
        kept = self.dir / "kept.h5"
        shutil.copy(path, kept)
        good = harness.read_run(kept, "price")["price"]
        tape = next((self.out / "tape").glob("*.jsonl"))
        whole = tape.read_bytes()
        every = os.environ.get("CREDENCE_FULL") == "1"
        places = range(len(whole)) if every else random.Random(1).sample(range(len(whole)), 60)
        for place in places:
            tape.write_bytes(whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1:])
            result = harness.run("rebuild", self.out, expect=None)
            self.assertIn(result.code, (0, 1, 3, 75), f"byte {place}: {result}")
            for row, expected in zip(harness.read_run(path, "price")["price"], good):
                known = [p for p in row if p == p]
                self.assertEqual(expected[:len(known)], known, f"byte {place}")
            tape.write_bytes(whole)

    def test_a_directory_in_use_is_refused_and_a_dead_one_is_not(self):
        gate = self.gate(after=4, most=4)
        with harness.FaultServer({"latency_ms": 5, "rules": [gate.rule]}) as server:
            job = self.write_job(self.http_job(server.url, self.write_claims(20),
                                               models__m__limits__concurrency=4))
            out = self.dir / "run"
            first = harness.start("run", job, "-o", out)
            try:
                harness.wait_for(lambda: gate.is_reached(server), 60, "calls")
                result = harness.run("run", job, "-o", out, expect=None)
                self.assertNotIn(result.code, (0, 75), result)
                self.assertIn(str(out), result.err)
                self.assertIsNone(first.poll(), "the first launch goes on")
            finally:
                harness.kill_all(first)
            gate.open()
            harness.run("run", job, "-o", out)

    def test_a_file_beside_the_result_that_is_tidied_away_in_mid_run_costs_nothing(self):
        """run.h5.base only saves the end some time, and the rebuild of a directory in use is refused."""
        gate = self.gate(after=4, most=4)
        with harness.FaultServer({"latency_ms": 1, "rules": [gate.rule]}) as server:
            job = self.write_job(self.http_job(server.url, self.write_claims(8),
                                               models__m__limits__concurrency=4))
            whole, tidied = self.dir / "whole", self.dir / "tidied"
            run = harness.start("run", job, "-o", tidied)
            try:
                harness.wait_for(lambda: gate.is_reached(server), 60, "calls")
                self.assertIn(str(tidied), harness.run("rebuild", tidied, expect=None).err)
                (tidied / "run.h5.base").unlink()
                gate.open()
                self.assertEqual(0, run.wait(60))
            finally:
                harness.kill_all(run)
            harness.run("run", job, "-o", whole, "--quiet")
        self.assertEqual([], harness.compare(whole / "run.h5", tidied / "run.h5"))

    def test_what_a_killed_writer_left_half_written_is_removed(self):
        self.finished()
        for name in ("status.json.tmp.4711", "bundle.tmp.12"):
            (self.out / name).write_text("{")
        (self.out / "notes.tmp.old").write_text("mine")
        harness.run("run", self.job, "-o", self.out, "--quiet")
        left = sorted(path.name for path in self.out.iterdir() if ".tmp." in path.name)
        self.assertEqual(["notes.tmp.old"], left)

    def test_permissions(self):
        self.finished()
        self.assertEqual(0o700, stat.S_IMODE(self.out.stat().st_mode))
        for path in (self.out / "tape").iterdir():
            self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode), path)

    def test_an_unwritable_directory_is_named(self):
        job = self.write_job(self.sim_job(self.write_claims(2)))
        result = harness.run("run", job, "-o", "/proc/nowhere", expect=None)
        self.assertIn(result.code, (1, 2, 75), result)
        self.assertEqual(1, len(result.err.strip().splitlines()), result)
        self.assertIn("/proc/nowhere", result.err)


if __name__ == "__main__":
    harness.main()
