"""The calls of a run, from /calls: what was said, and what it cost."""

import numpy as np

from .checked import Checked, open_file
from .run import Table, _group, in_words

ROLES = ("maker", "trader")
ASKS = ("judgment", "argument", "vote", "logprob", "belief")
FINISHES = ("none", "stop", "length", "filter", "other")
CALL_TEXT_MAX = 64 << 20


def _slice(blob, offset, length):
    """LENGTH bytes at OFFSET of the texts, None where nothing is stored or it points outside."""
    if blob is None or length < 0 or offset < 0 or offset + length > blob.shape[0]:
        return None
    return bytes(blob[offset:offset + min(int(length), CALL_TEXT_MAX)]).decode("utf-8", "replace")


def read_calls(run, episode=None):
    """The calls of RUN, or of the trajectory of EPISODE, with text, reasoning and error."""
    with open_file(run.path) as file:
        source = Checked(file, run.path)
        if not source.has("calls/episode"):
            return Table()
        count, = source.data("calls/episode", "integer", (None,)).shape
        for name in ("iteration", "role"):
            source.data("calls/" + name, "integer", (count,))
        table = _group(source, "calls", count)
        chosen = (np.flatnonzero(np.isin(table["episode"], run.siblings(episode)))
                  if episode is not None else np.arange(count))
        table = table.where(chosen)
        for name, fallback in (("role", ROLES), ("ask", ASKS), ("reason", ()), ("fail", ()),
                               ("finish_reason", FINISHES)):
            if name in table:
                table[name + "_word"] = in_words(table[name],
                                                 source.words("calls/" + name, fallback))
        blob = (source.data("calls/text", "integer", (None,)) if source.has("calls/text")
                else None)
        _read_texts(table, blob)
        return table


def _read_texts(table, blob):
    """The texts of the calls: reply, reasoning, error, finish word and request id follow each other."""
    none = np.full(len(table), -1)
    offset = table.get("text_offset", none)
    for name in ("text", "reasoning", "error", "finish_word", "request_id"):
        length = table.get(name + "_length", none)
        out = np.empty(len(offset), dtype=object)
        for i, (o, n) in enumerate(zip(offset, length)):
            out[i] = _slice(blob, int(o), int(n))
        table[name] = out
        offset = offset + np.maximum(length, 0)
