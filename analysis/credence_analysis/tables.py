"""The tables of the report: one row a group, the numbers of `credence analyze`."""

from . import figures
from .headline import yes_bias
from .page import count, esc, interval, number, p_value, percent, table

KNOWN = {"credence", "files", "settings", "warnings", "groups", "comparisons", "what_if",
         "definitions", "confirmatory"}
KNOWN_OF_GROUP = {"label", "factors", "first_cell", "accuracy", "brier", "worth", "dynamics",
                  "iterations", "continuous", "murphy"}


class Names:
    """The first cell of a row: the group's label, a link to its markets where there is a bundle."""

    def __init__(self, labels, bundle=None):
        self.labels, self.bundle = labels, bundle

    def __call__(self, group):
        name = esc(self.labels.short(group))
        if self.bundle is None:
            return name
        from urllib.parse import quote
        return f'<a href="{esc(self.bundle)}#where={quote(where(group))}">{name}</a>'


def _quoted(value):
    text = str(value)
    return f"'{text}'" if '"' in text else f'"{text}"'


def where(group):
    """The filter of the explorer that shows GROUP's markets."""
    return " and ".join(f"{name} = {_quoted(value)}"
                        for name, value in group["factors"].items() if name != "file")


def accuracy(numbers, name):
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
        rows.append([name(group), count(a["n"]), percent(a["coverage"]),
                     count(a["invalid"]), count(a["failed"]), percent(a["opening"]),
                     percent(a["final"]), percent(a["difference"]),
                     interval(a["difference_interval"]), p_value(a["permutation"]["p"]),
                     p_value(a["p_holm"]), percent(a["converged"]), number(a["iterations"], 2)])
    return table(columns, rows, most=len(rows))


def confirmatory(numbers):
    """What the study said beforehand, apart from all that was found on the way."""
    records = numbers.get("confirmatory") or []
    if not records:
        return ""
    columns = [("hypothesis", "as the job names it"), ("contrast", "first cell less second"),
               ("first", ""), ("second", ""), ("expected", ""), ("pairs", "propositions"),
               ("difference", ""), ("95 %", "clustered on question"), ("p", "permutation test"),
               ("Holm", "over the confirmatory ones"), ("outcome", "")]
    rows, notes = [], []
    for one in records:
        low, high = one["interval"]["low"], one["interval"]["high"]
        rows.append([esc(one["name"]), esc(one["contrast"]), esc(one["first"]), esc(one["second"]),
                     esc(one["direction"]), count(one["pairs"]), number(one["difference"], 3),
                     "-" if low is None else f"{number(low, 3)}, {number(high, 3)}",
                     p_value(one["p"]), p_value(one["p_holm"]), f"<b>{esc(one['outcome'])}</b>"])
        if one["why_not"]:
            notes.append(f"<li>{esc(one['name'])} is not confirmatory: {esc(one['why_not'])}</li>")
    return ('<h2 id="confirmatory">Hypotheses, as they were locked before the first reply</h2>' +
            table(columns, rows, most=len(rows)) + (f'<ul>{"".join(notes)}</ul>' if notes else ""))


def vote(numbers, name):
    """self_consistency by mean price and by majority vote, when there is any."""
    rows = []
    for group in numbers["groups"]:
        a = group["accuracy"]
        if "vote" in a:
            rows.append([name(group), count(a["scored"]), percent(a["final"]),
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


def calibration(numbers, name):
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
        rows.append([name(group), number(b["opening"]), number(b["final"]),
                     number(b["difference"]), interval(b["difference_interval"], 1, 3),
                     number(last["reliability"]), number(last["resolution"]),
                     number(last["log_score"]), number(first["ece_width"]),
                     number(last["ece_width"]), number(last["ece_mass"])])
    return table(columns, rows) if rows else ""


def bias(numbers, name, runs):
    """How often each group says yes, against how often yes is right."""
    rows = []
    for group in numbers["groups"]:
        path = str(group["factors"].get("file", ""))
        for run in runs if len(runs) == 1 else [r for r in runs if r.path.startswith(path)]:
            found = yes_bias(run, group)
            if found is not None:
                n, opening, final, true, mean_opening, mean_final = found
                rows.append([name(group), count(n), percent(true), percent(opening),
                             percent(final), number(mean_opening - true),
                             number(mean_final - true)])
    if not rows:
        return ""
    columns = [("group", "binary propositions, done episodes"), ("n", "markets"),
               ("true %", "share of true propositions"),
               ("says true, opening %", "share priced above 0.5 at t = 0"),
               ("says true, final %", "share priced above 0.5 at the end"),
               ("bias, opening", "mean price minus share true"),
               ("bias, final", "mean price minus share true")]
    return "<h3>Yes-bias</h3>" + table(columns, rows)


def dynamics(numbers, name):
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
        rows.append([name(group), number(d["median_iterations"], 0),
                     number(d["restricted_mean"], 2), percent(d["oscillating"]),
                     number(d["contraction"]), number(d["momentum"]),
                     p_value(d["martingale"]["p"]), percent(d["replicate_agreement"]),
                     percent(d["moved_with"]),
                     percent(wrong["right"] / wrong["n"] if wrong["n"] else None),
                     percent(right["wrong"] / right["n"] if right["n"] else None)])
    return table(columns, rows) if rows else ""


def worth(numbers, name):
    columns = [("group", ""), ("calls", "mean per finished episode"), ("tokens", "in and out"),
               ("seconds", "of latency, summed"), ("dollars", ""),
               ("final %", "accuracy"), ("per 1,000 tokens", "accuracy / thousands of tokens"),
               ("tokens a point", "per percentage point gained"),
               ("dollars a point", "per percentage point gained"), ("frontier", "")]
    rows = []
    for group in numbers["groups"]:
        w = group["worth"]
        rows.append([name(group), number(w["calls"], 1), number(w["tokens"], 0),
                     number(w["latency_s"], 2), number(w["usd"], 5),
                     percent(group["accuracy"]["final"]),
                     number(w["accuracy_per_1000_tokens"]), number(w["tokens_per_point"], 0),
                     number(w["usd_per_point"], 5), "yes" if w["frontier"] else "no"])
    return table(columns, rows)


def comparisons(numbers, labels):
    by_label = {group["label"]: group for group in numbers["groups"]}

    def short(label):
        return esc(labels.short(by_label[label]) if label in by_label else label)
    columns = [("group", ""), ("against", ""), ("pairs", "propositions scored in both"),
               ("calls", "of the first"), ("calls, other", "of the second"),
               ("difference", "percentage points, first minus second"), ("95 %", ""),
               ("p", "permutation test"), ("McNemar p", "exact")]
    rows = []
    for pair in numbers["comparisons"]:
        rows.append([short(pair["first"]), short(pair["second"]), count(pair["pairs"]),
                     number(pair["first_calls"], 1), number(pair["second_calls"], 1),
                     percent(pair["difference"]), interval(pair["difference_interval"]),
                     p_value(pair["permutation"]["p"]), p_value(pair["mcnemar"]["p"])])
    return "<h3>Comparisons at equal calls</h3>" + table(columns, rows) if rows else ""


def quantities(numbers, name):
    columns = [("group", ""), ("n", ""), ("error, opening", "shares of the range"),
               ("error, final", ""), ("change", ""), ("95 %", ""),
               ("pinball, opening", ""), ("pinball, final", ""),
               ("coverage, opening %", "of the 5 to 95 % interval"), ("coverage, final %", "")]
    rows = []
    for group in numbers["groups"]:
        c = group.get("continuous")
        if c:
            rows.append([name(group), count(c["n"]), number(c["opening_error"], 4),
                         number(c["final_error"], 4), number(c["difference"], 4),
                         interval(c["difference_interval"], 1, 4),
                         number(c["opening_pinball"], 4), number(c["final_pinball"], 4),
                         percent(c["opening_coverage"]), percent(c["final_coverage"])])
    return "<h3>Quantities</h3>" + table(columns, rows) if rows else ""


def _value(value):
    """One number, interval or test of a section that this report has no table of its own for."""
    if isinstance(value, dict):
        if "low" in value:
            return interval(value, 1, 3)
        if "p" in value:
            return "p " + p_value(value["p"])
        return ", ".join(f"{esc(k.replace('_', ' '))} {_value(v)}" for k, v in value.items()
                         if not isinstance(v, (dict, list)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return number(value)
    text = str(value)
    if value is None:
        return "\u2013"
    return f'<span class="long">{esc(text)}</span>' if len(text) > 36 else esc(text)


def _section(title, records, meanings):
    """RECORDS, dicts of one kind after their first cell, as a table."""
    keys = list(dict.fromkeys(key for _, record in records for key, value in record.items()
                              if not isinstance(value, list)))
    columns = [("group", "")] + [(key.replace("_", " "), meanings.get(key, "")) for key in keys]
    rows = [[first] + [_value(record.get(key)) for key in keys] for first, record in records]
    return f"<h3>{esc(title.replace('_', ' ').capitalize())}</h3>" + table(columns, rows)


def _named(number_, record, by_label, name):
    """(first cell, the rest) of a RECORD: by its group, else its own label, else its number."""
    for key in ("group", "label", "name", "trajectories", "first"):
        if record.get(key) is not None:
            label = record[key]
            first = name(by_label[label]) if label in by_label else esc(label)
            return first, {k: v for k, v in record.items() if k not in (key, "factors")}
    return str(number_), record


def others(numbers, name):
    """Every section of the analysis that has no table here: shown as it came, nothing dropped."""
    meanings = {d["name"]: d["text"] for d in numbers["definitions"]}
    by_label = {group["label"]: group for group in numbers["groups"]}
    parts = []
    for key in dict.fromkeys(key for group in numbers["groups"] for key in group):
        if key in KNOWN_OF_GROUP:
            continue
        records = [(name(g), g[key]) for g in numbers["groups"]
                   if isinstance(g.get(key), dict) and g[key]]
        if records:
            parts.append(_section(key, records, meanings))
    for key, value in numbers.items():
        if key in KNOWN or not isinstance(value, list) or not value:
            continue
        records = [_named(i, r, by_label, name) for i, r in enumerate(value, 1)
                   if isinstance(r, dict)]
        if records:
            parts.append(_section(key, records, meanings))
    return "".join(parts)
