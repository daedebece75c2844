"""HTML pieces: everything that comes from a run is escaped here and nowhere else."""

import html
import math
import re

# What must not act on a reader: C0 and C1 but for newline and tab, bidi controls, separators.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e"
                     "\u2066-\u2069\ufeff\ud800-\udfff]")


def esc(value):
    text = CONTROL.sub(lambda c: f"\u2039U+{ord(c[0]):04X}\u203a", str(value))
    return html.escape(text, quote=True)


def number(value, digits=3):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "\u2013"
    return f"{value:,.{digits}f}".replace("-", "\u2212")


def count(value):
    return "\u2013" if value is None else f"{value:,d}"


def percent(value, digits=1):
    return number(None if value is None else 100 * value, digits)


def p_value(value):
    if value is None:
        return "\u2013"
    return "&lt;0.001" if value < 0.0005 else f"{value:.3f}"


def interval(value, scale=100, digits=1):
    """An interval, or a dash that says on hover why there is none."""
    if value is None or value["low"] is None:
        reason = (value or {}).get("reason", "not computed")
        return f'<abbr title="{esc(reason)}">\u2013</abbr>'
    low, high = (f"{scale * value[end]:.{digits}f}".replace("-", "\u2212")
                 for end in ("low", "high"))
    return f"{low} to {high}"


def _head(name):
    return esc(name).replace(" %", "&nbsp;%")


ROWS_OPEN = 24


def table(columns, rows, most=ROWS_OPEN):
    """COLUMNS: (head, title) pairs; ROWS: lists of ready HTML. The first column is the label.
    With more than MOST rows it is folded.

    On a phone each row becomes a card: the head of each cell stands in data-head."""
    head = "".join(f'<th scope="col" title="{esc(title)}">{esc(name)}</th>'
                   for name, title in columns)
    body = []
    for row in rows:
        cells = [f'<th scope="row">{row[0]}</th>']
        cells += [f'<td data-head="{_head(columns[i][0])}">{cell}</td>'
                  for i, cell in enumerate(row) if i > 0]
        body.append("<tr>" + "".join(cells) + "</tr>")
    made = (f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
            f'<tbody>{"".join(body)}</tbody></table></div>')
    return made if len(rows) <= most else fold(f"All {len(rows)} rows", made)


def figure(svg, caption, words):
    """SVG with its CAPTION (ready HTML); WORDS say it to those who do not see it."""
    svg = svg.replace('role="img"', f'role="img" aria-label="{esc(words)}"', 1)
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def fold(summary, body):
    return f"<details><summary>{summary}</summary>{body}</details>"


def definitions(entries):
    rows = "".join(f"<dt>{esc(d['name'])}</dt><dd>{esc(d['text'])}.</dd>" for d in entries)
    return f"<dl>{rows}</dl>"


CSS = """
:root { color-scheme: light dark; --ink: #1f2933; --soft: #5b6472; --line: #dfe3e8; --accent: #12706a;
  --bad: #b3452c; --ground: #fff; --panel: #f6f7f9; --warn: #fbf0ed; --true: #1b7f79; --false: #c8553d;
  --s0: #1b7f79; --s1: #c8553d; --s2: #3b5b92; --s3: #b07d0c; --s4: #7b4b94; --s5: #4f7f30;
  --s6: #8c6d5a; --s7: #2f2f2f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ee; --soft: #a3afbd; --line: #36404c;
  --accent: #52c2b8; --bad: #f0886d; --ground: #14191f; --panel: #1d252d; --warn: #33231f; --true: #52c2b8;
  --false: #f0886d; --s0: #52c2b8; --s1: #f0886d; --s2: #8fb0ee; --s3: #e5b93c; --s4: #c79be0;
  --s5: #9ccf78; --s6: #cdb09d; --s7: #d8d8d8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem; color: var(--ink); background: var(--ground);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .6rem; padding-top: .6rem;
  border-top: 2px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.4rem 0 .4rem; overflow-wrap: anywhere; }
p { max-width: 48rem; overflow-wrap: anywhere; }
.headline { font-size: 1.2rem; line-height: 1.4; }
.soft { color: var(--soft); }
nav { margin: 1rem 0; display: flex; flex-wrap: wrap; gap: .3rem 1rem; }
a { color: var(--accent); }
.badge { display: inline-block; border: 1px solid var(--bad); color: var(--bad); border-radius: 99px;
  padding: 0 .6rem; font-size: .85rem; margin-bottom: .3rem; }
.warning { border-left: 4px solid var(--bad); background: var(--warn); padding: .5rem .9rem;
  margin: .8rem 0; overflow-wrap: anywhere; max-width: 60rem; }
.warning ul { margin: .4rem 0 0; padding-left: 1.2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
thead th { color: var(--soft); font-weight: 600; border-bottom-width: 2px; cursor: help;
  white-space: normal; vertical-align: bottom; }
th[scope=row], thead th:first-child { text-align: left; font-weight: 600; }
th[scope=row] { white-space: normal; overflow-wrap: anywhere; min-width: 9.5rem; max-width: 20rem; }
td .long { display: inline-block; white-space: normal; text-align: left; min-width: 12rem;
  max-width: 22rem; }
td .said { white-space: pre-wrap; text-align: left; display: block; }
.figures { columns: 26rem 2; column-gap: 1.6rem; }
.figures > * { break-inside: avoid; margin: 0 0 1.6rem; }
details .figures { columns: 22rem 2; }
figure { margin: 0; }
figure svg { width: 100%; height: auto; display: block; max-width: 38rem; }
figcaption { color: var(--soft); font-size: .88rem; max-width: 38rem; overflow-wrap: anywhere; }
.turn { border-left: 3px solid var(--line); padding: .1rem .9rem; margin: .5rem 0; }
.turn.maker { border-color: var(--accent); }
.turn b { font-size: .85rem; color: var(--soft); }
.said { white-space: pre-wrap; overflow-wrap: anywhere; max-width: 48rem; unicode-bidi: isolate; }
dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0 0 0 1rem; max-width: 48rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; background: var(--panel);
  padding: .8rem; border-radius: 6px; }
details { margin: .6rem 0; } summary { cursor: pointer; }
@media (max-width: 40rem) {
  body { padding: .8rem; }
  .scroll { overflow-x: visible; }
  table, tbody, tr, th, td { display: block; }
  table { width: 100%; }
  thead { display: none; }
  tbody tr { border: 1px solid var(--line); border-radius: 6px; margin: .6rem 0;
    padding: .4rem .7rem; display: grid; grid-template-columns: 1fr 1fr; gap: 0 1rem; }
  tbody th[scope=row] { grid-column: 1 / -1; min-width: 0; max-width: none; padding: .2rem 0; }
  tbody td { display: flex; justify-content: space-between; gap: .5rem; padding: .15rem 0;
    border: 0; white-space: normal; overflow-wrap: anywhere; }
  tbody td:only-of-type { grid-column: 1 / -1; }
  tbody td::before { content: attr(data-head); color: var(--soft); text-align: left; }
}
@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; } th, td { padding: .15rem .3rem; }
  figure, tr, .turn { break-inside: avoid; }
  h2, h3, dt { break-after: avoid; }
  .figures { columns: 2; }
}
"""


def page(title, body):
    """A whole page that asks nobody for anything: no script, no request."""
    return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            f"<title>{esc(title)}</title><style>{CSS}</style></head><body>{body}</body></html>\n")
