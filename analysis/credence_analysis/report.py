"""One self-contained HTML page of one run or several: what came out, figures, tables, method."""

import collections
import json
import re

from . import figures, headline, tables, transcripts
from .labels import Labels
from .numbers import analyze
from .page import (count, definitions, esc, figure, fold, page, table)
from .prompts import prompts
from .run import open_run
from .style import to_svg, watermark

THRESHOLDS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
TRAJECTORIES_SHOWN = 6
SECTIONS = (("summary", "Summary"), ("figures", "Figures"), ("tables", "Tables"),
            ("markets", "Markets to read"), ("method", "Method"), ("prompts", "Prompts"),
            ("provenance", "Provenance"))


class _Figures:
    """Numbers the figures of a page, and leaves out those that have nothing to show."""

    def __init__(self, is_simulated):
        self.made, self.is_simulated = 0, is_simulated

    def __call__(self, drawn, title, caption):
        if drawn is None:
            return ""
        self.made += 1
        if self.is_simulated:
            watermark(drawn)
        return figure(to_svg(drawn, f"f{self.made}"),
                      f"<b>Figure {self.made}. {esc(title)}.</b> {caption}",
                      f"Figure {self.made}. {title}")


def _parted(figures_, draw, title, caption):
    many = len(figures_)
    return "".join(draw(one, title + (f", part {i} of {many}" if many > 1 else ""), caption)
                   for i, one in enumerate(figures_, 1))


def _sweep(paths, labels, draw, resamples):
    axes = labels.axes()
    if len(axes) < 2:
        return ""
    pooled = analyze(*paths, by=axes, resamples=0 if resamples is None else min(resamples, 0))
    over = [name for name in labels.differing if name not in axes]
    return draw(figures.sweep(pooled, axes), "Final accuracy by " + " and ".join(axes),
                "Percent." + (f" Pooled over {esc(', '.join(over))}." if over else ""))


def _reliability(numbers, draw):
    groups = [g for g in figures.markets(numbers) if g["iterations"][0]["calibration"]["n"]]
    parts, size = [], figures.PANELS_MAX
    for low in range(0, len(groups), size):
        part = f", groups {low + 1} to {min(low + size, len(groups))}" if len(groups) > size else ""
        parts.append(draw(figures.reliability(numbers, low), "Reliability" + part,
                          "A calibrated price lies on the dotted line. The curve is the "
                          "isotonic one (CORP, no bins), the final one with its band; areas show how many "
                          "judgments a step stands for."))
    return parts[0] + (fold(f"Reliability of the other {len(groups) - size} groups",
                            f'<div class="figures">{"".join(parts[1:])}</div>')
                       if len(parts) > 1 else "") if parts else ""


def _trajectories(runs, draw):
    """All markets of each run by truth; then the single cells whose markets move, folded."""
    parts, single = [], []
    for run in runs:
        parts.append(draw(figures.trajectories(run), f"Prices by iteration, {run.name}",
                          "Medians, half and 90 % of all markets, and a few single ones, by what "
                          "is true. Ended markets keep their last price."))
        seen = set()
        for cell in range(len(run.cells)):
            moves = ((run.episodes["cell"] == cell) & (run.episodes["iterations"] > 1)).any()
            if moves and int(run.cells["trajectory"][cell]) not in seen:
                seen.add(int(run.cells["trajectory"][cell]))
                single.append((run, cell))
    body = "".join(draw(figures.trajectories(run, cell), "Prices of one cell",
                        esc(run.cells["name"][cell]))
                   for run, cell in (single if len(single) > 1 else [])[:TRAJECTORIES_SHOWN])
    if body:
        left = len(single) - TRAJECTORIES_SHOWN
        note = (f'<p class="soft">{left} more cells: credence_analysis.figures.trajectories(run, '
                "cell) draws them.</p>" if left > 0 else "")
        parts.append(fold("Prices of single cells", f'<div class="figures">{body}</div>{note}'))
    return "".join(parts)


def _pictures(paths, runs, numbers, labels, draw, resamples):
    return "".join([
        '<h2 id="figures">Figures</h2>', _common(labels), '<div class="figures">',
        _parted(figures.forest(numbers), draw, "Did the market help",
                "Final minus opening accuracy with 95 % intervals, clustered on question; "
                "coloured where the interval leaves out zero."),
        draw(figures.accuracy_by_iteration(numbers), "Accuracy by iteration",
             "With 95 % intervals, clustered on question, where at most four lines share a "
             "panel. Axes are equal."),
        _sweep(paths, labels, draw, resamples),
        draw(figures.density(runs), "Opening against final price",
             "Finished binary markets by what is true: above the diagonal the price rose. "
             "Stronger squares hold more markets."),
        draw(figures.convergence(numbers), "Convergence",
             "Share of markets not yet at equilibrium (Kaplan-Meier); markets that ran to the "
             "last iteration count as not yet."),
        _parted(figures.flips(numbers), draw, "Who changed sides",
                "With 95 % Wilson intervals."),
        draw(figures.frontier(numbers), "What accuracy costs",
             "One point a group; those that no other group beats in both are numbered."),
        _parted(figures.stop_frontier(numbers), draw, "When to stop",
                "One point a stop rule, over the stored trajectories of a set: range, fixed, stable side, patience and "
                "confidence, where the trajectories are long enough to tell. Joined: rules that no other beats in both; "
                "the star: window 3, threshold 0.2, ten iterations."),
        draw(figures.thresholds(numbers), "If the threshold had been another",
             "The stored trajectories under other thresholds, where they are long enough to "
             "tell."),
        _trajectories(runs, draw), _reliability(numbers, draw),
        draw(figures.murphy(numbers), "For whom the market helped",
             "Final minus opening loss of a decision that acts above a threshold (Murphy diagram), "
             "with 95 % intervals where at most four lines share a panel: below zero the market "
             "helped at that threshold."), "</div>"])


def _common(labels):
    return f'<p class="soft">All groups: {esc(labels.common)}.</p>' if labels.common else ""


def _warnings(runs, numbers):
    """All warnings in one box; those that say the same of several groups are one line."""
    texts = list(numbers["warnings"])
    texts += [f"{run.name}: the run is not complete, so these numbers may change"
              for run in runs if not run.is_complete]
    kinds = collections.OrderedDict()
    for text in texts:
        who, _, what = text.rpartition(": ") if text.count(": ") == 1 else ("", "", text)
        kinds.setdefault(what, []).append(who)
    lines = []
    for what, who in kinds.items():
        names = [name for name in who if name]
        if len(names) > 3:
            lines.append(f"<li>{len(names)} groups: {esc(what)}" + fold(
                "which", "<br>".join(map(esc, names))) + "</li>")
        else:
            lines.append(f"<li>{esc(', '.join(names))}{': ' if names else ''}{esc(what)}</li>")
    if not lines:
        return ""
    first = re.sub("<details>.*?</details>", "", lines[0][4:-5])
    more = f" And {len(lines) - 1} more." if len(lines) > 1 else ""
    return (f'<details class="warning"><summary>{first}.{more}</summary>'
            f'<ul>{"".join(lines)}</ul></details>')


def _method(numbers):
    return ("<p>A market maker judges a proposition and posts a price, its probability that the "
            "proposition is true (t = 0). Then, iteration by iteration, a trader posts the "
            "argument that should move the price most and the maker judges anew, until the "
            "stop rule finds an equilibrium or the last iteration is reached. The opening is "
            "the single-shot baseline, so every market carries its own control. Invalid "
            "answers count as wrong, failures of transport or server are never scored.</p>"
            "<p>The interval of the largest change is the group's own, each half widened by the "
            "ratio of the normal quantiles of 1 - 0.025 / groups and 0.975 (Bonferroni), so "
            "that it stays true although the group was picked for its size.</p>" +
            fold("Every definition", definitions(numbers["definitions"])))


def _prompts(paths, runs):
    parts = []
    for path, run in zip(paths, runs):
        for name, files in sorted(prompts(path).items()):
            used = {s for key in ("prompts", "prompts_trader") for s in run.cells.get(key, ())}
            if "prompts" in run.cells and name not in used:
                continue
            title = f"The set {name}" + (f" of {run.name}" if len(runs) > 1 else "")
            parts.append(fold(esc(title) + f", {len(files)} files", "".join(
                f"<h3>{esc(file)}</h3><pre>{esc(text)}</pre>"
                for file, text in sorted(files.items()))))
    return "".join(parts) or ('<p class="soft">The prompts are kept in the run directory; this '
                              "report was made of a file alone. prompt_hashes below says which "
                              "they were.</p>")


def _provenance(run, numbers):
    names = ("version", "credence_version", "git_revision", "job_hash", "host", "mpi", "start",
             "end", "prompt_hashes", "schema", "complete", "simulated")
    rows = [[esc(name), f'<span class="said">{esc(run.attributes[name])}</span>']
            for name in names if name in run.attributes]
    rows.append(["resamples, seed",
                 f"{numbers['settings']['resamples']}, {numbers['settings']['seed']}"])
    try:
        job = json.dumps(run.job, indent=2, ensure_ascii=False)
    except RecursionError:
        job = str(run.attributes.get("job", ""))
    return (f"<h3>{esc(run.name)}</h3>" + table([("what", ""), ("value", "")], rows) +
            fold("The job as it was understood", f"<pre>{esc(job)}</pre>"))


def _markets(runs):
    parts = [transcripts.render(run, why, e) for run in runs for why, e in transcripts.choose(run)]
    return "".join(parts) or '<p class="soft">No finished binary market to show.</p>'


def _head(runs):
    badge = ('<span class="badge">simulated agents: these numbers say nothing about any model'
             "</span>" if any(run.is_simulated for run in runs) else "")
    lines = "".join(
        f'<p class="soft">{esc(run.name) + ": " if len(runs) > 1 else ""}'
        f"{count(len(run.episodes))} episodes, {count(len(run.propositions))} propositions, "
        f"{count(len(run.cells))} cells</p>" for run in runs)
    return f"<h1>{esc(', '.join(run.name for run in runs))}</h1>{badge}{lines}"


def make(*paths, by=None, resamples=None, bundle=None):
    """The report of the runs at PATHS, as HTML text; rows link to their markets in BUNDLE."""
    runs = [open_run(path) for path in paths]
    if by is None and len(paths) > 1:
        by = ["file", "cell"]
    numbers = analyze(*paths, by=by, resamples=resamples,
                      what_if={"stop.threshold": THRESHOLDS})
    pool = analyze(*paths, by=["protocol"], resamples=resamples)
    labels = Labels(numbers, runs)
    name = tables.Names(labels, bundle)
    draw = _Figures(any(run.is_simulated for run in runs))
    nav = "".join(f'<a href="#{key}">{title}</a>' for key, title in SECTIONS)
    body = [
        _head(runs), tables.confirmatory(numbers), '<h2 id="summary">Summary</h2>',
        headline.make(numbers, pool, labels, runs), _warnings(runs, numbers),
        f"<nav>{nav}</nav>", _pictures(paths, runs, numbers, labels, draw, resamples),
        '<h2 id="tables">Tables</h2>', _common(labels), "<h3>Accuracy</h3>",
        tables.accuracy(numbers, name), tables.vote(numbers, name),
        tables.quantities(numbers, name), tables.comparisons(numbers, labels),
        "<h3>Calibration</h3>", tables.calibration(numbers, name),
        tables.bias(numbers, name, runs), "<h3>Dynamics</h3>", tables.dynamics(numbers, name),
        "<h3>Worth</h3>", tables.worth(numbers, name), tables.others(numbers, name),
        '<h2 id="markets">Markets to read</h2>', _markets(runs),
        '<h2 id="method">Method</h2>', _method(numbers),
        '<h2 id="prompts">Prompts</h2>', _prompts(paths, runs),
        '<h2 id="provenance">Provenance</h2>', *(_provenance(run, numbers) for run in runs)]
    return page("credence: " + ", ".join(run.name for run in runs), "".join(body))
