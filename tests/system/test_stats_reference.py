"""Every number of `credence analyze` against independent implementations, on random runs."""

import json
import math
import os
import sys

import harness

try:
    import numpy as np
    import sklearn  # noqa: F401
    import statsmodels.stats.multitest as multitest
    import make_run
    import reference_science as science
    import reference_stats as reference
except ImportError as missing:
    print(f"skipped: the reference needs {missing.name}", file=sys.stderr)
    sys.exit(harness.SKIPPED)

# More data sets for a longer look.
SCALE = float(os.environ.get("CREDENCE_TEST_SCALE", "1"))
RUNS = max(50, int(50 * SCALE))


def analyze(*arguments):
    return json.loads(harness.run("analyze", *arguments, "--format", "json").out)


class NearTest(harness.TestCase):
    """Comparing numbers of the JSON with those of a reference."""

    def near(self, got, want, what, tolerance=1e-9):
        if want is None or (isinstance(want, float) and math.isnan(want)):
            self.assertIsNone(got, what)
            return
        self.assertIsNotNone(got, what)
        self.assertLessEqual(abs(got - want), tolerance * max(1.0, abs(want)),
                             f"{what}: {got} is not {want}")

    def all_near(self, got, want, what):
        for key, value in want.items():
            self.near(got[key], value, f"{what}.{key}")

    def intervals_near(self, got, want, what, tolerance=1e-8):
        for key, value in want.items():
            self.near(got[key]["low"], value and value[0], f"{what}.{key}.low", tolerance)
            self.near(got[key]["high"], value and value[1], f"{what}.{key}.high", tolerance)


class ReferenceTest(NearTest):
    def check_group(self, got, group, what):
        numbers, tests, intervals = reference.accuracy(group)
        self.all_near(got["accuracy"], numbers, what)
        self.intervals_near(got["accuracy"], intervals, what)
        for name, p in tests.items():
            self.near(got["accuracy"][name]["p"], p, f"{what}.{name}")
        for t, row in enumerate(got["iterations"]):
            numbers, intervals, calibration = reference.iteration(group, t)
            self.all_near(row, numbers, f"{what}.t{t}")
            self.intervals_near(row, intervals, f"{what}.t{t}")
            self.all_near(row["calibration"], calibration, f"{what}.t{t}.calibration")
        numbers, interval = reference.brier(group)
        self.all_near(got["brier"], numbers, f"{what}.brier")
        self.intervals_near(got["brier"], {"difference_interval": interval}, what)
        curve, area, median = reference.survival(group)
        for t, share in enumerate(curve):
            self.near(got["iterations"][t]["survival"], share, f"{what}.survival[{t}]")
        d = got["dynamics"]
        self.near(d["restricted_mean"], area, what)
        self.near(d["median_iterations"], median, what)
        numbers, intervals, martingale = reference.dynamics(group)
        self.all_near(d, numbers, what)
        self.intervals_near(d, intervals, what)
        self.near(d["martingale"]["p"], martingale, f"{what}.martingale", 1e-7)
        self.all_near(d["opening_wrong"], reference.endings(group, 0.0), what)
        self.all_near(d["opening_right"], reference.endings(group, 1.0), what)

    def test_random_runs_match(self):
        for seed in range(RUNS):
            rng = np.random.default_rng(seed)
            replicates = 1 + seed % 3
            path = self.dir / f"{seed}.h5"
            episodes, propositions, _ = make_run.random_run(
                path, rng, questions=int(rng.integers(8, 30)), cells=2,
                replicates=replicates, drift=rng.uniform(-0.1, 0.3),
                noise=rng.uniform(0.05, 0.5), ties=bool(seed % 2))
            got = analyze(path, "--resamples", "50", "--compare", "cell 0", "--family",
                          "all", "--what-if", "stop.threshold=0.2,0.4", "--what-if",
                          "stop.window=2,3", "--what-if", "max_iterations=2,3")
            groups = [reference.Group(episodes, propositions, c) for c in range(2)]
            for c, group in enumerate(groups):
                self.check_group(got["groups"][c], group, f"run {seed} cell {c}")
                self.check_worth(got["groups"][c]["worth"], group)
                if replicates > 1:
                    d = got["groups"][c]["dynamics"]
                    pairs, agreement, spread = reference.replicates(group)
                    self.assertEqual(d["replicate_pairs"], pairs)
                    self.near(d["replicate_agreement"], agreement, "agreement")
                    self.near(d["replicate_spread"], spread, "spread")
            self.check_comparison(got, groups, propositions, replicates)
            self.check_what_if(got["what_if"], groups)

    def check_worth(self, got, group):
        s = group.scored
        for key, name in (("tokens", "tokens"), ("calls", "calls"),
                          ("latency_s", "latency"), ("usd", "usd")):
            self.near(got[key], float(group.cost[name][s].mean()), key, 1e-6)
        tokens = group.cost["tokens"][s].mean()
        self.near(got["accuracy_per_1000_tokens"],
                  group.final[s].mean() / (tokens / 1000), "per 1000 tokens")
        gain = 100 * (group.final[s].mean() - group.opening[s].mean())
        self.near(got["tokens_per_point"], tokens / gain if gain > 0 else None, "per point")

    def check_comparison(self, got, groups, propositions, replicates):
        (pair,) = got["comparisons"]
        self.assertEqual((pair["first"], pair["second"]), ("cell 1", "cell 0"))
        both, difference = reference.comparison(groups[1], groups[0])
        self.assertEqual(pair["pairs"], len(both))
        self.near(pair["difference"], difference.mean(), "comparison")
        question = np.array([propositions["question_id"][p] for p in both])
        if replicates == 1:
            sums = reference.cluster_sums(difference, question)
            self.near(pair["permutation"]["p"], reference.sign_flip_p(sums), "pair p")
        family = [g["accuracy"]["permutation"]["p"] for g in got["groups"]]
        family.append(pair["permutation"]["p"])
        holm = multitest.multipletests(family, method="holm")[1]
        shown = [g["accuracy"]["p_holm"] for g in got["groups"]] + [pair["p_holm"]]
        for one, want in zip(shown, holm):
            self.near(one, want, "Holm")

    def check_what_if(self, rows, groups):
        self.assertEqual(len(rows), 16)
        for k, row in enumerate(rows):
            unknown, final, length = reference.what_if(
                groups[k // 8], row["stop.threshold"], row["stop.window"],
                row["max_iterations"])
            self.assertEqual(row["unknown"], unknown)
            self.near(row["final"], None if unknown else final, "what-if final")
            self.near(row["iterations"], None if unknown else length, "what-if length")

    def test_bootstrap_intervals_match_scipy(self):
        for seed in range(6):
            rng = np.random.default_rng(100 + seed)
            path = self.dir / f"boot{seed}.h5"
            episodes, propositions, _ = make_run.random_run(
                path, rng, questions=int(rng.integers(15, 60)), cells=1)
            group = reference.Group(episodes, propositions, 0)
            got = analyze(path, "--resamples", "20000", "--seed", str(seed + 1))
            for name, values in (("opening", group.opening), ("final", group.final),
                                 ("difference", group.final - group.opening)):
                s = group.scored
                num = reference.cluster_sums(values[s], group.question[s])
                den = reference.cluster_sums(np.ones(s.sum()), group.question[s])
                want, error = reference.expanded_percentile(num, den, 20000, seed)
                shown = got["groups"][0]["accuracy"][name + "_interval"]
                # Sums of points are discrete: a quantile may jump by one step.
                slack = 0.08 * error + 0.5 / s.sum()
                self.assertLess(abs(shown["low"] - want.low), slack, name)
                self.assertLess(abs(shown["high"] - want.high), slack, name)

    def test_options_and_quantities_match(self):
        rng = np.random.default_rng(7)
        n, steps, k = 60, 4, 4
        label = np.concatenate([rng.integers(0, k, n // 2), np.full(n // 2, -1)])
        prices = rng.dirichlet(np.ones(k), (n, steps))
        prices[::7, :, :] = 0.25  # ties
        prices[n // 2:] = np.nan
        quantile = np.sort(rng.random((n, steps, 3)), axis=2)
        quantile[:n // 2] = np.nan
        price = np.where(np.arange(n)[:, None] < n // 2, np.nan, quantile[:, :, 1])
        value = np.where(np.arange(n) < n // 2, np.nan, rng.uniform(10, 30, n))
        make_run.write_run(
            self.dir / "mixed.h5",
            dict(price=price, prices_len=np.full(n, steps), status=np.full(n, 1),
                 reason=np.full(n, 2), cell=(np.arange(n) >= n // 2).astype(int),
                 proposition=np.arange(n)),
            dict(id=[f"p{i}" for i in range(n)], question_id=[f"p{i}" for i in range(n)],
                 label=label, n_outcomes=np.where(np.arange(n) < n // 2, k, 1),
                 value=value, low=np.where(np.isnan(value), np.nan, 10.0),
                 high=np.where(np.isnan(value), np.nan, 30.0)),
            [dict(name="options"), dict(name="quantities", trajectory=1)],
            outcome_price=prices, quantile=quantile)
        got = analyze(self.dir / "mixed.h5", "--resamples", "100")
        options, quantities = got["groups"]
        half = n // 2
        for t in range(steps):
            p, y = prices[:half, t], label[:half]
            best = p == p.max(axis=1, keepdims=True)
            points = best[np.arange(half), y] / best.sum(axis=1)
            row = options["iterations"][t]
            self.near(row["accuracy"], points.mean(), "options accuracy")
            self.near(row["calibration"]["brier"],
                      ((p - np.eye(k)[y]) ** 2).sum(axis=1).mean(), "options brier")
            self.near(row["calibration"]["log_score"],
                      -np.log(p[np.arange(half), y]).mean(), "options log")
        truth = (value[half:] - 10) / 20
        c = quantities["continuous"]
        for end, t in (("opening", 0), ("final", steps - 1)):
            q = quantile[half:, t]
            pinball = np.mean([sklearn.metrics.mean_pinball_loss(truth, q[:, i], alpha=a)
                               for i, a in enumerate((0.05, 0.5, 0.95))])
            self.near(c[end + "_error"], np.abs(q[:, 1] - truth).mean(), "error")
            self.near(c[end + "_pinball"], pinball, "pinball")
            self.near(c[end + "_coverage"],
                      ((q[:, 0] <= truth) & (truth <= q[:, 2])).mean(), "coverage")
        self.assertIsNone(quantities["accuracy"]["final"])


class AgainstTruth:
    """A group whose prices count for what stands against the truth."""

    def __init__(self, group):
        self.scored, self.done, self.proposition = group.scored, group.done, group.proposition
        self.price, self.label = group.price, 1 - group.label


class ScienceReferenceTest(NearTest):
    """Rational moves, independent opinions, calibration, stop rules."""

    def one_run(self, seed, **more):
        path = self.dir / f"{seed}.h5"
        rng = np.random.default_rng(1000 + seed)
        episodes, propositions, _ = make_run.random_run(
            path, rng, questions=int(rng.integers(8, 30)), cells=2,
            drift=rng.uniform(-0.1, 0.3), noise=rng.uniform(0.05, 0.5), **more)
        got = analyze(path, "--resamples", "50")
        return got, [reference.Group(episodes, propositions, c) for c in range(2)]

    def test_beliefs_match(self):
        for seed in range(RUNS // 4):
            got, groups = self.one_run(seed, replicates=1 + seed % 3, ties=bool(seed % 2))
            for shown, group in zip(got["groups"], groups):
                group.longest = max(len(p) for p in group.price)
                numbers, intervals, test = science.beliefs(group)
                b = shown["beliefs"]
                self.all_near(b, numbers, f"beliefs {seed}")
                self.intervals_near(b, intervals, f"beliefs {seed}")
                self.near(b["excess_test"]["p"], test, "excess p", 1e-8)
                for step in b["steps"]:
                    numbers, interval = science.belief_step(group, step["t"])
                    self.all_near(step, numbers, f"step {step['t']}")
                    self.intervals_near(step, {"excess_interval": interval}, "step")

    def test_replicates_and_judges_match(self):
        for seed in range(RUNS // 5):
            got, groups = self.one_run(seed, replicates=2 + seed % 4, ties=bool(seed % 2))
            rows = [r for r in got["independence"] if r["over"] == "replicates"]
            self.assertEqual(len(rows), 2)
            for row, group in zip(rows, groups):
                numbers, intervals = science.replicate_independence(group)
                self.all_near(row, numbers, f"replicates {seed}")
                self.intervals_near(row, intervals, f"replicates {seed}")

    def test_scores_come_apart_as_isotonic_regression_says(self):
        for seed in range(RUNS // 5):
            got, groups = self.one_run(seed, ties=bool(seed % 2))
            for shown, group in zip(got["groups"], groups):
                last = len(shown["iterations"]) - 1
                for row in shown["iterations"]:
                    numbers, intervals, fit = science.corp(group, row["t"])
                    for name in ("brier", "log"):
                        what = f"{seed} t{row['t']} {name}"
                        self.all_near(row["corp"][name], numbers[name], what)
                        self.intervals_near(row["corp"][name], intervals[name], what)
                    self.assertEqual("pools" in row["corp"], row["t"] in (0, last))
                    for pool in row["corp"].get("pools", ()):
                        inside = [s for p, s in fit if pool["from"] <= p <= pool["to"]]
                        self.assertEqual(len(inside), pool["n"])
                        for share in inside:
                            self.near(pool["share"], share, "pool")
                for point in shown["murphy"]:
                    numbers, interval = science.murphy(group, point["threshold"])
                    self.all_near(point, numbers, f"murphy {point['threshold']}")
                    self.intervals_near(point, {"difference_interval": interval}, "murphy")

    def test_the_band_holds_calibrated_prices(self):
        rng = np.random.default_rng(11)
        sets, n = int(100 * max(1.0, SCALE)), 150
        price = np.round(rng.uniform(0.02, 0.98, (sets * n, 1)), 3)
        true = rng.random(sets * n) < price[:, 0]
        # A proposition has one label, so each set needs propositions of its own.
        make_run.write_run(
            self.dir / "band.h5",
            dict(price=price, prices_len=np.ones(sets * n), status=np.ones(sets * n),
                 reason=np.full(sets * n, 2), cell=np.repeat(np.arange(sets), n),
                 proposition=np.arange(sets * n)),
            dict(id=[str(i) for i in range(sets * n)],
                 question_id=[str(i) for i in range(sets * n)], label=true.astype(int)),
            [dict(name=f"set {s}", trajectory=s) for s in range(sets)])
        groups = analyze(self.dir / "band.h5", "--resamples", "200")["groups"]
        points = [b for g in groups for b in g["iterations"][0]["corp"]["band"]]
        outside = np.mean([b["outside"] for b in points])
        print(f"calibrated prices outside their 95 % band: {outside:.4f} of {len(points)}")
        self.assertLess(outside, 0.08)
        self.assertGreater(outside, 0.01)

    def controls_run(self, seed):
        rng = np.random.default_rng(seed)
        n, steps = 60, 6
        cells = [dict(name="market"), dict(name="echo", stance="echo"),
                 dict(name="silence", protocol="self_refine"),
                 dict(name="truthful", stance="truthful"),
                 dict(name="adversarial", stance="adversarial")]
        count = n * len(cells)
        price = np.clip(rng.normal(0.5, 0.25, (count, steps)), 0, 1)
        status = rng.choice([1] * 9 + [2], count)
        calls = rng.integers(1, 4, (count, steps))
        length = np.where(status == 2, 3, steps)
        episodes = dict(
            price=price, prices_len=length, status=status,
            reason=np.where(status == 1, 2, status + 1), cell=np.repeat(np.arange(len(cells)), n),
            proposition=np.tile(np.arange(n), len(cells)), calls_made=calls,
            push=np.zeros((count, steps)), tokens=rng.integers(100, 900, count),
            calls=calls.sum(axis=1), latency=np.ones(count), usd=np.ones(count))
        propositions = dict(id=[str(i) for i in range(n)],
                            question_id=[f"q{i // 2}" for i in range(n)],
                            label=rng.integers(0, 2, n))
        make_run.write_run(self.dir / "controls.h5", episodes, propositions,
                           [dict(cell, trajectory=c) for c, cell in enumerate(cells)])
        groups = [reference.Group(episodes, propositions, c) for c in range(len(cells))]
        return analyze(self.dir / "controls.h5", "--resamples", "100"), groups, calls

    def test_placebos_and_agent_scores_match(self):
        got, groups, _ = self.controls_run(1)
        rows = {(r["first"], r["control"]): r for r in got["controls"]}
        market, echo, silence, truthful, adversarial = groups
        for name, other in (("echo", echo), ("silence", silence)):
            self.all_near(rows["market", name], science.control(market, other, science.gain), name)
            self.near(rows["market", name]["second_tokens"],
                      other.cost["tokens"][other.scored].mean(), "tokens")
        self.all_near(rows["truthful", "agent score"], {
            key: value for key, value in science.control(
                truthful, AgainstTruth(adversarial), science.log_truth).items()}, "agent score")
        family = [r["permutation"]["p"] for r in got["controls"]]
        for row, holm in zip(got["controls"], multitest.multipletests(family, method="holm")[1]):
            self.near(row["p_holm"], holm, "Holm")

    def test_stop_rules_are_held_against_the_cross_fitted_oracle(self):
        for seed in range(5):
            got, groups, calls = self.controls_run(seed)
            shown = {r["trajectories"]: r for r in got["stopping"]}
            for c, name in enumerate(("market", "echo")):
                numbers, interval, best = science.oracle(groups[c], 6)
                self.all_near(shown[name], numbers, name)
                self.intervals_near(shown[name], {"oracle_interval": interval}, name)
                mine = calls[60 * c:60 * (c + 1)]
                for row in got["frontier"]:
                    if (row["trajectories"], row["stop.rule"]) == (name, "fixed"):
                        numbers, interval = science.fixed_rule(groups[c], best,
                                                               row["max_iterations"], mine)
                        self.all_near(row, numbers, f"fixed {row['max_iterations']}")
                        self.intervals_near(row, {"regret_interval": interval}, "regret")

    def test_models_are_judges_of_the_same_propositions(self):
        rng = np.random.default_rng(4)
        questions, judges = 40, 5
        skill = rng.normal(0.5, 1, (2 * questions, 1))
        right = skill + rng.normal(0, 1, (2 * questions, judges)) > 0
        label = np.tile([1, 0], questions)
        price = np.where(right == (label == 1)[:, None], 0.8, 0.3).T.reshape(-1, 1)
        count = len(price)
        make_run.write_run(
            self.dir / "judges.h5",
            dict(price=price, prices_len=np.ones(count), status=np.ones(count),
                 reason=np.full(count, 2), cell=np.repeat(np.arange(judges), 2 * questions),
                 proposition=np.tile(np.arange(2 * questions), judges)),
            dict(id=[str(i) for i in range(2 * questions)],
                 question_id=[str(i // 2) for i in range(2 * questions)], label=label),
            [dict(name=f"cell {c}", maker=f"m{c}", trader=f"m{c}", trajectory=c)
             for c in range(judges)])
        (row,) = analyze(self.dir / "judges.h5")["independence"]
        self.assertEqual((row["over"], row["judges"], row["whole"]),
                         ("models", judges, 2 * questions))
        numbers, interval = science.judge_independence(
            right.astype(float), np.arange(2 * questions) // 2)
        self.all_near(row, numbers, "models")
        self.intervals_near(row, {"rho_interval": interval}, "models")


class ReasonTest(NearTest):
    """Why episodes and judgments were not usable: counts, shares, what helps."""

    UNREADABLE, CUT, CONNECTION = 1, 3, 7

    def run_of(self, why, job='{"name": "test"}'):
        rng = np.random.default_rng(5)
        count, steps = len(why), 3
        status = np.where(why == 0, 1, np.where(why < 6, 2, 3))
        repaired = rng.choice([0, 0, 0, self.UNREADABLE, self.CUT], (count, steps))
        length = np.where(status == 1, steps, 1)
        make_run.write_run(
            self.dir / "why.h5",
            dict(price=rng.random((count, steps)), prices_len=length, status=status,
                 reason=np.where(status == 1, 2, status + 1), cell=np.arange(count) % 2,
                 proposition=np.arange(count), why=why, repaired=repaired),
            dict(id=[str(i) for i in range(count)], question_id=[str(i) for i in range(count)],
                 label=np.arange(count) % 2),
            [dict(name=f"cell {c}", trajectory=c) for c in range(2)], job=job)
        return repaired, length

    def test_reasons_are_counted_by_group(self):
        why = np.random.default_rng(1).choice(
            [0, 0, 0, self.UNREADABLE, self.CUT, self.CONNECTION], 120)
        repaired, length = self.run_of(
            why, json.dumps({"models": {"m": {"params": {"max_tokens": 20}}}}))
        rows = {(r["group"], r["what"], r["reason"]): r
                for r in analyze(self.dir / "why.h5")["reasons"]}
        wanted = {}
        for c in range(2):
            mine = np.arange(120) % 2 == c
            for code, what, name in ((1, "invalid", "unreadable"), (3, "invalid", "cut"),
                                     (7, "failed", "connection")):
                n = int((why[mine] == code).sum())
                wanted[f"cell {c}", what, name] = (n, n / mine.sum())
            made = np.arange(3)[None, :] < length[mine][:, None]
            for code, name in ((1, "unreadable"), (3, "cut")):
                n = int(((repaired[mine] == code) & made).sum())
                wanted[f"cell {c}", "repaired", name] = (n, n / made.sum())
        self.assertEqual(set(rows), set(wanted))
        for key, (n, share) in wanted.items():
            self.assertEqual(rows[key]["count"], n, key)
            self.near(rows[key]["share"], share, key)
        self.assertEqual(rows["cell 0", "invalid", "cut"]["advice"],
                         "raise models.m.params.max_tokens, now 20")
        table = harness.run("analyze", self.dir / "why.h5", "--section", "reasons").out
        total = int((why == self.CUT).sum())
        self.assertIn(f"Note: {total} episodes invalid (cut): raise models.m.params.max_tokens, "
                      "now 20", table)
        csv = harness.run("analyze", self.dir / "why.h5", "--section", "reasons", "--format",
                          "csv").out
        self.assertTrue(csv.startswith("group,what,reason,count,share,words,advice"))

    def test_files_of_schema_1_did_not_record_them(self):
        make_run.random_run(self.dir / "old.h5", np.random.default_rng(2), cells=1)
        rows = analyze(self.dir / "old.h5")["reasons"]
        self.assertEqual({(r["what"], r["reason"]) for r in rows},
                         {("invalid", "not recorded"), ("failed", "not recorded")})
        self.assertEqual({r["advice"] for r in rows}, {None})


class ItemTest(NearTest):
    """Groups by the columns that a benchmark keeps of its items."""

    def run_with(self, name, rng, topics):
        episodes, propositions, cells = make_run.random_run(
            self.dir / name, rng, questions=30, cells=2, statuses=False)
        topic = [topics[int(q[1:]) % len(topics)] for q in propositions["question_id"]]
        level = ["easy" if i % 3 else "" for i in range(len(topic))]
        propositions["items"] = {"topic": topic, "level": level}
        make_run.write_run(self.dir / name, episodes, propositions, cells)
        return episodes, propositions, np.array(topic)

    def test_groups_by_column_are_those_of_numpy(self):
        rng = np.random.default_rng(3)
        episodes, propositions, topic = self.run_with("items.h5", rng, ["law", "art", "a b, \"c\""])
        got = analyze(self.dir / "items.h5", "--by", "cell,item.topic")["groups"]
        self.assertEqual(len(got), 6)
        for cell in range(2):
            group = reference.Group(episodes, propositions, cell)
            for name in np.unique(topic):
                (shown,) = [g for g in got if g["factors"] == {"cell": f"cell {cell}",
                                                               "item.topic": name}]
                mine = (topic[group.proposition] == name) & group.scored
                difference = (group.final - group.opening)[mine]
                self.assertEqual(shown["accuracy"]["n"], mine.sum())
                self.near(shown["accuracy"]["difference"], difference.mean(), name)
                sums = reference.cluster_sums(difference, group.question[mine])
                self.near(shown["accuracy"]["permutation"]["p"], reference.sign_flip_p(sums), name)
        family = [g["accuracy"]["permutation"]["p"] for g in got]
        for shown, holm in zip(got, multitest.multipletests(family, method="holm")[1]):
            self.near(shown["accuracy"]["p_holm"], holm, "Holm")
        levels = analyze(self.dir / "items.h5", "--by", "item.level")["groups"]
        self.assertEqual([g["label"] for g in levels], ["(none)", "easy"])
        whole = analyze(self.dir / "items.h5", "--by", "protocol")["groups"][0]["accuracy"]
        self.assertEqual(sum(g["accuracy"]["n"] for g in levels), whole["n"])

    def test_a_column_that_is_not_kept_is_named(self):
        self.run_with("items.h5", np.random.default_rng(4), ["law"])
        wrong = harness.run("analyze", self.dir / "items.h5", "--by", "item.topik", expect=None)
        self.assertNotEqual(wrong.code, 0)
        self.assertIn("keeps no such column; it keeps item.", wrong.err)
        self.assertIn("item.topic", wrong.err)


class InstrumentTest(NearTest):
    """Prices from the prompt's own numbers, round numbers, and a lean to yes."""

    def run_of(self, noise):
        folder = self.dir / "mine"
        folder.mkdir()
        text = (harness.SOURCE / "prompts" / "paper" / "maker_system.txt").read_text()
        (folder / "maker_system.txt").write_text(
            text + "\nAn example: 0.75. Or 25 %. Not 1, not 2021, not x0.9.\n")
        job = self.write_job(self.sim_job(
            self.write_claims(60), cell__prompts="mine", cell__replicates=2,
            models={"m": {"api": "sim", "competence": 0.7, "noise": noise}}))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        data = harness.read_run(self.dir / "run" / "run.h5", "proposition", "price",
                                "propositions/label", "iterations", "propositions/question_id")
        self.price, self.label, self.count = (np.array(x) for x in (
            data["price"], np.array(data["propositions/label"])[data["proposition"]],
            data["iterations"]))
        self.question = np.array(data["propositions/question_id"])[data["proposition"]]
        return analyze(self.dir / "run", "--resamples", "0")

    def check(self, shown, price, question, label):
        prompt = np.abs(price[:, None] - np.array([0.75, 0.25])).min(axis=1) < 1e-9
        share, interval = science.ratio(prompt, np.ones(len(prompt)),
                                        np.unique(question, return_inverse=True)[1])
        self.all_near(shown, {
            "n": len(price), "prompt_number": share,
            "heaped": (np.abs(10 * price - np.round(10 * price)) < 1e-9).mean(),
            "half": (price == 0.5).mean(), "ends": np.isin(price, (0, 1)).mean(),
            "yes_bias": (price[label == 1].mean() + price[label == 0].mean()) / 2 - 0.5},
            "instrument")
        self.intervals_near(shown, {"prompt_number_interval": interval}, "instrument")

    def test_the_prompts_numbers_are_found_in_the_prices(self):
        for noise in (0, 0.4):
            self.dir = self.dir / f"noise{noise}"
            self.dir.mkdir()
            got = self.run_of(noise)
            (group,) = got["groups"]
            made = np.arange(self.price.shape[1]) < self.count[:, None]
            rows = np.nonzero(made)[0]
            every = self.price[made]
            self.check(group["instrument"], every, self.question[rows], self.label[rows])
            self.assertEqual(group["instrument"]["distinct"], len(np.unique(every)))
            for step in group["instrument"]["steps"]:
                now = made[:, step["t"]]
                self.check(step, self.price[now, step["t"]], self.question[now], self.label[now])
            stuck = [all(abs(p - 0.75) < 1e-9 or abs(p - 0.25) < 1e-9 for p in row[:n])
                     for row, n in zip(self.price, self.count)]
            self.assertEqual(group["instrument"]["never_left"], sum(stuck))
            self.assertEqual(any("numbers of the prompt" in w for w in got["warnings"]),
                             group["instrument"]["prompt_number"] > 0.2)
            rest = analyze(self.dir / "run", "--exclude", "prompt_number", "--resamples", "0")
            self.assertEqual(rest["groups"][0]["accuracy"]["n"], len(stuck) - sum(stuck))
        self.assertGreater(len(stuck), sum(stuck))

    def test_a_file_alone_has_no_instructions(self):
        make_run.random_run(self.dir / "alone.h5", np.random.default_rng(1), cells=1)
        (group,) = analyze(self.dir / "alone.h5")["groups"]
        self.assertIsNone(group["instrument"]["prompt_number"])
        refused = harness.run("analyze", self.dir / "alone.h5", "--exclude", "prompt_number",
                              expect=None)
        self.assertNotEqual(refused.code, 0)
        self.assertIn("bundle of the run directory", refused.err)


class LiveRuleTest(harness.TestCase):
    """What-if says what a live run under the rule would have stored."""

    def test_what_if_equals_live_runs(self):
        claims = self.write_claims(40)
        job = self.write_job(self.sim_job(
            claims, grid={"stop.rule": ["range", "fixed"]}))
        harness.run("run", job, "-o", self.dir / "long", "--quiet")
        rules = analyze(self.dir / "long", "--resamples", "0", "--what-if",
                        "stop.threshold=0.05,0.2", "--what-if", "stop.window=2,4", "--what-if",
                        "max_iterations=3,10", "--what-if", "stop.rule=range,stable_side")
        self.assertEqual(len(rules["what_if"]), 16)
        for number, row in enumerate(rules["what_if"]):
            live = self.dir / f"live{number}"
            job = self.write_job(self.sim_job(claims, cell__stop={
                "rule": row["stop.rule"], "window": row["stop.window"],
                "threshold": row["stop.threshold"]}, cell__max_iterations=row["max_iterations"]))
            harness.run("run", job, "-o", live, "--quiet")
            accuracy = analyze(live, "--resamples", "0")["groups"][0]["accuracy"]
            self.assertEqual(row["unknown"], 0)
            for key in ("done", "invalid", "final", "difference", "converged", "iterations"):
                self.assertAlmostEqual(row[key], accuracy[key], 12, (row, key))


class EqualCallsTest(harness.TestCase):
    """A market against baselines that are cut where they have made as many calls."""

    def test_baselines_are_cut_at_the_nearest_calls(self):
        job = self.write_job(self.sim_job(
            self.write_claims(40), cell__samples=12, cell__rounds=4,
            grid={"protocol": ["market", "self_consistency", "debate"]}))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        got = analyze(self.dir / "run", "--resamples", "50")
        data = harness.read_run(self.dir / "run" / "run.h5", "price", "calls_made", "cell",
                                "iterations", "proposition", "propositions/label")
        price, calls, cell, count, prop, label = (np.array(v) for v in data.values())
        y = label[prop]
        names = [g["first_cell"]["protocol"] for g in got["groups"]]
        market = names.index("market")
        spent = np.where(calls < 0, 0, calls)
        budget = spent[cell == market].sum(axis=1).mean()
        final = {p: reference.points(row[n - 1], t) for p, row, n, t in zip(
            prop[cell == market], price[cell == market], count[cell == market],
            y[cell == market])}
        pairs = [p for p in got["comparisons"] if p["equal_calls"]]
        self.assertEqual(len(pairs), 2)
        for pair, name in zip(pairs, ("self_consistency", "debate")):
            mine = cell == names.index(name)
            until = np.cumsum(spent[mine], axis=1).mean(axis=0)[:count[mine].max()]
            cut = int(np.abs(until - budget).argmin())
            self.assertEqual(pair["second_cut_at"], cut, name)
            self.assertLess(cut, count[mine].max() - 1)  # a cut, not the end
            self.assertAlmostEqual(pair["second_calls"], until[cut], 9)
            self.assertAlmostEqual(pair["first_calls"], budget, 9)
            difference = [final[p] - reference.points(row[cut], t) for p, row, t in zip(
                prop[mine], price[mine], y[mine])]
            self.assertAlmostEqual(pair["difference"], np.mean(difference), 9)


class VoteTest(harness.TestCase):
    """self_consistency: the vote, from the replies that stand on the tape."""

    def votes_of(self, directory):
        """What each sample of each trajectory said, by trajectory, in the order of samples."""
        said = {}
        for line in harness.tape_lines(directory):
            price = json.loads(line["reply"]["text"])["price"]
            said.setdefault(int(line["trajectory"], 16), {})[line["sample"]] = price
        return {t: [p for _, p in sorted(v.items())] for t, v in said.items()}

    def test_the_vote_is_counted_from_the_samples(self):
        job = self.write_job(self.sim_job(
            self.write_claims(60), cell__protocol="self_consistency", cell__samples=6,
            models={"m": {"api": "sim", "competence": 0.6, "noise": 0.5}}))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        (group,) = analyze(self.dir / "run", "--resamples", "200")["groups"]
        data = harness.read_run(self.dir / "run" / "run.h5", "proposition", "price",
                                "propositions/label")
        label = np.array(data["propositions/label"])[data["proposition"]]
        said = self.votes_of(self.dir / "run")
        vote, mean = [], []
        for episode, y in enumerate(label):
            sides = np.sign(np.array(said[episode]) - 0.5)
            self.assertEqual(len(sides), 6)
            self.assertAlmostEqual(np.mean(said[episode]), data["price"][episode][5], 12)
            vote.append({0: 0.5}.get(sides.sum(), float((sides.sum() > 0) == (y == 1))))
            mean.append(reference.points(np.mean(said[episode]), y))
        self.assertNotEqual(vote, mean)
        accuracy = group["accuracy"]
        self.assertAlmostEqual(accuracy["vote"], np.mean(vote), 12)
        self.assertAlmostEqual(accuracy["final"], np.mean(mean), 12)
        self.assertAlmostEqual(accuracy["vote_gain"], np.mean(vote) - np.mean(mean), 12)
        self.assertLessEqual(accuracy["vote_interval"]["low"], accuracy["vote"])
        table = harness.run("analyze", self.dir / "run").out
        self.assertIn("majority vote", table)
        csv = harness.run("analyze", self.dir / "run", "--format", "csv").out.splitlines()
        named = dict(zip(csv[0].split(","), csv[1].split(",")))
        self.assertAlmostEqual(float(named["vote"]), np.mean(vote), 12)


class EdgeTest(harness.TestCase):
    """Small n, ties, all correct, empty cells, nothing scored: answers, no crash, no nan."""

    def run_of(self, name, price, status, labels, cells=1, **more):
        price = np.asarray(price, dtype=float)
        n = len(price)
        length = more.pop("prices_len", (~np.isnan(price)).sum(axis=1))
        make_run.write_run(
            self.dir / name,
            dict(price=price, prices_len=length, status=status,
                 reason=[[0, 1, 3, 4][s] for s in status], cell=np.zeros(n),
                 proposition=np.arange(n)),
            dict(id=[str(i) for i in range(n)], question_id=[str(i) for i in range(n)],
                 label=labels),
            [dict(name=f"cell {c}", trajectory=c) for c in range(cells)])
        table = harness.run("analyze", self.dir / name, "--section", "all").out
        self.assertNotIn("nan", table)
        for line in table.splitlines():
            if not line.startswith(("#", "Note:", "-")):
                self.assertLessEqual(len(line), 100, line)
        for section in ("accuracy", "calibration", "reliability", "dynamics", "iterations", "worth",
                        "beliefs", "independence", "reasons", "corp", "diagram", "murphy", "stopping", "placebo", "agent-score",
                        "instrument"):
            csv = harness.run("analyze", self.dir / name, "--section", section, "--format",
                              "csv").out
            widths = {line.count(",") for line in csv.splitlines()}
            self.assertEqual(len(widths), 1, csv)
            self.assertNotIn("nan", csv)
        self.assertNotIn("nan", harness.run("analyze", self.dir / name, "--format",
                                            "md").out.split("### Definitions")[0])
        return analyze(self.dir / name, "--resamples", "200")["groups"]

    def test_one_episode(self):
        (group,) = self.run_of("one.h5", [[0.4, 0.6]], [1], [1])
        self.assertEqual(group["accuracy"]["difference"], 1)
        self.assertEqual(group["accuracy"]["difference_interval"]["reason"],
                         "one question only")
        self.assertEqual(group["accuracy"]["permutation"]["p"], 1)

    def test_all_right(self):
        (group,) = self.run_of("right.h5", [[0.9, 0.9]] * 5, [1] * 5, [1] * 5)
        self.assertEqual(group["accuracy"]["final_interval"],
                         {"low": 1, "high": 1})
        self.assertEqual(group["accuracy"]["mcnemar"]["p"], 1)
        self.assertEqual(group["dynamics"]["martingale"]["reason"], "prices never moved")

    def test_all_ties(self):
        (group,) = self.run_of("ties.h5", [[0.5]] * 4, [1] * 4, [0, 1, 0, 1])
        self.assertEqual(group["accuracy"]["final"], 0.5)

    def test_an_empty_cell(self):
        _, empty = self.run_of("empty.h5", [[0.9]], [1], [1], cells=2)
        self.assertEqual(empty["accuracy"]["n"], 0)
        self.assertIsNone(empty["accuracy"]["final"])
        self.assertEqual(empty["accuracy"]["permutation"]["reason"], "no data")

    def test_nothing_but_failures(self):
        (group,) = self.run_of("failed.h5", [[0.9], [np.nan]], [3, 3], [1, 1])
        self.assertEqual(group["accuracy"]["scored"], 0)
        self.assertEqual(group["accuracy"]["coverage"], 0)
        self.assertIsNone(group["accuracy"]["opening"])

    def test_invalid_from_the_start(self):
        (group,) = self.run_of("invalid.h5", [[np.nan], [0.8]], [2, 1], [1, 1])
        self.assertEqual(group["accuracy"]["final"], 0.5)
        self.assertEqual(group["accuracy"]["opening"], 0.5)


class CoverageTest(harness.TestCase):
    """2,000 simulated data sets with clusters, as the cells of one file."""

    def simulate(self, name, sets, questions, gain, seed):
        # A question's difficulty is shared by its two propositions, opening and final.
        rng = np.random.default_rng(seed)
        difficulty = rng.normal(0, 1, (sets, questions, 1))
        opening = 0.4 + difficulty + rng.normal(0, 1, (sets, questions, 2)) > 0
        final = 0.4 + gain + difficulty + rng.normal(0, 1, (sets, questions, 2)) > 0
        label = np.tile([1, 0], questions)
        right = np.stack([opening, final], axis=-1).reshape(-1, 2)
        truth = np.tile(label, sets)[:, None]
        price = np.where(right == (truth == 1), 0.8, 0.2)
        count = len(price)
        ids = [f"{i // 2}-{i % 2}" for i in range(2 * questions)]
        make_run.write_run(
            self.dir / name,
            dict(price=price, prices_len=np.full(count, 2), status=np.full(count, 1),
                 reason=np.full(count, 2), cell=np.repeat(np.arange(sets), 2 * questions),
                 proposition=np.tile(np.arange(2 * questions), sets)),
            dict(id=ids, question_id=[i.split("-")[0] for i in ids], label=label),
            [dict(name=f"set {s}", trajectory=s) for s in range(sets)])
        return analyze(self.dir / name, "--resamples", "1000")["groups"]

    def test_intervals_cover_and_the_permutation_test_has_its_size(self):
        sets = int(2000 * max(1.0, SCALE))
        normal = reference.scipy.stats.norm.cdf
        for questions, gain in ((40, 0.5), (120, 0.0)):
            truth = normal((0.4 + gain) / np.sqrt(2)) - normal(0.4 / np.sqrt(2))
            groups = self.simulate(f"{questions}.h5", sets, questions, gain, questions)
            intervals = [g["accuracy"]["difference_interval"] for g in groups]
            covered = np.mean([i["low"] - 1e-9 <= truth <= i["high"] + 1e-9
                               for i in intervals])
            print(f"coverage with {questions} questions: {covered:.4f}")
            self.assertLess(abs(covered - 0.95), 0.015)
            if gain == 0.0:
                p = np.array([g["accuracy"]["permutation"]["p"] for g in groups])
                print(f"size of the permutation test at 5 %: {np.mean(p <= 0.05):.4f}")
                self.assertLess(np.mean(p <= 0.05), 0.05 + 0.015)
                self.assertGreater(np.mean(p <= 0.05), 0.02)

    def test_martingales_pass_and_trends_fail(self):
        sets, questions, steps = 1000, 60, 8
        rng = np.random.default_rng(3)
        shares = {}
        for name, trend in (("martingale", 0.0), ("trend", 0.12)):
            count = sets * questions
            price = np.full((count, steps), 0.5)
            side = rng.choice([-1, 1], count)
            for t in range(1, steps):
                # A fair step within the room that is left: a martingale in [0, 1].
                room = np.minimum(price[:, t - 1], 1 - price[:, t - 1])
                step = 0.5 * room * rng.choice([-1, 1], count) * rng.random(count)
                price[:, t] = np.clip(price[:, t - 1] + step + trend * side, 0, 1)
            length = rng.integers(3, steps + 1, count)
            make_run.write_run(
                self.dir / f"{name}.h5",
                dict(price=price, prices_len=length, status=np.full(count, 1),
                     reason=np.full(count, 1), cell=np.repeat(np.arange(sets), questions),
                     proposition=np.tile(np.arange(questions), sets)),
                dict(id=[str(i) for i in range(questions)],
                     question_id=[str(i) for i in range(questions)],
                     label=np.arange(questions) % 2),
                [dict(name=f"set {s}", trajectory=s) for s in range(sets)])
            groups = analyze(self.dir / f"{name}.h5", "--resamples", "0")["groups"]
            p = np.array([g["dynamics"]["martingale"]["p"] for g in groups])
            shares[name] = np.mean(p > 0.05)
        print(f"pass the martingale test: {shares}")
        self.assertLess(abs(shares["martingale"] - 0.95), 0.02)
        self.assertLess(shares["trend"], 0.2)

    def sim_p(self, behaviour, seed, **dials):
        job = self.write_job(self.sim_job(
            self.write_claims(40), seed=seed, cell__stop__rule="fixed", cell__max_iterations=8,
            models={"m": {"api": "sim", "behaviour": behaviour, **dials}}))
        harness.run("run", job, "-o", self.dir / f"{behaviour}{seed}", "--quiet")
        group = analyze(self.dir / f"{behaviour}{seed}", "--resamples", "0")["groups"][0]
        return group["dynamics"]["martingale"]["p"]

    def test_simulated_martingales_pass_and_simulated_trends_fail(self):
        runs = int(60 * max(1.0, SCALE))
        passed = np.mean([self.sim_p("martingale", seed, rate=0.8) > 0.05
                          for seed in range(runs)])
        print(f"simulated martingales that pass: {passed:.3f} of {runs}")
        self.assertLess(abs(passed - 0.95), 3 * np.sqrt(0.95 * 0.05 / runs))
        for noise in (0.0, 0.3):
            self.assertLess(self.sim_p("trend", int(10 * noise) + 1000, rate=0.5, noise=noise),
                            0.001)


if __name__ == "__main__":
    harness.main()
