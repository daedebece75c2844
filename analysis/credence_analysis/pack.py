"""The markets of runs as one packet for the page: a JSON header and typed arrays.

Layout: u32 header length, u32 zero, the header in UTF-8 padded to 8 bytes, then the arrays, each
padded to 8 bytes; the header's `arrays` says name, type, offset and length of each. Read by
view/pack.js.
"""

import json
import struct

import numpy as np

from .checked import text
from .markets import (in_units, kept_name, largest_move, shown_prices, sides,
                      truth_words)
from .run import JOB_NAMES

TYPES = {"u1": "<u1", "i1": "<i1", "u2": "<u2", "i4": "<i4", "f8": "<f8"}
MICRO = 1e6  # prices are sent as whole millionths, -1 where there is none
SIDES = {"": 0, "right": 1, "wrong": 2, "tie": 3}
MARKETS_MAX = 5_000_000


def plain_value(value):
    """VALUE as JSON has it: no NaN, no numpy."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return text(value if isinstance(value, (bytes, str)) else str(value))


def _plain(values):
    return [plain_value(value) for value in values]


def _word_list(words, values):
    most = max([*words, int(values.max()) if len(values) else 0])
    found = [words.get(code, f"code {code}") for code in range(most + 1)]
    return ["" if word == "none" else word for word in found]


def _propositions(run):
    p = run.propositions
    table = {"item": p["id"], "question": p["question_id"], "benchmark": p["benchmark"],
             "truth": truth_words(run), "label": p["label"]}
    for name in ("value", "low", "high"):
        if name in p and np.isfinite(p[name]).any():
            table[name] = p[name]
    if "unit" in p and any(p["unit"]):
        table["unit"] = p["unit"]
    for name in run.kept:
        table[kept_name(name)] = p[name]
    table["text"] = p["text"]
    return {name: _plain(values) for name, values in table.items()}


def _cells(run):
    names = ["name"] + [n for n in run.factors() if n != "benchmark"]
    table = {JOB_NAMES.get(name, name): _plain(run.cells[name]) for name in names}
    table["cell"] = table.pop("name")
    return table


def _rounded(values):
    """To ten digits: as people write them, and still telling for quantities of any size."""
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = 9 - np.floor(np.log10(np.maximum(np.abs(values), 1)))
        return (np.round(values * 10 ** digits) / 10 ** digits).astype("<f8")


def _millionths(values):
    return np.where(np.isfinite(values), np.round(np.nan_to_num(values) * MICRO), -1).astype("<i4")


def _arrays(run):
    """The arrays of one run, by name; words still as the file's codes."""
    e, length = run.episodes, run.episodes["iterations"]
    price = shown_prices(run)
    within = np.arange(price.shape[1])[None, :] < length[:, None]
    at = np.maximum(length - 1, 0)
    rows = np.arange(len(length))
    named = in_units(run, price)
    opening = np.where(length > 0, named[:, 0], np.nan)
    final = np.where(length > 0, named[rows, at], np.nan)
    out = {"episode": e["episode"].astype("<i4"),
           "cell": np.maximum(e["cell"], 0).astype("<i4"),
           "proposition": np.maximum(e["proposition"], 0).astype("<i4"),
           "replicate": e["replicate"].astype("<i4"), "iterations": length.astype("<u2"),
           "status": e["status"].astype("<u1"), "stop": e["stop_reason"].astype("<u1"),
           "price": _millionths(price[within]),
           **{name: _rounded(values) for name, values in (
               ("opening", opening), ("final", final), ("move", final - opening),
               ("largest", largest_move(named, length)))}}
    if run.repaired is not None:
        out["repairs"] = run.repaired.astype("<f8")
    for name, which in (("opening_side", 0), ("final_side", -1)):
        out[name] = np.array([SIDES[s] for s in sides(run, which)], dtype="<u1")
    if "reason" in e:
        out["reason"] = e["reason"].astype("<u1")
    for name, key in (("calls", "total_calls"), ("tokens", "total_tokens"),
                      ("usd", "total_usd"), ("latency_s", "total_latency_s")):
        if key in e:
            out[name] = e[key].astype("<f8")
    return out


def _costs(run):
    """{model: {"input": dollars per million tokens, "output": ...}}, from the job."""
    costs = {}
    models = run.job.get("models")
    for name, model in (models.items() if isinstance(models, dict) else ()):
        cost = model.get("cost") if isinstance(model, dict) else None
        if isinstance(cost, dict):
            costs[str(name)] = {key: cost[key] if isinstance(cost.get(key), (int, float)) else 0
                                for key in ("input", "output")}
    return costs


def _joined(tables, rows):
    """The columns of several tables one after the other; None where a run has no such column."""
    names = list(dict.fromkeys(name for table in tables for name in table))
    return {name: [value for table, n in zip(tables, rows)
                   for value in table.get(name, [None] * n)] for name in names}


def _differing(cells):
    skip = ("cell",)
    return [name for name, values in cells.items()
            if name not in skip and len({str(value) for value in values}) > 1]


def build(runs, labels, version=""):
    """The packet of RUNS, which are called LABELS on the page."""
    total = sum(len(run.episodes) for run in runs)
    if total > MARKETS_MAX:
        raise ValueError(f"{total:,} markets; one page shows at most {MARKETS_MAX:,}: "
                         "credence list chooses among them")
    parts = [_arrays(run) for run in runs]
    cells = [_cells(run) for run in runs]
    propositions = [_propositions(run) for run in runs]
    cell_rows, item_rows = [len(r.cells) for r in runs], [len(r.propositions) for r in runs]
    for at, part in enumerate(parts):
        part["cell"] = part["cell"] + sum(cell_rows[:at])
        part["proposition"] = part["proposition"] + sum(item_rows[:at])
        part["run"] = np.full(len(part["episode"]), at, "<u1")
    names = [name for name in parts[0] if all(name in part for part in parts)]
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in names}
    words = {"status": _word_list(runs[0].status_words, arrays["status"]),
             "stop": _word_list(runs[0].stop_words, arrays["stop"])}
    if "reason" in arrays:
        words["reason"] = _word_list(runs[0].reason_words, arrays["reason"])
    joined = _joined(cells, cell_rows)
    first = np.cumsum([0] + [len(run.episodes) for run in runs])
    items = _joined(propositions, item_rows)
    differing = _differing(joined)
    if len(set(items.get("benchmark", []))) > 1:
        differing.insert(0, "benchmark")
    header = {"markets": total, "version": version, "cells": joined, "words": words,
              "propositions": items, "differing": differing,
              "runs": [{"label": label, "first": int(first[i]), "complete": run.is_complete,
                        "simulated": run.is_simulated, "costs": _costs(run)}
                       for i, (run, label) in enumerate(zip(runs, labels))]}
    return _packet(header, arrays)


def _packet(header, arrays):
    def padded(data):
        return data + bytes(-len(data) % 8)

    kinds = {dtype: name for name, dtype in TYPES.items()}
    bodies, offset = [], 0
    header["arrays"] = []
    for name, values in arrays.items():
        kind = next(k for d, k in kinds.items() if np.dtype(d) == values.dtype)
        header["arrays"].append([name, kind, offset, len(values)])
        body = padded(values.tobytes())
        bodies.append(body)
        offset += len(body)
    # Offsets are of the whole packet, and the header's own length depends on them: its
    # padding leaves room for the digits.
    length = len(json.dumps(header, ensure_ascii=False).encode()) + 16 * len(arrays) + 64
    length += -length % 8
    for entry in header["arrays"]:
        entry[2] += 8 + length
    head = json.dumps(header, ensure_ascii=False, allow_nan=False).encode()
    return struct.pack("<II", length, 0) + head.ljust(length) + b"".join(bodies)
