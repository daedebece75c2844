"""The statistics of `credence analyze` by another hand: numpy, scipy, statsmodels, sklearn.

Every function takes plain arrays and follows the published definition, not the C code.
"""

import collections

import numpy as np
import scipy.stats
import sklearn.metrics
import statsmodels.api as sm
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from make_run import DONE, EQUILIBRIUM, FAILED, INVALID, KS, PENDING, STABLE_SIDE


def points(price, label):
    if price == 0.5:
        return 0.5
    return float((price > 0.5) == (label == 1))


class Group:
    """The episodes of one cell of a run of binary markets."""

    def __init__(self, episodes, propositions, cell):
        keep = np.flatnonzero(episodes["cell"] == cell)
        self.price = [episodes["price"][e, :episodes["prices_len"][e]] for e in keep]
        self.push = [episodes["push"][e, :episodes["prices_len"][e]] for e in keep]
        self.status = episodes["status"][keep]
        self.reason = episodes["reason"][keep]
        self.proposition = episodes["proposition"][keep]
        self.label = np.asarray(propositions["label"])[self.proposition]
        names = np.asarray(propositions["question_id"])[self.proposition]
        self.question = np.unique(names, return_inverse=True)[1]
        self.cost = {k: episodes[k][keep] for k in ("tokens", "calls", "latency", "usd")}
        self.scored = np.isin(self.status, [DONE, INVALID])
        self.done = self.status == DONE
        self.opening = np.array([points(p[0], y) if len(p) else 0.0
                                 for p, y in zip(self.price, self.label)])
        self.final = np.array([points(p[-1], y) if len(p) and s == DONE else 0.0
                               for p, y, s in zip(self.price, self.label, self.status)])

    def indices(self):
        return np.flatnonzero(self.done)


def clustered_mean(values, cluster, weights=None):
    """A mean (or a slope through the origin) with its clustered t interval."""
    x = np.ones(len(values)) if weights is None else weights
    groups = np.unique(cluster, return_inverse=True)[1]
    count = groups.max() + 1
    fit = sm.OLS(values, x).fit()
    if count < 2:
        return fit.params[0], None
    robust = fit.get_robustcov_results("cluster", groups=groups, use_t=True)
    half = scipy.stats.t.ppf(0.975, count - 1) * robust.bse[0]
    return fit.params[0], (fit.params[0] - half, fit.params[0] + half)


def sign_flip_p(sums):
    """All sign patterns of the cluster sums, by convolving their distributions."""
    steps = [int(round(2 * s)) for s in sums]
    mass = collections.Counter({0: 1.0})
    for step in steps:
        following = collections.Counter()
        for total, p in mass.items():
            following[total + step] += p / 2
            following[total - step] += p / 2
        mass = following
    far = abs(sum(steps))
    return min(1.0, sum(p for total, p in mass.items() if abs(total) >= far))


def cluster_sums(values, cluster):
    return np.array([values[cluster == q].sum() for q in np.unique(cluster)])


def accuracy(group):
    s = group.scored
    difference = (group.final - group.opening)[s]
    gained = int(((group.opening == 0) & (group.final == 1))[s].sum())
    lost = int(((group.opening == 1) & (group.final == 0))[s].sum())
    converged = np.isin(group.reason[group.done], [EQUILIBRIUM, STABLE_SIDE, KS])
    out = {
        "n": len(group.status), "done": int(group.done.sum()),
        "invalid": int((group.status == INVALID).sum()),
        "failed": int((group.status == FAILED).sum()),
        "pending": int((group.status == PENDING).sum()),
        "coverage": s.mean(), "scored": int(s.sum()),
        "questions": len(np.unique(group.question[s])),
        "opening": group.opening[s].mean(), "final": group.final[s].mean(),
        "difference": difference.mean(), "right_to_wrong": lost, "wrong_to_right": gained,
        "converged": converged.mean(),
        "iterations": np.mean([len(group.price[i]) - 1 for i in group.indices()]),
    }
    tests = {"permutation": sign_flip_p(cluster_sums(difference, group.question[s])),
             "mcnemar": mcnemar([[0, gained], [lost, 0]], exact=True).pvalue
             if gained + lost else 1.0}
    intervals = {"converged_interval": proportion_confint(
        converged.sum(), len(converged), method="wilson"),
        "invalid_interval": proportion_confint(
            out["invalid"], out["scored"], method="wilson")}
    return out, tests, intervals


def expanded_percentile(num, den, resamples, seed):
    """scipy's percentile bootstrap over clusters, at the level that makes it as wide as
    Student's t."""
    n = len(num)
    z = np.sqrt(n / (n - 1)) * scipy.stats.t.ppf(0.025, n - 1)
    made = scipy.stats.bootstrap(
        (num, den), lambda a, b, axis=-1: a.sum(axis=axis) / b.sum(axis=axis), paired=True,
        vectorized=True, n_resamples=resamples, method="percentile", batch=500,
        confidence_level=1 - 2 * scipy.stats.norm.cdf(z), random_state=seed)
    return made.confidence_interval, made.standard_error


def shown(price, t):
    return price[min(t, len(price) - 1)]


def calibration(price, outcome, bins=10):
    n = len(price)
    base = outcome.mean()
    clipped = np.clip(np.where(outcome == 1, price, 1 - price), 1e-6, 1 - 1e-6)
    which = np.minimum((price * bins).astype(int), bins - 1)
    reliability = resolution = 0.0
    for b in np.unique(which):
        inside = which == b
        reliability += inside.mean() * (price[inside].mean() - outcome[inside].mean()) ** 2
        resolution += inside.mean() * (outcome[inside].mean() - base) ** 2
    brier = sklearn.metrics.brier_score_loss(outcome, price)
    ordered = np.sort(price)
    edges = [ordered[-(-n * k // bins) - 1] for k in range(1, bins)]
    mass = np.searchsorted(edges, price, side="left")
    return {
        "n": n, "brier": brier, "reliability": reliability, "resolution": resolution,
        "uncertainty": base * (1 - base),
        "within": brier - (reliability - resolution + base * (1 - base)),
        "log_score": sklearn.metrics.log_loss(
            np.ones(n), np.column_stack([1 - clipped, clipped]), labels=[0, 1]),
        "ece_width": sum(abs((price - outcome)[which == b].sum())
                         for b in np.unique(which)) / n,
        "ece_mass": sum(abs((price - outcome)[mass == b].sum())
                        for b in np.unique(mass)) / n,
    }


def brier(group):
    """Opening and final Brier of done markets, and the clustered interval of the change."""
    done = group.indices()
    away = [(group.price[i][[0, -1]] - group.label[i]) ** 2 for i in done]
    opening, final = np.array(away).T
    mean, interval = clustered_mean(final - opening, group.question[done])
    return {"n": len(done), "opening": opening.mean(), "final": final.mean(),
            "difference": mean}, interval


def iteration(group, t):
    """One row of by-iteration numbers, and its clustered intervals."""
    s = np.flatnonzero(group.scored)
    score = np.array([
        points(shown(group.price[i], t), group.label[i])
        if len(group.price[i]) and (group.done[i] or t < len(group.price[i])) else 0.0
        for i in s])
    done = group.indices()
    price = np.array([shown(group.price[i], t) for i in done])
    moved = [i for i in done if 0 < t < len(group.price[i])]
    move = np.array([group.price[i][t] - group.price[i][t - 1] for i in moved])
    toward = move * (2 * group.label[moved] - 1) if len(moved) else move
    mean, interval = clustered_mean(score, group.question[s])
    out = {"scored": len(s), "accuracy": mean, "running": len(moved),
           "truth_price": np.where(group.label[done] == 1, price, 1 - price).mean()}
    intervals = {"accuracy_interval": interval}
    if len(moved):
        out["mean_move"] = np.abs(move).mean()
        out["toward_truth"], intervals["toward_truth_interval"] = clustered_mean(
            toward, group.question[moved])
        before = [points(group.price[i][t - 1], group.label[i]) for i in moved]
        after = [points(group.price[i][t], group.label[i]) for i in moved]
        out["right_to_wrong"] = sum(b == 1 and a == 0 for b, a in zip(before, after))
        out["wrong_to_right"] = sum(b == 0 and a == 1 for b, a in zip(before, after))
    return out, intervals, calibration(price, group.label[done].astype(float))


def survival(group):
    last, event = [], []
    for i in np.flatnonzero(group.scored):
        if len(group.price[i]):
            last.append(len(group.price[i]) - 1)
            event.append(bool(group.done[i]) and
                         group.reason[i] in (EQUILIBRIUM, STABLE_SIDE, KS))
    curve = SurvfuncRight(np.array(last, float), np.array(event, int))
    steps = dict(zip(curve.surv_times.astype(int), curve.surv_prob))
    out, now = [], 1.0
    for t in range(max(last) + 1):
        now = steps.get(t, now)
        out.append(now)
    # Nothing is known after the last observed time; the curve is 1 before the first event.
    return out, sum(out[:-1]), next((t for t, p in enumerate(out) if p <= 0.5), None)


def dynamics(group):
    turns, contraction, momentum, with_push = [], [], [], []
    scores = collections.defaultdict(lambda: np.zeros(3))
    for i in group.indices():
        p, q = group.price[i], group.question[i]
        moves = np.diff(p)
        signs = np.sign(moves[moves != 0])
        turns.append(int((signs[1:] != signs[:-1]).sum()))
        for t, move in enumerate(moves):
            if t > 0:
                scores[q] = scores[q] + move * np.array([1, moves[t - 1], p[t] - 0.5])
                momentum.append((moves[t - 1], move, q))
            if t + 1 < len(moves):
                contraction.append((p[-1] - p[t], move, q))
            if abs(group.push[i][t + 1]) == 1:
                with_push.append((group.push[i][t + 1] * move, q))
    out = {"done": int(group.done.sum()), "sign_changes": np.mean(turns),
           "oscillating": np.mean(np.array(turns) >= 2), "pushed": len(with_push),
           "martingale_moves": len(momentum), "contraction_moves": len(contraction)}
    intervals = {}
    for name, rows in (("contraction", contraction), ("momentum", momentum)):
        x, y, q = (np.array(column) for column in zip(*rows))
        out[name], intervals[name + "_interval"] = clustered_mean(y, q, weights=x)
    if with_push:
        y, q = (np.array(column) for column in zip(*with_push))
        out["moved_with"] = (y > 0).mean()
        out["persuasion"], intervals["persuasion_interval"] = clustered_mean(y, q)
    x = np.array(list(scores.values()))
    n, k = x.shape
    square = x.mean(0) @ np.linalg.solve(np.cov(x.T) / n, x.mean(0))
    f = square * (n - k) / ((n - 1) * k)
    return out, intervals, scipy.stats.f.sf(f, k, n - k)


def replicates(group):
    prices = collections.defaultdict(list)
    for i in group.indices():
        prices[group.proposition[i]].append(group.price[i][-1])
    agree, spread, pairs = [], [], 0
    for values in prices.values():
        if len(values) < 2:
            continue
        side = np.sign(np.array(values) - 0.5)
        same = [a == b for k, a in enumerate(side) for b in side[:k]]
        agree.append(np.mean(same))
        spread.append(np.std(values, ddof=1))
        pairs += len(same)
    return pairs, np.mean(agree), np.mean(spread)


def endings(group, opening):
    keep = [i for i in group.indices() if group.opening[i] == opening]
    final = group.final[keep]
    truth = [p if y else 1 - p for p, y in
             ((group.price[i][-1], group.label[i]) for i in keep)]
    return {"n": len(keep), "right": int((final == 1).sum()),
            "tied": int((final == 0.5).sum()), "wrong": int((final == 0).sum()),
            "truth_price": np.mean(truth)}


def what_if(group, threshold, window, cap):
    """Each stored trajectory cut where a live market under the rule would have ended."""
    unknown, final, length = 0, [], []
    for i, price in enumerate(group.price):
        if group.status[i] == PENDING:
            continue
        end = None
        for t in range(len(price)):
            if t + 1 >= window and np.ptp(price[t + 1 - window:t + 1]) <= threshold + 1e-9:
                end = t
            elif t == cap:
                end = t
            if end is not None:
                break
        if end is not None:
            final.append(points(price[end], group.label[i]))
            length.append(end)
        elif group.status[i] == INVALID:
            final.append(0.0)
        elif group.status[i] == DONE:
            unknown += 1
    return unknown, np.mean(final), np.mean(length)


def comparison(first, second):
    """Final scores paired by proposition, replicates averaged."""
    def means(group):
        rows = collections.defaultdict(list)
        for i in np.flatnonzero(group.scored):
            rows[group.proposition[i]].append(group.final[i])
        return {p: np.mean(v) for p, v in rows.items()}
    a, b = means(first), means(second)
    both = sorted(set(a) & set(b))
    return both, np.array([a[p] - b[p] for p in both])
