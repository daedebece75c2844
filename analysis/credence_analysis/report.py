"""One self-contained HTML page of a run: findings, figures, tables, method, provenance."""

import json

from . import figures, transcripts
from .numbers import analyze
from .page import (count, definitions, esc, figure, interval, number, p_value, page, percent,
                   table)
from .run import open_run
from .style import to_svg

THRESHOLDS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
CELLS_SHOWN = 6


class _Figures:
    """Numbers the figures of a page, and leaves out those that have nothing to show."""

    def __init__(self):
        self.made = 0

    def __call__(self, drawn, caption):
        if drawn is None:
            return ""
        self.made += 1
        return figure(to_svg(drawn, f"f{self.made}"), f"Figure {self.made}. {caption}")


def _finding(numbers):
    """The answer to the run's three questions, in sentences."""
    moving = figures.stopping(numbers)
    scored = [group for group in moving if group["accuracy"]["difference"] is not None]
    if not scored:
        return "<p>No finished market can be scored yet.</p>"
    total = sum(group["accuracy"]["done"] for group in moving)
    reached = sum((group["accuracy"]["converged"] or 0) * group["accuracy"]["done"]
                  for group in moving)
    better = [g for g in scored if (g["accuracy"]["p_holm"] or 1) < 0.05 and
              g["accuracy"]["difference"] > 0]
    worse = [g for g in scored if (g["accuracy"]["p_holm"] or 1) < 0.05 and
             g["accuracy"]["difference"] < 0]
    best = max(scored, key=lambda g: g["accuracy"]["difference"])
    a = best["accuracy"]
    text = [f"Of {total:,} finished markets {percent(reached / total if total else None)} % "
            "reached their equilibrium.",
            f"Of {len(scored)} groups of markets, {len(better)} end more accurate than they "
            f"open and {len(worse)} less (5 %, corrected over the family by Holm).",
            f"The largest change is {100 * a['difference']:+.1f} points "
            f"({interval(a['difference_interval'])}) in {esc(best['label'])}: "
            f"{percent(a['opening'])} % to {percent(a['final'])} %."]
    return "<p>" + " ".join(text) + "</p>"


def _accuracy(numbers):
    columns = [("group", "the cells that this row sums up"), ("n", "episodes"),
               ("coverage %", "share with a final result"), ("invalid", "scored as wrong"),
               ("failed", "never scored"), ("opening %", "accuracy at t = 0"),
               ("final %", "accuracy at the last judgment"), ("difference", "final - opening"),
               ("95 %", "interval of the difference, clustered on question"),
               ("p", "permutation test, clustered on question"), ("Holm", "corrected p"),
               ("converged %", "share whose stop rule fired"), ("iterations", "mean")]
    rows = []
    for group in numbers["groups"]:
        a = group["accuracy"]
        rows.append([esc(group["label"]), count(a["n"]), percent(a["coverage"]),
                     count(a["invalid"]), count(a["failed"]), percent(a["opening"]),
                     percent(a["final"]), percent(a["difference"]),
                     interval(a["difference_interval"]), p_value(a["permutation"]["p"]),
                     p_value(a["p_holm"]), percent(a["converged"]), number(a["iterations"], 2)])
    return table(columns, rows)


def _vote(numbers):
    """self_consistency by mean price and by majority vote, when there is any."""
    rows = []
    for group in numbers["groups"]:
        a = group["accuracy"]
        if "vote" in a:
            rows.append([esc(group["label"]), count(a["scored"]), percent(a["final"]),
                         percent(a["vote"]), interval(a["vote_interval"]),
                         percent(a["vote_gain"]), interval(a["vote_gain_interval"])])
    if not rows:
        return ""
    columns = [("group", "groups of self_consistency"), ("n", "scored episodes"),
               ("mean price %", "accuracy of the mean of the samples"),
               ("majority vote %", "each sample votes for its side, ties share"),
               ("95 %", "interval of the vote, clustered on question"),
               ("vote - mean", "difference"), ("95 %", "interval of the difference")]
    return "<h3>Self-consistency: mean price and majority vote</h3>" + table(columns, rows)


def _calibration(numbers):
    columns = [("group", ""), ("Brier, opening", "at t = 0, done markets"),
               ("Brier, final", "at the end"), ("change", ""), ("95 %", "of the change"),
               ("reliability", "final; smaller is better"),
               ("resolution", "final; larger is better"), ("log score", "final"),
               ("ECE, opening", "equal-width bins"), ("ECE, final", "equal-width bins"),
               ("ECE mass, final", "bins of equal mass")]
    rows = []
    for group in numbers["groups"]:
        if not group["brier"]["n"]:
            continue
        b, first, last = group["brier"], *(group["iterations"][i]["calibration"]
                                           for i in (0, -1))
        rows.append([esc(group["label"]), number(b["opening"]), number(b["final"]),
                     number(b["difference"]), interval(b["difference_interval"], 1, 3),
                     number(last["reliability"]), number(last["resolution"]),
                     number(last["log_score"]), number(first["ece_width"]),
                     number(last["ece_width"]), number(last["ece_mass"])])
    return table(columns, rows) if rows else ""


def _dynamics(numbers):
    columns = [("group", ""), ("median t", "of equilibrium, Kaplan-Meier"),
               ("mean t", "area under the survival curve"),
               ("oscillating %", "two or more changes of direction"),
               ("contraction", "share of the remaining way covered each iteration"),
               ("momentum", "slope of the next move on the last"),
               ("martingale p", "small: moves can be predicted"),
               ("agreement %", "of replicates"), ("moved with %", "the trader's direction"),
               ("wrong ends right %", "of markets that opened wrong"),
               ("right ends wrong %", "of markets that opened right")]
    rows = []
    for group in figures.markets(numbers):
        d = group["dynamics"]
        wrong, right = d["opening_wrong"], d["opening_right"]
        rows.append([esc(group["label"]), number(d["median_iterations"], 0),
                     number(d["restricted_mean"], 2), percent(d["oscillating"]),
                     number(d["contraction"]), number(d["momentum"]),
                     p_value(d["martingale"]["p"]), percent(d["replicate_agreement"]),
                     percent(d["moved_with"]),
                     percent(wrong["right"] / wrong["n"] if wrong["n"] else None),
                     percent(right["wrong"] / right["n"] if right["n"] else None)])
    return table(columns, rows) if rows else ""


def _worth(numbers):
    columns = [("group", ""), ("calls", "mean per finished episode"), ("tokens", "in and out"),
               ("seconds", "of latency, summed"), ("dollars", ""),
               ("final %", "accuracy"), ("per 1,000 tokens", "accuracy / thousands of tokens"),
               ("tokens a point", "per percentage point gained"),
               ("dollars a point", "per percentage point gained"), ("frontier", "")]
    rows = []
    for group in numbers["groups"]:
        w = group["worth"]
        rows.append([esc(group["label"]), number(w["calls"], 1), number(w["tokens"], 0),
                     number(w["latency_s"], 2), number(w["usd"], 5),
                     percent(group["accuracy"]["final"]),
                     number(w["accuracy_per_1000_tokens"]), number(w["tokens_per_point"], 0),
                     number(w["usd_per_point"], 5), "yes" if w["frontier"] else "no"])
    return table(columns, rows)


def _comparisons(numbers):
    columns = [("group", ""), ("against", ""), ("pairs", "propositions scored in both"),
               ("calls", "of the first"), ("calls, other", "of the second"),
               ("difference", "percentage points, first minus second"), ("95 %", ""),
               ("p", "permutation test"), ("McNemar p", "exact")]
    rows = []
    for pair in numbers["comparisons"]:
        rows.append([esc(pair["first"]), esc(pair["second"]), count(pair["pairs"]),
                     number(pair["first_calls"], 1), number(pair["second_calls"], 1),
                     percent(pair["difference"]), interval(pair["interval"]),
                     p_value(pair["permutation"]["p"]), p_value(pair["mcnemar"]["p"])])
    if not rows:
        return ("<p class=\"soft\">The run holds no self_consistency or debate cells to compare "
                "at equal calls.</p>")
    return ("<p>Markets against baselines on the same benchmark and maker, each baseline cut "
            "where it has made most nearly as many calls.</p>" + table(columns, rows))


def _quantities(numbers):
    columns = [("group", ""), ("n", ""), ("error, opening", "shares of the range"),
               ("error, final", ""), ("change", ""), ("95 %", ""),
               ("pinball, opening", ""), ("pinball, final", ""),
               ("coverage, opening %", "of the 5 to 95 % interval"), ("coverage, final %", "")]
    rows = []
    for group in numbers["groups"]:
        c = group.get("continuous")
        if c:
            rows.append([esc(group["label"]), count(c["n"]), number(c["opening_error"], 4),
                         number(c["final_error"], 4), number(c["difference"], 4),
                         interval(c["difference_interval"], 1, 4),
                         number(c["opening_pinball"], 4), number(c["final_pinball"], 4),
                         percent(c["opening_coverage"]), percent(c["final_coverage"])])
    return "<h3>Quantities</h3>" + table(columns, rows) if rows else ""


def _provenance(run, numbers):
    names = ("credence_version", "git_revision", "job_hash", "host", "mpi", "start", "end",
             "prompt_hashes", "schema", "complete", "simulated")
    rows = [[esc(name), f'<span class="said">{esc(run.attributes[name])}</span>']
            for name in names if name in run.attributes]
    rows.append(["resamples, seed",
                 f"{numbers['settings']['resamples']}, {numbers['settings']['seed']}"])
    job = json.dumps(run.job, indent=2, ensure_ascii=False)
    return (table([("what", ""), ("value", "")], rows) +
            f"<details><summary>The job as it was understood</summary><pre>{esc(job)}</pre>"
            "</details>")


def _shown_cells(run):
    """The cells whose trajectories are drawn: one of each shared trajectory, those that move."""
    chosen, seen = [], set()
    for cell in range(len(run.cells)):
        trajectory = int(run.cells["trajectory"][cell])
        moves = ((run.episodes["cell"] == cell) & (run.episodes["iterations"] > 1)).any()
        if moves and trajectory not in seen:
            seen.add(trajectory)
            chosen.append(cell)
    return chosen


def _pictures(run, numbers, path, draw):
    cells = _shown_cells(run)
    parts = ['<h2 id="figures">Figures</h2><div class="figures">']
    for cell in cells[:CELLS_SHOWN]:
        parts.append(draw(figures.trajectories(run, cell),
                          "Prices by iteration: medians, half and 90 % of all markets, and a "
                          "few single ones, by what is true. Ended markets keep their last "
                          "price."))
    parts.append(draw(figures.convergence(numbers),
                      "Share of markets not yet at equilibrium; markets that ran to the last "
                      "iteration count as not yet."))
    parts.append(draw(figures.accuracy_by_iteration(numbers),
                      "Accuracy by iteration; with four groups or fewer also 95 % intervals, "
                      "clustered on question."))
    parts.append(draw(figures.flips(numbers), "Episodes that turned, opening against final."))
    parts.append(draw(figures.thresholds(numbers),
                      "The stored trajectories under other thresholds, where they are long "
                      "enough to tell."))
    parts.append(draw(figures.heat_map(analyze(
        path, by=("protocol", "maker", "trader"), resamples=0)),
                      "Final accuracy of markets by maker and trader, over all their cells."))
    parts.append(draw(figures.frontier(numbers), "Accuracy against cost, one point a group, "
                      "numbered as the rows of the summary."))
    for group in figures.markets(numbers)[:CELLS_SHOWN]:
        parts.append(draw(figures.reliability(group),
                          "Reliability: a calibrated price lies on the dotted line; areas show "
                          "how many judgments a point stands for."))
    parts.append("</div>")
    if len(cells) > CELLS_SHOWN:
        parts.append(f'<p class="soft">Trajectories and reliability of the first {CELLS_SHOWN} '
                     f"of {len(cells)} cells; credence_analysis draws the others.</p>")
    return "".join(parts)


def _warnings(run, numbers):
    texts = list(numbers["warnings"])
    if not run.is_complete:
        texts.append("The run is not complete: these numbers may change.")
    return "".join(f'<div class="warning">{esc(text)}</div>' for text in texts)


def make(path, *others, by=None, resamples=None):
    """The report of the run at PATH, as HTML text."""
    run = open_run(path)
    numbers = analyze(path, by=by, resamples=resamples,
                      what_if={"stop.threshold": THRESHOLDS})
    draw = _Figures()
    sections = (("summary", "Summary"), ("figures", "Figures"), ("calibration", "Calibration"),
                ("dynamics", "Dynamics"), ("worth", "Worth"), ("markets", "Markets to read"),
                ("method", "Method"), ("provenance", "Provenance"))
    nav = "".join(f'<a href="#{key}">{name}</a>' for key, name in sections)
    chosen = "".join(transcripts.render(run, why, e) for why, e in transcripts.choose(run))
    body = [f"<h1>{esc(run.name)}</h1>",
            f'<p class="soft">{count(len(run.episodes))} episodes, {count(len(run.propositions))} '
            f"propositions, {count(len(run.cells))} cells</p>",
            _warnings(run, numbers), f"<nav>{nav}</nav>",
            '<h2 id="summary">Summary</h2>', _finding(numbers), _accuracy(numbers),
            _vote(numbers),
            _quantities(numbers), _pictures(run, numbers, path, draw),
            '<h2 id="calibration">Calibration</h2>', _calibration(numbers),
            '<h2 id="dynamics">Dynamics</h2>', _dynamics(numbers),
            '<h2 id="worth">Worth</h2>', _worth(numbers), _comparisons(numbers),
            '<h2 id="markets">Markets to read</h2>',
            chosen or '<p class="soft">No finished binary market to show.</p>',
            '<h2 id="method">Method</h2>',
            "<p>A market maker judges a proposition and posts a price, its probability that the "
            "proposition is true (t = 0). Then, iteration by iteration, a trader posts the "
            "argument that should move the price most and the maker judges anew, until the "
            "stop rule finds an equilibrium or the last iteration is reached. The opening is "
            "the single-shot baseline, so every market carries its own control. Invalid "
            "answers count as wrong, failures of transport or server are never scored.</p>",
            definitions(numbers["definitions"]),
            '<h2 id="provenance">Provenance</h2>', _provenance(run, numbers)]
    return page(f"credence: {run.name}", "".join(body))
