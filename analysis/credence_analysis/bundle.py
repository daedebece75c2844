"""`credence-analysis view DIR --bundle FILE.html`: the explorer as one file, texts and all.

For a paper's supplement, for mail, for a machine without ports. Texts are kept once for each
group of markets, compressed as gzip, which every browser can undo by itself.
"""

import base64
import gzip
import json

from . import pack, site
from .run import Table, open_run
from .transcript_json import NoShow, call_rows, own, shown

CHUNK = 128          # markets whose texts are compressed together
TEXT_MAX = 200_000   # characters of one text that a bundle keeps
LIMIT_MB = 50


class TooLarge(ValueError):
    """The bundle would be larger than was allowed."""


def _encoded(data):
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def _block(name, kind, body):
    return f'<script type="{kind}" id="{name}">{body}</script>\n'


def _json_block(name, value):
    # "<" could end the element it stands in.
    text = json.dumps(value, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")
    return _block(name, "application/json", text)


class _Strings:
    """Each text once: calls share most of their messages."""

    def __init__(self):
        self.all, self.at = [], {}

    def __call__(self, text):
        if text is None:
            return None
        if len(text) > TEXT_MAX:
            text = text[:TEXT_MAX] + f" [{len(text) - TEXT_MAX:,} more characters are in the run]"
        if text not in self.at:
            self.at[text] = len(self.all)
            self.all.append(text)
        return self.at[text]


def _packed_call(call, strings):
    out = {key: value for key, value in call.items() if value is not None}
    for key in ("text", "reasoning", "error", "complaint"):
        if key in out:
            out[key] = strings(out[key])
    if isinstance(out.get("messages"), list):
        out["messages"] = [[m.get("role", ""), strings(str(m.get("text", "")))]
                           for m in out["messages"]]
    return out


def _chunk(run, episodes, said):
    """One chunk: its strings, the lists of calls, and the markets that point to them."""
    strings, lists, known, markets = _Strings(), [], {}, {}
    for episode in episodes:
        key, calls = said(episode)
        if key not in known:
            known[key] = len(lists)
            lists.append([_packed_call(call, strings) for call in calls])
        markets[int(episode)] = {**own(run, episode), "calls": known[key]}
    chunk = {"strings": strings.all, "calls": lists, "markets": markets}
    return json.dumps(chunk, ensure_ascii=False).encode("utf-8", "replace")


def _said_by_show(path, episodes):
    """Calls with their messages, from `credence show`, {episode: calls}."""
    try:
        told = shown(path, episodes, prompts=True)
    except NoShow:  # the prompts or the job are not at hand any more
        told = shown(path, episodes)
    return {int(one["episode"]): one.get("calls", []) for one in told}


def _first_siblings(run):
    """For every episode the first of those that share its calls."""
    from .search import _trajectories
    first, out = {}, []
    for episode, key in enumerate(_trajectories(run)):
        out.append(first.setdefault(int(key), episode))
    return out


def _from_file(run):
    """Calls without their messages, from the file alone: {first sibling: calls}."""
    table, found = run.calls(), {}
    if not len(table):
        return found
    first = _first_siblings(run)
    by_owner = {}
    for row, episode in enumerate(table["episode"]):
        by_owner.setdefault(first[int(episode)], []).append(row)
    for owner, rows in by_owner.items():
        found[owner] = call_rows(run, Table({k: v[rows] for k, v in table.items()}))
    return found


def _texts(run, path):
    """(episodes, compressed chunk) of all markets of one run."""
    first, stored = _first_siblings(run), None
    for begin in range(0, len(run.episodes), CHUNK):
        episodes = range(begin, min(begin + CHUNK, len(run.episodes)))
        owners = sorted({first[e] for e in episodes})
        try:
            if stored is not None:
                raise NoShow
            calls = _said_by_show(path, owners)
        except NoShow:
            stored = _from_file(run) if stored is None else stored
            calls = stored
        yield episodes, _encoded(_chunk(run, episodes,
                                        lambda e: (first[e], calls.get(first[e], []))))


def make(paths, limit_mb=LIMIT_MB, texts=True):
    """The page as text; TooLarge when it would pass LIMIT_MB million bytes."""
    runs = [open_run(path) for path in paths]
    labels = [run.name if len(runs) == 1 else f"{i}: {run.name}" for i, run in enumerate(runs)]
    blocks = [_block("pack", "application/gzip", _encoded(pack.build(runs, labels)))]
    chunks, size = [], len(blocks[0])
    for at, (run, path) in enumerate(zip(runs, paths)):
        for episodes, body in (_texts(run, path) if texts else ()):
            blocks.append(_block(f"texts-{len(chunks)}", "application/gzip", body))
            chunks.append([at, episodes.start, episodes.stop])
            size += len(body)
            if size > limit_mb * 1e6:
                raise TooLarge(
                    f"the bundle would be larger than {limit_mb} MB after {episodes.stop:,} of "
                    f"{len(run.episodes):,} markets of {run.name}: raise --max-mb, or leave "
                    "the texts out with --no-texts")
    blocks.insert(0, _json_block("bundle", {"chunks": chunks}))
    return site.page(", ".join(run.name for run in runs), "".join(blocks), "'none'")
