"""A result that was damaged after the run is made again from the tape, without asking anybody; the old one is kept."""

import json
import os
import shutil
import signal
import stat
import subprocess

import harness

# What a notebook leaves that opened the file to write and was killed.
OPEN_AND_WAIT = """
import h5py, sys
f = h5py.File(sys.argv[1], sys.argv[2], **({"libver": "latest"} if len(sys.argv) > 3 else {}))
f["price"][0]
print("open", flush=True)
sys.stdin.read()
"""


class DamagedResultTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.job = self.write_job(self.sim_job(self.write_claims(12)))
        self.run_dir = self.dir / "run"
        self.file = self.run_dir / "run.h5"
        harness.run("run", self.job, "-o", self.run_dir, "--quiet")
        self.calls = len(harness.tape_lines(self.run_dir))
        self.good = self.dir / "good.h5"
        self.good.write_bytes(self.file.read_bytes())

    def assert_made_again(self, damaged):
        result = harness.run("run", self.job, "-o", self.run_dir)
        self.assertIn("run.h5.damaged", result.err)
        self.assertEqual(damaged, (self.run_dir / "run.h5.damaged").read_bytes())
        self.assertEqual([], harness.compare(self.good, self.file))
        self.assertEqual(self.calls, len(harness.tape_lines(self.run_dir)), "calls were made")
        self.assertIn("complete", harness.run("run", self.job, "-o", self.run_dir).err)

    def test_bytes_that_are_no_result(self):
        whole = self.file.read_bytes()
        for damaged in (whole[:len(whole) // 2], b"", b"not a file of HDF5\n" * 999, whole[:4000]):
            with self.subTest(bytes=len(damaged)):
                self.file.write_bytes(damaged)
                self.assert_made_again(damaged)

    def test_left_open_by_a_notebook_that_was_killed(self):
        for mode in ("a", "r+"):
            with self.subTest(mode=mode):
                notebook = subprocess.Popen([harness.python_with("h5py"), "-c", OPEN_AND_WAIT, self.file, mode],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                self.assertEqual("open\n", notebook.stdout.readline())
                notebook.send_signal(signal.SIGKILL)
                notebook.wait(60)
                notebook.stdin.close()
                notebook.stdout.close()
                damaged = self.file.read_bytes()
                harness.run("run", self.job, "-o", self.run_dir)
                self.assertEqual([], harness.compare(self.good, self.file))
                if damaged != self.file.read_bytes():
                    self.assertEqual(damaged, (self.run_dir / "run.h5.damaged").read_bytes())
                harness.run("analyze", self.file)

    def test_values_that_lead_nowhere(self):
        harness.python("import h5py, sys\nwith h5py.File(sys.argv[1], 'r+') as f: f['cell'][0] = 77", self.file)
        result = harness.run("run", self.job, "-o", self.run_dir)
        self.assertIn("/cell", result.err)
        self.assertEqual([], harness.compare(self.good, self.file))

    def test_rebuild_keeps_it_too(self):
        damaged = self.file.read_bytes()[:5000]
        self.file.write_bytes(damaged)
        harness.run("rebuild", self.run_dir)
        self.assertEqual(damaged, (self.run_dir / "run.h5.damaged").read_bytes())
        self.assertEqual([], harness.compare(self.good, self.file))

    def test_a_damaged_spool_is_made_good_from_the_tape_in_the_same_launch(self):
        part = self.dir / "part"
        harness.run("run", self.job, "-o", part, "--quiet", "--set", "budget.calls=60", expect=75)
        spool = (part / "spool").read_bytes()
        told = 0
        for at in range(30, len(spool), max(1, len(spool) // 12)):
            with self.subTest(at=at):
                again = self.dir / f"again-{at}"
                shutil.copytree(part, again)
                damaged = bytearray(spool)
                damaged[at] ^= 0x55
                (again / "spool").write_bytes(damaged)
                result = harness.run("run", self.job, "-o", again)
                told += "taken from the tape" in result.err
                self.assertEqual([], harness.compare(self.good, again / "run.h5"))
                self.assertEqual(self.calls, len(harness.tape_lines(again)), "calls were made twice")
        self.assertGreater(told, 0)

    def test_nothing_outside_is_written_through_a_link(self):
        victim = self.dir / "victim"
        outside = self.dir / "outside"
        for name in ("spool", "run.h5", "run.h5.new", "run.h5.base", "run.h5.packed", "status.json", "lock",
                     "tape/0001-00000.jsonl"):
            with self.subTest(name=name):
                part = self.dir / f"part-{name.replace('/', '-')}"
                harness.run("run", self.job, "-o", part, "--quiet", "--set", "budget.calls=20", expect=75)
                victim.write_text("precious")
                path = part / name
                if path.exists():
                    path.unlink()
                path.symlink_to(victim)
                harness.run("run", self.job, "-o", part, "--quiet", expect=None)
                self.assertEqual("precious", victim.read_text())
        part = self.dir / "part-tape"
        harness.run("run", self.job, "-o", part, "--quiet", "--set", "budget.calls=20", expect=75)
        outside.mkdir()
        (part / "tape").rename(self.dir / "tape-aside")
        (part / "tape").symlink_to(outside)
        harness.run("run", self.job, "-o", part, "--quiet", expect=None)
        self.assertEqual([], os.listdir(outside))
        tables = self.dir / "tables"
        tables.mkdir()
        (tables / "calls.csv").symlink_to(victim)
        harness.run("export", self.file, "--to", tables, expect=1)
        self.assertEqual("precious", victim.read_text())

    def test_a_status_that_cannot_be_written_is_not_success(self):
        with harness.FaultServer({"rules": [(gate := self.gate(after=10, most=1)).rule]}) as server:
            job = self.write_job(self.http_job(server.url, self.write_claims(4)), "http.json")
            out = self.dir / "unwritten"
            process = harness.start("run", job, "-o", out, "--quiet")
            try:
                harness.wait_for(lambda: gate.is_reached(server), 120, "a held call")
                (out / "status.json").unlink(missing_ok=True)
                (out / "status.json").mkdir()
                (out / "status.json" / "inside").touch()
            finally:
                gate.open()
            result = harness.finish(process, 120)
            self.assertEqual(75, result.code, str(result))
            self.assertIn("status.json", result.err)
            calls = len(harness.tape_lines(out))
            shutil.rmtree(out / "status.json")
            harness.run("run", job, "-o", out, "--quiet")
            self.assertEqual(calls, len(harness.tape_lines(out)), "calls were made twice")
        self.assertEqual("complete", json.loads((out / "status.json").read_text())["state"])

    def test_a_pipe_in_the_place_of_a_file_stops_nothing(self):
        """Nobody waits for its writer: each command refuses it, or does without that file."""
        commands = [["status"], ["show", "--episode", "0"], ["analyze"], ["export", "--to", self.dir / "x"], ["rebuild"],
                    ["list"]]
        for name in ("bundle", "status.json", "launches", "run.h5", "job.json", "tape/0000-00000.jsonl"):
            for command in commands:
                with self.subTest(name=name, command=command[0]):
                    copy = self.dir / "copy"
                    shutil.copytree(self.run_dir, copy)
                    for path in copy.glob(name.replace("00000.", "*.")):
                        path.unlink()
                        os.mkfifo(path)
                    result = harness.run(command[0], copy, *command[1:], timeout=60, expect=None)
                    self.assertIn(result.code, (0, 1, 3, 75), str(result))
                    self.assertTrue(result.code == 0 or result.err.strip(), str(result))
                    shutil.rmtree(copy)
        copy = self.dir / "resumed"
        harness.run("run", self.job, "-o", copy, "--quiet", "--set", "budget.calls=20", expect=75)
        (copy / "bundle").unlink()
        os.mkfifo(copy / "bundle")
        self.assertIn("not a regular file",
                      harness.run("run", self.job, "-o", copy, "--quiet", timeout=60, expect=None).err)

    def test_a_merged_file_goes_where_its_name_leads(self):
        target, link = self.dir / "target.h5", self.dir / "link.h5"
        target.write_text("old")
        link.symlink_to(target)
        harness.run("merge", "-o", link, self.file)
        self.assertTrue(link.is_symlink())
        self.assertEqual([], harness.compare(self.good, target))
        fifo = self.dir / "fifo.h5"
        os.mkfifo(fifo)
        for name in (fifo, "/dev/null", "/dev/full", self.dir):
            with self.subTest(name=name):
                before = os.lstat(name).st_mode
                result = harness.run("merge", "-o", name, self.file, expect=None)
                self.assertNotEqual(0, result.code)
                self.assertEqual(before, os.lstat(name).st_mode)

    def test_only_the_owner_reads_it_whatever_the_umask_unless_the_job_says_so(self):
        for mask, group in (("000", 0), ("022", 0), ("077", 0), ("077", 1), ("000", 1)):
            with self.subTest(umask=mask, group=group):
                where = self.dir / f"masked-{mask}-{group}"
                subprocess.run(["sh", "-c", f"umask {mask}; exec \"$@\"", "sh", harness.CREDENCE, "run", str(self.job),
                                "-o", str(where), "--quiet", "--set", f"output.group={'true' if group else 'false'}"],
                               check=True, timeout=300, env=harness.environment())
                for folder, _, names in os.walk(where):
                    self.assertEqual(0o770 if group else 0o700, stat.S_IMODE(os.stat(folder).st_mode), folder)
                    for name in names:
                        mode = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
                        self.assertEqual(0o660 if group else 0o600, mode, name)


if __name__ == "__main__":
    harness.main()
