"""Locked hypotheses: what was said before the first reply is told apart from all that was said later."""

import json
import math
import shutil
import unittest

import harness

HYPOTHESES = [
    {"name": "honest arguments help", "contrast": "gain", "direction": "greater", "cells": ["honest", "quiet"]},
    {"name": "markets gain", "contrast": "gain", "direction": "greater", "cells": ["c"]},
    {"name": "scores fall", "contrast": "brier", "direction": "less", "cells": ["honest", "quiet"]},
    {"name": "truth pays", "contrast": "agent-score", "direction": "greater", "cells": ["honest", "liar"]},
    {"name": "any difference", "contrast": "final", "cells": ["honest", "c"]},
]
# argv: file, attribute's new text.
REWRITE = """
import h5py, sys
with h5py.File(sys.argv[1], "r+") as f:
    f.attrs["hypotheses"] = sys.argv[2]
"""
# argv: run.h5. An independent computation of the first hypothesis: mean gain, honest less quiet, by proposition.
GAINS = """
import h5py, json, sys
import numpy as np
with h5py.File(sys.argv[1]) as f:
    names = [n.decode() for n in f["cells/name"][()]]
    label = f["propositions/label"][()][f["proposition"][()]]
    price, n = f["price"][()], f["iterations"][()].astype(int)
    points = lambda p: np.where(p == 0.5, 0.5, (p > 0.5) == (label == 1))
    rows = np.arange(len(n))
    last = points(price[rows, n - 1])
    gain = last - points(price[:, 0])
    brier = (price[rows, n - 1] - label) ** 2
    q = np.clip(np.where(label == 1, price[rows, n - 1], 1 - price[rows, n - 1]), 1e-6, 1 - 1e-6)
    cell = {name: f["cell"][()] == i for i, name in enumerate(names)}
    print(json.dumps([gain[cell["honest"]].mean() - gain[cell["quiet"]].mean(), gain[cell["c"]].mean(),
                      brier[cell["honest"]].mean() - brier[cell["quiet"]].mean(),
                      np.log(q[cell["honest"]]).mean() - np.log(1 - q[cell["liar"]]).mean(),
                      last[cell["honest"]].mean() - last[cell["c"]].mean()]))
"""


def holm(values):
    order = sorted(range(len(values)), key=lambda i: values[i])
    out, worst = [0.0] * len(values), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(values) - rank) * values[i]))
        out[i] = worst
    return out


class StudyTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.claims = self.write_claims(120)

    def job(self, name="job.json", hypotheses=HYPOTHESES, **changes):
        return self.write_job(self.sim_job(self.claims, cells=[
            {"name": "quiet", "protocol": "self_refine"}, {"name": "honest", "stance": "truthful"},
            {"name": "liar", "stance": "adversarial"}], hypotheses=hypotheses, **changes), name)

    def analyze(self, *paths):
        return json.loads(harness.run("analyze", *paths, "--format", "json").out)["confirmatory"]

    def run_job(self, job, name="run", *more, **options):
        return harness.run("run", job, "-o", self.dir / name, "--quiet", *more, **options)

    def test_what_was_locked_first_is_tested_first_and_apart(self):
        self.run_job(self.job())
        got = self.analyze(self.dir / "run")
        self.assertEqual([one["name"] for one in got], [one["name"] for one in HYPOTHESES])
        self.assertTrue(all(one["confirmatory"] and one["locked_replies"] == 0 for one in got))
        for one, want in zip(got, json.loads(harness.python(GAINS, self.dir / "run" / "run.h5"))):
            self.assertAlmostEqual(one["difference"], want, delta=1e-9, msg=one["name"])
        for one, want in zip(got, holm([one["p"] for one in got])):
            self.assertAlmostEqual(one["p_holm"], want, delta=1e-9)
        self.assertEqual(got[0]["outcome"], "found")
        text = harness.run("analyze", self.dir / "run").out
        self.assertLess(text.index("hypotheses, as they were locked"), text.index("accuracy, opening against"))
        lines = harness.run("analyze", self.dir / "run", "--section", "confirmatory",
                            "--format", "csv").out.splitlines()
        self.assertEqual(len(lines), 1 + len(HYPOTHESES))
        self.assertIn("why_not", lines[0])
        attribute = json.loads(harness.attributes(self.dir / "run" / "run.h5")["hypotheses"])
        self.assertEqual(attribute, json.loads((self.dir / "run" / "hypotheses.json").read_text()))

    def test_changed_and_added_ones_are_exploratory_and_the_locked_ones_stay(self):
        self.run_job(self.job())
        changed = [dict(HYPOTHESES[0], direction="less"), HYPOTHESES[1],
                   {"name": "new", "contrast": "final", "cells": ["liar", "c"]}]
        self.run_job(self.job("later.json", changed))
        got = self.analyze(self.dir / "run")
        self.assertEqual([one["confirmatory"] for one in got], [True] * 5 + [False] * 2)
        self.assertEqual(got[5]["outcome"], "exploratory")
        self.assertIsNone(got[6]["p_holm"])
        self.assertIn("changed after", got[6]["why_not"])
        self.assertIn("new is not confirmatory", harness.run("analyze", self.dir / "run").out)
        harness.run("rebuild", self.dir / "run")
        self.assertEqual(self.analyze(self.dir / "run"), got)

    def test_a_lock_after_the_first_reply_says_how_much_was_known(self):
        self.run_job(self.job("none.json", []), "run", "--set", "budget.calls=900", expect=75)
        self.assertFalse((self.dir / "run" / "hypotheses.json").exists())
        self.run_job(self.job())
        lock = json.loads((self.dir / "run" / "hypotheses.json").read_text())
        self.assertGreaterEqual(lock["replies"], 900)
        self.assertGreater(lock["episodes_done"], 0)
        for one in self.analyze(self.dir / "run"):
            self.assertFalse(one["confirmatory"])
            self.assertIn(f"after {lock['replies']} replies", one["why_not"])

    def test_an_incomplete_run_is_an_interim_look(self):
        self.run_job(self.job(), "run", "--set", "budget.calls=900", expect=75)
        outcomes = {one["outcome"] for one in self.analyze(self.dir / "run")}
        self.assertEqual(outcomes, {"interim"})

    def test_replies_of_other_runs_confirm_nothing(self):
        self.run_job(self.job())
        self.run_job(self.job("cached.json", cache=[str(self.dir / "run")]), "cached")
        self.assertTrue(all("cache" in one["why_not"] for one in self.analyze(self.dir / "cached")))
        self.run_job(self.job("replay.json", models={"m": {
            "api": "replay", "tapes": [str(self.dir / "run")], "competence": 0.7, "noise": 0.3}}), "replay")
        got = self.analyze(self.dir / "replay")
        self.assertTrue(all("answered from a tape" in one["why_not"] for one in got), got)

    def test_a_probe_locks_before_its_calls(self):
        job = self.job()
        harness.run("probe", job, "-o", self.dir / "run", expect=None)
        self.run_job(job)
        self.assertTrue(all(one["confirmatory"] for one in self.analyze(self.dir / "run")))

    def test_shards_and_their_merged_file_say_the_same(self):
        job = self.job()
        parts = [self.dir / "run1", self.dir / "run2"]
        for i, part in enumerate(parts):
            self.run_job(job, part.name, "--shard", f"{i + 1}/2")
        harness.run("merge", "-o", self.dir / "m.h5", *parts)
        self.run_job(job, "whole")
        for got in (self.analyze(*parts), self.analyze(self.dir / "m.h5")):
            want = self.analyze(self.dir / "whole")
            for a, b in zip(got, want):
                a.pop("locked_at"), b.pop("locked_at")
            self.assertEqual(got, want)
        late = self.job("none.json", [])
        self.run_job(late, "late", "--shard", "2/2")
        harness.run("merge", "-o", self.dir / "l.h5", parts[0], self.dir / "late")
        for got in (self.analyze(parts[0], self.dir / "late"), self.analyze(self.dir / "l.h5")):
            self.assertTrue(all("does not match its hash" in one["why_not"] for one in got), got)

    def test_a_forged_record_is_not_believed(self):
        self.run_job(self.job())
        lock = json.loads(harness.attributes(self.dir / "run" / "run.h5")["hypotheses"])

        def forged(text):
            file = shutil.copy(self.dir / "run" / "run.h5", self.dir / "forged.h5")
            harness.python(REWRITE, file, text)
            return self.analyze(file)

        lock["hypotheses"][0]["direction"] = "less"
        self.assertTrue(all(not one["confirmatory"] for one in forged(json.dumps(lock))))
        for text in ("[", "{}", "x" * 100000, "\x1b[31m", json.dumps(lock)[:-40]):
            got = forged(text)
            self.assertEqual(len(got), len(HYPOTHESES))  # those of the job
            self.assertTrue(all("cannot be read" in one["why_not"] for one in got), got)
        lock["hypotheses"][0]["cells"] = ["nowhere", "quiet"]
        self.assertEqual(forged(json.dumps(lock))[0]["pairs"], 0)
        (self.dir / "run" / "hypotheses.json").write_text("{")
        told = self.run_job(self.job("other.json", HYPOTHESES[:1]), expect=None)
        self.assertNotEqual(told.code, 0)
        self.assertIn("hypotheses.json", told.err)

    def test_plan_says_what_a_wanted_difference_needs(self):
        job = self.job()

        def power(*more):
            return json.loads(harness.run("plan", job, "--json", *more).out)["power"][0]

        z = 2.5758293035489 + 0.8416212335729  # 1 - 0.05 / (2 * 5), 5 hypotheses; 0.8
        for wanted, flips in ((0.05, 0.2), (0.02, 0.2), (0.1, 0.35)):
            got = power("--difference", wanted, "--flips", flips)
            self.assertEqual((got["comparisons"], got["wanted"]), (5, wanted))
            detectable = z * (flips / 120) ** 0.5
            self.assertAlmostEqual(got["detectable"], detectable, delta=1e-9)
            self.assertEqual(got["needed_questions"], math.ceil(120 * (detectable / wanted) ** 2))
            self.assertEqual(got["needed_replicates"], math.ceil((detectable / wanted) ** 2))
        self.assertIn("2 points need", harness.run("plan", job, "--difference", "0.02").out)
        self.run_job(job)
        self.assertTrue(power("--like", self.dir / "run")["is_pilot"])
        for bad in ("0", "2", "five", "0.05x", "nan"):
            told = harness.run("plan", job, "--difference", bad, expect=2)
            self.assertIn("expected a number from 0.0001 to 1", told.err)

    def test_what_if_lists_its_axes_and_rules(self):
        self.run_job(self.job())
        for what, words in (("length=3", ("stop.rule, stop.window, stop.threshold, max_iterations",)),
                            ("rule=patient", ("range", "patience", "confidence", "did you mean 'patience'?"))):
            told = harness.run("analyze", self.dir / "run", "--what-if", what, expect=2).err
            for word in ("expected one of: ", *words):
                self.assertIn(word, told)
        short, full = (harness.run("analyze", self.dir / "run", "--what-if", axis + "=fixed", "--format", "json").out
                       for axis in ("rule", "stop.rule"))
        self.assertEqual(json.loads(short)["what_if"], json.loads(full)["what_if"])

    def test_mistakes_are_named_with_the_nearest_name(self):
        wrong = [{"name": "a", "contrast": "gian", "cells": ["c"]},
                 {"name": "b", "contrast": "final", "cells": ["honst", "quiet"]},
                 {"name": "c", "contrast": "final", "cells": ["honest"]},
                 {"name": "d", "contrast": "gain", "direction": "greatr", "cells": ["c"]},
                 {"name": "e", "contrast": "final", "cells": ["c", "c"]},
                 {"name": "e", "contrast": "gain", "cells": ["c"], "cell": 1}, 3,
                 {"name": "b", "contrast": "gain", "cells": ["c"]}]
        told = harness.run("plan", self.job(hypotheses=wrong), expect=2).err
        for text in ("hypotheses[0].contrast: found 'gian'", "did you mean 'gain'?",
                     "hypotheses[1].cells[0]: found 'honst'", "did you mean 'honest'?",
                     "hypotheses[2].cells: found 1, expected two names", "did you mean 'greater'?",
                     "hypotheses[4].cells: names 'c' twice", "hypotheses[5].cell",
                     "hypotheses[6]: found a number", "hypotheses[7].name: 'b' is hypotheses[1] already"):
            self.assertIn(text, told)


if __name__ == "__main__":
    harness.main()
