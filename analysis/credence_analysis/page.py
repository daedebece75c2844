"""HTML pieces: everything that comes from a run is escaped here and nowhere else."""

import html
import math


def esc(value):
    return html.escape(str(value), quote=True)


def number(value, digits=3):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "\u2013"
    return f"{value:,.{digits}f}"


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
    return f"{scale * value['low']:.{digits}f} to {scale * value['high']:.{digits}f}"


def table(columns, rows):
    """COLUMNS: (head, title) pairs; ROWS: lists of ready HTML. The first column is the label.

    On a phone each row becomes a card: the head of each cell stands in data-head."""
    head = "".join(f'<th scope="col" title="{esc(title)}">{esc(name)}</th>'
                   for name, title in columns)
    body = []
    for row in rows:
        cells = [f'<th scope="row">{row[0]}</th>']
        cells += [f'<td data-head="{esc(columns[i][0])}">{cell}</td>'
                  for i, cell in enumerate(row) if i > 0]
        body.append("<tr>" + "".join(cells) + "</tr>")
    return (f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
            f'<tbody>{"".join(body)}</tbody></table></div>')


def figure(svg, caption):
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def definitions(entries):
    rows = "".join(f"<dt>{esc(d['name'])}</dt><dd>{esc(d['text'])}.</dd>" for d in entries)
    return f"<dl>{rows}</dl>"


CSS = """
:root { --ink: #1f2933; --soft: #5b6472; --line: #dfe3e8; --accent: #1b7f79; --bad: #c8553d; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; color: var(--ink); background: #fff;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .6rem; padding-top: .6rem;
  border-top: 2px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.4rem 0 .4rem; overflow-wrap: anywhere; }
p { max-width: 46rem; }
.soft { color: var(--soft); }
nav { margin: 1rem 0; display: flex; flex-wrap: wrap; gap: .3rem 1rem; }
a { color: var(--accent); }
.warning { border-left: 4px solid var(--bad); background: #fbf0ed; padding: .5rem .9rem;
  margin: .5rem 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
thead th { color: var(--soft); font-weight: 600; border-bottom-width: 2px; cursor: help;
  white-space: normal; vertical-align: bottom; }
th[scope=row], thead th:first-child { text-align: left; font-weight: 600; }
th[scope=row] { white-space: normal; overflow-wrap: break-word; min-width: 9.5rem;
  max-width: 20rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
  gap: 1.2rem; }
figure { margin: 0; }
figure svg { width: 100%; height: auto; display: block; max-width: 40rem; }
figcaption { color: var(--soft); font-size: .88rem; max-width: 40rem; overflow-wrap: anywhere; }
.turn { border-left: 3px solid var(--line); padding: .1rem .9rem; margin: .5rem 0; }
.turn.maker { border-color: var(--accent); }
.turn b { font-size: .85rem; color: var(--soft); }
.said { white-space: pre-wrap; overflow-wrap: anywhere; max-width: 46rem; }
dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0 0 0 1rem; max-width: 46rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; background: #f6f7f9;
  padding: .8rem; }
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
    border: 0; white-space: normal; }
  tbody td:only-of-type { grid-column: 1 / -1; }
  tbody td::before { content: attr(data-head); color: var(--soft); text-align: left; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; } th, td { padding: .15rem .3rem; }
  figure, tr, .turn { break-inside: avoid; }
  h2, h3, dt { break-after: avoid; }
  .figures { grid-template-columns: 1fr 1fr; }
}
"""


def page(title, body):
    """A whole page that asks nobody for anything: no script, no request."""
    return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            f"<title>{esc(title)}</title><style>{CSS}</style></head><body>{body}</body></html>\n")
