"""The science sections of `credence analyze` by another hand: numpy and scipy alone."""

import itertools

import numpy as np
import scipy.special
import scipy.stats
from sklearn.isotonic import IsotonicRegression

from reference_stats import points


def sandwich(sums, scale):
    """Half a 95 % interval from the clusters' influence sums."""
    n = len(sums)
    error = np.sqrt((np.asarray(sums) ** 2).sum() * n / (n - 1)) / abs(scale)
    return scipy.stats.t.ppf(0.975, n - 1) * error


def ratio(num, den, cluster):
    """sum(num) / sum(den), and its interval by linearisation over clusters."""
    num, den, cluster = (np.asarray(x, dtype=float) for x in (num, den, cluster))
    value = num.sum() / den.sum()
    names = np.unique(cluster)
    sums = [(num - value * den)[cluster == q].sum() for q in names]
    if len(names) < 2:
        return value, None
    half = sandwich(sums, den.sum())
    return value, (value - half, value + half)


def slope(z, x, y, cluster):
    """The slope of y on x by instrument z, both with their means, and its interval."""
    z, x, y, cluster = (np.asarray(a, dtype=float) for a in (z, x, y, cluster))
    zc, xc, yc = z - z.mean(), x - x.mean(), y - y.mean()
    value = (zc * yc).sum() / (zc * xc).sum()
    residual = zc * (yc - value * xc)
    sums = [residual[cluster == q].sum() for q in np.unique(cluster)]
    half = sandwich(sums, (zc * xc).sum())
    return value, (value - half, value + half)


def beliefs(group):
    done = group.indices()
    question = group.question[done]
    paths = [np.asarray(group.price[i]) for i in done]
    movement = np.array([(np.diff(p) ** 2).sum() for p in paths])
    reduction = np.array([p[0] * (1 - p[0]) - p[-1] * (1 - p[-1]) for p in paths])
    excess = movement - reduction
    ones = np.ones(len(paths))
    out, intervals = {"markets": len(paths), "moves": sum(len(p) - 1 for p in paths)}, {}
    for name, values in (("movement", movement), ("reduction", reduction), ("excess", excess)):
        out[name], intervals[name + "_interval"] = ratio(values, ones, question)
    if intervals["reduction_interval"][0] > 0:
        out["normalised"], intervals["normalised_interval"] = ratio(movement, reduction, question)
    else:
        out["normalised"] = None
    sums = np.array([excess[question == q].sum() for q in np.unique(question)])
    test = scipy.stats.ttest_1samp(sums, 0).pvalue
    rows = [(p[t], p[t + 1] - p[t], q) for p, q in zip(paths, question) for t in range(len(p) - 1)]
    x, y, q = zip(*rows)
    out["slope"], intervals["slope_interval"] = slope(x, x, y, q)
    rows, spread, dof = [], 0.0, 0
    for name in np.unique(group.proposition[done]):
        members = [i for i in done if group.proposition[i] == name]
        opening = np.array([group.price[i][0] for i in members])
        spread += ((opening - opening.mean()) ** 2).sum()
        dof += len(members) - 1
        for i, t in itertools.product(members, range(group.longest)):
            others = [group.price[k][t] for k in members if k != i and t < len(group.price[k])]
            if others and t + 1 < len(group.price[i]):
                p = group.price[i]
                rows.append((np.mean(others), p[t], p[t + 1] - p[t], group.question[i]))
    if rows:
        z, x, y, q = zip(*rows)
        out["instrumented_n"] = len(rows)
        out["instrumented_slope"], intervals["instrumented_slope_interval"] = slope(z, x, y, q)
    if dof:
        out["noise_variance"] = spread / dof
        out["noise_movement"] = 2 * spread / dof * out["moves"] / out["markets"]
    return out, intervals, test


def belief_step(group, t):
    rows = [(group.price[i][t - 1], group.price[i][t], group.question[i])
            for i in group.indices() if t < len(group.price[i])]
    before, after, question = (np.array(c) for c in zip(*rows))
    value, interval = ratio((1 - 2 * before) * (after - before), np.ones(len(rows)), question)
    return {"n": len(rows), "movement": ((after - before) ** 2).mean(), "excess": value,
            "reduction": (before * (1 - before) - after * (1 - after)).mean()}, interval


def jackknife(rows, function):
    """FUNCTION of rows and its interval, with each question's rows left out once.

    rows: tuples whose first field is the question."""
    names = sorted({r[0] for r in rows})
    value = function(rows)
    values = np.array([function([r for r in rows if r[0] != q]) for q in names])
    n = len(names)
    error = np.sqrt((n - 1) / n * ((values - values.mean()) ** 2).sum())
    half = scipy.stats.t.ppf(0.975, n - 1) * error
    return value, (value - half, value + half)


def pair_correlation(lists):
    """The intraclass correlation over all pairs within the lists, with one mean."""
    every = np.concatenate([np.asarray(x, dtype=float) for x in lists])
    pairs = np.array([(a, b) for x in lists for a, b in itertools.combinations(x, 2)])
    if not len(pairs):
        return np.nan
    centre = every.mean()
    return ((pairs[:, 0] - centre) * (pairs[:, 1] - centre)).mean() / every.var()


def majority(points_of, share=0.5):
    total, n = sum(points_of), len(points_of)
    return 1.0 if total > share * n else 0.0 if total < share * n else 0.5


def binomial_majority(n, p):
    k = np.arange(n + 1)
    mass = scipy.stats.binom.pmf(k, n, p)
    return mass[2 * k > n].sum() + 0.5 * mass[2 * k == n].sum()


def replicate_independence(group):
    """Errors of replicates: rho, effective number, majority, what independence would give."""
    rows = []  # question, points of the replicates, prices, label
    for name in np.unique(group.proposition):
        members = [i for i in np.flatnonzero(group.scored) if group.proposition[i] == name]
        if members:
            prices = [group.price[i][-1] for i in members if len(group.price[i])]
            rows.append((group.question[members[0]], [group.final[i] for i in members], prices,
                         group.label[members[0]]))
    n = max(len(r[1]) for r in rows)
    rho, interval = jackknife(rows, lambda r: pair_correlation([[1 - s for s in x[1]] for x in r]))

    def by_label(some):
        parts = [[np.asarray(x[2], float) for x in some if x[3] == y] for y in (0, 1)]
        centred = [[x - np.concatenate(part).mean() for x in part] for part in parts if part]
        lists = [x for part in centred for x in part]
        pairs = np.array([(a, b) for x in lists for a, b in itertools.combinations(x, 2)])
        return (pairs[:, 0] * pairs[:, 1]).mean() / (np.concatenate(lists) ** 2).mean()

    price_rho, price_interval = jackknife(rows, by_label)
    whole = [r for r in rows if len(r[1]) == n]
    one = np.mean([np.mean(r[1]) for r in whole])
    gains = [majority(r[1]) - np.mean(r[1]) for r in whole]
    gain, gain_interval = ratio(gains, np.ones(len(gains)), [r[0] for r in whole])
    spread = 1 + (n - 1) * rho
    return {
        "judges": n, "propositions": sum(len(r[1]) > 1 for r in rows), "rho": rho,
        "accuracy": np.mean(np.concatenate([r[1] for r in rows])),
        "effective": min(n, n / spread) if spread > 0 else n, "price_rho": price_rho,
        "majority": np.mean([majority(r[1]) for r in whole]), "majority_gain": gain,
        "independent_gain": binomial_majority(n, one) - one,
    }, {"rho_interval": interval, "price_rho_interval": price_interval,
        "majority_gain_interval": gain_interval}


def poisson_binomial_majority(accuracies):
    n, sum_ = len(accuracies), 0.0
    for right in itertools.product((0, 1), repeat=n):
        mass = np.prod([p if r else 1 - p for p, r in zip(accuracies, right)])
        sum_ += mass * majority(right)
    return sum_


def judge_independence(table, question):
    """table [propositions][judges] of points, all known."""
    rows = [(q, *row) for q, row in zip(question, table)]

    def rho(some):
        errors = 1 - np.array([r[1:] for r in some])
        corr = np.corrcoef(errors.T)
        return np.mean([corr[a, b] for a, b in itertools.combinations(range(len(corr)), 2)])

    value, interval = jackknife(rows, rho)
    votes = np.array([majority(row) for row in table])
    return {"rho": value, "majority_gain": votes.mean() - table.mean(),
            "independent_gain": poisson_binomial_majority(table.mean(axis=0)) - table.mean(),
            "accuracy": table.mean()}, interval


def brier_cost(p, y):
    return (p - y) ** 2


def log_cost(p, y):
    return -scipy.special.xlogy(y, p) - scipy.special.xlog1py(1 - y, -p)


def corp(group, t):
    """MCB, DSC and UNC of both scores, and the isotonic fit as (price, share) pairs."""
    done = group.indices()
    price = np.array([group.price[i][min(t, len(group.price[i]) - 1)] for i in done])
    y, question = group.label[done].astype(float), group.question[done]
    fit = IsotonicRegression().fit_transform(price, y)
    out, intervals = {}, {}
    for name, cost, shown in (("brier", brier_cost, price),
                              ("log", log_cost, np.clip(price, 1e-6, 1 - 1e-6))):
        single, pooled, base = cost(shown, y), cost(fit, y), cost(np.full(len(y), y.mean()), y)
        parts = {"score": single, "mcb": single - pooled, "dsc": base - pooled, "unc": base}
        out[name] = {k: v.mean() for k, v in parts.items()}
        intervals[name] = {k + "_interval": ratio(v, np.ones(len(v)), question)[1]
                           for k, v in parts.items()}
    return out, intervals, sorted(zip(price, fit))


def murphy(group, threshold):
    done = group.indices()
    y, question = group.label[done], group.question[done]

    def cost(p):
        return np.where(p > threshold, (1 - y) * threshold, y * (1 - threshold))

    opening, final = (cost(np.array([group.price[i][k] for i in done])) for k in (0, -1))
    value, interval = ratio(final - opening, np.ones(len(done)), question)
    return {"opening": opening.mean(), "final": final.mean(), "difference": value}, interval


def points_at(group, i, t):
    """What market I scores at iteration T; an invalid one is wrong where it has no price."""
    price = group.price[i]
    if not len(price) or (not group.done[i] and t >= len(price)):
        return 0.0
    return points(price[min(t, len(price) - 1)], group.label[i])


def oracle(group, iterations, folds=5):
    """The best fixed iteration, cross-fitted over questions in the order they come."""
    rows = np.flatnonzero(group.scored)
    table = np.array([[points_at(group, i, t) for t in range(iterations)] for i in rows])
    names = list(dict.fromkeys(group.question[rows]))
    fold = np.array([names.index(q) % folds for q in group.question[rows]])
    chosen = [int(np.argmax(np.round(table[fold != f].sum(axis=0), 6))) for f in range(folds)]
    mine = np.array([row[chosen[f]] for row, f in zip(table, fold)])
    value, interval = ratio(mine, np.ones(len(mine)), group.question[rows])
    return {"n": len(rows), "oracle": value, "ceiling": table.max(axis=1).mean(),
            "best_iteration": int(np.argmax(np.round(table.sum(axis=0), 6))),
            "opening": table[:, 0].mean()}, interval, dict(zip(rows, mine))


def fixed_rule(group, best, t, calls):
    """The rule "stop at T" where every trajectory is long enough."""
    rows = np.flatnonzero(group.scored)
    final = np.array([points_at(group, i, t) for i in rows])
    regret = np.array([best[i] for i in rows]) - final
    value, interval = ratio(regret, np.ones(len(rows)), group.question[rows])
    done = [i for i in rows if t < len(group.price[i])]
    return {"final": final.mean(), "regret": value,
            "calls": np.mean([calls[i, :t + 1].sum() for i in done])}, interval


def control(first, second, value):
    """VALUE(group, i) of one group minus another's, paired by proposition."""
    means = []
    for group in (first, second):
        rows = {}
        for i in np.flatnonzero(group.scored):
            v = value(group, i)
            if v is not None:
                rows.setdefault(group.proposition[i], []).append(v)
        means.append({p: np.mean(v) for p, v in rows.items()})
    both = sorted(set(means[0]) & set(means[1]))
    a, b = (np.array([m[p] for p in both]) for m in means)
    return {"pairs": len(both), "first_mean": a.mean(), "second_mean": b.mean(),
            "difference": (a - b).mean()}


def gain(group, i):
    return group.final[i] - group.opening[i]


def log_truth(group, i, sign=1):
    if not group.done[i]:
        return None
    p = group.price[i][-1] if group.label[i] == 1 else 1 - group.price[i][-1]
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(p) if sign > 0 else np.log1p(-p)


def wording(y):
    """Balanced random effects of y [items][wordings][replicates]."""
    items, words, reps = y.shape
    cell, item, word, mean = y.mean(2), y.mean((1, 2)), y.mean((0, 2)), y.mean()
    ms_item = reps * words * ((item - mean) ** 2).sum() / (items - 1)
    ms_word = reps * items * ((word - mean) ** 2).sum() / (words - 1)
    cross_dof = (items - 1) * (words - 1)
    ms_cross = reps * ((cell - item[:, None] - word + mean) ** 2).sum() / cross_dof
    ms_rep = ((y - cell[:, :, None]) ** 2).sum() / (items * words * (reps - 1))
    out = {"items": items, "wordings": words, "replicates": reps, "mean": mean,
           "replicate": ms_rep, "cross": max((ms_cross - ms_rep) / reps, 0),
           "wording": max((ms_word - ms_cross) / (reps * items), 0),
           "item": max((ms_item - ms_cross) / (reps * words), 0)}
    out["wording_share"] = (out["wording"] + out["cross"]) / (
        out["item"] + out["wording"] + out["cross"] + ms_rep)
    out["reliability"] = out["item"] / (out["item"] + (out["cross"] + ms_rep / reps) / words)
    f = ms_word / ms_cross
    bounds = [max((f / scipy.stats.f.ppf(q, words - 1, cross_dof) - 1) / items, 0)
              for q in (0.975, 0.025)]
    total = ms_item + ms_word - ms_cross
    total = total if total > 0 else ms_item
    dof = total ** 2 / (ms_item ** 2 / (items - 1) + ms_word ** 2 / (words - 1) +
                        ms_cross ** 2 / cross_dof)
    half = scipy.stats.t.ppf(0.975, dof) * np.sqrt(total / y.size)
    pairs = [abs(cell[:, a] - cell[:, b]) for a, b in itertools.combinations(range(words), 2)]
    spread = {"mean_difference": np.mean(pairs), "largest_spread": np.ptp(cell, axis=1).max()}
    return out, {"mean_interval": (mean - half, mean + half), "wording_ratio_interval": bounds}, \
        scipy.stats.f.sf(f, words - 1, cross_dof), spread


def log_odds(p):
    p = np.clip(p, 0.001, 0.999)
    return np.log(p / (1 - p))


def held(group, held_price, idle, said_idle):
    """What is said beside what is held, and both without the argument; all [markets][steps] of the group's rows."""
    out, intervals = {}, {}
    done, question = group.indices(), group.question
    said = {i: np.asarray(group.price[i]) for i in done}
    mine = {i: held_price[i, :len(said[i])] for i in done}
    gap = [(log_odds(s) - log_odds(h), question[i], t) for i in done
           for t, (s, h) in enumerate(zip(said[i], mine[i]))]
    values = np.array([g[0] for g in gap])
    out["gap"], intervals["gap_interval"] = ratio(values, np.ones(len(gap)), [g[1] for g in gap])
    out["distance"] = np.abs(values).mean()
    for name, t in (("opening", 0), ("final", -1)):
        for who, path in (("said", said), ("held", mine)):
            out[f"{who}_{name}"] = np.mean([points(path[i][t], group.label[i]) for i in done])
    last = [(points(mine[i][-1], group.label[i]) - points(said[i][-1], group.label[i])) for i in done]
    out["final_difference"], intervals["final_difference_interval"] = ratio(
        last, np.ones(len(done)), question[done])
    moves = {name: [] for name in ("moved_said", "moved_held", "moved_idle", "net_held",
                                   "sycophancy")}
    nets = {name: [] for name in ("said_idle", "net_said", "net_sycophancy")}
    cluster, net_cluster = [], []
    for i in done:
        for t in range(1, len(said[i])):
            way = group.push[i][t]
            if abs(way) != 1:
                continue
            s = way * (log_odds(said[i][t]) - log_odds(said[i][t - 1]))
            h = way * (log_odds(mine[i][t]) - log_odds(mine[i][t - 1]))
            u = way * (log_odds(idle[i, t]) - log_odds(mine[i][t - 1]))
            for name, value in zip(moves, (s, h, u, h - u, s - h)):
                moves[name].append(value)
            cluster.append(question[i])
            if np.isnan(said_idle[i, t]):
                continue
            v = way * (log_odds(said_idle[i, t]) - log_odds(said[i][t - 1]))
            for name, value in zip(nets, (v, s - v, (s - v) - (h - u))):
                nets[name].append(value)
            net_cluster.append(question[i])
    for named, of in ((moves, cluster), (nets, net_cluster)):
        for name, values in named.items():
            out[name], intervals[name + "_interval"] = ratio(values, np.ones(len(values)), of)
    longer = [i for i in done if len(said[i]) >= 3]
    for who, path in (("said", said), ("held", mine)):
        out[who + "_at_rest"] = np.mean([np.ptp(path[i][-3:]) <= 0.2 + 1e-9 for i in longer])
    return out, intervals


def rooms(group, belief):
    """The last price beside the pooled private beliefs [markets][traders] of the group's rows."""
    rooms_ = [i for i in group.indices() if not np.isnan(belief[i]).all()]
    question = group.question[rooms_]

    def of(value, i):
        return points(value, group.label[i]), value if group.label[i] == 1 else 1 - value
    scores = {name: [] for name in ("final", "alone", "mean", "median", "log_odds")}
    for i in rooms_:
        held = belief[i][~np.isnan(belief[i])]
        geometric = np.exp(np.mean(np.log(np.clip(held, 0.001, 0.999))))
        other = np.exp(np.mean(np.log(np.clip(1 - held, 0.001, 0.999))))
        scores["final"].append(of(group.price[i][-1], i))
        scores["alone"].append(tuple(np.mean([of(b, i) for b in held], axis=0)))
        scores["mean"].append(of(held.mean(), i))
        scores["median"].append(of(np.median(held), i))
        scores["log_odds"].append(of(geometric / (geometric + other), i))
    out, intervals = {"rooms": len(rooms_)}, {}
    for name, values in scores.items():
        values = np.array(values)
        out[name], out[name + "_price"] = values[:, 0].mean(), values[:, 1].mean()
        if name != "final":
            out["over_" + name], intervals[f"over_{name}_interval"] = ratio(
                np.array(scores["final"])[:, 0] - values[:, 0], np.ones(len(values)), question)
    return out, intervals


def sides(group):
    """Points by whether the first argument was for what is true, and the gap with its interval."""
    scored = {}
    for i in group.indices():
        push = group.push[i][1] if len(group.price[i]) > 1 else 0
        if push:
            side = "truth" if (push > 0) == (group.label[i] == 1) else "falsehood"
            scored.setdefault(side, []).append((points(group.price[i][0], group.label[i]),
                                                points(group.price[i][-1], group.label[i]), group.question[i]))
    out, intervals, moved = {}, {}, {}
    for side, rows in scored.items():
        first, last, question = (np.array(column) for column in zip(*rows))
        out[f"{side}_n"], out[f"{side}_opening"] = len(rows), first.mean()
        out[f"{side}_final"], intervals[f"{side}_final_interval"] = ratio(last, np.ones(len(last)), question)
        for q in np.unique(question):  # what a question adds to the side's mean
            mine = last[question == q]
            moved.setdefault(q, []).append((1 if side == "truth" else -1) * (mine.sum() - last.mean() * len(mine)) / len(last))
    out["gap"] = out["truth_final"] - out["falsehood_final"]
    added = np.array([sum(parts) for parts in moved.values()])
    half = sandwich(added, 1)
    intervals["gap_interval"] = (out["gap"] - half, out["gap"] + half)
    return out, intervals


__all__ = ["points"]
