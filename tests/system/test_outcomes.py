"""How a run can come out, and what the commands around it say of that."""

import csv
import io
import json
import unittest

import harness


class OutcomesTest(harness.TestCase):
    def finished(self, count=20, **changes):
        self.job = self.write_job(self.sim_job(self.write_claims(count), **changes))
        self.out = self.dir / "run"
        harness.run("run", self.job, "-o", self.out, "--quiet")
        return self.out

    def test_plan_calls_nobody_and_counts(self):
        with harness.FaultServer() as server:
            job = self.write_job(self.http_job(server.url, self.write_claims(10), grid={
                "stop.threshold": [0.1, 0.2, 0.3], "stop.window": [3, 4]}))
            text = harness.run("plan", job).out
            self.assertEqual(0, server.stats()["requests"])
        self.assertRegex(text, r"(?i)\b6\b.*cells|cells.*\b6\b")
        self.assertRegex(text, r"(?i)\b60\b.*episodes|episodes.*\b60\b")
        self.assertRegex(text, r"(?i)\b10\b.*trajectories|trajectories.*\b10\b")
        self.assertEqual([], list(self.dir.glob("run*")))

    def test_status_of_a_finished_run(self):
        state = json.loads(harness.run("status", self.finished(), "--json").out)
        self.assertEqual((20, 20), (state["done"], state["episodes"]), state)
        self.assertIn("20", harness.run("status", self.out).out)

    def test_status_of_a_live_and_of_a_dead_run(self):
        gate = self.gate(after=10, most=4)
        with harness.FaultServer({"latency_ms": 5, "rules": [gate.rule]}) as server:
            job = self.write_job(self.http_job(server.url, self.write_claims(40),
                                               models__m__limits__concurrency=4))
            out = self.dir / "run"
            process = harness.start("run", job, "-o", out)
            try:
                harness.wait_for(lambda: gate.is_reached(server), 60, "calls")
                harness.wait_for((out / "status.json").exists, 60, "status.json")
                live = json.loads(harness.run("status", out, "--json").out)
                self.assertEqual(40, live["episodes"], live)
            finally:
                harness.kill_all(process)
            # It was written moments ago, so it may take a beat to be known as dead.
            dead = harness.wait_for(lambda: self.is_dead(out), 120, "known as dead")
        self.assertEqual(("running", 40), (live["state"], dead["episodes"]), dead)
        self.assertIn("resume", harness.run("status", out).out)

    def is_dead(self, out):
        state = json.loads(harness.run("status", out, "--json").out)
        return state if state["state"] == "dead" else None

    def test_analyze_speaks_four_formats_with_the_same_numbers(self):
        out = self.finished(60)
        table = json.loads(harness.run("analyze", out, "--format", "json").out)
        cell = table["groups"][0]["accuracy"]
        rows = list(csv.DictReader(io.StringIO(
            harness.run("analyze", out, "--format", "csv").out)))
        self.assertEqual(60, cell["n"], cell)
        self.assertAlmostEqual(cell["final"], float(rows[0]["final"]), places=9)
        shown = harness.run("analyze", out)
        self.assertIn("simulated", (shown.out + shown.err).lower())
        self.assertIn("|", harness.run("analyze", out, "--format", "md").out)

    def test_show_reads_like_a_conversation(self):
        out = self.finished()
        text = harness.run("show", out, "--episode", "3").out
        self.assertIn("Claim number 3 of the list holds.", text)
        self.assertEqual(text, harness.run("show", out, "--item", "c3").out)
        self.assertNotEqual(0, harness.run("show", out, "--episode", "999", expect=None).code)

    def test_failed_episodes_are_exit_3_and_not_scored(self):
        rules = [{"fault": "404", "contains": "Claim number 5 ", "times": 0}]
        with harness.FaultServer({"rules": rules}) as server:
            job = self.write_job(self.http_job(server.url, self.write_claims(10)))
            result = harness.run("run", job, "-o", self.dir / "run", expect=3)
        self.assertRegex(result.err, "404")
        self.assertIn(server.url, result.err)
        sets = harness.read_run(self.dir / "run" / "run.h5", "status", "price")
        self.assertEqual([1] * 5 + [3] + [1] * 4, sets["status"])
        table = json.loads(harness.run("analyze", self.dir / "run", "--format", "json").out)
        group = table["groups"][0]["accuracy"]
        self.assertEqual((10, 1, 9), (group["n"], group["failed"], group["scored"]))

    def test_answers_that_stay_unusable_are_invalid_and_wrong(self):
        rules = [{"fault": "garbage", "contains": "Claim number 5 ", "times": 0}]
        with harness.FaultServer({"rules": rules}) as server:
            job = self.write_job(self.http_job(server.url, self.write_claims(10)))
            harness.run("run", job, "-o", self.dir / "run")
            self.assertEqual(3, server.stats()["faults"]["garbage"], "two repair turns")
        self.assertEqual([1] * 5 + [2] + [1] * 4, harness.read_run(
            self.dir / "run" / "run.h5", "status")["status"])

    def test_a_log_line_where_there_is_no_terminal(self):
        result = harness.run("run", self.write_job(self.sim_job(self.write_claims(5))),
                             "-o", self.dir / "run")
        self.assertNotIn("\r", result.err)
        self.assertNotIn("\x1b", result.err)


if __name__ == "__main__":
    harness.main()
