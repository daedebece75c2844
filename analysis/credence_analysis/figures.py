"""The figures. Each takes a Run or the dict of `analyze`, and returns a matplotlib Figure,
or None when the run has nothing for it to show.

Nothing is dropped: what does not fit one panel becomes small multiples with equal axes.
"""

import math

import numpy as np

from .labels import Labels
from .markets import shown_prices
from .style import (FALSE, INK, NEUTRAL, SERIES, TRUE, WIDTH, legend_below, new_figure, plain,
                    settings, shades)

ROWS_MAX = 36  # of one forest plot: more become several, with the same axis


def _number(value):
    return np.nan if value is None else value


def markets(numbers):
    """The groups whose prices move: those with more than one judgment."""
    return [group for group in numbers["groups"] if len(group["iterations"]) > 1]


def stopping(numbers):
    """Those of them whose length a stop rule decides: markets with a trader or without."""
    return [group for group in markets(numbers)
            if group["first_cell"]["protocol"] in ("market", "self_refine")]


def _carried(price, lengths):
    """Prices with each market's last one carried on."""
    t = np.minimum(np.arange(price.shape[1])[None, :], lengths[:, None] - 1)
    return np.take_along_axis(price, t, axis=1)


def trajectories(run, cell=None, samples=12):
    """Median, quantile bands and sample paths of one cell, or of all, by truth."""
    episodes = run.episodes
    keep = (episodes["status"] == 1) & (episodes["iterations"] > 1)
    if cell is not None:
        keep &= episodes["cell"] == cell
    keep &= np.isfinite(run.price[:, 0])
    if not keep.any():
        return None
    label = run.propositions["label"][episodes["proposition"][keep]]
    price = _carried(run.price[keep], episodes["iterations"][keep])
    price = price[:, :episodes["iterations"][keep].max()]
    if not np.isin(label, (0, 1)).all():
        return None
    with settings():
        figure, axes = new_figure()
        t = np.arange(price.shape[1])
        for truth, color, name in ((1, TRUE, "true"), (0, FALSE, "false")):
            chosen = price[label == truth]
            if not len(chosen):
                continue
            for path in chosen[np.linspace(0, len(chosen) - 1, min(samples, len(chosen)))
                               .astype(int)]:
                axes.plot(t, path, color=color, alpha=0.25, linewidth=0.7)
            low, first, middle, third, high = np.percentile(chosen, [5, 25, 50, 75, 95], axis=0)
            axes.fill_between(t, low, high, color=color, alpha=0.10, linewidth=0)
            axes.fill_between(t, first, third, color=color, alpha=0.18, linewidth=0)
            axes.plot(t, middle, color=color, linewidth=2.4,
                      label=f"{name} (median of {len(chosen):,})")
        axes.axhline(0.5, color=NEUTRAL, linewidth=0.8, linestyle=":")
        axes.set(xlabel="iteration t", ylabel="price", ylim=(-0.02, 1.02),
                 title="Prices by what is true" if cell is None else
                 plain(run.cells["name"][cell], 60))
        axes.xaxis.get_major_locator().set_params(integer=True)
        legend_below(axes)
    return figure


def density(runs):
    """Opening against final price of all finished markets, by what is true."""
    parts = []
    for run in runs:
        e, length = run.episodes, run.episodes["iterations"]
        price = shown_prices(run)
        label = run.propositions["label"][e["proposition"]]
        many = run.propositions["n_outcomes"][e["proposition"]] > 1
        keep = (e["status"] == 1) & (length > 1) & np.isin(label, (0, 1)) & ~many
        at = np.maximum(length - 1, 0)
        parts.append(np.stack([price[keep, 0], price[np.arange(len(at)), at][keep], label[keep]]))
    opening, final, label = np.concatenate(parts, axis=1)
    if len(label) < 10:
        return None
    edges = np.linspace(0, 1, 21)
    counts = [np.histogram2d(opening[label == truth], final[label == truth], edges)[0]
              for truth in (1, 0)]
    most = max(float(c.max()) for c in counts)
    with settings():
        figure, axes = new_figure(height=2.75, columns=2, sharey=True, sharex=True)
        for ax, count, name in zip(axes, counts, ("true", "false")):
            # Squares, not an image: the page allows no pictures that are not drawings.
            ax.pcolormesh(edges, edges, np.ma.masked_equal(count.T, 0), cmap=shades(0.12, 1),
                          vmin=0, vmax=most, linewidth=0)
            ax.plot([0, 1], [0, 1], color=NEUTRAL, linewidth=0.8, linestyle=":")
            ax.axhline(0.5, color=NEUTRAL, linewidth=0.6)
            ax.axvline(0.5, color=NEUTRAL, linewidth=0.6)
            ax.set(title=f"{name} ({int(count.sum()):,})", xlabel="opening price", xlim=(0, 1),
                   ylim=(0, 1), aspect="equal", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        axes[0].set_ylabel("final price")
    return figure


def _wrapped(title, most=28):
    """TITLE on as many lines as it needs beside another panel, broken between factors."""
    lines = [""]
    for part in title.split(" \u00b7 "):
        part = plain(part, most)
        longer = f"{lines[-1]} \u00b7 {part}" if lines[-1] else part
        if len(longer) <= most:
            lines[-1] = longer
        else:
            lines.append(part)
    return "\n".join(lines[:3])


def _panels(numbers, groups, draw, ylabel, limits, xlabel="iteration t"):
    """DRAW(axes, group, color, lines) of every group, in small multiples with the same axes."""
    labels = Labels(numbers)
    panels = labels.panels(groups)
    if not panels:
        return None
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    tall = max(_wrapped(title).count("\n") for title, _ in panels)
    height = 3.1 if len(panels) == 1 else 0.75 + (1.45 + 0.15 * tall) * rows
    with settings():
        figure, axes = new_figure(height=height, rows=rows, columns=columns, squeeze=False,
                                  sharex=True, sharey=True)
        shown = {}
        for ax, (title, lines) in zip(axes.ravel(), panels):
            for name, at, group in lines:
                color = SERIES[at % len(SERIES)]
                shown[name] = color
                draw(ax, group, color, len(lines))
            if limits is not None:
                ax.set(ylim=limits)
            ax.set_title(_wrapped(title), fontsize=8.5 if len(panels) > 1 else 10.5)
            if xlabel == "iteration t":
                ax.xaxis.get_major_locator().set_params(integer=True)
        for ax in axes.ravel()[len(panels):]:
            ax.set_visible(False)
        for ax in axes[-1]:
            ax.set_xlabel(xlabel)
        if len(panels) % columns:
            axes[-2][-1].tick_params(labelbottom=True)
        for ax in axes[:, 0]:
            ax.set_ylabel(ylabel)
        if len(shown) > 1:
            for name, color in shown.items():
                axes[0][0].plot([], [], color=color, label=plain(name, 28))
            legend_below(axes[0][0], columns=3 if max(map(len, shown)) < 18 else 2)
    return figure


def convergence(numbers):
    """Kaplan-Meier curves: the share of markets not yet at equilibrium."""
    def draw(axes, group, color, lines):
        rows = group["iterations"]
        axes.step([row["t"] for row in rows], [100 * _number(row["survival"]) for row in rows],
                  where="post", color=color)
    return _panels(numbers, stopping(numbers), draw, "not yet (%)", (-4, 104))


def accuracy_by_iteration(numbers):
    """Accuracy at every iteration, with bands where at most four lines share a panel."""
    groups = [group for group in markets(numbers) if group["accuracy"]["final"] is not None]

    def draw(axes, group, color, lines):
        rows = group["iterations"]
        t = [row["t"] for row in rows]
        axes.plot(t, [100 * _number(row["accuracy"]) for row in rows], color=color, marker="o",
                  markersize=2.5)
        if lines <= 4:
            axes.fill_between(
                t, [100 * _number(row["accuracy_interval"]["low"]) for row in rows],
                [100 * _number(row["accuracy_interval"]["high"]) for row in rows], color=color,
                alpha=0.13, linewidth=0)
    return _panels(numbers, groups, draw, "accuracy (%)", (-4, 104))


def murphy(numbers):
    """Final minus opening loss of every elementary decision, by its threshold: below zero the
    market helped whoever acts on prices above that threshold."""
    groups = [group for group in numbers["groups"] if group.get("murphy")]

    def draw(axes, group, color, lines):
        rows = [row for row in group["murphy"] if row["difference"] is not None]
        x = [row["threshold"] for row in rows]
        axes.axhline(0, color=NEUTRAL, linewidth=0.8)
        axes.plot(x, [row["difference"] for row in rows], color=color)
        if lines <= 4:
            axes.fill_between(x, [_number(row["difference_interval"]["low"]) for row in rows],
                              [_number(row["difference_interval"]["high"]) for row in rows],
                              color=color, alpha=0.13, linewidth=0)
    return _panels(numbers, groups, draw, "loss", None, "threshold of the decision")


def _rows(labels, groups):
    """(name, group) of GROUPS in the order of their sections, headings as (name, None)."""
    rows, chosen = [], {id(group) for group in groups}
    for heading, members, heads in labels.sections():
        members = [group for group in members if id(group) in chosen]
        if heading and members:
            rows.append((heading, None))
        rows += [(labels.short(group, heads), group) for group in members]
    return rows


def _parts(rows):
    """ROWS cut into pieces of about equal length, each at most ROWS_MAX, at headings if it can."""
    if len(rows) <= ROWS_MAX:
        return [rows] if rows else []
    middle = len(rows) // 2
    heads = [i for i, (_, group) in enumerate(rows) if group is None and i]
    at = min(heads, key=lambda i: abs(i - middle)) if heads else middle
    at = at if len(rows) // 4 <= at <= 3 * len(rows) // 4 else middle
    return _parts(rows[:at]) + _parts(rows[at:])


def _row_names(axes, rows):
    axes.grid(axis="y", visible=False)
    axes.set_yticks(range(len(rows)), [plain(name, 34) for name, _ in rows])
    for tick, (_, group) in zip(axes.get_yticklabels(), rows):
        tick.set_fontweight("bold" if group is None else "normal")
        tick.set_fontsize(8.5)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def forest(numbers):
    """Final minus opening accuracy with intervals, every group: one figure for ROWS_MAX rows."""
    rows = _rows(Labels(numbers), [
        group for group in numbers["groups"]
        if group["accuracy"]["difference"] is not None and len(group["iterations"]) > 1])
    values = [100 * x for _, g in rows if g for x in (
        g["accuracy"]["difference"], g["accuracy"]["difference_interval"]["low"],
        g["accuracy"]["difference_interval"]["high"]) if x is not None]
    if not values:
        return []
    low, high = min(0, *values), max(0, *values)
    pad = max(2.0, 0.06 * (high - low))
    limits = (low - pad, high + pad)
    return [_forest_part(part, limits) for part in _parts(rows)]


def _forest_part(rows, limits):
    with settings():
        figure, axes = new_figure(height=0.75 + 0.215 * len(rows))
        axes.axvline(0, color=NEUTRAL, linewidth=0.9)
        for y, (_, group) in enumerate(rows):
            if group is None:
                continue
            a = group["accuracy"]
            low, high = a["difference_interval"]["low"], a["difference_interval"]["high"]
            sure = low is not None and (low > 0 or high < 0)
            color = (TRUE if a["difference"] > 0 else FALSE) if sure else NEUTRAL
            if low is not None:
                axes.plot([100 * low, 100 * high], [y, y], color=color, linewidth=1.6,
                          solid_capstyle="butt")
            axes.plot([100 * a["difference"]], [y], color=color, marker="s", markersize=4)
        _row_names(axes, rows)
        axes.set(xlim=limits, xlabel="final minus opening accuracy (points)")
    return figure


PANELS_MAX = 12


def reliability(numbers, low=0):
    """Opening and final reliability diagrams of the groups from LOW on, with equal axes."""
    labels = Labels(numbers)
    groups = [g for g in markets(numbers) if g["iterations"][0]["calibration"]["n"]]
    groups = groups[low:low + PANELS_MAX]
    if not groups:
        return None
    columns = min(2, len(groups))
    rows = -(-len(groups) // columns)
    with settings():
        figure, axes = new_figure(height=(3.9 if len(groups) == 1 else 0.7 + 2.2 * rows),
                                  rows=rows, columns=columns, squeeze=False, sharex=True,
                                  sharey=True)
        for ax, group in zip(axes.ravel(), groups):
            _one_reliability(ax, group)
            ax.set_title(_wrapped(labels.short(group)), fontsize=8.5)
        for ax in axes.ravel()[len(groups):]:
            ax.set_visible(False)
        for ax in axes[-1]:
            ax.set_xlabel("price")
        if len(groups) % columns:
            axes[-2][-1].tick_params(labelbottom=True)
        for ax in axes[:, 0]:
            ax.set_ylabel("share true")
        for name, color in (("opening", FALSE), ("final", TRUE)):
            axes[0][0].plot([], [], color=color, marker="o", markersize=4, label=name)
        legend_below(axes[0][0])
    return figure


def _one_reliability(axes, group):
    axes.plot([0, 1], [0, 1], color=NEUTRAL, linewidth=0.9, linestyle=":")
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.05, 1.05), aspect="equal")
    for row, color in ((group["iterations"][0], FALSE), (group["iterations"][-1], TRUE)):
        corp = row.get("corp")
        if corp and corp.get("pools"):
            _recalibrated(axes, corp, color, row is group["iterations"][-1])
            continue
        bins = [b for b in row["calibration"]["bins_width"] if b["n"]]
        total = sum(b["n"] for b in bins)
        axes.plot([b["price"] for b in bins], [b["share"] for b in bins], color=color,
                  linewidth=1.1)
        axes.scatter([b["price"] for b in bins], [b["share"] for b in bins], color=color,
                     s=[8 + 130 * b["n"] / total for b in bins], alpha=0.65, linewidth=0,
                     zorder=3)


def _recalibrated(axes, corp, color, has_band):
    """The recalibrated curve: what a price should have been, without bins; with its band."""
    x = [end for pool in corp["pools"] for end in (pool["from"], pool["to"])]
    axes.plot(x, [pool["share"] for pool in corp["pools"] for _ in (0, 1)], color=color,
              linewidth=1.3)
    band = [b for b in corp.get("band") or [] if b["low"] is not None]
    if band and has_band:
        axes.fill_between([b["price"] for b in band], [b["low"] for b in band],
                          [b["high"] for b in band], color=color, alpha=0.12, linewidth=0)
    most = max(pool["n"] for pool in corp["pools"])
    axes.scatter([(pool["from"] + pool["to"]) / 2 for pool in corp["pools"]],
                 [pool["share"] for pool in corp["pools"]], color=color, linewidth=0,
                 s=[6 + 40 * pool["n"] / most for pool in corp["pools"]], zorder=3)


def thresholds(numbers):
    """Accuracy and iterations by threshold, from the what-if rows that could be decided."""
    rows = [row for row in numbers["what_if"]
            if row["final"] is not None and row["stop.rule"] == "range"]
    names = list(dict.fromkeys(row["trajectories"] for row in rows))
    names = [name for name in names
             if len({row["stop.threshold"] for row in rows if row["trajectories"] == name}) > 1]
    if not names or len(names) > len(SERIES):
        return None
    with settings():
        figure, (top, bottom) = new_figure(height=4.2, rows=2, sharex=True)
        for name, color in zip(names, SERIES):
            mine = [row for row in rows if row["trajectories"] == name]
            x = [row["stop.threshold"] for row in mine]
            top.plot(x, [100 * row["final"] for row in mine], color=color, marker="o",
                     markersize=3)
            bottom.plot(x, [row["iterations"] for row in mine], color=color, marker="o",
                        markersize=3, label=plain(name, 28))
        top.set(ylabel="final accuracy (%)")
        bottom.set(xlabel="threshold T", ylabel="iterations")
        legend_below(bottom)
    return figure


def stop_frontier(numbers):
    """Accuracy against mean calls for every stop rule over one set of trajectories; some figures, each with as many sets
    as there are colours. The rules that none beats in both are joined; the paper's is a star."""
    rows = [row for row in numbers.get("frontier", []) if row["final"] is not None and row["calls"] is not None]
    names = list(dict.fromkeys(row["trajectories"] for row in rows))
    names = [name for name in names if sum(row["trajectories"] == name for row in rows) > 1]
    return [_stop_frontier_part(rows, names[at:at + len(SERIES)]) for at in range(0, len(names), len(SERIES))]


def _stop_frontier_part(rows, names):
    with settings():
        figure, axes = new_figure(height=3.4)
        for name, color in zip(names, SERIES):
            mine = [row for row in rows if row["trajectories"] == name]
            best = sorted((row for row in mine if row["on_frontier"]), key=lambda row: row["calls"])
            axes.plot([row["calls"] for row in best], [100 * row["final"] for row in best], color=color, linewidth=1,
                      marker="o", markersize=4, label=plain(name, 28))
            axes.scatter([row["calls"] for row in mine if not row["on_frontier"]],
                         [100 * row["final"] for row in mine if not row["on_frontier"]], color="none", edgecolor=color, s=16)
            for row in mine:
                if row["paper"]:
                    axes.scatter([row["calls"]], [100 * row["final"]], color=color, edgecolor=INK, marker="*", s=130,
                                 zorder=4)
        axes.scatter([], [], color="none", edgecolor=INK, marker="*", s=90, label="the paper's rule")
        axes.set(xlabel="calls a market, mean", ylabel="final accuracy (%)")
        legend_below(axes)
    return figure


def sweep(numbers, axes_names):
    """Final accuracy over the two factors AXES_NAMES that NUMBERS is grouped by: a heat map."""
    across, down = axes_names
    cells = {(str(g["factors"][down]), str(g["factors"][across])): g["accuracy"]["final"]
             for g in numbers["groups"]}
    rows = list(dict.fromkeys(key[0] for key in cells))
    columns = list(dict.fromkeys(key[1] for key in cells))
    if len(rows) > 40 or len(columns) > 14:
        return None
    grid = np.array([[_number(cells.get((row, column))) for column in columns] for row in rows],
                    dtype=float)
    with settings():
        figure, axes = new_figure(height=0.95 + 0.32 * len(rows))
        axes.grid(False)
        axes.pcolormesh(np.arange(len(columns) + 1) - 0.5, np.arange(len(rows) + 1) - 0.5,
                        np.ma.masked_invalid(100 * grid), cmap=shades(0, 0.55), vmin=0, vmax=100)
        axes.invert_yaxis()
        for (i, j), value in np.ndenumerate(grid):
            axes.text(j, i, "\u2013" if np.isnan(value) else f"{100 * value:.0f}", ha="center",
                      va="center", fontsize=8.5)
        wide = max(map(len, columns)) * len(columns) > 46
        axes.set_xticks(range(len(columns)), [plain(c, 16) for c in columns],
                        rotation=30 if wide else 0, ha="right" if wide else "center")
        axes.set_yticks(range(len(rows)), [plain(r, 22) for r in rows])
        axes.tick_params(length=0)
        axes.set(xlabel=across, ylabel=down)
    return figure


def frontier(numbers):
    """Accuracy against cost: dollars where there are any, else tokens; the best are named."""
    labels = Labels(numbers)
    groups = [group for group in numbers["groups"]
              if group["accuracy"]["final"] is not None and group["worth"]["tokens"]]
    if len(groups) < 2:
        return None
    key, name = ("usd", "dollars") if any(g["worth"]["usd"] for g in groups) else (
        "tokens", "tokens")
    with settings():
        figure, axes = new_figure(height=3.4)
        best = sorted((g for g in groups if g["worth"]["frontier"]),
                      key=lambda g: g["worth"][key])
        for group in groups:
            is_best = group["worth"]["frontier"]
            x, y = group["worth"][key], 100 * group["accuracy"]["final"]
            interval = group["accuracy"]["final_interval"]
            if interval["low"] is not None and (is_best or len(groups) <= 16):
                axes.plot([x, x], [100 * interval["low"], 100 * interval["high"]],
                          color=TRUE if is_best else NEUTRAL, linewidth=1, alpha=0.5)
            axes.scatter([x], [y], color=TRUE if is_best else "none", zorder=3, s=30,
                         edgecolor=TRUE if is_best else NEUTRAL)
        for number, group in enumerate(best, 1):
            axes.annotate(str(number), (group["worth"][key], 100 * group["accuracy"]["final"]),
                          xytext=(6, 4), textcoords="offset points", fontsize=8)
            axes.scatter([], [], color=TRUE, s=30,
                         label=f"{number} {plain(labels.short(group), 44)}")
        axes.scatter([], [], color="none", edgecolor=NEUTRAL, s=30, label="dominated")
        axes.set(xlabel=f"{name} per proposition", ylabel="final accuracy (%)")
        costs = [group["worth"][key] for group in groups]
        # Within a decade a logarithmic axis has labels in its narrow steps, which collide.
        if min(costs) > 0 and max(costs) >= 10 * min(costs):
            axes.set_xscale("log")
        else:
            axes.locator_params(axis="x", nbins=5)
        legend_below(axes, columns=1 if len(labels.differing) > 2 else 2)
    return figure


def wilson(k, n, z=1.959964):
    """Wilson's score interval of K out of N (Wilson, JASA 22, 1927, 209)."""
    if not n:
        return math.nan, math.nan
    p, half = k / n, z * math.sqrt(k / n * (1 - k / n) / n + z * z / (4 * n * n))
    middle = p + z * z / (2 * n)
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def flips(numbers):
    """Markets that turned: of those that opened wrong the share that ends right, and back."""
    labels = Labels(numbers)
    rows = _rows(labels, [g for g in markets(numbers) if g["dynamics"]["opening_wrong"]["n"]
                          or g["dynamics"]["opening_right"]["n"]])
    return [_flips_part(part) for part in _parts(rows)]


def _flips_part(rows):
    with settings():
        figure, axes = new_figure(height=1.0 + 0.25 * len(rows))
        for shift, key, to, color, name in (
                (-0.14, "opening_wrong", "right", TRUE, "opened wrong, ends right"),
                (0.14, "opening_right", "wrong", FALSE, "opened right, ends wrong")):
            for y, (_, group) in enumerate(rows):
                d = group["dynamics"][key] if group else {"n": 0}
                if not d["n"]:
                    continue
                low, high = wilson(d[to], d["n"])
                axes.plot([100 * low, 100 * high], [y + shift] * 2, color=color, linewidth=1.5)
                axes.plot([100 * d[to] / d["n"]], [y + shift], color=color, marker="o",
                          markersize=3.6)
            axes.plot([], [], color=color, marker="o", markersize=4, label=name)
        _row_names(axes, rows)
        axes.set(xlim=(-3, 103), xlabel="share (%)")
        legend_below(axes)
    return figure


__all__ = ["INK", "WIDTH", "accuracy_by_iteration", "convergence", "density", "flips", "forest",
           "frontier", "markets", "murphy", "reliability", "stop_frontier", "stopping", "sweep", "thresholds",
           "trajectories", "wilson"]
