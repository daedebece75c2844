"""A bad job is refused whole: every mistake with its place, and nothing is touched."""

import json
import os
import re
import subprocess
import unittest

import harness

BAD = """{
  "name": "bad",
  "seed": 1,
  "models": { "m": { "api": "opnai", "model": "x", "endpoints": ["http://127.0.0.1:9/v1"],
                     "limits": { "concurency": 4 } } },
  "benchmarks": { "c": { "format": "jsonl", "path": "CLAIMS" } },
  "cell": { "protocol": "markt", "benchmark": "c", "maker": "m", "trader": "n",
            "stop": { "window": 3, "threshold": -0.2 } }
}
"""
PLACES = {  # line of the mistake: (what the message names, what it offers)
    4: ("models.m.api", "openai"),
    5: ("models.m.limits.concurency", "concurrency"),
    7: ("cell.protocol", "market"),
    8: ("cell.stop.threshold", ""),
}


class BadJobTest(harness.TestCase):
    def refuse(self, text, *arguments):
        path = self.dir / "job.json"
        path.write_text(text.replace("CLAIMS", str(self.write_claims(2))))
        before = sorted(self.dir.rglob("*"))
        result = harness.run("run", path, "-o", self.dir / "out", *arguments, expect=2)
        self.assertEqual(before, sorted(self.dir.rglob("*")), "nothing is written")
        self.assertEqual("", result.out)
        return result.err

    def test_five_mistakes_give_five_located_messages(self):
        err = self.refuse(BAD)
        located = re.findall(r"job\.json:(\d+):(\d+): *(.*)", err)
        self.assertEqual(5, len(located), err)
        for line, (named, offered) in PLACES.items():
            text = " ".join(t for n, _, t in located if int(n) == line)
            self.assertIn(named, text, err)
            self.assertIn(offered, text, err)
        self.assertIn("cell.trader", err)

    def test_a_name_has_an_end(self):
        for where in ("models", "benchmarks", "cells", "hypotheses"):
            job = self.sim_job(self.write_claims(2))
            name = "n" * 6_000_000
            if where in ("models", "benchmarks"):
                job[where][name] = next(iter(job[where].values()))
            else:
                job[where] = [{"name": name}]
            result = harness.run("run", self.write_job(job), "-o", self.dir / "run", expect=2)
            self.assertIn(f"{where}: the name 'nnnn", result.err)
            self.assertIn("6000000 bytes, at most 200 are allowed", result.err)
            self.assertLess(len(result.err), 4000)

    def test_plan_refuses_what_run_refuses(self):
        path = self.dir / "job.json"
        path.write_text(BAD.replace("CLAIMS", str(self.write_claims(2))))
        plan = harness.run("plan", path, expect=2)
        run = harness.run("run", path, "-o", self.dir / "out", expect=2)
        found = re.findall(r":\d+:\d+:.*", plan.err)
        self.assertEqual(found, re.findall(r":\d+:\d+:.*", run.err))
        self.assertFalse((self.dir / "out").exists())

    def test_text_that_is_no_json_is_located(self):
        self.assertRegex(self.refuse('{"name": "x",\n "seed" 1}'), r"job\.json:2:\d+")

    def test_a_key_that_stands_twice_is_refused(self):
        self.assertIn("seed", self.refuse(BAD.replace('"seed": 1,', '"seed": 1, "seed": 2,')))

    def test_a_missing_benchmark_file_is_named(self):
        self.assertIn("nowhere.jsonl", self.refuse(BAD.replace("CLAIMS", "nowhere.jsonl")))

    def test_several_ranks_say_it_once(self):
        harness.mpi()
        path = self.dir / "job.json"
        path.write_text(BAD.replace("CLAIMS", str(self.write_claims(2))))
        result = harness.run("run", path, "-o", self.dir / "out", ranks=3, expect=2)
        self.assertEqual(5, len(re.findall(r"job\.json:\d+:\d+", result.err)), result.err)

    def test_a_pipe_is_read_and_its_paths_are_relative_to_where_the_command_runs(self):
        self.write_claims(3)
        job = {"name": "piped", "models": {"sim": {"api": "sim"}},
               "benchmarks": {"b": {"format": "jsonl", "path": "claims.jsonl"}},
               "cell": {"benchmark": "b", "maker": "sim"}}
        read, write = os.pipe()
        os.write(write, json.dumps(job).encode())
        os.close(write)
        done = subprocess.run([harness.CREDENCE, "plan", f"/dev/fd/{read}", "--json"], pass_fds=(read,),
                              capture_output=True, text=True, cwd=self.dir, timeout=60, check=False)
        os.close(read)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(3, json.loads(done.stdout)["propositions"])

    def test_bad_usage(self):
        for arguments in (["run"], ["rum"], ["run", "x.json", "--limitt", "3"],
                          ["run", self.dir / "absent.json"], ["show", self.dir / "none"]):
            result = harness.run(*arguments, expect=2)
            self.assertEqual("", result.out, arguments)
            self.assertNotEqual("", result.err, arguments)
        self.assertIn("run", harness.run("rum", expect=2).err)


if __name__ == "__main__":
    harness.main()
