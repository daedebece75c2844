"""The science sections of `credence analyze` against independent implementations."""

import json
import os
import sys

import harness

try:
    import numpy as np
    import statsmodels.stats.multitest as multitest
    import make_run
    import reference_science as science
    import reference_stats as reference
except ImportError as missing:
    print(f"skipped: the reference needs {missing.name}", file=sys.stderr)
    sys.exit(harness.SKIPPED)

from near import NearTest, analyze

# More data sets for a longer look.
SCALE = float(os.environ.get("CREDENCE_TEST_SCALE", "1"))
RUNS = max(50, int(50 * SCALE))


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

    def test_the_sides_of_consultancy_match(self):
        for seed in range(6):
            rng = np.random.default_rng(80 + seed)
            path = self.dir / f"sides{seed}.h5"
            episodes, propositions, cells = make_run.random_run(path, rng, questions=20, cells=2, replicates=3,
                                                                ties=bool(seed % 2))
            cells[0]["protocol"] = "consultancy"
            episodes["why"] = np.where(episodes["status"] == 2, 1, np.where(episodes["status"] == 3, 7, 0))
            make_run.write_run(path, episodes, propositions, cells)
            with_sides, without = analyze(path, "--resamples", "0")["groups"]
            numbers, intervals = science.sides(reference.Group(episodes, propositions, 0))
            self.all_near(with_sides["sides"], numbers, f"sides {seed}")
            self.intervals_near(with_sides["sides"], intervals, f"sides {seed}")
            self.assertFalse(without.get("sides"))

    def test_rooms_match(self):
        for seed in range(6):
            rng = np.random.default_rng(70 + seed)
            path = self.dir / f"rooms{seed}.h5"
            episodes, propositions, cells = make_run.random_run(path, rng, questions=20, cells=2, ties=bool(seed % 2))
            belief = rng.uniform(size=(len(episodes["price"]), 3 + seed % 2))
            belief[rng.random(belief.shape) < 0.2] = np.nan
            episodes["belief"] = belief
            episodes["why"] = np.where(episodes["status"] == 2, 1, np.where(episodes["status"] == 3, 7, 0))
            make_run.write_run(path, episodes, propositions, cells)
            for c, shown in enumerate(analyze(path, "--resamples", "0")["groups"]):
                mine = np.flatnonzero(episodes["cell"] == c)
                numbers, intervals = science.rooms(reference.Group(episodes, propositions, c), belief[mine])
                self.all_near(shown["room"], numbers, f"rooms {seed}")
                self.intervals_near(shown["room"], intervals, f"rooms {seed}")

    def test_said_and_held_match(self):
        for seed in range(6):
            rng = np.random.default_rng(50 + seed)
            path = self.dir / f"held{seed}.h5"
            episodes, propositions, cells = make_run.random_run(path, rng, questions=20, cells=2,
                                                                ties=bool(seed % 2))
            shape = episodes["price"].shape
            episodes["price_held"] = np.clip(episodes["price"] + rng.normal(0, 0.1, shape), 0, 1)
            episodes["price_held_idle"] = np.clip(
                episodes["price_held"] + rng.normal(0, 0.1, shape), 0, 1)
            idle = np.clip(episodes["price"] + rng.normal(0, 0.1, shape), 0, 1)
            idle[rng.random(shape) < 0.2] = np.nan  # what could not be read counts in no net move
            episodes["price_idle"] = idle
            episodes["why"] = np.where(episodes["status"] == 2, 1,
                                       np.where(episodes["status"] == 3, 7, 0))
            make_run.write_run(path, episodes, propositions, cells)
            for c, shown in enumerate(analyze(path, "--resamples", "0")["groups"]):
                mine = np.flatnonzero(episodes["cell"] == c)
                numbers, intervals = science.held(
                    reference.Group(episodes, propositions, c), episodes["price_held"][mine],
                    episodes["price_held_idle"][mine], idle[mine])
                self.all_near(shown["held"], numbers, f"held {seed}")
                self.intervals_near(shown["held"], intervals, f"held {seed}")
        table = harness.run("analyze", path, "--section", "held").out
        self.assertIn("said and held by iteration", table)
        for line in table.splitlines():
            self.assertTrue(len(line) <= 100 or line.startswith("Note:"), line)

    def test_wordings_are_taken_apart(self):
        rng = np.random.default_rng(8)
        n, words, reps = 40, 3, 2
        item = rng.normal(0.3, 1.0, (n, 1, 1))
        odds = (item + rng.normal(0, 0.5, (1, words, 1)) + rng.normal(0, 0.3, (n, words, 1)) +
                rng.normal(0, 0.4, (n, words, reps)))
        opening = 1 / (1 + np.exp(-odds))
        final = 1 / (1 + np.exp(-(1.5 * odds + rng.normal(0, 0.5, odds.shape))))
        label = np.tile([1, 0], n // 2)
        truth = np.stack([opening, final], axis=-1).transpose(1, 0, 2, 3).reshape(-1, 2)
        rows = np.tile(np.repeat(np.arange(n), reps), words)
        price = np.where(label[rows][:, None] == 1, truth, 1 - truth)
        count = len(price)
        make_run.write_run(
            self.dir / "wording.h5",
            dict(price=price, prices_len=np.full(count, 2), status=np.ones(count),
                 reason=np.full(count, 2), cell=np.repeat(np.arange(words), n * reps),
                 proposition=rows, replicate=np.tile(np.arange(reps), n * words)),
            dict(id=[str(i) for i in range(n)], question_id=[str(i // 2) for i in range(n)],
                 label=label),
            [dict(name=f"set {w}", prompts=f"set {w}", trajectory=w, replicates=reps)
             for w in range(words)])
        got = {r["variable"]: r for r in analyze(self.dir / "wording.h5")["wordings"]}

        def points(p):
            return np.where(p == 0.5, 0.5, p > 0.5)

        gain = (points(final) - points(opening)).reshape(n // 2, 2, words, reps).mean(axis=1)
        for name, y, plain in (("opening", odds, opening), ("final", np.log(final / (1 - final)), final),
                               ("gain", gain, gain)):
            if name != "gain":
                y = np.clip(y, np.log(0.001 / 0.999), np.log(0.999 / 0.001))
            numbers, intervals, p, _ = science.wording(y)
            self.all_near(got[name], numbers, name)
            self.intervals_near(got[name], intervals, name)
            self.near(got[name]["test"]["p"], p, name, 1e-8)
            self.all_near(got[name], science.wording(plain)[3], name)

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


class CoverageTest(NearTest):
    """Sizes, coverage and power over simulated sets, each the cell of one file.

    CREDENCE_TEST_SCALE=10 makes 2,000 sets of each."""

    SETS = int(200 * max(1.0, SCALE))

    def near_share(self, got, want, slack, what):
        """Within SLACK, and what chance may add to it with so many sets."""
        chance = 2.6 * np.sqrt(want * (1 - want) / self.SETS)
        print(f"{what}: {got:.4f} of {self.SETS} sets")
        self.assertLessEqual(abs(got - want), slack + chance, what)

    def write(self, name, price, label, question, replicates=1):
        """price [sets][markets][steps] (NaN after the end), label and question [sets][markets]."""
        sets, markets, steps = price.shape
        propositions = markets // replicates
        each = np.repeat(np.arange(propositions), replicates)
        row = (np.arange(sets)[:, None] * propositions + each).ravel()
        length = (~np.isnan(price)).sum(axis=2).ravel()
        make_run.write_run(
            self.dir / name,
            dict(price=price.reshape(-1, steps), prices_len=length,
                 status=np.ones(len(row)), reason=np.full(len(row), 2),
                 cell=np.repeat(np.arange(sets), markets), proposition=row,
                 replicate=np.tile(np.arange(replicates), sets * propositions)),
            dict(id=[str(i) for i in range(sets * propositions)],
                 question_id=[f"{s} {q}" for s in range(sets)
                              for q in question[s, ::replicates]],
                 label=label[:, ::replicates].ravel()),
            [dict(name=f"set {s}", trajectory=s, replicates=replicates) for s in range(sets)])
        return analyze(self.dir / name, "--resamples", "0")

    def updaters(self, rng, sets, markets, gain):
        """Makers who hear six signals that are right with 0.65 and move GAIN as far as Bayes."""
        label = rng.integers(0, 2, (sets, markets))
        right = rng.random((sets, markets, 6)) < 0.65
        signal = np.where(right == (label[..., None] == 1), 1, -1) * np.log(0.65 / 0.35)
        odds = np.concatenate([np.zeros((sets, markets, 1)), gain * signal.cumsum(axis=2)], axis=2)
        price = 1 / (1 + np.exp(-odds))
        # The market's own rule ends it: three prices within 0.2.
        for t in range(2, 7):
            rest = np.ptp(price[..., t - 2:t + 1], axis=2) <= 0.2
            price[rest, t + 1:] = np.nan
        question = np.tile(np.arange(markets) // 2, (sets, 1))
        return price, label, question

    def test_a_bayesian_passes_and_an_over_reactor_is_found(self):
        rng = np.random.default_rng(1)
        groups = self.write("bayes.h5", *self.updaters(rng, self.SETS, 200, 1.0))["groups"]
        beliefs = [g["beliefs"] for g in groups]
        p = np.array([b["excess_test"]["p"] for b in beliefs])
        self.near_share(np.mean(p <= 0.05), 0.05, 0.015, "size of the excess test")
        covers = [b["excess_interval"]["low"] <= 0 <= b["excess_interval"]["high"] for b in beliefs]
        self.near_share(np.mean(covers), 0.95, 0.015, "coverage of the excess")
        # Who moves little is stopped early by the market's rule, and so is harder to find.
        for what, gain, sign, power in (("over", 1.8, 1, 0.9), ("under", 0.3, -1, 0.1)):
            groups = self.write(f"{what}.h5", *self.updaters(rng, 50, 200, gain))["groups"]
            found = [g["beliefs"]["excess_test"]["p"] <= 0.05 and
                     g["beliefs"]["excess"] * sign > 0 for g in groups]
            print(f"{what}-reactors found with 200 markets: {np.mean(found):.2f}")
            self.assertGreater(np.mean(found), power)
            said = {g["beliefs"]["verdict"] for g, f in zip(groups, found) if f}
            self.assertTrue(all(f"{what}-reacts" in v for v in said), said)

    def test_noise_pulls_the_slope_and_the_instrument_does_not(self):
        rng = np.random.default_rng(2)
        sets, markets, replicates = self.SETS, 120, 4
        price, label, question = self.updaters(rng, sets, markets, 1.0)
        price = np.where(np.isnan(price), np.nan, price)[:, :, :3]
        price, label, question = (np.repeat(x, replicates, axis=1) for x in (price, label, question))
        price = np.clip(price + rng.normal(0, 0.05, price.shape), 0.001, 0.999)
        groups = self.write("noise.h5", price, label, question, replicates)["groups"]
        beliefs = [g["beliefs"] for g in groups]
        plain = np.mean([b["slope"] for b in beliefs])
        mended = np.mean([b["instrumented_slope"] for b in beliefs])
        variance = np.mean([b["noise_variance"] for b in beliefs])
        print(f"slope {plain:.4f}, with instrument {mended:.4f}, noise variance {variance:.5f}")
        self.assertLess(plain, -0.03)
        self.assertLess(abs(mended), 0.01)
        self.assertAlmostEqual(variance, 0.05 ** 2, delta=0.0002)

    def crowd(self, rng, sets, propositions, size, rho):
        """Judges wrong with 0.3 whose errors correlate by RHO: some all share one draw."""
        shared = rng.random((sets, propositions, 1)) < rho
        errors = np.where(shared, rng.random((sets, propositions, 1)) < 0.3,
                          rng.random((sets, propositions, size)) < 0.3)
        label = np.tile([1, 0], (sets, propositions // 2))
        price = np.where(errors != (label == 1)[..., None], 0.8, 0.2).reshape(sets, -1, 1)
        question = np.repeat(np.tile(np.arange(propositions), (sets, 1)), size, axis=1)
        return price, np.repeat(label, size, axis=1), question

    def test_the_correlation_of_a_crowd_is_found(self):
        rng = np.random.default_rng(3)
        got = self.write("crowd.h5", *self.crowd(rng, self.SETS, 200, 5, 0.7), replicates=5)
        rows = [r for r in got["independence"] if r["over"] == "replicates"]
        rho = np.mean([r["rho"] for r in rows])
        covers = [r["rho_interval"]["low"] <= 0.7 <= r["rho_interval"]["high"] for r in rows]
        effective = np.mean([r["effective"] for r in rows])
        print(f"rho {rho:.4f} of 0.7, N_eff {effective:.3f} of {5 / (1 + 4 * 0.7):.3f}")
        self.assertLess(abs(rho - 0.7), 0.01)
        self.assertLess(abs(effective - 5 / (1 + 4 * 0.7)), 0.05)
        self.near_share(np.mean(covers), 0.95, 0.025, "coverage of rho")
        alone = self.write("alone.h5", *self.crowd(rng, 50, 200, 5, 0.0), replicates=5)
        rows = [r for r in alone["independence"] if r["over"] == "replicates"]
        wanted = reference_gain = science.binomial_majority(5, 0.7) - 0.7
        self.assertLess(abs(np.mean([r["majority_gain"] for r in rows]) - wanted), 0.01)
        self.assertLess(abs(np.mean([r["independent_gain"] for r in rows]) - reference_gain), 0.01)

    def controls(self, name, stances, price, label, effect):
        """The p values, and whether the interval covers EFFECT, of two cells a set: price [sets][2][markets][steps]."""
        sets, _, markets, steps = price.shape
        row = np.tile((np.arange(sets)[:, None] * markets + np.arange(markets))[:, None, :], (1, 2, 1))
        make_run.write_run(
            self.dir / name,
            dict(price=price.reshape(-1, steps), prices_len=np.full(row.size, steps), status=np.ones(row.size),
                 reason=np.full(row.size, 2), cell=np.repeat(np.arange(2 * sets), markets), proposition=row.ravel()),
            dict(id=[str(i) for i in range(sets * markets)],
                 question_id=[f"{s} {m // 2}" for s in range(sets) for m in range(markets)], label=label.ravel()),
            [dict(name=f"{s} {stance}", benchmark=f"b{s}", stance=stance, trajectory=2 * s + i)
             for s in range(sets) for i, stance in enumerate(stances)])
        out = harness.run("analyze", self.dir / name, "--section", "placebo,agent-score", "--format", "json",
                          "--resamples", "500", timeout=1800).out
        rows = json.loads(out)["controls"]
        self.assertEqual(sets, len(rows))
        return (np.array([r["permutation"]["p"] for r in rows]),
                np.mean([r["interval"]["low"] - 1e-9 <= effect <= r["interval"]["high"] + 1e-9 for r in rows]))

    def test_placebos_and_agent_scores_have_their_size(self):
        rng = np.random.default_rng(6)
        sets, markets = self.SETS, 120
        label = np.tile([1, 0], (sets, markets // 2))
        side = np.where(label == 1, 1, -1)[:, None, :]
        # A question's difficulty is shared by its propositions and by both cells.
        hard = np.repeat(rng.normal(0, 1, (sets, 1, markets // 2)), 2, axis=2)
        noise = lambda: rng.normal(0, 1, (sets, 2, markets))
        opening, final = (0.3 + hard + noise() for _ in range(2))
        logistic = lambda odds: 1 / (1 + np.exp(-side * odds))
        p, covered = self.controls("placebo.h5", ("free", "echo"),
                                   np.stack([logistic(opening), logistic(final)], axis=-1), label, 0.0)
        self.near_share(np.mean(p <= 0.05), 0.05, 0.015, "size of the paired placebo test")
        self.near_share(covered, 0.95, 0.015, "coverage of market less placebo")
        # An adversary takes the price as far from the truth as a truthful agent takes it there: no gain.
        odds = 0.3 + hard + noise()
        odds[:, 1] *= -1
        p, covered = self.controls("score.h5", ("truthful", "adversarial"),
                                   np.stack([logistic(odds)] * 2, axis=-1), label, 0.0)
        self.near_share(np.mean(p <= 0.05), 0.05, 0.015, "size of the agent score test")
        self.near_share(covered, 0.95, 0.015, "coverage of the agent score difference")
        # And one whose arguments move the odds towards the truth by 1 is told apart.
        p, _ = self.controls("found.h5", ("free", "echo"), np.stack(
            [logistic(opening), logistic(final + np.array([1.0, 0])[None, :, None])], axis=-1), label, 0.0)
        print(f"a market that gains more than its placebo is found in {np.mean(p <= 0.05):.2f} of sets")
        self.assertGreater(np.mean(p <= 0.05), 0.6)

    def test_the_parts_of_a_score_cover(self):
        rng = np.random.default_rng(4)
        sets, n = self.SETS, 300
        true = rng.uniform(0.05, 0.95, (sets, n))
        label = (rng.random((sets, n)) < true).astype(int)
        odds = 2.0 * np.log(true / (1 - true))  # twice as sure as it should be
        price = (1 / (1 + np.exp(-odds)))[..., None]
        groups = self.write("corp.h5", price, label, np.tile(np.arange(n), (sets, 1)))["groups"]
        corp = [g["iterations"][0]["corp"]["brier"] for g in groups]
        wide = np.random.default_rng(5).uniform(0.05, 0.95, 2000000)
        sure = 1 / (1 + (1 / wide - 1) ** 2)
        truth = {"mcb": np.mean((sure - wide) ** 2), "dsc": np.var(wide),
                 "score": np.mean(wide * (1 - sure) ** 2 + (1 - wide) * sure ** 2)}
        for name, value in truth.items():
            covers = np.mean([c[f"{name}_interval"]["low"] <= value <= c[f"{name}_interval"]["high"]
                              for c in corp])
            print(f"coverage of {name}: {covers:.4f} (mean {np.mean([c[name] for c in corp]):.4f}, "
                  f"truth {value:.4f})")
        self.near_share(np.mean([c["score_interval"]["low"] <= truth["score"] <=
                                 c["score_interval"]["high"] for c in corp]), 0.95, 0.015,
                        "coverage of the score")


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
        self.assertIn(f"Note: {total} episodes are invalid (cut): raise models.m.params.max_tokens, "
                      "now 20", table)
        csv = harness.run("analyze", self.dir / "why.h5", "--section", "reasons", "--format",
                          "csv").out
        self.assertTrue(csv.startswith("group,what,reason,count,share,words,advice"))

    def test_the_servers_words_are_quoted(self):
        with harness.FaultServer({"rules": [{"fault": "400", "times": 0, "share": 0.2}]}) as server:
            harness.run("run", self.write_job(self.http_job(server.url, self.write_claims(60))), "-o",
                        self.dir / "run", "--quiet", "--max-failed", "100%", expect=None)
        rows = analyze(self.dir / "run")["reasons"]
        (failed,) = [r for r in rows if r["what"] == "failed"]
        self.assertEqual(failed["reason"], "bad_request")
        self.assertIn("400", failed["words"])
        self.assertIn("parameter", failed["advice"])

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
        # The file is of before /cells/prompts_trader: both sides had the one set.
        (sides,) = analyze(self.dir / "items.h5", "--by", "prompts,prompts.trader")["groups"]
        self.assertEqual({"prompts": "paper", "prompts.trader": "paper"}, sides["factors"])
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


if __name__ == "__main__":
    harness.main()
