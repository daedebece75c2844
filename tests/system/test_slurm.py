"""The batch scripts of slurm/ on a real SLURM of four nodes, ended with the test."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

import harness

SLURM = harness.SOURCE / "slurm"
SUPPORT = harness.SOURCE / "tests" / "support"
INSIDE = "CREDENCE_TEST_LOOPBACK"
CLAIMS = 24


def environment(**extra):
    # PMIx under srun leaks in modules that are gone when leaks are counted, so no suppression can name them.
    options = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "detect_leaks=0")))
    return harness.environment(CREDENCE=harness.CREDENCE, ASAN_OPTIONS=options, **extra)


def submit(*arguments, env, cwd, expect=0):
    done = subprocess.run([SLURM / "submit.sh", *map(str, arguments)], env=env, cwd=cwd,
                          capture_output=True, text=True, timeout=180)
    if done.returncode != expect:
        raise AssertionError(f"submit.sh {arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class SubmitTest(harness.TestCase):
    """What submit.sh chooses and refuses; no SLURM is needed, sbatch is a script that takes notes."""

    def setUp(self):
        super().setUp()
        self.notes = self.dir / "notes"
        sbatch = self.dir / "bin" / "sbatch"
        sbatch.parent.mkdir()
        sbatch.write_text(f'#!/bin/sh\necho "$*" >>"{self.notes}"\necho "$(wc -l <"{self.notes}")"\n')
        sbatch.chmod(0o755)
        self.job = self.write_job(self.sim_job(self.write_claims(4)))
        self.env = environment(PATH=f"{sbatch.parent}:{os.environ['PATH']}")

    def lines(self, *arguments, **extra):
        submit(self.job, *arguments, env={**self.env, **extra}, cwd=self.dir)
        lines = self.notes.read_text().splitlines()
        self.notes.unlink()
        return lines

    def test_each_kind_of_job_gets_its_script(self):
        server = {"SERVER": "serve --port {port}", "SERVER_MODEL": "m"}
        http = self.write_job(self.http_job("http://127.0.0.1:1/v1", self.dir / "claims.jsonl"))
        self.assertRegex(self.lines()[0], r"--nodes=1 .*/nodes\.sbatch$")
        self.assertRegex(self.lines("--nodes", 3, "--time", "2:00:00")[0],
                         r"--time=2:00:00 --nodes=3 .*/nodes\.sbatch$")
        array, merge = self.lines("--array", 5, "--", "--partition=x")
        self.assertRegex(array, r"--partition=x .*--array=1-5 .*/array\.sbatch$")
        self.assertRegex(merge, r"--partition=x .*--dependency=afterany:1 .*/merge\.sbatch$")
        self.job = http
        self.assertRegex(self.lines("--gpus", 2, **server)[0],
                         r"--nodes=2 .*--gpus-per-node=1 .*/gpu\.sbatch$")
        self.assertRegex(self.lines("--gpus", 2, "--nodes", 3, GPU_ARGS="", **server)[0],
                         r"--nodes=3 .* : .*--nodes=2 .*/hetero\.sbatch$")

    def test_a_dry_run_queues_nothing(self):
        done = submit(self.job, "--array", 3, "--dry-run", env=self.env, cwd=self.dir)
        self.assertEqual(2, done.stdout.count("sbatch --parsable"))
        self.assertFalse(self.notes.exists())

    def test_what_is_complete_is_not_tried_again(self):
        out = self.dir / "out"
        for i in (1, 3):
            harness.run("run", self.job, "-o", out / f"shard-{i}", "--shard", f"{i}/4", "--quiet")
        array, _ = self.lines("--array", 4, "--dir", out, "--retry-failed")
        self.assertRegex(array, r"--array=2,4 ")
        self.assertEqual("4", (out / "shards").read_text().strip())
        refused = submit(self.job, "--array", 2, "--dir", out, env=self.env, cwd=self.dir, expect=2)
        self.assertIn("was begun with --array 4, not 2", refused.stderr)
        for i in (2, 4):
            harness.run("run", self.job, "-o", out / f"shard-{i}", "--shard", f"{i}/4", "--quiet")
        done = submit(self.job, "--array", 4, "--dir", out, "--retry-failed", env=self.env, cwd=self.dir)
        self.assertIn("nothing to try again", done.stdout)
        self.assertFalse(self.notes.exists())

    def test_a_job_that_plan_refuses_is_never_queued(self):
        bad = self.write_job(self.sim_job(self.dir / "claims.jsonl", cell__maker="nobody"), "bad.json")
        done = submit(bad, "--nodes", 2, env=self.env, cwd=self.dir, expect=2)
        self.assertRegex(done.stderr, r"bad\.json:\d+:\d+: cell\.maker: found 'nobody'")
        submit(self.job, env={**self.env, "RUN_ARGS": "--set cell.stop.threshold=7"}, cwd=self.dir, expect=2)
        self.assertFalse(self.notes.exists())

    def test_bad_usage_is_refused(self):
        submit(env=self.env, cwd=self.dir, expect=2)
        for arguments in (("--array", "x"), ("--nodes", 0), ("--frobnicate",), ("--nodes", 1, "--gpus", 1),
                          ("again.json",), ("--array", 2, "--gpus", 1, "--nodes", 1)):
            submit(self.job, *arguments, env=self.env, cwd=self.dir, expect=2)
        self.assertFalse(self.notes.exists())


class ExitCodeTest(harness.TestCase):
    """What a batch script makes of each exit code of the design page; no SLURM is needed: the launcher, scontrol and
    the program are scripts, and the run directory says what they are told to say."""

    # What the launcher returns, and state and exit_code in the run directory: what the batch job ends with, whether
    # it is put back, and what its log says.
    CASES = (
        (0, "complete", 0, 0, False, "complete"),
        (1, "failed", 1, 1, False, "an error of the program: not put back"),
        (2, "", -1, 2, False, "the job is at fault: not put back"),
        (3, "complete", 3, 3, False, "some episodes failed"),
        (4, "blocked", 4, 4, False, "not put back: a person must mend"),
        (1, "blocked", 4, 4, False, "not put back: a person must mend"),  # as some launchers count
        (75, "interrupted", 75, 75, True, "back to the queue"),
        (137, "running", -1, 75, True, "back to the queue"),
        (0, "running", -1, 75, True, "back to the queue"),  # srun, when a node was lost
        (205, "complete", 0, 0, False, "complete"),  # mpirun, when a rank was lost
    )
    SCRIPTS = ("nodes.sbatch", "array.sbatch", "gpu.sbatch", "hetero.sbatch")

    def setUp(self):
        super().setUp()
        self.bin = self.dir / "bin"
        self.bin.mkdir()
        self.notes = self.dir / "notes"
        self.tool("srun", f'echo "srun $*" >>"{self.notes}"; exit "$LAUNCHER_CODE"')
        self.tool("mpirun", f'[ "$1" = --version ] && echo "mpirun (Open MPI) 4.1.4" && exit; '
                            f'echo "mpirun $*" >>"{self.notes}"; exit "$LAUNCHER_CODE"')
        self.tool("scontrol", f'echo "scontrol $*" >>"{self.notes}"')
        self.tool("sleep", "exit 0")  # SLURM would end the script meanwhile
        self.tool("credence", 'case $1 in status) echo "{"; echo "\\"state\\": \\"$STATE\\","; '
                              'echo "\\"exit_code\\": $CODE,"; echo "}";; esac')

    def tool(self, name, text):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def batch(self, script, launcher_code, state, code, **extra):
        """The exit code of a batch script, its log, and what it asked of SLURM."""
        self.notes.write_text("")
        env = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "CREDENCE": "credence", "JOB": "job.json",
               "DIR": str(self.dir / "out"), "CREDENCE_SLURM": str(SLURM), "SLURM_JOB_ID": "7", "STATE": state,
               "CODE": str(code), "LAUNCHER_CODE": str(launcher_code), "SLURM_ARRAY_TASK_ID": "2",
               "SLURM_ARRAY_TASK_COUNT": "1", "SLURM_JOB_NUM_NODES_HET_GROUP_1": "1", **extra}
        done = subprocess.run(["bash", str(SLURM / script)], env=env, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr, self.notes.read_text()

    def test_the_merge_names_the_shards_that_lack(self):
        for shard in (1, 2, 4):
            (self.dir / "out" / f"shard-{shard}").mkdir(parents=True)
            (self.dir / "out" / f"shard-{shard}" / "run.h5").touch()
        (self.dir / "out" / "shards").write_text("5\n")
        self.tool("credence", f'echo "credence $*" >>"{self.notes}"; [ "$1" != merge ] || exit 75')
        code, log, notes = self.batch("merge.sbatch", 0, "", 0)
        self.assertEqual(75, code, log)
        self.assertIn("shards 3 5 of 5 have no result yet", log)
        self.assertIn("--array 5 --retry-failed", log)
        self.assertRegex(notes, r"merge -o \S+/run.h5 \S+/shard-1/run.h5 \S+/shard-2/run.h5 \S+/shard-4/run.h5")

    def test_each_exit_code_ends_the_job_or_puts_it_back(self):
        for script in self.SCRIPTS:
            for launcher in ("srun", "mpirun"):
                for launcher_code, state, code, wanted, is_put_back, words in self.CASES:
                    with self.subTest(script=script, launcher=launcher, launcher_code=launcher_code, state=state):
                        got, log, notes = self.batch(script, launcher_code, state, code, LAUNCHER=launcher)
                        self.assertEqual(wanted, got, log)
                        self.assertEqual(is_put_back, "scontrol requeue 7" in notes, notes)
                        self.assertIn(words, log)
                        self.assertEqual(1, notes.count(f"{launcher} "), notes)

    def test_restarts_have_an_end_and_say_so(self):
        got, log, notes = self.batch("nodes.sbatch", 75, "interrupted", 75, SLURM_RESTART_COUNT="20")
        self.assertEqual(75, got)
        self.assertIn("not complete after 20 restarts: given up", log)
        self.assertNotIn("scontrol", notes)

    def test_shards_that_are_submitted_again_by_hand_keep_their_number(self):
        (self.dir / "out").mkdir()
        (self.dir / "out" / "shards").write_text("5\n")
        _, _, notes = self.batch("array.sbatch", 0, "complete", 0)
        self.assertIn("--shard 2/5", notes)
        _, _, notes = self.batch("array.sbatch", 0, "complete", 0, SHARDS="6")
        self.assertIn("--shard 2/6", notes)


class Cluster:
    """Four nodes for the length of the test class."""

    def __init__(self):
        self.dir = pathlib.Path("/tmp") / f"credence-slurm-{os.getpid()}"
        self.script = SUPPORT / "slurm_cluster.sh"
        done = self.call("up", 4)
        if done.returncode == harness.SKIPPED:
            raise unittest.SkipTest(done.stderr.strip())
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        self.env = {}
        for line in done.stdout.splitlines():
            for word in line.removeprefix("export ").split():
                name, value = word.split("=", 1)
                self.env[name] = value

    def call(self, *arguments):
        return subprocess.run([self.script, self.dir, *map(str, arguments)], capture_output=True, text=True,
                              timeout=300)

    def down(self):
        self.call("down")

    def tool(self, *argv, check=True):
        done = subprocess.run([str(a) for a in argv], env=environment(**self.env), capture_output=True,
                              text=True, timeout=180)
        if check and done.returncode != 0:
            raise AssertionError(f"{argv}: {done.stderr}")
        return done.stdout.strip()

    def state(self, job):
        """The states of a job, of an array's tasks or of the components of a heterogeneous job."""
        return self.tool("squeue", "-h", "-a", "-t", "all", "-j", job, "-o", "%T", check=False).split()

    def wait(self, job, wanted, seconds):
        return harness.wait_for(lambda: set(self.state(job)) <= set(wanted) and self.state(job), seconds,
                                f"job {job} {wanted}: {self.state(job)}")


class SlurmTest(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        if INSIDE not in os.environ:
            raise unittest.SkipTest("no network of its own (lo_only.sh)")
        harness.mpi()
        cls.cluster = Cluster()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.down()

    def setUp(self):
        super().setUp()
        self.dir.chmod(0o755)
        self.claims = self.write_claims(CLAIMS)

    def held_job(self):
        """A job that is not over before its gate is open."""
        self.held_at = self.gate(after=30, most=2)
        self.server = harness.FaultServer({"latency_ms": 5, "rules": [self.held_at.rule]})
        self.addCleanup(self.server.stop)
        return self.write_job(self.http_job(self.server.url, self.claims))

    def wait_until_held(self):
        harness.wait_for(lambda: self.held_at.is_reached(self.server), 180, "calls flow")
        harness.wait_for(lambda: harness.tape_lines(self.out), 60, "calls on the tape")

    def warn(self, number):
        """The batch system's warning; the gate opens when the run knows of it."""
        self.cluster.tool("scancel", "--batch", "--signal=USR1", number)
        try:
            harness.wait_for(lambda: "stopping early" in self.logs(), 120, "the run drains")
        finally:
            self.held_at.open()

    def reference(self, job):
        """What one process makes of JOB."""
        out = self.dir / "reference"
        harness.run("run", job, "-o", out, "--quiet")
        return out / "run.h5"

    def submit(self, job, *arguments, **env):
        self.out = self.dir / "out"
        done = submit(job, *arguments, "--dir", self.out, cwd=self.dir, env=environment(**self.cluster.env, **env))
        return done.stdout.splitlines()[-1].split(";")[0].removeprefix("queued: ").split()

    def logs(self):
        return "\n".join(f"{path.name}:\n{path.read_text()[-20000:]}" for path in self.dir.glob("*.log"))

    def finish(self, *jobs, seconds=300):
        for job in jobs:
            try:
                states = self.cluster.wait(job, ("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL"), seconds)
            except AssertionError as late:
                raise AssertionError(f"{late}\n{self.logs()}") from None
            self.assertEqual({"COMPLETED"}, set(states), self.logs())

    def restarts(self, job):
        shown = self.cluster.tool("scontrol", "show", "job", job)
        return max(int(word.split("=")[1]) for word in shown.split() if word.startswith("Restarts="))

    def assert_equal_runs(self, reference):
        self.assertEqual([], harness.compare(reference, self.out / "run.h5", harness.VOLATILE), self.logs())

    def assert_no_call_was_made_twice(self):
        seats = [tuple(line[k] for k in ("key", "iteration", "role", "trader", "sample", "repair"))
                 for line in harness.tape_lines(self.out)]
        self.assertEqual(len(seats), len(set(seats)))

    def test_one_job_over_four_nodes_with_srun_and_with_mpirun(self):
        job = self.write_job(self.sim_job(self.claims))
        reference = self.reference(job)
        for launcher in ("srun", "mpirun"):
            with self.subTest(launcher=launcher):
                self.finish(*self.submit(job, "--nodes", 4, LAUNCHER=launcher))
                self.assert_equal_runs(reference)
                self.assertIn("complete", self.logs())
                subprocess.run(["rm", "-rf", self.out], check=True)

    def test_eight_shards_and_their_merge_make_the_file_of_one_run(self):
        job = self.write_job(self.sim_job(self.claims, grid={"stance": ["free", "up"]}))
        self.finish(*self.submit(job, "--array", 8))
        self.assert_equal_runs(self.reference(job))
        self.assertIn("stance=free", (self.out / "tables.md").read_text())

    def warned_and_put_back(self, launcher):
        job = self.held_job()
        number, = self.submit(job, "--nodes", 3, LAUNCHER=launcher)
        self.wait_until_held()
        self.warn(number)
        self.finish(number)
        self.assertEqual(1, self.restarts(number), self.logs())
        self.assertIn("warned: draining", self.logs())
        self.assert_equal_runs(self.reference(job))
        self.assert_no_call_was_made_twice()

    def test_a_warning_drains_and_the_job_goes_on_later_srun(self):
        self.warned_and_put_back("srun")

    def test_a_warning_drains_and_the_job_goes_on_later_mpirun(self):
        self.warned_and_put_back("mpirun")

    def test_a_crashed_node_puts_the_job_back(self):
        job = self.held_job()
        number, = self.submit(job, "--nodes", 3)
        self.wait_until_held()
        node = self.cluster.tool("scontrol", "show", "hostnames",
                                 self.cluster.tool("squeue", "-h", "-j", number, "-o", "%N")).split()[1]
        self.cluster.call("crash", node)
        self.cluster.tool("scontrol", "update", f"nodename={node}", "state=down", "reason=crashed")
        self.held_at.open()
        self.cluster.call("start", node)
        self.cluster.tool("scontrol", "update", f"nodename={node}", "state=resume", check=False)
        self.finish(number)
        self.assertLessEqual(1, self.restarts(number), self.logs())
        self.assert_equal_runs(self.reference(job))
        self.assert_no_call_was_made_twice()

    def nodes_of(self, number):
        return self.cluster.tool("scontrol", "show", "hostnames",
                                 self.cluster.tool("squeue", "-h", "-j", number, "-o", "%N")).split()

    def test_a_drained_node_gets_no_more_work(self):
        """What runs there goes on; what is put back goes elsewhere."""
        job = self.held_job()
        number, = self.submit(job, "--nodes", 3)
        self.wait_until_held()
        node = self.nodes_of(number)[-1]
        self.cluster.tool("scontrol", "update", f"nodename={node}", "state=drain", "reason=memory")
        try:
            self.assertEqual(["RUNNING"], self.cluster.state(number))
            self.warn(number)
            self.finish(number)
            self.assertEqual(1, self.restarts(number), self.logs())
            self.assertNotIn(node, self.nodes_of(number))
        finally:
            self.cluster.tool("scontrol", "update", f"nodename={node}", "state=resume")
        self.assert_equal_runs(self.reference(job))
        self.assert_no_call_was_made_twice()

    def test_a_directory_that_is_each_nodes_own_stops_the_job_before_any_call(self):
        """/dev/shm is another one on each node: what rank 0 writes is not there for the others."""
        with harness.FaultServer() as server:
            job = self.write_job(self.http_job(server.url, self.claims))
            out = pathlib.Path("/dev/shm") / f"credence-{os.getpid()}"
            done = submit(job, "--nodes", 2, "--dir", out, cwd=self.dir, env=environment(**self.cluster.env))
            number = done.stdout.splitlines()[-1].split(";")[0].removeprefix("queued: ").strip()
            self.cluster.wait(number, ("FAILED",), 400)
            self.assertEqual(0, server.stats()["requests"], self.logs())
        self.assertIn("ExitCode=4:0", self.cluster.tool("scontrol", "show", "job", number))
        self.assertEqual(0, self.restarts(number))
        self.assertRegex(self.logs(), rf"rank \d on n2 does not see yet what rank 0 wrote into {out}")
        self.assertRegex(self.logs(), rf"{out} on n2 is not the directory that rank 0 has on n1: .* all nodes share")
        self.assertIn("not put back", self.logs())

    def test_a_shard_that_is_put_back_by_hand_goes_on(self):
        """One shard of four is cancelled; submitted again alone, by hand, it completes what the others left open."""
        job = self.write_job(self.sim_job(self.claims))
        shards, merge = self.submit(job, "--array", 4)
        self.cluster.tool("scancel", f"{shards}_3", check=False)
        for number in (shards, merge):
            self.cluster.wait(number, ("COMPLETED", "FAILED", "CANCELLED"), 300)
        env = environment(**self.cluster.env, JOB=str(job), DIR=str(self.out), CREDENCE_SLURM=str(SLURM))
        done = subprocess.run(["sbatch", "--wait", "--array=3", f"--chdir={self.dir}", str(SLURM / "array.sbatch")],
                              env=env, capture_output=True, text=True, timeout=300)
        self.assertEqual(0, done.returncode, done.stderr + self.logs())
        done = subprocess.run(["sbatch", "--wait", f"--chdir={self.dir}", str(SLURM / "merge.sbatch")],
                              env=env, capture_output=True, text=True, timeout=300)
        self.assertEqual(0, done.returncode, done.stderr + self.logs())
        self.assert_equal_runs(self.reference(job))

    def test_a_job_at_fault_is_not_put_back(self):
        job = self.write_job(self.sim_job(self.claims))
        harness.run("run", job, "-o", self.dir / "out", "--quiet", "--set", "seed=8")
        number, = self.submit(job)
        self.cluster.wait(number, ("FAILED",), 180)
        self.assertEqual(0, self.restarts(number))
        self.assertIn("the job is at fault", self.logs())

    def test_a_server_that_cannot_start_ends_the_job_once(self):
        job = self.write_job(self.http_job("http://127.0.0.1:1/v1", self.claims))
        number, = self.submit(job, "--gpus", 2, GPU_ARGS="", SERVER="no-such-server --port {port}", SERVER_MODEL="m")
        self.cluster.wait(number, ("FAILED",), 180)
        self.assertEqual(0, self.restarts(number))
        shown = self.cluster.tool("scontrol", "show", "job", number)
        self.assertIn("ExitCode=4:0", shown)
        logs = self.logs()
        self.assertIn("no-such-server", logs)
        self.assertIn("a server cannot start: not put back", logs)
        kept = list(self.out.parent.glob("out.servers/failed-*/*.log"))
        self.assertTrue(kept)
        self.assertIn("no-such-server", kept[0].read_text())
        self.assertFalse(list(self.dir.glob("out/tape/*")))

    def test_two_models_each_get_their_servers_and_their_gpus(self):
        script = self.dir / "server.sh"
        script.write_text(f"""#!/bin/sh
echo "$1 has ${{CUDA_VISIBLE_DEVICES:-none}}" >>{self.dir}/devices
exec {harness.FAULT_SERVER} --rules '{{}}' --port $2
""")
        script.chmod(0o755)
        job = self.http_job("http://127.0.0.1:1/v1", self.claims, cell__trader="judge-2")
        job["models"]["judge-2"] = job["models"]["m"]
        number, = self.submit(self.write_job(job), "--gpus", 1, GPU_ARGS="", CUDA_VISIBLE_DEVICES="0,1,2,3",
                              SERVER_m=f"{script} m {{port}}", SERVER_judge_2=f"{script} judge {{port}}",
                              SERVER_MODEL="m judge-2")
        self.finish(number)
        self.assertEqual(["judge has 2,3", "m has 0,1"], sorted((self.dir / "devices").read_text().splitlines()))

    def test_a_plain_srun_is_named(self):
        job = self.write_job(self.sim_job(self.claims))
        done = subprocess.run(["srun", "-n", "3", "--mpi=none", harness.CREDENCE, "run", str(job), "-o", str(self.dir / "plain")],
                              env=environment(**self.cluster.env), capture_output=True, text=True, timeout=180)
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertIn("SLURM started 3 tasks, but MPI sees 1", done.stderr)
        self.assertIn("--mpi=pmix", done.stderr)
        self.assertFalse((self.dir / "plain").exists())

    def test_the_smoke_test_passes_on_a_cluster_that_fits(self):
        done = subprocess.run(["sbatch", "--wait", "--nodes=2", f"--chdir={self.dir}", str(SLURM / "smoke.sh")],
                              env=environment(**self.cluster.env, CREDENCE_SLURM=str(SLURM), DIR=str(self.dir / "smoke")),
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(0, done.returncode, self.logs())
        for line in ("ok    program", "ok    PMIx", "ok    shared directory: all 2 nodes", "ok    run: 4 ranks on 2 nodes",
                     "ok    lock", "all is well"):
            self.assertIn(line, self.logs())

    def test_restarts_have_an_end(self):
        number, = self.submit(self.held_job(), RESTARTS_MAX=0)
        self.wait_until_held()
        self.warn(number)
        self.cluster.wait(number, ("FAILED",), 180)
        self.assertIn("given up", self.logs())

    def check_servers(self, job, server, reference):
        """(c) servers beside the ranks, then (d) servers on nodes of their own."""
        for arguments in (("--gpus", 2), ("--nodes", 2, "--gpus", 2)):
            with self.subTest(arguments=arguments):
                self.finish(*self.submit(job, *arguments, SERVER=server, SERVER_MODEL="m", GPU_ARGS="",
                                          SERVER_STARTUP_S=180), seconds=600)
                self.assert_equal_runs(reference)
                self.assertEqual([], list(self.dir.glob("out.servers/*")), "servers were ended")
                subprocess.run(["rm", "-rf", self.out], check=True)
        self.assertEqual(4, self.logs().count("serve.sh: n"), self.logs())

    def test_servers_beside_the_ranks_and_on_nodes_of_their_own(self):
        with harness.FaultServer() as one:
            job = self.write_job(self.http_job(one.url, self.claims))
            harness.run("run", job, "-o", self.dir / "reference", "--quiet")
        self.check_servers(job, harness.FAULT_SERVER + " --port {port} --rules {}",
                           self.dir / "reference" / "run.h5")

    def test_a_server_on_each_node_as_the_job_file_says(self):
        with harness.FaultServer() as one:
            job = self.write_job(self.http_job(one.url, self.claims))
            harness.run("run", job, "-o", self.dir / "reference", "--quiet")
        served = self.write_job(self.http_job("", self.claims, models__m={
            "api": "openai", "model": "fault", "params": {"temperature": 0.7, "max_tokens": 512},
            "serve": {"command": [harness.FAULT_SERVER, "--port", "{port}", "--rules", "{}"], "per": "node"}}),
            "served.json")
        self.finish(*self.submit(served, "--gpus", 2, GPU_ARGS=""))
        self.assert_equal_runs(self.dir / "reference" / "run.h5")
        self.assertEqual(2, len(list((self.out / "servers").glob("*.log"))), self.logs())

    def test_real_llama_servers_started_on_each_node(self):
        server, model = harness.llama_files()
        command = (f"{server} -m {model} --host {{host}} --port {{port}} --alias tiny --parallel 1 "
                   "--ctx-size 8192 --threads 1 --offline")
        # Without its cache the server's answers do not depend on what it was asked before.
        changes = {"models__m": {"api": "openai", "model": "tiny", "extra": {"cache_prompt": False},
                                 "params": {"temperature": 0.7, "max_tokens": 300},
                                 "limits": {"concurrency": 8, "timeout_s": 240}},
                   "cell__max_iterations": 1, "cell__chain_of_thought": False, "benchmarks__c__limit": 4}
        with harness.LlamaServer(self.dir / "server.txt", parallel=1, context=8192) as one:
            changes["models__m"]["endpoints"] = [one.url]
            job = self.write_job(self.http_job(one.url, self.claims, **changes))
            harness.run("run", job, "-o", self.dir / "reference", "--quiet", timeout=300)
        self.check_servers(job, command, self.dir / "reference" / "run.h5")


def enter_loopback():
    """Open MPI and SLURM listen on every interface, so this test runs where there is but one."""
    if INSIDE in os.environ or os.geteuid() != 0:
        return
    script = SUPPORT / "lo_only.sh"
    if subprocess.run([script, "true"], capture_output=True, timeout=60).returncode == 0:
        os.execve(script, [str(script), sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})


if __name__ == "__main__":
    enter_loopback()
    harness.main()
