"""What version 0.1 left behind (run.h5 of schema 1, tapes of version 1) is still read, and gone on with.

tests/data/schema1 was made by that version: job.json stopped by its budget of calls after 20 of 24
episodes (run/), and the result file of the same run once it was allowed to end (complete.h5). prompts/ is the set that it
shipped: the same words make the same job, so a directory of then is gone on with by who kept them.
"""

import json
import shutil

import harness

DATA = harness.SOURCE / "tests" / "data" / "schema1"
# What an episode holds; the schema of today has more variables.
KEPT = ("price", "outcome_price", "cell", "proposition", "replicate", "iterations", "status", "stop_reason",
        "total_tokens", "total_calls", "repairs")
MORE = ["run", "job.json", "--set", "budget.calls=1000", "--quiet"]


class Schema1Test(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.data = self.dir / "data"
        shutil.copytree(DATA, self.data)

    def credence(self, *arguments, expect=0):
        return harness.run(*arguments, cwd=self.data, expect=expect, env={"CREDENCE_DATA_DIR": str(self.data)})

    def assert_kept(self, path, finished_only=False):
        """PATH holds what complete.h5 does; with FINISHED_ONLY, of its episodes that are not pending."""
        want = harness.read_run(self.data / "complete.h5", *KEPT)
        have = harness.read_run(path, *KEPT)
        for name in KEPT:
            for e, status in enumerate(have["status"]):
                if not finished_only or status != 0:
                    self.assertEqual(repr(want[name][e]), repr(have[name][e]), f"{name}, episode {e}")

    def test_its_files_are_shown_and_analyzed(self):
        status = json.loads(self.credence("status", "run", "--json").out)
        self.assertEqual((20, 24), (status["done"] + status["invalid"] + status["failed"], status["episodes"]))
        self.assertIn("Snow is white.", self.credence("show", "run", "--episode", "0").out)
        groups = json.loads(self.credence("analyze", "complete.h5", "--format", "json").out)["groups"]
        self.assertEqual([8, 8, 4, 4], [group["accuracy"]["n"] for group in groups])
        self.credence("export", "complete.h5", "--to", "tables")
        calls = [json.loads(line) for line in (self.data / "tables" / "calls.jsonl").read_text().splitlines()]
        # A 503 was "server" or "rate" then too; "none" is what most calls say.
        self.assertEqual({"none", "rate"}, {call["reason"] for call in calls})
        self.assertTrue(all(call["text"] is not None for call in calls if call["reason"] == "none"))

    def test_merging_it_makes_a_file_of_today(self):
        self.credence("merge", "-o", "merged.h5", "complete.h5", expect=3)
        self.assertEqual(2, harness.attributes(self.data / "merged.h5")["schema"])
        self.assert_kept(self.data / "merged.h5")
        reasons = harness.read_run(self.data / "merged.h5", "reason", "repair_reason", "calls/reason")
        self.assertEqual({0}, set(reasons["reason"]))
        self.assertGreater(len(set(reasons["calls/reason"])), 1)

    def test_its_tape_rebuilds_what_was_finished(self):
        self.credence("rebuild", "run", expect=75)
        self.assert_kept(self.data / "run" / "run.h5", finished_only=True)
        done = [s for s in harness.read_run(self.data / "run" / "run.h5", "status")["status"] if s]
        self.assertEqual(20, len(done))

    def test_its_directory_is_gone_on_with(self):
        self.credence(*MORE, "-o", "run", expect=3)
        self.assertEqual(2, harness.attributes(self.data / "run" / "run.h5")["schema"])
        have = harness.read_run(self.data / "run" / "run.h5", *KEPT, "reason")
        want = harness.read_run(self.data / "complete.h5", *KEPT)
        self.assertEqual(want["status"].count(2), have["status"].count(2), "invalid ones")
        before = harness.read_run(DATA / "run" / "run.h5", *KEPT)
        for e, status in enumerate(before["status"]):
            if status in (1, 2):  # failed ones are tried again
                for name in KEPT:
                    self.assertEqual(repr(before[name][e]), repr(have[name][e]), f"{name}, episode {e}")
        # Both launches wrote their tape.
        self.assertEqual({1, 2}, {line["v"] for line in harness.tape_lines(self.data / "run")})


if __name__ == "__main__":
    harness.main()
