"""What each real server does, as the program meets it: one table. Started by run.sh.

real.py --cache DIR --only SERVER,... [--markets N]. Every server is started here, on loopback and a free port, and ended
by its id. A cell of the table is what was seen, not a verdict; the lines above the table say what failed, and make the
exit code 1.
"""
import argparse
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import harness  # noqa: E402

CLAIMS = harness.SOURCE / "jobs" / "data" / "propositions_sample.jsonl"
SCHEMA = {"type": "json_schema", "json_schema": {"name": "price", "strict": True, "schema": {
    "type": "object", "additionalProperties": False, "required": ["price"],
    "properties": {"price": {"type": "number", "minimum": 0, "maximum": 1}}}}}


class Missing(Exception):
    """The server cannot be had here."""


class Server:
    """A process of COMMAND that answers at URL; ended with the `with`."""

    def __init__(self, name, command, health, log, seconds=300, env=None):
        self.name, self.command, self.health, self.env = name, command, health, env
        self.log, self.seconds, self.process = log, seconds, None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(word) for word in self.command], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, env={**os.environ, **(self.env or {})},
                                            start_new_session=True)
        try:
            harness.wait_for(self.is_up, self.seconds, f"{self.name} healthy (log: {self.log})")
        except BaseException:
            self.stop()
            raise

    def is_up(self):
        if self.process.poll() is not None:
            raise Missing(f"{self.name} ended with {self.process.returncode}: see {self.log}")
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(self.health, timeout=5):
                return True
        return False

    def stop(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def ask(url, model, **body):
    """(status, object or text) of one chat completion."""
    body = {"model": model, "max_tokens": 60, "messages": [{"role": "user", "content":
            "How likely is it that a coin shows heads? Answer with a JSON object {\"price\": ...}."}], **body}
    request = urllib.request.Request(f"{url}/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=300) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        with contextlib.suppress(ValueError):
            text = json.loads(text)
        return error.code, text


def content(reply):
    return reply["choices"][0]["message"].get("content") or ""


class Bench:
    """The checks of one server; `row` is what was seen, `faults` what must not be."""

    def __init__(self, options, name, url, model, folder):
        self.options, self.name, self.url, self.model, self.dir = options, name, url, model, folder
        self.row, self.faults = {}, []

    def job(self, markets=None, **changes):
        job = {"name": f"real-{self.name}", "seed": 5,
               "models": {"m": {"api": "openai", "model": self.model, "endpoints": [self.url],
                                "params": {"temperature": 0.7, "max_tokens": 300},
                                "limits": {"concurrency": 8, "timeout_s": 600}}},
               "benchmarks": {"c": {"format": "jsonl", "path": str(CLAIMS),
                                    "limit": markets or self.options.markets}},
               "cell": {"protocol": "market", "benchmark": "c", "maker": "m", "max_iterations": 3}}
        for path, value in changes.items():
            at = job
            *folders, last = path.split("__")
            for folder in folders:
                at = at.setdefault(folder, {})
            at[last] = value
        path = self.dir / f"job{len(list(self.dir.glob('job*.json')))}.json"
        path.write_text(json.dumps(job, indent=1))
        return path

    def run(self, job, out, expect=None):
        started = time.monotonic()
        done = subprocess.run([harness.CREDENCE, "run", str(job), "-o", str(out), "--quiet", "--max-failed",
                               "100%"], capture_output=True, text=True, timeout=3600, check=False)
        if expect is not None and done.returncode not in expect:
            self.faults.append(f"{self.name}: exit {done.returncode}, not {expect}: {done.stderr[-400:]}")
        if not (out / "run.h5").is_file():
            raise RuntimeError(f"{self.name}: exit {done.returncode}, no run.h5: {done.stderr[-1000:]}")
        return time.monotonic() - started, done

    # One check a method; each adds to the row.

    def structured(self):
        usable = above = 0
        tries = 6
        for seed in range(tries):
            code, reply = ask(self.url, self.model, response_format=SCHEMA, temperature=1.5, seed=seed)
            if code != 200:
                self.row["structured"] = f"HTTP {code}"
                return
            with contextlib.suppress(ValueError, KeyError, TypeError):
                price = float(json.loads(content(reply))["price"])
                usable += 1
                above += not 0 <= price <= 1
        self.row["structured"] = f"{usable}/{tries}"
        self.row["range held"] = "yes" if usable and not above else f"no: {above}/{usable} outside"

    def logprobs(self):
        code, reply = ask(self.url, self.model, logprobs=True, top_logprobs=5, max_tokens=1)
        got = code == 200 and (reply["choices"][0].get("logprobs") or {}).get("content")
        self.row["logprobs"] = str(len(got[0]["top_logprobs"])) if got else f"none (HTTP {code})"

    def cut(self):
        code, reply = ask(self.url, self.model, max_tokens=3)
        self.row["cut"] = reply["choices"][0]["finish_reason"] if code == 200 else f"HTTP {code}"
        out = self.dir / "cut"
        self.run(self.job(3, models__m__params={"temperature": 0.7, "max_tokens": 3}), out, (0, 3))
        reasons = set(harness.read_run(out / "run.h5", "status")["status"])
        if reasons != {2}:
            self.faults.append(f"{self.name}: replies of 3 tokens gave status {reasons}, not invalid alone")

    def overflow(self):
        code, reply = ask(self.url, self.model, messages=[{"role": "user", "content": "word " * 20000}])
        said = reply if isinstance(reply, str) else json.dumps(reply)
        self.row["overflow"] = f"HTTP {code} {said[:60]}" if code != 200 else "200"

    def unknown_model(self):
        code, _ = ask(self.url, "no-such-model")
        self.row["unknown model"] = f"HTTP {code}"

    def live(self):
        for live in (1, 16, 64):
            out = self.dir / f"live{live}"
            markets = max(self.options.markets if live > 1 else 2, 2)
            seconds, _ = self.run(self.job(markets, models__m__limits={"concurrency": live, "timeout_s": 900}),
                                  out, (0, 3))
            sets = harness.read_run(out / "run.h5", "total_calls", "status")
            calls = sum(sets["total_calls"])
            self.row[f"{live} live"] = f"{calls / seconds:.2f} calls/s"
            if 3 in sets["status"]:
                self.faults.append(f"{self.name}: {sets['status'].count(3)} markets failed at {live} live")
            if live == 16:
                self.cached(out)

    def cached(self, out):
        sets = harness.read_run(out / "run.h5", "calls/tokens_in", "calls/tokens_cached")
        sent = sum(sets["calls/tokens_in"])
        self.row["prompt tokens cached"] = f"{100 * sum(sets['calls/tokens_cached']) / max(sent, 1):.0f} %"

    def kill_and_resume(self):
        out = self.dir / "killed"
        job = self.job()
        process = subprocess.Popen([harness.CREDENCE, "run", str(job), "-o", str(out), "--quiet"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        harness.wait_for(lambda: process.poll() is not None or len(harness.tape_lines(out)) >= 6
                         if (out / "tape").is_dir() else None, 1200, "six calls on the tape")
        process.kill()
        process.wait()
        before = {self.key(line) for line in harness.tape_lines(out)}
        self.run(job, out, (0, 3))
        lines = [self.key(line) for line in harness.tape_lines(out)]
        repeated = len(lines) - len(set(lines))
        self.row["kill -9"] = f"{len(before)} kept, {repeated} repeated"
        if repeated:
            self.faults.append(f"{self.name}: {repeated} recorded calls were asked again")

    @staticmethod
    def key(line):
        return tuple(line.get(name) for name in ("key", "iteration", "role", "trader", "sample", "repair", "ask"))

    def restarted(self, server):
        """The server is ended in mid-run and started again: nothing failed, nothing was lost."""
        out = self.dir / "restarted"
        process = subprocess.Popen([harness.CREDENCE, "run", str(self.job()), "-o", str(out), "--quiet"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        harness.wait_for(lambda: process.poll() is not None or (out / "tape").is_dir() and
                         len(harness.tape_lines(out)) >= 4, 1200, "four calls on the tape")
        server.stop()
        server.start()
        _, err = process.communicate(timeout=3600)
        sets = harness.read_run(out / "run.h5", "status")
        self.row["restarted"] = f"exit {process.returncode}, {sets['status'].count(3)} failed"
        if process.returncode not in (0, 3) or 3 in sets["status"]:
            self.faults.append(f"{self.name}: restarted in mid-run: {self.row['restarted']}: {err[-300:]}")

    def two_endpoints(self, other, server):
        """Of two endpoints one is killed and brought back: its calls move."""
        out = self.dir / "two"
        job = self.job(models__m__endpoints=[self.url, other])
        process = subprocess.Popen([harness.CREDENCE, "run", str(job), "-o", str(out), "--quiet"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        harness.wait_for(lambda: process.poll() is not None or (out / "tape").is_dir() and
                         len(harness.tape_lines(out)) >= 4, 1200, "four calls on the tape")
        server.stop()
        harness.wait_for(lambda: process.poll() is not None or len(harness.tape_lines(out)) >= 8, 1200,
                         "four more calls")
        server.start()
        process.wait(3600)
        sets = harness.read_run(out / "run.h5", "status")
        self.row["one of two killed"] = f"exit {process.returncode}, {sets['status'].count(3)} failed"
        if 3 in sets["status"]:
            self.faults.append(f"{self.name}: one of two endpoints killed: {self.row['one of two killed']}")


def llama_command(cache, model, port):
    got = subprocess.run([str(harness.HERE / "llama_server.sh"), str(cache / "llama")], capture_output=True,
                         text=True, timeout=900, check=False)
    if got.returncode:
        raise Missing(got.stderr.strip().splitlines()[-1] if got.stderr.strip() else "llama-server cannot be had")
    weights = cache / f"{model}.gguf"
    if not weights.is_file():
        raise Missing(f"{weights} is not there")
    return [got.stdout.splitlines()[-2], "-m", weights, "--host", "127.0.0.1", "--port", str(port), "--alias", model,
            "--parallel", "4", "--ctx-size", "16384", "--threads", "2", "--metrics", "--offline"]


@contextlib.contextmanager
def llama(options, folder, model="smol"):
    port = harness.free_port()
    with Server("llama-server", llama_command(options.cache, model, port), f"http://127.0.0.1:{port}/health",
                folder / "llama.log") as server:
        server.url = f"http://127.0.0.1:{port}/v1"
        yield server


@contextlib.contextmanager
def vllm(options, folder):
    program, model = options.cache / "vllm" / "bin" / "vllm", options.cache / "smol-hf"
    if not program.is_file() or not model.is_dir():
        raise Missing("vLLM is not there: see the lines of setup.sh above")
    port = harness.free_port()
    command = [program, "serve", model, "--served-model-name", "smol", "--host", "127.0.0.1", "--port", str(port),
               "--max-model-len", "4096", "--dtype", "float32", "--max-num-seqs", "16", "--enable-prefix-caching"]
    env = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_CPU_KVCACHE_SPACE": "2"}
    with Server("vllm", command, f"http://127.0.0.1:{port}/health", folder / "vllm.log", 900, env) as server:
        server.url = f"http://127.0.0.1:{port}/v1"
        yield server


NGINX = """daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  limit_req_zone $server_name zone=few:1m rate={rate};
  upstream models {{ {upstreams} }}
  server {{ listen 127.0.0.1:{port};
    location / {{ {limit} proxy_read_timeout 600s; proxy_pass http://models; }} }}
}}
"""


@contextlib.contextmanager
def nginx(folder, upstreams, limit=None):
    port = harness.free_port()
    program = next((p for p in ("/usr/sbin/nginx", "/usr/local/sbin/nginx") if os.path.exists(p)), None)
    if program is None:
        raise Missing("nginx is not there (Debian: nginx-light)")
    place = pathlib.Path(tempfile.mkdtemp(prefix="nginx-", dir=folder))
    config = place / "nginx.conf"
    config.write_text(NGINX.format(dir=place, port=port, rate=limit or "1000r/s",
                                   upstreams=" ".join(f"server {u};" for u in upstreams),
                                   limit="limit_req zone=few burst=2 nodelay; limit_req_status 429;" if limit else ""))
    with Server("nginx", [program, "-c", config, "-p", place], f"http://127.0.0.1:{port}/health",
                place / "nginx.log", 30) as server:
        server.url = f"http://127.0.0.1:{port}/v1"
        yield server


def all_checks(bench, server):
    for check in (bench.structured, bench.logprobs, bench.cut, bench.overflow, bench.unknown_model, bench.live,
                  bench.kill_and_resume):
        check()
        print(f"{bench.name}: {check.__name__}: {bench.row}", flush=True)
    bench.restarted(server)


def check_llama(options, folder):
    for model in (["smol", "qwen"] if "qwen" in options.only else ["smol"]):
        with llama(options, folder, model) as server:
            bench = Bench(options, f"llama-server {model}", server.url, model, folder)
            (folder / model).mkdir()
            bench.dir = folder / model
            all_checks(bench, server)
            with llama(options, folder, model) as other:
                bench.two_endpoints(other.url, server)
        yield bench


def check_vllm(options, folder):
    with vllm(options, folder) as server:
        bench = Bench(options, "vLLM smol", server.url, "smol", folder)
        all_checks(bench, server)
    yield bench


def check_nginx(options, folder):
    """As balancer over two servers of which one ends, and as rate limiter with its own HTML 429."""
    with llama(options, folder) as first, llama(options, folder) as second:
        ports = [s.url.split("/v1")[0].removeprefix("http://") for s in (first, second)]
        with nginx(folder, ports) as balancer:
            bench = Bench(options, "nginx, two servers", balancer.url, "smol", folder / "balancer")
            bench.dir.mkdir()
            bench.restarted(second)
            yield bench
        with nginx(folder, ports[:1], "60r/m") as limiter:
            bench = Bench(options, "nginx, 60 a minute", limiter.url, "smol", folder / "limiter")
            bench.dir.mkdir()
            seconds, done = bench.run(bench.job(4), bench.dir / "run", (0, 3))
            statuses = harness.read_run(bench.dir / "run" / "run.h5", "status")["status"]
            bench.row["restarted"] = f"exit {done.returncode} in {seconds:.0f} s, {statuses.count(3)} failed"
            if 3 in statuses:
                bench.faults.append(f"{bench.name}: markets failed behind a rate limit")
            yield bench
    with nginx(folder, ["127.0.0.1:9"]) as dead:
        bench = Bench(options, "nginx, no server behind", dead.url, "smol", folder / "dead")
        bench.dir.mkdir()
        job = bench.job(2, models__m__limits={"concurrency": 2, "timeout_s": 20, "retries": 1})
        seconds, done = bench.run(job, bench.dir / "run", (3, 4, 75))
        bench.row["restarted"] = f"exit {done.returncode} in {seconds:.0f} s"
        if "502" not in done.stderr:
            bench.faults.append(f"{bench.name}: no word of its 502: {done.stderr[-300:]}")
        yield bench


def check_gateway(options, folder):
    start = options.cache / "gateway" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if not start.is_file():
        raise Missing("the gateway is not there: see the lines of setup.sh above")
    port = harness.free_port()
    with Server("gateway", ["node", start, f"--port={port}", "--headless"], f"http://127.0.0.1:{port}/",
                folder / "gateway.log", 60), llama(options, folder) as server:
        url = f"http://127.0.0.1:{port}/v1"
        headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": server.url}
        bench = Bench(options, "gateway", url, "smol", folder)
        seconds, done = bench.run(bench.job(4, models__m__headers=headers), folder / "run", (0, 3))
        statuses = harness.read_run(folder / "run" / "run.h5", "status")["status"]
        bench.row["restarted"] = f"up: exit {done.returncode} in {seconds:.0f} s, {statuses.count(3)} failed"
        server.stop()
        limits = {"concurrency": 2, "timeout_s": 20, "retries": 1}
        seconds, done = bench.run(bench.job(2, models__m__headers=headers, models__m__limits=limits),
                                  folder / "down", (3, 4, 75))
        bench.row["one of two killed"] = f"down: exit {done.returncode} in {seconds:.0f} s"
        if "ECONNREFUSED" not in done.stderr:
            bench.faults.append(f"gateway: its ECONNREFUSED is not told: {done.stderr[-300:]}")
        yield bench


CHECKS = {"llama": check_llama, "vllm": check_vllm, "nginx": check_nginx, "gateway": check_gateway}


def table(benches):
    columns = list(dict.fromkeys(name for bench in benches for name in bench.row))
    print("\n| server | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    for bench in benches:
        print(f"| {bench.name} | " + " | ".join(str(bench.row.get(c, "")).replace("|", "/") for c in columns) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(CHECKS))
    parser.add_argument("--markets", type=int, default=8)
    options = parser.parse_args()
    benches, faults = [], []
    with tempfile.TemporaryDirectory(prefix="credence-real-") as folder:
        for name in [name for name in CHECKS if name in options.only]:
            place = pathlib.Path(folder) / name
            place.mkdir()
            try:
                for bench in CHECKS[name](options, place):
                    benches.append(bench)
            except (Missing, OSError) as reason:
                print(f"{name} skipped: {reason}", flush=True)
    for bench in benches:
        faults += bench.faults
    print("\n".join(faults) if faults else "no faults", flush=True)
    table(benches)
    sys.exit(1 if faults else 0 if benches else harness.SKIPPED)


if __name__ == "__main__":
    main()
