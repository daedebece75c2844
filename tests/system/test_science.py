"""Agents whose behaviour has a closed form: whole runs give what the formulas of src/model/sim/README.md say.

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


# argv: run.h5. Prints, for each cell: the prices of every market (null: none), its label and its number of prices.
PRICES = """
import h5py, json, sys
import numpy as np
with h5py.File(sys.argv[1]) as f:
    cell, price = f["cell"][()], f["price"][()]
    label = f["propositions/label"][()][f["proposition"][()]]
    print(json.dumps([{"price": [[None if np.isnan(v) else float(v) for v in row] for row in price[cell == i]],
                       "label": label[cell == i].tolist(), "replicate": f["replicate"][()][cell == i].tolist(),
                       "row": f["proposition"][()][cell == i].tolist(),
                       "length": f["iterations"][()][cell == i].tolist()} for i in range(len(f["cells/name"]))]))
"""


# argv: run.h5. Prints, for each cell, an independent computation of what "settling" says of binary markets: the share k,
# the noise by replicates of a proposition (null: none) and by what k leaves of the moves.
SETTLING = """
import h5py, json, sys
import numpy as np
with h5py.File(sys.argv[1]) as f:
    cell, price, row, way = f["cell"][()], f["price"][()], f["proposition"][()], f["push"][()].astype(int)
    out = []
    for i in range(len(f["cells/name"])):
        p, s, q = price[cell == i], way[cell == i][:, 1:], row[cell == i]
        moves = ~np.isnan(p[:, 1:])
        said = moves & (np.abs(s) == 1)
        d = np.where(s > 0, 1 - p[:, :-1], p[:, :-1])[said]
        e = np.where(s > 0, 1 - p[:, 1:], p[:, 1:])[said]
        k = float(-(d * (e - d)).sum() / (d * d).sum()) if said.any() else None
        # Only what the range rule cannot stop: those that go on moved much.
        rule, w = f["cells/stop_rule"][i].decode(), int(f["cells/window"][i])
        early = moves & (np.arange(moves.shape[1]) < w - 1) if rule == "range" else moves
        moves, said = moves & early, said & early
        d, e = np.where(s > 0, 1 - p[:, :-1], p[:, :-1])[said], np.where(s > 0, 1 - p[:, 1:], p[:, 1:])[said]
        left = e - (1 - k) * d if said.any() else (p[:, 1:] - p[:, :-1])[moves & ~said]
        groups = [p[q == r, 0] for r in np.unique(q)] if len(np.unique(q)) < len(q) else []
        dof = sum(len(g) - 1 for g in groups)
        out.append({"k": k, "left": float(np.sqrt((left ** 2).mean())), "replicates": float(np.sqrt(
            sum(((g - g.mean()) ** 2).sum() for g in groups) / dof)) if dof else None})
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


def integral(g, low, high, steps=4000):
    """Simpson's rule."""
    h = (high - low) / steps
    return h / 3 * sum((1 if i in (0, steps) else 4 if i % 2 else 2) * g(low + i * h) for i in range(steps + 1))


def range_of_a_walk(r):
    """(5) of EQUILIBRIUM.md: three prices of a random walk lie within R of its steps."""
    return integral(lambda x: NORMAL.pdf(x) * (NORMAL.cdf(min(r, r - x)) - NORMAL.cdf(max(-r, -r - x))), -r, r)


def range_of_slips(r, w=3):
    """(6): so do W independent normals."""
    return integral(lambda x: w * NORMAL.pdf(x) * (NORMAL.cdf(x + r) - NORMAL.cdf(x)) ** (w - 1), -9, 9)


def excess_movement(path):
    """The sum of (1 - 2 p_t) (p_(t+1) - p_t): 0 in the mean for a martingale (Augenblick and Rabin 2021)."""
    return sum((1 - 2 * a) * (b - a) for a, b in zip(path, path[1:]))


def mean_and_error(values):
    return statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values))


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
        self.assertEqual(closed, later, "the formula of sim/README.md")
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


class EquilibriumTest(ScienceTest):
    """The formulas of src/protocol/EQUILIBRIUM.md, by their numbers there."""

    def prices(self, name):
        return json.loads(harness.python(PRICES, self.dir / name / "run.h5", modules=("h5py", "numpy"), timeout=300))

    def test_1_2_3_a_pushed_maker_stops_when_and_where_they_say(self):
        start, longest = 0.75, 40
        shares = (0.1, 0.25, 0.4, 0.6)
        models = {f"m{k}": self.sim(competence=1, persuasion=1, stubbornness=1 - k) for k in shares}
        models["adversary"] = self.sim(strength=1)
        cells = [{"name": f"{k} {t} {w}", "maker": f"m{k}", "stop": {"threshold": t, "window": w}}
                 for k in shares for t in (0.2, 0.1, 0.05) for w in (2, 3, 5)]
        self.finished("pushed", models, cells, self.claims(4), protocol="market", trader="adversary",
                      stance="adversarial", max_iterations=longest)
        waited = 0
        for cell, made in zip(cells, self.prices("pushed")):
            k, threshold, w = map(float, cell["name"].split())
            spread = 1 - (1 - k) ** (w - 1)
            later = max(0, math.ceil(math.log(threshold / (start * spread)) / math.log(1 - k) - 1e-9))
            end = int(w) - 1 + later
            if start * (1 - k) ** end < 0.021:
                continue  # nobody simulated goes below 0.02
            waited += later > 0
            for path, label, length in zip(made["price"], made["label"], made["length"]):
                self.assertEqual(end + 1, length, cell["name"])
                distance = path[end] if label else 1 - path[end]  # from the side that is wrong
                self.assertAlmostEqual(start * (1 - k) ** end, distance, places=4, msg=cell["name"])
                if later > 0:
                    self.assertLessEqual(distance, threshold * (1 - k) ** (w - 1) / spread + 1e-5)
        self.assertGreater(waited, 10)

    def test_4_deaf_ears_are_an_equilibrium(self):
        n = OPTIONS.claims
        models = {"m": self.sim(competence=1, persuasion=0.5, stubbornness=0.5), "a": self.sim(strength=1)}
        read = self.finished("deaf", models, [{"name": "deaf"}], self.claims(), protocol="market", trader="a",
                             stance="adversarial")["deaf"]
        self.assert_share(read["iterations"]["3"], n, 0.25, "stopped at w - 1 unmoved")

    def test_5_6_noise_alone_looks_settled_as_often_as_they_say(self):
        n = OPTIONS.claims
        models = {"walk": self.sim(competence=1, noise=0.2), "slips": self.sim(behaviour="trend", rate=0, noise=0.5)}
        cells = [{"name": "walk", "maker": "walk", "stop": {"threshold": 0.025}},
                 {"name": "slips", "maker": "slips", "stop": {"threshold": 0.1}}]
        read = self.finished("noise", models, cells, self.claims(), protocol="self_refine")
        self.assert_share(read["walk"]["iterations"]["3"], n, range_of_a_walk(1.25), "slips that stay")
        self.assert_share(read["slips"]["iterations"]["3"], n, range_of_slips(2), "slips that do not stay")
        for sigma, stays, not_stays in ((0.05, 1.00, 0.99), (0.1, 0.81, 0.67), (0.15, 0.55, 0.39), (0.2, 0.37, 0.24)):
            self.assertAlmostEqual(stays, range_of_a_walk(0.2 / sigma), delta=0.005)
            self.assertAlmostEqual(not_stays, range_of_slips(0.2 / sigma), delta=0.005)

    def settling(self):
        groups = json.loads(harness.run("analyze", self.out, "--section", "settling", "--format", "json",
                                        "--resamples", "0").out)["groups"]
        mine = json.loads(harness.python(SETTLING, self.out / "run.h5", modules=("h5py", "numpy"), timeout=300))
        for group, own in zip(groups, mine):
            said = group["settling"]
            source = "moves" if own["replicates"] is None else "replicates"
            noise = own["left"] if own["replicates"] is None else own["replicates"]
            self.assertEqual(source, said["noise_from"])
            self.assertAlmostEqual(noise, said["noise"], delta=1e-9)
            if own["k"] is None:
                self.assertIsNone(said["share"])
            else:
                self.assertAlmostEqual(own["k"], said["share"], delta=1e-9)
        return {group["label"]: group["settling"] for group in groups}

    def test_analyze_finds_the_share_of_the_way(self):
        shares = {"whole": (0.3, 1), "deaf": (0.5, 0.5), "small": (0.1, 0.8)}
        models = {name: self.sim(competence=1, persuasion=m, stubbornness=1 - k) for name, (k, m) in shares.items()}
        models["adversary"] = self.sim(strength=1)
        cells = [{"name": name, "maker": name} for name in shares]
        self.finished("shares", models, cells, self.claims(2000), protocol="market", trader="adversary",
                      stance="adversarial", stop={"rule": "fixed"}, max_iterations=4)
        for said, (k, m) in zip(self.settling().values(), shares.values()):
            low, high = said["share_interval"]["low"], said["share_interval"]["high"]
            print(f"  k m = {k * m:.3f}: estimated {said['share']:.4f} ({low:.4f} to {high:.4f})", file=sys.stderr)
            self.assertAlmostEqual(k * m, said["share"], delta=0.02)
            self.assertLess(high - low, 0.05)
            self.assertIsNone(said["observed"], "a fixed rule stops nothing early")

    def test_analyze_predicts_the_equilibria_that_noise_makes(self):
        n = OPTIONS.claims
        models = {"walk": self.sim(competence=1, noise=0.2), "slips": self.sim(
            competence=1, behaviour="trend", rate=0, noise=0.5)}
        cells = [{"name": "walk", "maker": "walk", "stop": {"threshold": 0.025}},
                 {"name": "pairs", "maker": "walk", "stop": {"threshold": 0.025, "window": 2}},
                 {"name": "slips", "maker": "slips", "stop": {"threshold": 0.1}},
                 {"name": "long", "maker": "slips", "stop": {"threshold": 0.1, "window": 5}}]
        self.finished("false", models, cells, self.claims(), protocol="self_refine")
        said = list(self.settling().values())
        self.finished("again", models, cells[2:], self.claims(n // 4), protocol="self_refine", replicates=4)
        again = list(self.settling().values())
        for what, one, key, formula in (
                ("walk", said[0], "predicted_stays", range_of_a_walk(0.025 / 0.02)),
                ("two of a walk", said[1], "predicted_stays", 2 * NORMAL.cdf(0.025 / 0.02) - 1),
                ("slips", said[2], "predicted_passes", range_of_slips(0.1 / 0.05)),
                ("five slips", said[3], "predicted_passes", range_of_slips(0.1 / 0.05, 5)),
                ("slips by replicates", again[0], "predicted_passes", range_of_slips(0.1 / 0.05)),
                ("five by replicates", again[1], "predicted_passes", range_of_slips(0.1 / 0.05, 5))):
            self.assertAlmostEqual(formula, one[key], delta=0.02, msg=what)
            self.assert_share(round(one["observed"] * one["markets"]), one["markets"], formula, f"observed, {what}")
        self.assertIsNone(said[3]["predicted_stays"], "(5) is for three prices")
        for one, w, t in ((said[0], 3, 0.025), (said[1], 2, 0.025)):
            r = t / one["noise"]
            want = range_of_a_walk(r) if w == 3 else 2 * NORMAL.cdf(r) - 1
            self.assertAlmostEqual(want, one["predicted_stays"], delta=1e-9)
        for one, w in ((again[0], 3), (again[1], 5)):
            self.assertAlmostEqual(range_of_slips(0.1 / one["noise"], w), one["predicted_passes"], delta=1e-9)

    def test_7_the_last_word(self):
        k = 0.25
        models = {"m": self.sim(competence=1, persuasion=1, strength=k)}
        self.finished("word", models, [{"name": "word"}], self.claims(4), protocol="debate", rounds=40, replicates=2)
        made = self.prices("word")[0]
        for path, replicate in zip(made["price"], made["replicate"]):
            expected = (1 - k) / (2 - k) if replicate == 0 else 1 / (2 - k)
            self.assertAlmostEqual(expected, path[-1], places=4)


class AgentsTest(EquilibriumTest):
    """Simulated agents whose truth is known to the statistics of rationality and independence."""

    def paths(self, behaviour, claims, **cell):
        models = {"m": self.sim(behaviour=behaviour, rate=0.8)}
        self.finished(behaviour, models, [{"name": behaviour}], self.claims(claims), protocol="self_refine",
                      stop={"rule": "fixed"}, max_iterations=6, **cell)
        return self.prices(behaviour)[0]

    def analyzed(self):
        return json.loads(harness.run("analyze", self.out, "--format", "json", "--resamples", "200").out)

    def test_the_bayesian_agent_is_a_martingale_and_calibrated(self):
        made = self.paths("bayes", None)
        beliefs = self.analyzed()["groups"][0]["beliefs"]
        self.assertLess(beliefs["excess_interval"]["low"], 0)
        self.assertGreater(beliefs["excess_interval"]["high"], 0)
        self.assertEqual("consistent with updating on evidence", beliefs["verdict"])
        mean, error = mean_and_error([excess_movement(path) for path in made["price"]])
        print(f"  bayes: excess movement {mean:.4f} +- {error:.4f}", file=sys.stderr)
        self.assertLess(abs(mean), 3.3 * error)
        # Where it says p, the claim is true p of the time.
        miss, error = mean_and_error([path[-1] - label for path, label in zip(made["price"], made["label"])])
        self.assertLess(abs(miss), 3.3 * error)
        high = [label for path, label in zip(made["price"], made["label"]) if path[-1] > 0.5]
        said = [path[-1] for path in made["price"] if path[-1] > 0.5]
        miss, error = mean_and_error([p - y for p, y in zip(said, high)])
        self.assertLess(abs(miss), 3.3 * error)

    def test_over_and_under_reaction_are_found(self):
        for behaviour, sign in (("over_reactor", 1), ("under_reactor", -1)):
            made = self.paths(behaviour, 200 if sign > 0 else 2000)
            mean, error = mean_and_error([excess_movement(path) for path in made["price"]])
            print(f"  {behaviour}: excess movement {mean:.4f} +- {error:.4f}", file=sys.stderr)
            self.assertGreater(sign * mean, 1.96 * error, behaviour)
            beliefs = self.analyzed()["groups"][0]["beliefs"]
            self.assertAlmostEqual(mean, beliefs["excess"], places=9)
            self.assertLess(beliefs["excess_test"]["p"], 0.05)
            self.assertIn(behaviour[:-5].replace("_", "-") + "acts", beliefs["verdict"])

    def test_a_crowd_is_as_correlated_as_asked(self):
        n, rho, c = OPTIONS.claims, 0.7, 0.7
        models = {"m": self.sim(behaviour="crowd", rate=rho, competence=c)}
        self.finished("crowd", models, [{"name": "crowd"}], self.claims(), protocol="single", replicates=2)
        made = self.prices("crowd")[0]
        wrong = {}
        for path, label, replicate, row in zip(made["price"], made["label"], made["replicate"], made["row"]):
            wrong.setdefault(row, {})[replicate] = (path[0] > 0.5) != bool(label)
        pairs = [(one[0], one[1]) for one in wrong.values()]
        wrong_share = sum(a + b for a, b in pairs) / (2 * n)
        self.assertAlmostEqual(1 - c, wrong_share, delta=0.02)
        first, second = zip(*pairs)
        found = statistics.correlation([float(v) for v in first], [float(v) for v in second])
        print(f"  crowd: correlation of errors {found:.3f}, built with {rho}", file=sys.stderr)
        self.assertAlmostEqual(rho, found, delta=0.05)
        row = self.analyzed()["independence"][0]
        self.assertEqual(("replicates", 2), (row["over"], row["judges"]))
        self.assertAlmostEqual(rho, row["rho"], delta=0.05)
        self.assertAlmostEqual(2 / (1 + row["rho"]), row["effective"], places=9)

    def test_what_is_held_stands_beside_what_is_said(self):
        models = {"m": self.sim(competence=1, persuasion=1, stubbornness=0.5, noise=0), "a": self.sim(strength=1)}
        cells = [{"name": "said", "held": "none"}, {"name": "both", "held": "both"}]
        self.finished("held", models, cells, self.claims(4), protocol="market", trader="a", stance="adversarial",
                      stop={"rule": "fixed"}, max_iterations=2)
        read = """
import h5py, json, sys
import numpy as np
with h5py.File(sys.argv[1]) as f:
    print(json.dumps([np.nan_to_num(f[n][()], nan=-1).tolist() for n in ("price", "price_held", "price_held_idle", "price_idle")]))
"""
        price, held, idle, said_idle = json.loads(harness.python(read, self.dir / "held" / "run.h5", modules=("h5py", "numpy")))
        none = [[-1] * 3] * 4
        self.assertEqual((none, none), (held[:4], idle[:4]))
        self.assertEqual(none, said_idle[:4])
        self.assertEqual(price[:4], price[4:])  # the reading changes nothing that is said
        for said, with_argument, without in zip(price[4:], held[4:], idle[4:]):
            for t in range(3):
                self.assertAlmostEqual(said[t], with_argument[t], places=5)
                if t > 0:  # nobody argued in the placebo: it holds what it said before
                    self.assertAlmostEqual(said[t - 1], without[t], places=5)
            self.assertEqual(-1, without[0])
        for said, without in zip(price[4:], said_idle[4:]):
            self.assertEqual([-1, *said[:2]], without)

    def test_bettors_who_know_a_signal_each_end_at_the_posterior(self):
        """And what they own adds up to what the automaton lost, which is at most b ln 2."""
        cells = [{"name": s, "room": {"sizing": s, "liquidity": 0.4}} for s in ("belief", "kelly", "stake")]
        self.finished("rooms", {"m": self.sim(behaviour="bettor", competence=0.7)}, cells, self.claims(40), protocol="lmsr",
                      trader=["m"] * 4, rounds=2)
        read = """
import h5py, json, sys
with h5py.File(sys.argv[1]) as f:
    print(json.dumps([f[n][()].tolist() for n in (
        "cell", "price", "traders/belief", "traders/wealth", "traders/profit", "traders/stake", "propositions/label",
        "proposition")]))
"""
        rows = zip(*(lambda v: (*v[:6], [v[6][p] for p in v[7]]))(json.loads(
            harness.python(read, self.dir / "rooms" / "run.h5", modules=("h5py",)))))
        for cell, price, belief, wealth, profit, stake, label in rows:
            self.assertEqual(0.5, price[0])
            self.assertTrue(all(abs(b - 0.7) < 1e-6 or abs(b - 0.3) < 1e-6 for b in belief))
            odds = math.prod(b / (1 - b) for b in belief)
            if cell == 0:
                self.assertAlmostEqual(odds / (1 + odds), price[-1], delta=2e-3)  # prices are shown with four digits
            else:
                self.assertTrue(all(0 <= w for w in wealth))
            on_truth = price[-1] if label else 1 - price[-1]
            self.assertAlmostEqual(0.4 * math.log(on_truth / 0.5), sum(profit), places=9)
            self.assertLessEqual(sum(profit), 0.4 * math.log(2) + 1e-9)
            self.assertTrue(all(abs(w - 1 - p) < 1e-12 and s >= 0 for w, p, s in zip(wealth, profit, stake)))

    def test_a_placebo_tells_arguments_from_being_asked_again(self):
        n = 1000
        models = {"moved": self.sim(competence=0, persuasion=1, stubbornness=0.5),
                  "restless": self.sim(behaviour="contraction", rate=0.5), "trader": self.sim(strength=1)}
        cells = [{"name": f"{m} {s}", "maker": m, "stance": s} for m in ("moved", "restless")
                 for s in ("truthful", "unrelated", "echo", "filler")]
        read = self.finished("placebo", models, cells, self.claims(n), protocol="market", trader="trader",
                             stop={"rule": "fixed"}, max_iterations=3)
        for stance in ("unrelated", "echo", "filler"):
            moved = read["moved truthful"]["final"] - read[f"moved {stance}"]["final"]
            restless = read["restless truthful"]["final"] - read[f"restless {stance}"]["final"]
            self.assertEqual((n, 0), (moved, restless), stance)
        rows = [r for r in self.analyzed()["controls"] if "truthful" in r["first"]]
        self.assertEqual({"unrelated", "echo", "filler"}, {r["control"] for r in rows})
        for row in rows:
            is_moved = "moved" in row["first"]
            self.assertEqual(n, row["pairs"])
            self.assertAlmostEqual(1 if is_moved else 0, row["difference"], places=9)
            self.assertEqual(is_moved, row["p_holm"] < 0.001)


# What they share is tested once.
for name in [name for name in vars(ScienceTest) if name.startswith("test_")]:
    setattr(EquilibriumTest, name, None)
for name in [name for name in vars(EquilibriumTest) if name.startswith("test_")]:
    setattr(AgentsTest, name, None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--claims", type=int, default=10000)
    OPTIONS, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    harness.main()
