"""Every number of `credence analyze` against independent implementations, on random runs."""

import json
import os
import sys

import harness

try:
    import numpy as np
    import sklearn
    import statsmodels.stats.multitest as multitest
    import make_run
    import reference_stats as reference
except ImportError as missing:
    print(f"skipped: the reference needs {missing.name}", file=sys.stderr)
    sys.exit(harness.SKIPPED)

from near import NearTest, analyze

# More data sets for a longer look.
SCALE = float(os.environ.get("CREDENCE_TEST_SCALE", "1"))
RUNS = max(50, int(50 * SCALE))


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
        self.check_live_runs(claims, rules["what_if"])

    def check_live_runs(self, claims, rows, **cell):
        for number, row in enumerate(rows):
            live = self.dir / f"live{number}"
            job = self.write_job(self.sim_job(claims, cell__stop={
                "rule": row["stop.rule"], "window": row["stop.window"],
                "threshold": row["stop.threshold"]},
                cell__max_iterations=row["max_iterations"], **cell))
            harness.run("run", job, "-o", live, "--quiet")
            accuracy = analyze(live, "--resamples", "0")["groups"][0]["accuracy"]
            self.assertEqual(row["unknown"], 0)
            for key in ("done", "invalid", "final", "difference", "converged", "iterations"):
                self.assertAlmostEqual(row[key], accuracy[key], 12, (row, key))

    def test_patience_and_confidence_replay_live_runs(self):
        claims = self.write_claims(40)
        job = self.write_job(self.sim_job(claims, cell__stop={"rule": "fixed"}))
        harness.run("run", job, "-o", self.dir / "long", "--quiet")
        rows = []
        for axes in (("stop.rule=patience", "stop.window=2,3"),
                     ("stop.rule=confidence", "stop.threshold=0.7,0.9")):
            rows += analyze(self.dir / "long", "--resamples", "0", "--what-if", axes[0],
                            "--what-if", axes[1])["what_if"]
        self.assertEqual(len(rows), 4)
        self.assertGreater(len({row["iterations"] for row in rows}), 2)
        self.check_live_runs(claims, rows)

    def test_sprt_replays_live_votes(self):
        """max_iterations is smaller than the samples: it does not cut a test of votes."""
        claims = self.write_claims(40)
        cell = dict(cell__protocol="self_consistency", cell__samples=12)
        job = self.write_job(self.sim_job(claims, **cell))
        harness.run("run", job, "-o", self.dir / "long", "--quiet")
        rows = analyze(self.dir / "long", "--resamples", "0", "--what-if",
                       "stop.rule=range,sprt", "--what-if", "stop.threshold=0.01,0.1,0.9",
                       "--what-if", "max_iterations=3")["what_if"]
        self.assertEqual([(row["stop.rule"], row["stop.threshold"]) for row in rows],
                         [("sprt", 0.01), ("sprt", 0.1)])  # votes have no range
        self.assertLess(rows[1]["iterations"], rows[0]["iterations"])
        self.check_live_runs(claims, rows, **cell)
        cut = analyze(self.dir / "live1", "--resamples", "0", "--what-if",
                      "stop.threshold=0.01")["what_if"]
        self.assertGreater(cut[0]["unknown"], 0)  # its samples end before that test


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
                        "instrument", "wording", "held"):
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
