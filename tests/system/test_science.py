"""Agents whose behaviour has a closed form: whole runs give what the formulas of src/model/sim/sim.h say.

test_science.py [--claims N]: 10,000 propositions in the suite; more by the argument. Accuracies are held to the
exact central binomial interval of 99.9 %; the draws come from the job's seed, so a passing test goes on passing.
"""

import argparse
import fractions
import functools
import json
import math
import statistics
import sys
import unittest

import harness

OPTIONS = argparse.Namespace(claims=10000)
NORMAL = statistics.NormalDist()
MAX_ITERATIONS_REASON, EQUILIBRIUM_REASON = 2, 1

# argv: run.h5. Prints, for each cell: how many judgments are right at each t (a tie is half), how often the first
# argument moved the price, whether each move is 0 or SHARE of the way to 0, and how its episodes ended.
READ = """
import h5py, json, sys
import numpy as np
def tally(a):
    values, counts = np.unique(a, return_counts=True)
    return {int(v): int(c) for v, c in zip(values, counts)}
def scores(f, rows, label):
    if "outcome_price" in f and f["outcome_price"].shape[2] > 1:
        p = f["outcome_price"][()][rows]
        best = p == np.nanmax(p, axis=2, keepdims=True)
        hit = np.take_along_axis(best, label[:, None, None].astype(int), axis=2)[:, :, 0]
        return np.where(np.isnan(p[:, :, 0]), np.nan, hit / best.sum(axis=2))
    p = f["price"][()][rows]
    side = np.where(p > 0.5, 1, np.where(p < 0.5, 0, 0.5))
    return np.where(np.isnan(p), np.nan, np.where(label[:, None] > 0, side, 1 - side))
with h5py.File(sys.argv[1]) as f:
    cell = f["cell"][()]
    label = f["propositions/label"][()][f["proposition"][()]]
    out = []
    for i in range(len(f["cells/name"])):
        rows = cell == i
        score = scores(f, rows, label[rows])
        price = f["price"][()][rows]
        one = {"n": int(rows.sum()), "right": np.nansum(score, axis=0).tolist(),
               "status": tally(f["status"][()][rows]), "reason": tally(f["stop_reason"][()][rows]),
               "iterations": tally(f["iterations"][()][rows])}
        last = f["iterations"][()][rows].astype(int) - 1
        one["final"] = float(np.nansum(score[np.arange(len(score)), np.maximum(last, 0)]))
        if price.shape[1] > 1:
            step = price[:, :-1] - price[:, 1:]
            one["moved"] = int((np.abs(step[:, 0]) > 1e-9).sum())
            share = np.where(np.abs(step) > 1e-9, step / price[:, :-1], np.nan)
            share = share[~np.isnan(share)]
            one["shares"] = [float(share.min()), float(share.max())] if len(share) else []
        out.append(one)
print(json.dumps(out))
"""


@functools.lru_cache
def binomial_interval(n, p):
    """The central interval that a binomial count leaves with probability 0.001 at most."""
    if p in (0, 1):
        return n * p, n * p
    below, low, high = 0.0, None, None
    for k in range(n + 1):
        below += math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) +
                          k * math.log(p) + (n - k) * math.log1p(-p))
        low = k if low is None and below > 0.0005 else low
        if below >= 0.9995:
            high = k
            break
    return low, n if high is None else high


def at_most(n, p, k):
    """P(a binomial count of N is K at most)."""
    return sum(math.comb(n, i) * p ** i * (1 - p) ** (n - i) for i in range(k + 1))


def majority(k, c):
    return 1 - at_most(k, c, k // 2)


def opening(c, noise):
    stays = NORMAL.cdf(1 / noise) if noise else 1
    return c * stays + (1 - c) * (1 - stays)


def argued(c, against, flips, n, persuasion):
    """Accuracy of a maker of competence C after N arguments for one side, FLIPS of which turn it over."""
    stays = at_most(n, persuasion, flips - 1)
    return c * stays if against else 1 - (1 - c) * stays


class ScienceTest(harness.TestCase):
    def sim(self, **dials):
        return {"api": "sim", "competence": 0.7, "noise": 0, "stubbornness": 0, "persuasion": 0.5, **dials}

    def finished(self, name, models, cells, items, framing="binary", **cell):
        """The cells of a run over ITEMS, by the names that the test calls them."""
        harness.python_with("h5py", "numpy")
        path = self.dir / f"{name}.jsonl"
        path.write_text("".join(json.dumps(item) + "\n" for item in items))
        names = [cell["name"] for cell in cells]
        first, *more = [{k: v for k, v in cell.items() if k != "name"} for cell in cells]
        job = {"name": name, "seed": 11, "models": models, "output": {"text": False},
               "benchmarks": {"c": {"format": "jsonl", "path": str(path), "framing": framing}},
               "cell": {"benchmark": "c", "maker": next(iter(models)), **cell, **first}, "cells": more}
        self.out = self.dir / name
        took = harness.run("run", self.write_job(job, f"{name}.json"), "-o", self.out, "--quiet",
                           timeout=600).seconds
        read = json.loads(harness.python(READ, self.out / "run.h5", modules=("h5py", "numpy"), timeout=300))
        print(f"{name}: {len(read)} cells of {len(items)} propositions in {took:.1f} s", file=sys.stderr)
        self.assertEqual(len(names), len(read))
        return dict(zip(names, read))

    def claims(self, count=None):
        return [{"id": f"c{i}", "label": i % 2 == 0, "proposition": f"Claim number {i} of the list holds."}
                for i in range(count or OPTIONS.claims)]

    def assert_share(self, count, n, expected, what):
        low, high = binomial_interval(n, expected)
        print(f"  {what}: {count / n:.4f}, formula {expected:.4f} ({low / n:.4f} to {high / n:.4f})",
              file=sys.stderr)
        self.assertTrue(low <= count <= high, f"{what}: {count} of {n}, expected {low} to {high}")

    def assert_analyze_says(self, read):
        """The table of `analyze` has the accuracies that were counted from the prices here."""
        table = json.loads(harness.run("analyze", self.out, "--format", "json", "--resamples", "100").out)
        self.assertEqual(len(read), len(table["groups"]))
        for (name, cell), group in zip(read.items(), table["groups"]):
            said = group["accuracy"]
            self.assertEqual((cell["n"], cell["n"]), (said["n"], said["scored"]), name)
            self.assertAlmostEqual(cell["final"] / cell["n"], said["final"], places=9, msg=name)

    def test_single_shot_accuracy_is_that_of_the_closed_form(self):
        wanted = {f"c={c} noise={noise}": (c, noise) for c in (0.55, 0.7, 0.9) for noise in (0, 0.3, 1)}
        models = {f"m{i}": self.sim(competence=c, noise=n) for i, (c, n) in enumerate(wanted.values())}
        cells = [{"name": name, "maker": f"m{i}"} for i, name in enumerate(wanted)]
        # What is malformed is repaired, and an answer after a repair is as good as any.
        models["bad"] = self.sim(noise=0.3, malformed=0.5)
        cells.append({"name": "malformed", "maker": "bad", "repairs": 16})
        wanted["malformed"] = (0.7, 0.3)
        read = self.finished("single", models, cells, self.claims(), protocol="single")
        for name, (c, noise) in wanted.items():
            self.assertEqual({"1": OPTIONS.claims}, read[name]["status"], name)
            self.assert_share(read[name]["right"][0], OPTIONS.claims, opening(c, noise), name)
        self.assert_analyze_says(read)

    def test_options_and_quantities_are_found_as_often_as_the_agent_is_competent(self):
        n = OPTIONS.claims
        items = [{"id": f"q{i}", "question": f"Which is number {i}?", "options": ["one", "two", "three", "four"],
                  "label": i % 4} for i in range(n)]
        cells = [{"name": "verbal"}, {"name": "logprob", "elicitation": "logprob"}]
        read = self.finished("options", {"m": self.sim(competence=0.6)}, cells, items, "categorical",
                             protocol="single")
        for name in ("verbal", "logprob"):
            self.assertEqual({"1": n}, read[name]["status"])
            self.assert_share(read[name]["right"][0], n, 0.6, f"four options, {name}")
        items = [{"id": f"q{i}", "question": f"How long is river {i}?", "value": 100 + i % 700, "unit": "km",
                  "range": [0, 1000]} for i in range(n)]
        self.finished("quantities", {"m": self.sim(competence=0.6)}, [{"name": "verbal"}], items, "continuous",
                      protocol="single")
        prices = harness.read_run(self.out / "run.h5", "price")["price"]
        hits = sum(abs(p[0] * 1000 - item["value"]) < 1e-4 for p, item in zip(prices, items))
        self.assert_share(hits, n, 0.6, "quantities")

    def test_self_consistency_rises_with_k_as_the_binomial_says(self):
        ks, c, n = (1, 3, 5, 9), 0.6, OPTIONS.claims
        cells = [{"name": f"k={k}", "samples": k} for k in ks]
        # Votes of one judgment share a belief: k of them show what it is, not whether it is right.
        cells.append({"name": "votes", "protocol": "single", "elicitation": "sampled", "samples": 5})
        read = self.finished("self_consistency", {"m": self.sim(competence=c)}, cells, self.claims(),
                             protocol="self_consistency")
        for k in ks:
            self.assert_share(read[f"k={k}"]["final"], n, majority(k, c), f"k={k}")
            self.assert_share(read["k=9"]["right"][k - 1], n, majority(k, c), f"the first {k} of 9")
        for fewer, more in zip(ks, ks[1:]):
            gained = (read[f"k={more}"]["final"] - read[f"k={fewer}"]["final"]) / n
            self.assertGreater(gained, (majority(more, c) - majority(fewer, c)) / 3, f"{fewer} to {more}")
        seen = majority(5, 0.75)
        self.assert_share(read["votes"]["final"], n, c * seen + (1 - c) * (1 - seen), "five votes")
        self.assert_analyze_says(read)

    def test_adversarial_is_below_free_below_truthful(self):
        c, trader, persuasion, n = 0.6, 0.8, 0.5, OPTIONS.claims
        models = {"maker": self.sim(competence=c, persuasion=persuasion),
                  "stubborn": self.sim(competence=c, persuasion=0.3, stubbornness=0.25),
                  "trader": self.sim(competence=trader, strength=1), "weak": self.sim(strength=0.4)}
        cells = [{"name": s, "stance": s} for s in ("free", "truthful", "adversarial")]
        cells.append({"name": "weak", "stance": "adversarial", "maker": "stubborn", "trader": "weak"})
        read = self.finished("stances", models, cells, self.claims(), protocol="market", trader="trader",
                             stop={"rule": "fixed"}, max_iterations=3)
        for t in range(4):
            truthful, against = (argued(c, a, 1, t, persuasion) for a in (False, True))
            free = trader * truthful + (1 - trader) * against
            for name, expected in (("truthful", truthful), ("free", free), ("adversarial", against)):
                self.assert_share(read[name]["right"][t], n, expected, f"{name}, t={t}")
            # 0.75 needs two pushes of (1 - 0.25) * 0.4 of the way to fall below one half.
            self.assert_share(read["weak"]["right"][t], n, argued(c, True, 2, t, 0.3), f"weak, t={t}")
        for below, above in (("adversarial", "free"), ("free", "truthful")):
            self.assertGreater(read[above]["final"] - read[below]["final"], 0.1 * n, f"{below} under {above}")
        self.assert_persuasion(read, persuasion)
        self.assert_analyze_says(read)

    def assert_persuasion(self, read, persuasion):
        n = OPTIONS.claims
        for name in ("free", "truthful", "adversarial"):
            self.assert_share(read[name]["moved"], n, persuasion, f"{name}: arguments that persuade")
        self.assert_share(read["weak"]["moved"], n, 0.3, "weak: arguments that persuade")

    def test_a_push_goes_exactly_as_far_as_the_dials_say(self):
        models = {"maker": self.sim(persuasion=0.3, stubbornness=0.25), "weak": self.sim(strength=0.4)}
        read = self.finished("push", models, [{"name": "down", "stance": "down"}], self.claims(1000),
                             protocol="market", trader="weak", stop={"rule": "fixed"}, max_iterations=5)
        least, most = read["down"]["shares"]
        self.assertAlmostEqual(0.3, least, places=4)
        self.assertAlmostEqual(0.3, most, places=4)

    def test_a_contraction_is_in_equilibrium_when_the_formula_says(self):
        rates, thresholds, windows = ("0.2", "0.35", "0.5", "0.65", "0.8"), (
            "0.03", "0.05", "0.1", "0.15", "0.2", "0.3", "0.5"), (2, 3, 5)
        longest, count, n = 12, 20, OPTIONS.claims
        models = {f"m{r}": self.sim(behaviour="contraction", rate=float(r)) for r in rates}
        cells = [{"name": f"{r} {t} {w}", "maker": f"m{r}", "stop": {"threshold": float(t), "window": w}}
                 for r in rates for t in thresholds for w in windows]
        read = self.finished("contraction", models, cells, self.claims(count), protocol="market",
                             max_iterations=longest)
        ends = {cell["name"]: self.rest_of(*cell["name"].split()) for cell in cells}
        for name, end in ends.items():
            reason = EQUILIBRIUM_REASON if end <= longest else MAX_ITERATIONS_REASON
            self.assertEqual(({str(reason): count}, {str(min(end, longest) + 1): count}),
                             (read[name]["reason"], read[name]["iterations"]), name)
        self.assertTrue({1, 2, 3, 4, 5, 8}.issubset(ends.values()), ends)
        self.assertGreater(max(ends.values()), longest, "some never rest in time")
        cells = [{"name": "refined", "maker": "m0.5"}]
        refined = self.finished("refined", models, cells, self.claims(), protocol="self_refine")["refined"]
        self.assertEqual({str(self.rest_of("0.5", "0.2", 3) + 1): n}, refined["iterations"])
        self.assert_share(refined["right"][0], n, 1 - 0.7, "contraction at t=0")
        self.assert_share(refined["final"], n, 0.7, "contraction at rest")

    def rest_of(self, rate, threshold, window):
        """First t at which the last WINDOW of 0.9 - 0.8 rate^t lie within THRESHOLD, without any rounding."""
        rate, threshold, window = fractions.Fraction(rate), fractions.Fraction(threshold), int(window)
        spread, later = fractions.Fraction(4, 5) * (1 - rate ** (window - 1)), 0
        while spread * rate ** later > threshold:
            later += 1
        closed = max(0, math.ceil(math.log(threshold / spread) / math.log(rate) - 1e-9))
        self.assertEqual(closed, later, "the formula of sim.h")
        # Prices have six digits, so only an exact equality may be nearer than that.
        nearest = min(abs(spread * rate ** k - threshold) for k in range(later + 2))
        self.assertTrue(nearest == 0 or nearest > fractions.Fraction(3, 10 ** 6), (rate, threshold, window))
        return window - 1 + later

    def test_an_oscillator_never_rests(self):
        n = OPTIONS.claims // 5
        cells = [{"name": f"T={t}", "stop": {"threshold": t}} for t in (0.05, 0.2, 0.79, 0.8)]
        read = self.finished("oscillator", {"m": self.sim(behaviour="oscillator")}, cells, self.claims(n),
                             protocol="market", max_iterations=10)
        for name in ("T=0.05", "T=0.2", "T=0.79"):
            self.assertEqual(({str(MAX_ITERATIONS_REASON): n}, {"11": n}),
                             (read[name]["reason"], read[name]["iterations"]), name)
        # 0.9 - 0.1 is 0.8 to people, if not to doubles.
        self.assertEqual(({str(EQUILIBRIUM_REASON): n}, {"3": n}),
                         (read["T=0.8"]["reason"], read["T=0.8"]["iterations"]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--claims", type=int, default=10000)
    OPTIONS, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    harness.main()
