"""How figures look, and how they become part of a page that may be light or dark."""

import io
import re

import matplotlib

matplotlib.use("Agg")
from matplotlib.colors import ListedColormap, to_rgb  # noqa: E402  (the backend comes first)
from matplotlib.figure import Figure  # noqa: E402

INK, TRUE, FALSE, NEUTRAL, GRID = "#1f2933", "#1b7f79", "#c8553d", "#5b6472", "#e4e7eb"
# Told apart by readers with any kind of colour vision, and in grey by their order.
SERIES = ("#1b7f7a", "#c8553e", "#3b5b92", "#d19a1f", "#7b4b94", "#5b8c3a", "#8c6d5a",
          "#2f2f2f")
WIDTH, HEIGHT = 4.5, 3.1  # inches: readable when a phone shows it 360 pixels wide

# The page's style sheet gives each a light and a dark value.
VARIABLES = {INK: "ink", TRUE: "true", FALSE: "false", NEUTRAL: "soft", GRID: "line",
             **{color: f"s{i}" for i, color in enumerate(SERIES)}}

_SETTINGS = {
    "font.size": 9.5, "axes.titlesize": 10.5, "axes.labelsize": 9.5,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": NEUTRAL,
    "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.7,
    "axes.axisbelow": True, "legend.frameon": False, "legend.fontsize": 8.5,
    "lines.linewidth": 1.8, "svg.fonttype": "path", "figure.facecolor": "none",
    "axes.facecolor": "none", "text.color": INK, "axes.labelcolor": INK, "xtick.color": NEUTRAL,
    "ytick.color": NEUTRAL, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "axes.titlecolor": INK,
}


def settings():
    """A context in which figures are drawn; names of models are never read as formulas."""
    chosen = {key: value for key, value in _SETTINGS.items() if key in matplotlib.rcParams}
    if "text.parse_math" in matplotlib.rcParams:
        chosen["text.parse_math"] = False
    return matplotlib.rc_context(chosen)


def shades(low, high):
    """One hue from weak to strong by its opacity: it reads on a light page and on a dark one."""
    red, green, blue = to_rgb(TRUE)
    return ListedColormap([(red, green, blue, low + (high - low) * i / 63) for i in range(64)])


def plain(text, most=40):
    """TEXT for a label: short, one line, no formula, no control characters."""
    text = "".join(c if c.isprintable() else " " for c in str(text))
    text = " ".join(text.split())
    if len(text) > most:
        text = text[:most // 2 - 1] + "\u2026" + text[-(most // 2):]
    return text if "text.parse_math" in matplotlib.rcParams else text.replace("$", r"\$")


class Drawing(Figure):
    """A figure that a notebook shows, on white whatever the notebook's theme."""

    def _repr_png_(self):
        out = io.BytesIO()
        self.savefig(out, format="png", dpi=110, facecolor="white")
        return out.getvalue()


def new_figure(width=WIDTH, height=HEIGHT, rows=1, columns=1, **options):
    figure = Drawing(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def legend_below(axes, columns=2):
    """The legend in a strip of its own at the foot of the figure, however tall that is."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    figure = axes.get_figure()
    lines = -(-len(handles) // columns)
    strip = (0.19 * lines + 0.06) / figure.get_figheight()
    figure.get_layout_engine().set(rect=(0, strip, 1, 1 - strip))
    figure.legend(handles, labels, loc="lower center", bbox_to_anchor=(0.5, 0), ncol=columns,
                  handlelength=1.4, columnspacing=1.2, borderaxespad=0.2, borderpad=0.1)


def watermark(figure, text="simulated"):
    """TEXT across FIGURE: a picture that is cut out of its page must still say it."""
    height = figure.get_figheight()
    figure.text(0.55, 0.5, text, fontsize=min(34, 11 * height), color=NEUTRAL, alpha=0.13,
                rotation=min(30, 10 * height), ha="center", va="center", zorder=0)


def to_svg(figure, name):
    """The figure as an <svg> element that can stand in a page beside others."""
    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg"):]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"\n\s*", "\n", text)
    # Identifiers of different figures must not meet.
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r"(?<=[:\s])#[0-9a-f]{6}\b",
                  lambda m: f"var(--{VARIABLES[m[0]]})" if m[0] in VARIABLES else m[0], text)
    return re.sub(r'<svg[^>]*?viewBox="([^"]+)"[^>]*>',
                  r'<svg viewBox="\1" role="img" xmlns="http://www.w3.org/2000/svg" '
                  r'xmlns:xlink="http://www.w3.org/1999/xlink">', text, count=1)
