"""Test kit of the system tests: real processes, bounded waits, nothing left running.

A test must pass on a machine that is slow or busy: every bound on a wait is far above what is needed, and
what must happen in the middle of a run is held there by a Gate, not hit by good timing.

Standard library only. A test file is one ctest test: it ends with `harness.main()`, which
exits with 0 (passed), 1 (failed; the last line is the command that reruns it) or 77 (skipped).
"""

import contextlib
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
CREDENCE = os.environ.get("CREDENCE_BIN", str(SOURCE / "build" / "credence"))
FAULT_SERVER = os.environ.get("FAULT_SERVER_BIN",
                              str(SOURCE / "build" / "tests" / "support" / "fault_server"))
SHARED = pathlib.Path(os.environ.get("CREDENCE_SHARED", SOURCE.parent / "shared"))
SKIPPED = 77


class Timeout(AssertionError):
    pass


def wait_for(condition, seconds, what):
    """The first true value of CONDITION, asked every 10 ms for SECONDS at most."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout(f"{what}: not within {seconds} s")
        time.sleep(0.01)


def end_process(process, grace=5.0):
    """TERM, wait, KILL. Only ever a process that the caller started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)
    return process.returncode


def processes():
    """(start time, pid, parent, name) of every process that can be seen."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text()
                after = stat[stat.rindex(")") + 2:].split()
                name = stat[stat.index("(") + 1:stat.rindex(")")]
                found.append((int(after[19]), int(entry.name), int(after[1]), name))
    return found


def descendants(pid):
    """(start time, pid, name) of everything below PID, oldest first."""
    seen, found, below = processes(), [], [pid]
    while below:
        parent = below.pop()
        for begun, child, its_parent, name in seen:
            if its_parent == parent:
                found.append((begun, child, name))
                below.append(child)
    return sorted(found)


def ranks_of(launcher):
    """pids of the credence processes below LAUNCHER, in the order of their start."""
    return [pid for _, pid, name in descendants(launcher.pid) if name == "credence"]


def kill_all(process):
    """SIGKILL PROCESS and all that it started.

    mpirun gives ranks groups of their own, and may be about to start one: so it is stopped
    first, then everything below it is killed, and it dies last.
    """
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGSTOP)
    killed = set()
    while below := {(begun, pid) for begun, pid, _ in descendants(process.pid)} - killed:
        for begun, pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed |= below
    process.kill()
    process.wait(60)
    wait_for(lambda: not any(is_running(pid) for _, pid in killed), 60, "killed processes gone")
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


class Gate:
    """A rule of the fault server: the replies it meets wait until the gate is opened."""

    def __init__(self, path, **which):
        self.path = path
        self.rule = {"fault": "slow", "gate": str(path), **which}

    def is_reached(self, server):
        return server.stats()["faults"]["slow"] > 0

    def open(self):
        self.path.touch()


class FaultServer:
    """The fault server with SCRIPT, for the length of a `with`."""

    def __init__(self, script=None, log=None, unix=None, port=0):
        self.arguments = [FAULT_SERVER, "--rules", json.dumps(script or {}), "--port", str(port)]
        self.arguments += ["--log", str(log)] if log else []
        self.arguments += ["--unix", str(unix)] if unix else []
        # A port of one's choice may be somebody's outgoing one for a moment.
        line = wait_for(self.start, 30, "a free port") if port else self.start()
        if not line:
            raise AssertionError("fault_server did not start")
        self.port = int(line.split()[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def start(self):
        """The line that it says once it listens, or nothing."""
        self.process = subprocess.Popen(self.arguments + ["--with-parent"], stdout=subprocess.PIPE,
                                        text=True)
        line = self.process.stdout.readline()
        if not line.startswith("port "):
            self.stop()
            return ""
        return line

    def stats(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stats", timeout=60) as page:
            return json.load(page)

    def stop(self):
        end_process(self.process)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


@functools.lru_cache
def mpi():
    """(mpirun, version as a tuple), or a skip."""
    path = shutil.which("mpirun")
    if not path:
        raise unittest.SkipTest("mpirun is not installed")
    text = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=120).stdout
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    if "Open MPI" not in text or not found:
        raise unittest.SkipTest(f"mpirun is not Open MPI: {text.splitlines()[:1]}")
    return path, tuple(map(int, found.groups()))


def mpi_environment():
    """Loopback or shared memory only, quiet, root allowed."""
    settings = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                "OMPI_MCA_btl_base_warn_component_unused": "0", "OMPI_MCA_pml": "ob1"}
    if mpi()[1][0] < 5:
        settings.update({"OMPI_MCA_btl": "vader,self", "OMPI_MCA_oob_tcp_if_include": "lo",
                         "OMPI_MCA_btl_vader_single_copy_mechanism": "none"})
    else:
        settings["OMPI_MCA_btl"] = "self,sm"
    return settings


def launch_flags():
    """More ranks than cores."""
    return (["--oversubscribe"] if mpi()[1][0] < 5 else ["--map-by", ":OVERSUBSCRIBE"]) + [
        "--bind-to", "none"]


def recovery_flags():
    """What keeps a job alive when a rank dies."""
    return ["--enable-recovery"] if mpi()[1][0] < 5 else ["--with-ft", "ulfm"]


def command(*arguments, ranks=0, recover=False):
    """The argv of credence: alone (ranks 0), or under mpirun."""
    if ranks == 0:
        return [CREDENCE, *map(str, arguments)]
    launcher = [mpi()[0], *launch_flags(), "-n", str(ranks)]
    launcher += recovery_flags() if recover else []
    return launcher + [CREDENCE, *map(str, arguments)]


def environment(ranks=0, **extra):
    settings = {**os.environ, **(mpi_environment() if ranks else {})}
    # With AddressSanitizer: MPI's own leaks stand in plug-ins that are gone by then, so no
    # suppression can name them.
    settings.setdefault("ASAN_OPTIONS", "handle_abort=1" + (":detect_leaks=0" if ranks else ""))
    settings.setdefault("LSAN_OPTIONS", f"suppressions={HERE / 'lsan.supp'}:print_suppressions=0")
    return {**settings, **{name: str(value) for name, value in extra.items()}}


class Result:
    def __init__(self, code, out, err, seconds, argv):
        self.code, self.out, self.err = code, out, err
        self.seconds, self.argv = seconds, argv

    def __str__(self):
        return (f"{' '.join(self.argv)}\nexit {self.code} after {self.seconds:.1f} s\n"
                f"stdout: {self.out[-3000:]}\nstderr: {self.err[-3000:]}")


def start(*arguments, ranks=0, recover=False, env=None, cwd=None, **options):
    """credence in a process group of its own; output to pipes unless OPTIONS say otherwise."""
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen(command(*arguments, ranks=ranks, recover=recover), text=True,
                            stdin=subprocess.DEVNULL, start_new_session=True, cwd=cwd,
                            env=environment(ranks, **(env or {})), **options)


def doing(pid):
    """What a process that should have ended is at: its state, its CPU seconds, where in the kernel it waits."""
    told = []
    for name in ("comm", "wchan", "syscall", "stack"):
        with contextlib.suppress(OSError):
            told.append(pathlib.Path(f"/proc/{pid}/{name}").read_text().strip())
    with contextlib.suppress(OSError):
        told.append(f"{cpu_seconds(pid)} s CPU, {len(os.listdir(f'/proc/{pid}/task'))} threads")
    return f"process {pid}: " + "; ".join(told)


def late(process, seconds):
    """The error about a process that did not end in SECONDS; it is killed."""
    told = "\n".join(map(doing, [process.pid, *(pid for _, pid, _ in descendants(process.pid))]))
    # With handle_abort a sanitizer build says where it was.
    process.send_signal(signal.SIGABRT)
    try:
        out, err = process.communicate(timeout=20)
    except subprocess.TimeoutExpired as expired:
        out, err = (text.decode(errors="replace") if text else "" for text in (expired.output, expired.stderr))
    kill_all(process)
    return Timeout(f"{' '.join(process.args)}: not done in {seconds} s\n{told}\n"
                   f"stdout: {(out or '')[-3000:]}\nstderr: {(err or '')[-9000:]}")


def run(*arguments, ranks=0, recover=False, env=None, cwd=None, timeout=300, expect=0):
    """Run credence to its end; with EXPECT (None: anything) the exit code is checked."""
    result = finish(start(*arguments, ranks=ranks, recover=recover, env=env, cwd=cwd), timeout)
    if expect is not None and result.code != expect:
        raise AssertionError(f"expected exit {expect}\n{result}")
    return result


def finish(process, timeout):
    """(code, out, err) of a started credence."""
    begin = time.monotonic()
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise late(process, timeout) from None
    return Result(process.returncode, out, err, time.monotonic() - begin, process.args)


def is_running(pid):
    """Whether PID is there and more than a zombie."""
    with contextlib.suppress(OSError):
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        return stat.rsplit(")", 1)[1].split()[0] not in "ZX"
    return False


def rank_number(pid):
    """The MPI rank of process PID, from its environment."""
    with open(f"/proc/{pid}/environ", "rb") as file:
        for entry in file.read().split(b"\0"):
            if entry.startswith((b"OMPI_COMM_WORLD_RANK=", b"PMIX_RANK=")):
                return int(entry.split(b"=")[1])
    raise AssertionError(f"process {pid} is no rank")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@functools.lru_cache
def python_with(*modules):
    """An interpreter that can import MODULES (Debian's packages belong to /usr/bin/python3)."""
    for python in ("/usr/bin/python3", sys.executable, shutil.which("python3")):
        if python and os.path.exists(python):
            tried = subprocess.run([python, "-c", "import " + ", ".join(modules)],
                                   capture_output=True, timeout=300)
            if tried.returncode == 0:
                return python
    raise unittest.SkipTest("no python3 can import " + ", ".join(modules))


def python(code, *arguments, modules=("h5py",), timeout=300):
    """What CODE prints when run by an interpreter that has MODULES."""
    done = subprocess.run([python_with(*modules), "-c", code, *map(str, arguments)],
                          capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise AssertionError(f"python: {done.stderr[-3000:]}")
    return done.stdout


def tape_lines(directory):
    """Every whole line of every tape of a run, as parsed JSON."""
    lines = []
    for path in sorted((pathlib.Path(directory) / "tape").glob("*.jsonl")):
        for line in path.read_bytes().split(b"\n")[:-1]:
            lines.append(json.loads(line))
    return lines


# Times and places differ between two runs of one job, and /calls stand in the order of arrival.
VOLATILE = ("latency_s", "total_latency_s", "calls/wall_ms", "calls/latency_s", "calls/endpoint", "calls/attempts",
            "calls/http_status", "calls/request_id_length")


def spent(directory):
    """{"tokens": ..., "usd": ...} of all launches, as status.json says."""
    status = json.loads((pathlib.Path(directory) / "status.json").read_text())
    return {"tokens": status["tokens_in"] + status["tokens_out"], "usd": status["usd"]}


def compare(a, b, ignore=VOLATILE):
    """Differences between two run.h5, dataset by dataset, as a list of lines; [] when equal."""
    done = subprocess.run([python_with("h5py"), str(HERE / "h5_compare.py"), str(a), str(b),
                           "--ignore", *ignore], capture_output=True, text=True, timeout=300)
    if done.returncode not in (0, 1):
        raise AssertionError(f"h5_compare: {done.stderr[-3000:]}")
    return done.stdout.splitlines()


def read_run(path, *names):
    """Datasets of run.h5 as lists, by name."""
    code = ("import h5py, json, sys\n"
            "with h5py.File(sys.argv[1], 'r') as f:\n"
            "    out = {}\n"
            "    for n in sys.argv[2:]:\n"
            "        v = f[n][()]\n"
            "        out[n] = [x.decode() if isinstance(x, bytes) else x for x in v.tolist()]\n"
            "print(json.dumps(out))\n")
    return json.loads(python(code, path, *names))


def attributes(path):
    """Attributes of the root."""
    code = ("import h5py, json, sys\n"
            "with h5py.File(sys.argv[1], 'r') as f:\n"
            "    a = {k: v for k, v in f.attrs.items() if not k.startswith('_')}\n"
            "print(json.dumps({k: v.decode() if isinstance(v, bytes) else getattr(v, 'tolist',"
            " lambda: v)() for k, v in a.items()}))\n")
    return json.loads(python(code, path))


def free_port():
    """A port that nobody listens on now; whoever uses it must be ready to try another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@functools.lru_cache
def llama_files():
    """(server, model) of a real llama-server with a tiny random model, or a skip."""
    got = subprocess.run([str(HERE / "llama_server.sh")], capture_output=True, text=True,
                         timeout=900)
    if got.returncode == SKIPPED:
        raise unittest.SkipTest(got.stderr.strip().splitlines()[-1])
    if got.returncode != 0:
        raise AssertionError(f"llama_server.sh: {got.stderr[-2000:]}")
    return got.stdout.splitlines()[-2:]


def llama_command(port, parallel=4, context=32768):
    server, model = llama_files()
    return [server, "-m", model, "--host", "127.0.0.1", "--port", str(port), "--alias", "tiny",
            "--parallel", str(parallel), "--ctx-size", str(context), "--threads", "1",
            "--metrics", "--slots", "--offline"]


def cached_share(run_h5):
    """Of the prompt tokens that their conversation had sent before, the share that was cached."""
    sets = read_run(run_h5, "calls/episode", "calls/iteration", "calls/role", "calls/repair",
                    "calls/tokens_in", "calls/tokens_cached")
    sent, allowed, cached = {}, 0, 0
    rows = sorted(zip(*(sets["calls/" + name] for name in (
        "episode", "role", "iteration", "repair", "tokens_in", "tokens_cached"))))
    for episode, role, iteration, repair, tokens_in, tokens_cached in rows:
        # A repair extends the first request of its iteration, and so does the next iteration:
        # what was repaired is not repeated.
        before = (episode, role, iteration if repair else iteration - 1, 0)
        if before in sent:
            allowed += sent[before]
            cached += min(tokens_cached, sent[before])
        sent[episode, role, iteration, repair] = tokens_in
    print(f"cached {cached} of {allowed} prompt tokens that a growing chat allows")
    return cached / allowed


class LlamaServer:
    """A real llama-server for the length of a `with`; skips the test when it cannot be had."""

    def __init__(self, log, port=None, **options):
        self.log = open(log, "ab")
        self.wanted, self.options = port, options
        self.process = None
        try:
            wait_for(self.is_healthy, 180, f"llama-server healthy (log: {log})")
        except BaseException:
            self.stop()
            raise

    def is_healthy(self):
        # The port may have been taken by somebody else since it was chosen: then it ends, and tries another.
        if self.process is None or self.process.poll() is not None:
            self.port = self.wanted or free_port()
            self.url = f"http://127.0.0.1:{self.port}/v1"
            self.process = subprocess.Popen(llama_command(self.port, **self.options), stdout=self.log,
                                            stderr=self.log, stdin=subprocess.DEVNULL)
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as page:
                return page.status == 200
        return False

    def stop(self):
        """With a request in flight it does not end by TERM, so the wait is short."""
        if self.process is not None:
            end_process(self.process, grace=1.0)
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class TestCase(unittest.TestCase):
    """A test with a directory of its own, kept when the test fails."""

    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="credence-" + self._testMethodName + "-"))

    def tearDown(self):
        outcome = getattr(self._outcome, "result", None)
        failed = outcome and any(getattr(test, "test_case", test) is self
                                 for test, _ in outcome.failures + outcome.errors)
        if failed or os.environ.get("KEEP"):
            print(f"kept: {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def gate(self, **which):
        """A gate of this test for the requests WHICH (members of a rule: after, most, contains)."""
        return Gate(pathlib.Path(tempfile.mktemp(prefix="gate-", dir=self.dir)), **which)

    def write_job(self, job, name="job.json"):
        path = self.dir / name
        path.write_text(json.dumps(job, indent=1))
        return path

    def write_claims(self, count, name="claims.jsonl"):
        """A benchmark of our own in the jsonl format: COUNT propositions."""
        path = self.dir / name
        with path.open("w") as file:
            for i in range(count):
                file.write(json.dumps({"id": f"c{i}", "label": i % 3 == 0,
                                       "proposition": f"Claim number {i} of the list holds."}))
                file.write("\n")
        return path

    def sim_job(self, claims, **changes):
        """A market job on simulated agents; CHANGES as in http_job."""
        return self.http_job("", claims, **{
            "models": {"m": {"api": "sim", "competence": 0.7, "noise": 0.3}}, **changes})

    def http_job(self, url, claims, **changes):
        """A market job over HTTP; CHANGES are dotted paths into it with __ for the dot."""
        job = {"name": "system", "seed": 7,
               "models": {"m": {"api": "openai", "model": "fault", "endpoints": [url],
                                "params": {"temperature": 0.7, "max_tokens": 512},
                                "limits": {"concurrency": 32, "timeout_s": 60}}},
               "benchmarks": {"c": {"format": "jsonl", "path": str(claims)}},
               "cell": {"protocol": "market", "benchmark": "c", "maker": "m", "trader": "m"}}
        for path, value in changes.items():
            at = job
            *folders, last = path.split("__")
            for folder in folders:
                at = at.setdefault(folder, {})
            at[last] = value
        return job


def main():
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        variables = " ".join(f"{name}={os.environ[name]}" for name in
                             ("PYTHONPATH", "CREDENCE_BIN", "FAULT_SERVER_BIN",
                              "CREDENCE_SHARED", "CREDENCE_BUILD", "LEAVER_SO",
                              "CREDENCE_FULL") if name in os.environ)
        print(f"rerun: {variables} {sys.executable} {' '.join(sys.argv)}", file=sys.stderr)
        sys.exit(1)
    if result.testsRun == len(result.skipped):
        for _, reason in result.skipped:
            print(f"skipped: {reason}", file=sys.stderr)
        sys.exit(SKIPPED)
    sys.exit(0)
