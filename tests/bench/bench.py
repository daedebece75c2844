#!/usr/bin/env python3
"""bench.py: credence beside what a user would pick instead, on one server, in one table.

Every client makes chat calls to fast_server on loopback: wrk (which looks at nothing: the limit
of what a client can do), libcurl alone with its replies thrown away (what the HTTP library that
credence is built on costs by itself), credence on 1, 2 and 4 ranks (tape and run.h5 with all texts included),
a Python client on aiohttp, one on httpx. They send the opening of one of credence's markets,
lengthened to the mean size of credence's own requests. Figures are medians over --repeats: calls
a second; microseconds of CPU a call, of the whole process tree from its start to its end; calls
in flight at the server in the mean and at most; memory of the largest process. Rates and calls in
flight are those of --seconds in the middle of a run. At latency 0 the server answers one request
after the other, so no more than one is ever in flight there.

  bench.py [--latency 0,20,200] [--live 64,256,1024,4096] [--ranks 1,2,4] [--repeats 3]
           [--seconds 4] [--clients wrk,libcurl,credence,aiohttp,httpx] [--build DIR]
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
COLUMNS = ("calls/s", "CPU us/call", "in flight", "peak", "MB")
WRK_SCRIPT = """
local file = io.open("{body}", "rb")
wrk.method, wrk.body = "POST", file:read("*a")
wrk.headers["Content-Type"] = "application/json"
"""


class Server:
    """fast_server; its counters start anew with each look."""

    def __init__(self, program, latency_ms, save_body):
        self.process = subprocess.Popen(
            [program, "--latency-ms", str(latency_ms), "--save-body", str(save_body)],
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def look(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stats", timeout=30) as page:
            return json.load(page)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def wait_for_calls(server, process):
    requests = 0
    for _ in range(3000):
        requests = server.look()["requests"]
        if requests or process.poll() is not None:
            return requests
        time.sleep(0.01)
    raise SystemExit("bench.py: no call in 30 s")


def measure(argv, server, seconds, env, log):
    """One client's row, or None when it ended before the window did."""
    with open(log, "wb") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, env=env,
                                   start_new_session=True)
        calls = wait_for_calls(server, process)
        time.sleep(1.0)
        warm = server.look()
        time.sleep(seconds)
        window = server.look()
        time.sleep(0.1)
        # A client that has made its calls may still be writing them down.
        later = server.look()
        if process.poll() is not None or later["requests"] == 0:
            process.terminate()
            process.wait()
            return None
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"bench.py: {argv[0]} ended with {process.returncode}, see {log}")
    calls += sum(look["requests"] for look in (warm, window, later, server.look()))
    cpu = usage.ru_utime + usage.ru_stime
    return (window["requests"] / window["span_s"], cpu / calls * 1e6,
            window["in_flight_mean"], window["in_flight_max"], usage.ru_maxrss / 1024,
            window["body_bytes"] / max(1, window["requests"]))


CALLS_OF_A_MARKET = 5  # the price never moves: three judgments, two arguments


def write_job(folder, server, live, markets):
    claims = folder / "claims.jsonl"
    with claims.open("w") as file:
        for i in range(markets):
            file.write('{"id":"c%d","label":%s,"proposition":"Claim number %d holds."}\n'
                       % (i, "true" if i % 2 else "false", i))
    job = {"name": "bench",
           "models": {"m": {"api": "openai", "model": "fast", "endpoints": [server.url],
                            "structured": "none", "limits": {"concurrency": live,
                                                             "timeout_s": 120}}},
           "benchmarks": {"c": {"format": "jsonl", "path": str(claims)}},
           "cell": {"protocol": "market", "benchmark": "c", "maker": "m", "trader": "m",
                    "prompts": str(HERE / "prompts")}}
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    return path


class Bench:
    def __init__(self, options, folder):
        import harness
        self.harness, self.options, self.folder = harness, options, folder
        self.body = folder / "body.json"
        self.runs = self.markets = 0
        self.python = harness.python_with("aiohttp", "httpx")

    def credence(self, server, ranks, live):
        job = write_job(self.folder, server, live, self.markets)
        self.runs += 1
        out = self.folder / f"run{self.runs}"
        argv = self.harness.command("run", job, "-o", out, "--quiet", "--live", live,
                                    ranks=0 if ranks == 1 else ranks)
        argv = [str(self.options.build / "credence") if a == self.harness.CREDENCE else a
                for a in argv]
        return argv, self.harness.environment(ranks)

    def client(self, name, server, live):
        url, length = server.url + "/chat/completions", self.options.seconds + 2
        if name == "wrk":
            script = self.folder / "wrk.lua"
            script.write_text(WRK_SCRIPT.format(body=self.body))
            return [shutil.which("wrk"), "-t1", f"-c{live}", f"-d{int(length)}", "--timeout", "60",
                    "-s", str(script), url], None
        if name == "libcurl":
            return [str(self.options.build / "tests/bench/client_libcurl"), url, str(self.body),
                    str(live), str(length)], None
        if name.startswith("credence"):
            return self.credence(server, int(name.split()[1]), live)
        return [self.python, str(HERE / f"client_{name}.py"), url, str(self.body),
                "--live", str(live), "--seconds", str(length)], None

    def lengthen_body(self, size):
        """The saved opening, its last message lengthened until the whole has SIZE bytes."""
        chat = json.loads(self.body.read_text())
        lacking = int(size) - len(json.dumps(chat))
        chat["messages"][-1]["content"] += " and so on" * (lacking // 10)
        self.body.write_text(json.dumps(chat))

    def names(self):
        wanted = self.options.clients.split(",")
        ranks = [f"credence {r}" for r in self.options.ranks.split(",")]
        # credence comes first: its first request is the body that the others send.
        return [n for w in ("credence", "wrk", "libcurl", "aiohttp", "httpx") if w in wanted
                for n in (ranks if w == "credence" else [w])]

    def measure(self, name, live, latency_ms, tag, seconds):
        """A client's figures; credence gets as many markets as fill the time."""
        save = self.folder / "opening.json"
        log = self.folder / f"{name.replace(' ', '')}-{live}-{latency_ms}-{tag}.log"
        while True:
            with Server(self.options.build / "tests/bench/fast_server", latency_ms,
                        save) as server:
                argv, env = self.client(name, server, live)
                row = measure(argv, server, seconds, env, log)
            for old in self.folder.glob("run*"):
                shutil.rmtree(old, ignore_errors=True)
            if row or not name.startswith("credence"):
                return row
            self.markets = int(self.markets * 1.5)

    def row(self, name, live, latency_ms):
        if name.startswith("credence"):
            # A short run finds the rate, which says how long a job must be.
            ideal = live / latency_ms * 1000 if latency_ms else 5000
            self.markets = int(min(ideal, 5000) * 2.5 / CALLS_OF_A_MARKET) + 2 * live
            rate = self.measure(name, live, latency_ms, "first", 0.5)[0]
            self.markets = int(rate * (self.options.seconds + 2) / CALLS_OF_A_MARKET) + live
        figures = [self.measure(name, live, latency_ms, repeat, self.options.seconds)
                   for repeat in range(self.options.repeats)]
        medians = [statistics.median(column) for column in zip(*figures)]
        if name == "credence 1":
            shutil.copy(self.folder / "opening.json", self.body)
            self.lengthen_body(medians[5])
        return medians

    def table(self):
        print("| latency ms | live | client | " + " | ".join(COLUMNS) + " | request bytes |")
        print("|---" * (len(COLUMNS) + 4) + "|")
        for latency_ms in map(int, self.options.latency.split(",")):
            for live in map(int, self.options.live.split(",")):
                for name in self.names():
                    row = self.row(name, live, latency_ms)
                    label = name.replace("credence 1", "credence, 1 rank")
                    if label.startswith("credence "):
                        label = f"credence, {name.split()[1]} ranks"
                    print(f"| {latency_ms} | {live} | {label} | {row[0]:,.0f} | {row[1]:.1f} | "
                          f"{row[2]:,.0f} | {row[3]:,.0f} | {row[4]:.0f} | {row[5]:,.0f} |",
                          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latency", default="0,20,200")
    parser.add_argument("--live", default="64,256,1024,4096")
    parser.add_argument("--ranks", default="1,2,4")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--clients", default="wrk,libcurl,credence,aiohttp,httpx")
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build")
    parser.add_argument("--keep", action="store_true", help="leave the logs in place")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="credence-bench-"))
    try:
        Bench(options, folder).table()
    finally:
        if options.keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
