"""The figures. Each takes a Run or the dict of `analyze`, and returns a matplotlib Figure,
or None when the run has nothing for it to show."""

import numpy as np

from .style import (FALSE, NEUTRAL, SERIES, TRUE, WIDTH, legend_below, new_figure, plain,
                    settings)

SERIES_MAX = len(SERIES)


def _number(value):
    return np.nan if value is None else value


def markets(numbers):
    """The groups whose prices move: those with more than one judgment."""
    return [group for group in numbers["groups"] if len(group["iterations"]) > 1]


def stopping(numbers):
    """Those of them whose length a stop rule decides: markets with a trader or without."""
    return [group for group in markets(numbers)
            if group["first_cell"]["protocol"] in ("market", "self_refine")]


def _band(axes, x, rows, key, color):
    low = [_number(row[key]["low"]) for row in rows]
    high = [_number(row[key]["high"]) for row in rows]
    axes.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)


def _carried(price, lengths):
    """Prices with each market's last one carried on."""
    t = np.minimum(np.arange(price.shape[1])[None, :], lengths[:, None] - 1)
    return np.take_along_axis(price, t, axis=1)


def trajectories(run, cell, samples=12):
    """Median, quantile bands and sample paths of one cell, coloured by truth."""
    episodes = run.episodes
    keep = (episodes["cell"] == cell) & (episodes["status"] == 1) & (episodes["iterations"] > 1)
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
                      label=f"{name} (median of {len(chosen)})")
        axes.axhline(0.5, color=NEUTRAL, linewidth=0.8, linestyle=":")
        axes.set(xlabel="iteration t", ylabel="price", ylim=(-0.02, 1.02),
                 title=plain(run.cells["name"][cell], 60))
        axes.xaxis.get_major_locator().set_params(integer=True)
        legend_below(axes)
    return figure


def convergence(numbers):
    """Kaplan-Meier curves: the share of markets not yet at equilibrium."""
    groups = stopping(numbers)[:SERIES_MAX]
    if not groups:
        return None
    with settings():
        figure, axes = new_figure()
        for group, color in zip(groups, SERIES):
            rows = group["iterations"]
            axes.step([row["t"] for row in rows], [100 * _number(row["survival"]) for row in rows],
                      where="post", color=color, label=plain(group["label"], 28))
        axes.set(xlabel="iteration t", ylabel="not yet at equilibrium (%)", ylim=(-2, 102),
                 title="Convergence")
        axes.xaxis.get_major_locator().set_params(integer=True)
        legend_below(axes)
    return figure


def accuracy_by_iteration(numbers):
    groups = [group for group in markets(numbers)
              if group["accuracy"]["final"] is not None][:SERIES_MAX]
    if not groups:
        return None
    with settings():
        figure, axes = new_figure()
        for group, color in zip(groups, SERIES):
            rows = group["iterations"]
            t = [row["t"] for row in rows]
            scale = [{"a": {"low": 100 * _number(row["accuracy_interval"]["low"]),
                            "high": 100 * _number(row["accuracy_interval"]["high"])}}
                     for row in rows]
            axes.plot(t, [100 * _number(row["accuracy"]) for row in rows], color=color,
                      marker="o", markersize=3, label=plain(group["label"], 28))
            if len(groups) <= 4:
                _band(axes, t, scale, "a", color)
        axes.set(xlabel="iteration t", ylabel="accuracy (%)", title="Accuracy by iteration")
        axes.xaxis.get_major_locator().set_params(integer=True)
        legend_below(axes)
    return figure


def reliability(group):
    """Opening and final reliability diagram of one group."""
    if not group["iterations"] or not group["iterations"][0]["calibration"]["n"]:
        return None
    with settings():
        figure, axes = new_figure(width=WIDTH, height=3.6)
        axes.plot([0, 1], [0, 1], color=NEUTRAL, linewidth=0.9, linestyle=":")
        for row, color, name in ((group["iterations"][0], FALSE, "opening"),
                                 (group["iterations"][-1], TRUE, "final")):
            bins = [b for b in row["calibration"]["bins_width"] if b["n"]]
            axes.plot([b["price"] for b in bins], [b["share"] for b in bins], color=color,
                      label=f"{name}, ECE {row['calibration']['ece_width']:.3f}")
            total = sum(b["n"] for b in bins)
            axes.scatter([b["price"] for b in bins], [b["share"] for b in bins], color=color,
                         s=[20 + 260 * b["n"] / total for b in bins], alpha=0.65,
                         edgecolor="white", linewidth=0.8, zorder=3)
        axes.set(xlabel="price", ylabel="share true", xlim=(-0.03, 1.03), ylim=(-0.05, 1.05),
                 title=plain(group["label"], 60))
        legend_below(axes)
    return figure


def thresholds(numbers):
    """Accuracy and iterations by threshold, from the what-if rows that could be decided."""
    rows = [row for row in numbers["what_if"]
            if row["final"] is not None and row["stop.rule"] == "range"]
    names = list(dict.fromkeys(row["trajectories"] for row in rows))
    names = [name for name in names
             if len({row["stop.threshold"] for row in rows if row["trajectories"] == name}) > 1]
    if not names:
        return None
    with settings():
        figure, (top, bottom) = new_figure(height=4.2, rows=2, sharex=True)
        for name, color in zip(names[:SERIES_MAX], SERIES):
            mine = [row for row in rows if row["trajectories"] == name]
            x = [row["stop.threshold"] for row in mine]
            top.plot(x, [100 * row["final"] for row in mine], color=color, marker="o",
                     markersize=3)
            bottom.plot(x, [row["iterations"] for row in mine], color=color, marker="o",
                        markersize=3, label=plain(name, 28))
        top.set(ylabel="final accuracy (%)", title="If the threshold had been another")
        bottom.set(xlabel="threshold T", ylabel="iterations")
        legend_below(bottom)
    return figure


def heat_map(numbers):
    """Final accuracy of markets by maker and trader; NUMBERS grouped by protocol and these."""
    cells = {(group["factors"]["maker"], group["factors"]["trader"]): group["accuracy"]["final"]
             for group in numbers["groups"] if group["factors"]["protocol"] == "market"}
    makers = list(dict.fromkeys(maker for maker, _ in cells))
    traders = list(dict.fromkeys(trader for _, trader in cells))
    if len(makers) < 2 and len(traders) < 2:
        return None
    grid = np.array([[_number(cells.get((maker, trader))) for trader in traders]
                     for maker in makers], dtype=float)
    with settings():
        figure, axes = new_figure(height=1.6 + 0.5 * len(makers))
        axes.grid(False)
        # Squares, not an image: the page allows no pictures that are not drawings.
        axes.pcolormesh(np.arange(len(traders) + 1) - 0.5, np.arange(len(makers) + 1) - 0.5,
                        np.ma.masked_invalid(100 * grid), cmap="YlGnBu", vmin=0, vmax=100)
        axes.invert_yaxis()
        for (i, j), value in np.ndenumerate(grid):
            axes.text(j, i, "\u2013" if np.isnan(value) else f"{100 * value:.1f}", ha="center",
                      va="center", color="white" if value > 0.6 else "black")
        axes.set_xticks(range(len(traders)), [plain(t, 16) for t in traders], rotation=20)
        axes.set_yticks(range(len(makers)), [plain(m, 16) for m in makers])
        axes.set(xlabel="trader", ylabel="maker", title="Final accuracy (%)")
    return figure


def frontier(numbers):
    """Accuracy against cost: dollars where there are any, else tokens.

    Points bear the number of their group's row in the tables."""
    row = {id(group): i for i, group in enumerate(numbers["groups"], 1)}
    groups = [group for group in numbers["groups"]
              if group["accuracy"]["final"] is not None and group["worth"]["tokens"]]
    if len(groups) < 2:
        return None
    key, name = ("usd", "dollars") if any(g["worth"]["usd"] for g in groups) else (
        "tokens", "tokens")
    with settings():
        figure, axes = new_figure()
        for group in groups:
            best = group["worth"]["frontier"]
            x, y = group["worth"][key], 100 * group["accuracy"]["final"]
            interval = group["accuracy"]["final_interval"]
            if interval["low"] is not None:
                axes.plot([x, x], [100 * interval["low"], 100 * interval["high"]],
                          color=TRUE if best else NEUTRAL, linewidth=1, alpha=0.5)
            axes.scatter([x], [y], color=TRUE if best else "white", zorder=3, s=36,
                         edgecolor=TRUE if best else NEUTRAL)
            axes.annotate(str(row[id(group)]), (x, y), xytext=(6, 4),
                          textcoords="offset points", fontsize=8)
        axes.scatter([], [], color=TRUE, s=36, label="on the frontier of its benchmark")
        axes.scatter([], [], color="white", edgecolor=NEUTRAL, s=36, label="dominated")
        axes.set(xlabel=f"{name} per proposition", ylabel="final accuracy (%)",
                 title="What accuracy costs")
        costs = [group["worth"][key] for group in groups]
        # Within a decade a logarithmic axis has labels in its narrow steps, which collide.
        if min(costs) > 0 and max(costs) >= 10 * min(costs):
            axes.set_xscale("log")
        else:
            axes.locator_params(axis="x", nbins=5)
        legend_below(axes)
    return figure


def flips(numbers):
    """Openings that were wrong and ended right, and the other way round."""
    groups = [group for group in markets(numbers) if group["accuracy"]["scored"]]
    if not groups:
        return None
    groups = groups[:16]
    with settings():
        figure, axes = new_figure(height=1.5 + 0.34 * len(groups))
        y = np.arange(len(groups))
        gained = [100 * g["accuracy"]["wrong_to_right"] / g["accuracy"]["scored"] for g in groups]
        lost = [100 * g["accuracy"]["right_to_wrong"] / g["accuracy"]["scored"] for g in groups]
        axes.barh(y, gained, color=TRUE, height=0.6, label="wrong to right")
        axes.barh(y, [-x for x in lost], color=FALSE, height=0.6, label="right to wrong")
        axes.axvline(0, color=NEUTRAL, linewidth=0.8)
        axes.set_yticks(y, [plain(g["label"], 24) for g in groups])
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        axes.set(xlabel="% of episodes", title="Flips, opening to final")
        legend_below(axes)
    return figure
