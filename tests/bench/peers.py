#!/usr/bin/env python3
"""peers.py: the same market and the same single question in credence, inspect_ai and lm-eval, on one server.

  peers.py --venv DIR [--latency 0,50,200] [--live 256] [--markets 400] [--singles 1580] [--build DIR]
           [--url URL --model NAME]     a real server in the mock's place (its calls in flight are not counted)
  python3 -m venv DIR && DIR/bin/pip install inspect-ai==0.3.285 lm-eval[api]==0.4.13

Figures of whole processes, from start to end: wall; CPU and the memory of the largest process (children included); calls made;
CPU a call; mean calls in flight at the server over the run; calls made a second time after a kill -9 in the middle and
the tool's own way to go on; bytes on disk a market. The peers run with their best settings (no display, no realtime log).
What is not comparable: credence keeps every call and every price of every iteration; inspect keeps a transcript for each sample,
its own events included; lm-eval keeps answers. lm-eval has no multi-turn protocol with two models, so it is asked once.
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import bench  # noqa: E402
import harness  # noqa: E402

COLUMNS = ("wall s", "CPU s", "calls", "CPU us/call", "in flight", "MB", "kB/market")


class Client:
    """One tool at one task: how to start it, how to go on after a kill, where it keeps what it made."""

    def __init__(self, options, folder, url, items, live):
        self.options, self.dir, self.url, self.items, self.live = options, folder, url, items, live
        self.out = folder / "out"
        self.claims = folder / "claims.jsonl"
        with self.claims.open("w") as file:
            for i in range(items):
                file.write(json.dumps({"id": f"c{i}", "label": bool(i % 2), "question": f"Claim number {i} holds.",
                                       "proposition": f"Claim number {i} holds."}) + "\n")
        self.env = dict(os.environ, MOCK_BASE_URL=url, MOCK_API_KEY="none", OPENAI_API_KEY="none")

    def bytes_kept(self):
        return sum(path.stat().st_size for path in self.out.rglob("*") if path.is_file())


class Credence(Client):
    protocol = "market"

    def argv(self, again):
        claims = self.dir / "plain.jsonl"
        claims.write_text("".join(json.dumps({k: v for k, v in json.loads(line).items() if k != "question"}) + "\n"
                                  for line in self.claims.read_text().splitlines()))
        job = {"name": "peers", "models": {"m": {"api": "openai", "model": self.options.model, "endpoints": [self.url],
                                                "structured": "none",
                                                "limits": {"concurrency": self.live, "timeout_s": 600}}},
               "benchmarks": {"c": {"format": "jsonl", "path": str(claims)}},
               "cell": {"protocol": self.protocol, "benchmark": "c", "maker": "m", "prompts": str(HERE / "prompts")}}
        path = self.dir / "job.json"
        path.write_text(json.dumps(job))
        return [self.options.build / "credence", "run", path, "-o", self.out, "--quiet"]


class CredenceSingle(Credence):
    protocol = "single"


class Inspect(Client):
    task = "market"

    def argv(self, again):
        program = self.options.venv / "bin" / "inspect"
        quiet = ["--display", "none", "--max-connections", str(self.live), "--max-samples", str(self.live),
                 "--no-log-realtime", "--log-dir", self.out]
        if again:
            return [program, "eval-retry", *sorted(self.out.glob("*.eval")), *quiet]
        return [program, "eval", f"{HERE / 'peers_inspect.py'}@{self.task}", "-T", f"claims={self.claims}",
                "-T", f"prompts={HERE / 'prompts'}", "--model", f"openai-api/mock/{self.options.model}", *quiet]


class InspectSingle(Inspect):
    task = "single"


class LmEval(Client):
    def argv(self, again):
        tasks = self.dir / "tasks"
        tasks.mkdir(exist_ok=True)
        (tasks / "claims.yaml").write_text(
            "task: claims\ndataset_path: json\ndataset_kwargs:\n  data_files:\n"
            f"    test: {self.claims}\ntest_split: test\noutput_type: generate_until\n"
            "doc_to_text: '{{question}}'\ndoc_to_target: '{{label}}'\n"
            "generation_kwargs:\n  until: []\n  max_gen_toks: 256\n"
            "metric_list:\n  - metric: exact_match\n")
        arguments = f"model={self.options.model},base_url={self.url}/chat/completions,num_concurrent={self.live}," \
                    "max_retries=3,tokenized_requests=False"
        return [self.options.venv / "bin" / "lm_eval", "run", "--model", "local-chat-completions", "--model_args",
                arguments, "--include_path", tasks, "--tasks", "claims", "--apply_chat_template", "--log_samples",
                "--output_path", self.out]


CLIENTS = {"market": {"credence": Credence, "inspect_ai": Inspect},
           "single": {"credence": CredenceSingle, "inspect_ai": InspectSingle, "lm-eval": LmEval}}


def launch(client, log, again=False):
    client.out.mkdir(exist_ok=True) if not isinstance(client, Credence) else None
    with open(log, "ab") as out:
        return subprocess.Popen([str(word) for word in client.argv(again)], stdout=out, stderr=out, env=client.env,
                                cwd=client.dir, start_new_session=True)


def finish(process, log, seconds=3600):
    """(CPU seconds, MB) of PROCESS and its children."""
    limit = time.monotonic() + seconds
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > limit:
            os.killpg(process.pid, signal.SIGKILL)
            raise SystemExit(f"peers.py: {process.args[0]} did not end in {seconds} s, see {log}")
        time.sleep(0.02)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise SystemExit(f"peers.py: {process.args[0]} ended with {process.returncode}, see {log}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class MockServer(bench.Server):
    def requests(self):
        look = self.look()
        self.in_flight_mean = look["in_flight_mean"]
        return look["requests"]


class RealServer:
    """A server that runs already; it is not asked how many calls it got."""

    def __init__(self, url):
        self.url = url

    def requests(self):
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def calls_of(client, server):
    made = server.requests()
    if made or not isinstance(client, Credence):
        return made
    return len(harness.tape_lines(client.out))


def whole(client, server, log):
    server.requests()
    started = time.monotonic()
    cpu, memory = finish(launch(client, log), log)
    wall = time.monotonic() - started
    calls = calls_of(client, server)
    return {"wall s": wall, "CPU s": cpu, "calls": calls, "CPU us/call": cpu / max(calls, 1) * 1e6,
            "in flight": getattr(server, "in_flight_mean", float("nan")), "MB": memory,
            "kB/market": client.bytes_kept() / client.items / 1024}


def repeated(client, server, log, needed):
    """Calls made beyond the NEEDED ones when the tool is killed in the middle and goes on its own way."""
    server.requests()
    process = launch(client, log)
    made = 0
    limit = time.monotonic() + 600
    while made < needed / 2 and process.poll() is None and time.monotonic() < limit:
        made += server.requests()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    made += server.requests()
    if made >= needed:
        return "over before the kill"
    finish(launch(client, log, again=True), log)
    return f"{made + server.requests() - needed}"


def versions(options):
    names = ["inspect_ai", "lm_eval"]
    code = f"import importlib.metadata as m\nfor n in {names}: print(n, m.version(n))"
    print(subprocess.run([options.venv / "bin" / "python", "-c", code], capture_output=True, text=True,
                         check=True).stdout.replace("\n", "; ").rstrip("; "))


def rows(options, folder, latency, live):
    for task, items in (("market", options.markets), ("single", options.singles)):
        for name, kind in CLIENTS[task].items():
            if items == 0 or name not in options.clients.split(","):
                continue
            place = folder / f"{task}-{name}-{latency}-{live}"
            place.mkdir()
            log = place / "log"
            server = RealServer(options.url) if options.url else MockServer(
                options.build / "tests/bench/fast_server", latency, place / "body.json")
            with server:
                row = whole(kind(options, place, server.url, items, live), server, log)
                again = ""
                if not options.url and options.kill and row["calls"]:
                    second = place / "killed"
                    second.mkdir()
                    again = repeated(kind(options, second, server.url, items, live), server, log, row["calls"])
            figures = " | ".join(f"{row[c]:,.1f}" for c in COLUMNS)
            print(f"| {latency} | {live} | {task}, {items} | {name} | {figures} | {again} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build")
    parser.add_argument("--latency", default="0,50,200")
    parser.add_argument("--live", default="256")
    parser.add_argument("--markets", type=int, default=400)
    parser.add_argument("--singles", type=int, default=1580)
    parser.add_argument("--clients", default="credence,inspect_ai,lm-eval")
    parser.add_argument("--url")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--no-kill", dest="kill", action="store_false")
    options = parser.parse_args()
    options.venv, options.build = options.venv.resolve(), options.build.resolve()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    versions(options)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="credence-peers-"))
    print("| latency ms | live | task | client | " + " | ".join(COLUMNS) + " | repeated after kill -9 |")
    print("|---" * (len(COLUMNS) + 5) + "|")
    for latency in map(int, options.latency.split(",")) if not options.url else [0]:
        for live in map(int, options.live.split(",")):
            rows(options, folder, latency, live)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
