"""Words in all that was said: the texts of /calls, window by window."""

import numpy as np

from .checked import Checked, open_file

WINDOW = 16 << 20


def _trajectories(run):
    """A number for every episode that is the same for those that share their calls."""
    cell = np.maximum(run.episodes["cell"], 0)
    trajectory = run.cells["trajectory"][cell].astype(np.int64)
    p, r = run.episodes["proposition"], run.episodes["replicate"].astype(np.int64)
    return (trajectory * (len(run.propositions) + 1) + p) * (int(r.max(initial=0)) + 1) + r


def _hits(blob, needles, offsets):
    """The calls whose stored texts hold one of NEEDLES (bytes, lower case for ASCII)."""
    size, found, at = blob.shape[0], set(), 0
    overlap = max(map(len, needles)) - 1
    while at < size:
        window = bytes(blob[at:min(size, at + WINDOW + overlap)]).lower()
        for needle in needles:
            place = window.find(needle)
            while place >= 0:
                call = int(np.searchsorted(offsets, at + place, side="right")) - 1
                found.add(call)
                # On to the next call: one hit is enough.
                after = int(offsets[call + 1]) - at if call + 1 < len(offsets) else len(window)
                place = window.find(needle, max(place + 1, after))
        at += WINDOW
    found.discard(-1)
    return found


def search(run, wanted):
    """(episodes, note): the markets in which WANTED was said, letters of either case."""
    low, hit = wanted.lower(), np.zeros(len(run.episodes), bool)
    with open_file(run.path) as file:
        source = Checked(file, run.path)
        if not (source.has("calls/text") and source.data("calls/text", "integer", (None,)).size):
            return np.flatnonzero(hit), ("The file holds no texts (output.text), so only the "
                                         "propositions were searched.")
        offsets = source.read("calls/text_offset", "integer", (None,))
        episodes = source.indices("calls/episode", len(offsets), len(run.episodes))
        order = np.argsort(offsets, kind="stable")
        # Replies are JSON as they came: quotes and line ends may stand there escaped.
        forms = {low, low.replace('"', '\\"'), wanted}
        calls = _hits(source.data("calls/text"), [f.encode() for f in forms], offsets[order])
        said = np.unique(episodes[order[sorted(calls)]]) if calls else np.zeros(0, int)
        if len(said):
            key = _trajectories(run)
            hit = hit | np.isin(key, key[said])
    return np.flatnonzero(hit), None
