"""What came out, in sentences that hold: pooled first, and nothing picked without its price."""

import collections
import statistics

import numpy as np

from . import figures
from .page import count, esc, interval, percent

LEVEL = 0.05


def simultaneous(interval_, estimate, groups):
    """The 95 % INTERVAL about ESTIMATE widened so that it holds for GROUPS of them at once.

    Bonferroni: each half is scaled by the ratio of the normal quantiles of 1 - 0.025 / GROUPS
    and 0.975. None where there is no interval.
    """
    if interval_ is None or interval_["low"] is None:
        return None
    normal = statistics.NormalDist()
    scale = normal.inv_cdf(1 - LEVEL / 2 / max(1, groups)) / normal.inv_cdf(1 - LEVEL / 2)
    return {"low": max(-1.0, estimate - scale * (estimate - interval_["low"])),
            "high": min(1.0, estimate + scale * (interval_["high"] - estimate))}


def _points(value):
    text = f"{100 * value:+.1f}".replace("-", "\u2212")
    return "0.0" if text[1:] == "0.0" else text


def _pooled(pool, labels):
    """One sentence for each protocol whose prices move."""
    out = []
    over = [name for name in labels.differing if name != "protocol"]
    over = f", pooled over {esc(', '.join(over))}" if over else ""
    for group in figures.markets(pool):
        a = group["accuracy"]
        if a["difference"] is None:
            continue
        name = group["first_cell"]["protocol"]
        what = "markets" if name == "market" else f"episodes of {esc(name)}"
        out.append(
            f'<p class="headline">Over {count(a["scored"])} scored {what}, accuracy goes from '
            f'{percent(a["opening"])} % at the opening to {percent(a["final"])} % at the end: '
            f'<b>{_points(a["difference"])} points</b> (95 % '
            f'{interval(a["difference_interval"])}){over}.</p>')
    return out


def _groups(numbers, labels):
    scored = [g for g in figures.markets(numbers) if g["accuracy"]["difference"] is not None]
    if len(scored) < 2:
        return []
    sure = [g for g in scored if (1 if g["accuracy"]["p_holm"] is None else
                                  g["accuracy"]["p_holm"]) < LEVEL]
    better = sum(g["accuracy"]["difference"] > 0 for g in sure)
    text = (f"Of {len(scored)} groups {better or 'none'} end more accurate than they open and "
            f"{len(sure) - better or 'none'} less, at 5 % over the family (Holm).")
    most = max(scored, key=lambda g: abs(g["accuracy"]["difference"]))
    a = most["accuracy"]
    wide = simultaneous(a["difference_interval"], a["difference"], len(scored))
    if wide is not None:
        text += (f" The largest change is {_points(a['difference'])} points, in "
                 f"{esc(labels.short(most))}; an interval that holds for all {len(scored)} "
                 f"groups at once is {interval(wide)}.")
    return [f"<p>{text}</p>"]


def _converged(numbers):
    moving = figures.stopping(numbers)
    done = sum(group["accuracy"]["done"] for group in moving)
    reached = sum((g["accuracy"]["converged"] or 0) * g["accuracy"]["done"] for g in moving)
    return [f"<p>{percent(reached / done)} % of {count(done)} finished markets reached their "
            "equilibrium.</p>"] if done else []


def _losses(runs):
    """How many episodes are invalid, failed or pending, and why."""
    why = {"invalid": collections.Counter(), "failed": collections.Counter()}
    pending = total = 0
    for run in runs:
        table = run.markets()
        total += len(table)
        pending += int((table["status"] == "pending").sum())
        for status, counter in why.items():
            reasons = table["reason"][table["status"] == status] if "reason" in table else \
                ["reason not kept"] * int((table["status"] == status).sum())
            counter.update(str(r) or "reason not kept" for r in reasons)
    out = []
    for status, meaning in (("invalid", "and counts as wrong"), ("failed", "and is not scored")):
        number = sum(why[status].values())
        if number:
            reasons = ", ".join(f"{esc(reason.replace('_', ' '))} {count(n)}"
                                for reason, n in why[status].most_common())
            out.append(f"{count(number)} of {count(total)} episodes "
                       f"({percent(number / total)} %) {'is' if number == 1 else 'are'} {status} "
                       f"{meaning if number == 1 else meaning.replace('counts', 'count').replace('is ', 'are ')}"
                       f": {reasons}.")
    if pending:
        out.append(f"{count(pending)} of {count(total)} are not finished yet.")
    if not out and total:
        out.append("Every episode finished; none is invalid, none failed.")
    return [f"<p>{' '.join(out)}</p>"] if out else []


def _instrument(numbers):
    """What the prices measure: the model, or its prompt and its round numbers."""
    known = [group["instrument"] for group in numbers["groups"] if group.get("instrument")]
    total = sum(one["n"] for one in known)
    if not total:
        return []

    def share(name):
        rows = [one for one in known if one[name] is not None]
        return sum(one["n"] * one[name] for one in rows) / sum(one["n"] for one in rows) if rows else None
    prompt = share("prompt_number")
    told = "" if prompt is None else f"{percent(prompt)} % are numbers of the prompt, "
    return [f"<p>The instrument: of {count(total)} prices {told}{percent(share('heaped'))} % are tenths, "
            f"{percent(share('half'))} % 0.5, {percent(share('ends'))} % 0 or 1.</p>"]


def make(numbers, pool, labels, runs):
    """The headline as HTML."""
    parts = _pooled(pool, labels) or ["<p class=\"headline\">No finished market can be scored yet.</p>"]
    return "".join(parts + _groups(numbers, labels) + _converged(numbers) + _instrument(numbers) +
                   _losses(runs))


def members(run, group):
    """Which episodes of RUN belong to GROUP, as its factors say; None when that is not known."""
    table = run.markets()
    mask = np.ones(len(table), bool)
    for name, value in group["factors"].items():
        if name == "file":
            continue
        column = table.get(name)
        if column is None:
            return None
        mask &= np.array([(f"{x:g}" if isinstance(x, float) else str(x)) == str(value)
                          for x in column], dtype=bool)
    return mask


def yes_bias(run, group):
    """(n, share priced above 1/2 at the opening, at the end, share true) of binary markets."""
    mask = members(run, group)
    if mask is None:
        return None
    table, e = run.markets(), run.episodes
    label = run.propositions["label"][np.maximum(e["proposition"], 0)]
    many = run.propositions["n_outcomes"][np.maximum(e["proposition"], 0)] > 1
    mask &= (e["status"] == 1) & np.isin(label, (0, 1)) & ~many & np.isfinite(table["final"])
    if not mask.any():
        return None
    opening, final = table["opening"][mask], table["final"][mask]
    return (int(mask.sum()), float((opening > 0.5).mean()), float((final > 0.5).mean()),
            float((label[mask] == 1).mean()), float(opening.mean()), float(final.mean()))
