"""Run files written from arrays, for the tests of the analysis, by another hand."""

import h5py
import numpy as np

STATUS = ["pending", "done", "invalid", "failed"]
PENDING, DONE, INVALID, FAILED = range(4)
NONE, EQUILIBRIUM, MAX_ITERATIONS, R_INVALID, R_FAILED, STABLE_SIDE, KS, COMPLETE = range(8)

CELL_TEXTS = {
    "name": "cell", "protocol": "market", "benchmark": "bench", "maker": "m", "trader": "m",
    "stance": "free", "elicitation": "verbal", "order": "turn", "prompts": "paper",
    "stop_rule": "range",
}
CELL_NUMBERS = {
    "replicates": 1, "samples": 1, "rounds": 1, "memory": 0, "repairs": 2, "window": 3,
    "max_iterations": 10, "trajectory": 0,
}


def _scale(file, path, size):
    data = file.create_dataset(path, data=np.arange(size, dtype="i4"))
    data.make_scale(path)
    return data


def _put(file, path, data, scales, dtype=None):
    if dtype is None and np.asarray(data).dtype.kind in "UO":
        dtype = h5py.string_dtype()
    made = file.create_dataset(path, data=data, dtype=dtype)
    for axis, scale in enumerate(scales):
        made.dims[axis].attach_scale(scale)
    return made


CALLS = {  # what /calls holds of each call; these runs have none
    "i4": ("episode", "iteration", "sample", "repair", "model", "tokens_in", "tokens_out",
           "tokens_cached", "tokens_reasoning", "attempts", "endpoint", "http_status",
           "text_length", "reasoning_length", "error_length"),
    "u1": ("role", "trader", "ask", "finish_reason", "simulated", "text"),
    "i8": ("trajectory", "text_offset"), "f8": ("latency_s",),
    "u8": ("trajectory_key", "request_hash_high", "request_hash_low"),
}
CALLS_OF_1 = {"u1": ("fail",)}
CALLS_OF_2 = {"u1": ("reason", "tokens_estimated"), "i4": ("finish_word_length", "request_id_length")}


def _put_no_calls(file, schema):
    for part in (CALLS, CALLS_OF_1 if schema == 1 else CALLS_OF_2):
        for dtype, names in part.items():
            for name in names:
                file.create_dataset("calls/" + name, (0,), dtype, maxshape=(None,), chunks=(64,))


def write_run(path, episodes, propositions, cells, outcome_price=None, quantile=None,
              simulated=False, complete=True, job_hash="0" * 32, job='{"name": "test"}'):
    """episodes: dict of arrays price [E][I], prices_len, status, reason, cell, proposition,
    and optionally why and repaired [E][I] (reasons, schema 2), replicate, push [E][I], tokens, calls, latency, usd.
    propositions: dict of lists id, question_id, label, and optionally benchmark, text,
    value, low, high, n_outcomes, items {column: list}. cells: list of dicts of factors."""
    price = np.asarray(episodes["price"], dtype="f8")
    count, steps = price.shape
    total = len(propositions["id"])
    with h5py.File(path, "w", libver=("v110", "v110")) as file:
        episode = _scale(file, "episode", count)
        iteration = _scale(file, "iteration", steps)
        proposition = _scale(file, "propositions/proposition", total)
        cell = _scale(file, "cells/cell", len(cells))
        _put(file, "price", price, [episode, iteration])
        if outcome_price is not None:
            outcome_price = np.asarray(outcome_price, dtype="f8")
            outcome = _scale(file, "outcome", outcome_price.shape[2])
            _put(file, "outcome_price", outcome_price, [episode, iteration, outcome])
        for name in ("price_held", "price_held_idle", "price_idle"):
            if name in episodes:
                _put(file, name, np.asarray(episodes[name], dtype="f8"), [episode, iteration])
        if "belief" in episodes:
            belief = np.asarray(episodes["belief"], dtype="f8")
            trader = _scale(file, "traders/trader", belief.shape[1])
            _put(file, "traders/belief", belief, [episode, trader])
        if quantile is not None:
            level = file.create_dataset("level", data=np.array([0.05, 0.5, 0.95]))
            level.make_scale("level")
            _put(file, "quantile", np.asarray(quantile, dtype="f8"),
                 [episode, iteration, level])
        zeros = np.zeros(count)
        for name, key, dtype in (
                ("cell", "cell", "i4"), ("proposition", "proposition", "i4"),
                ("replicate", "replicate", "i4"), ("iterations", "prices_len", "i4"),
                ("status", "status", "u1"), ("stop_reason", "reason", "u1"),
                ("total_tokens", "tokens", "i8"), ("total_calls", "calls", "i4"),
                ("total_latency_s", "latency", "f4"), ("total_usd", "usd", "f8")):
            _put(file, name, np.asarray(episodes.get(key, zeros)), [episode], dtype)
        if "why" in episodes:  # then it is schema 2
            _put(file, "reason", np.asarray(episodes["why"]), [episode], "u1")
            repaired = episodes.get("repaired", np.zeros((count, steps)))
            _put(file, "repair_reason", np.asarray(repaired), [episode, iteration], "u1")
            _put(file, "tokens_estimated", np.zeros((count, steps)), [episode, iteration], "u1")
        for name, dtype in (("judgment_tokens_in", "i4"), ("judgment_tokens_out", "i4"),
                            ("argument_tokens_in", "i4"), ("argument_tokens_out", "i4"),
                            ("cached_tokens", "i4"), ("calls_made", "i4"), ("latency_s", "f4"),
                            ("repairs", "u1")):
            values = episodes.get(name, np.zeros((count, steps)))
            _put(file, name, np.asarray(values), [episode, iteration], dtype)
        push = episodes.get("push", np.full((count, steps), -128))
        _put(file, "push", np.asarray(push), [episode, iteration], "i1")
        text = {"id": propositions["id"], "question_id": propositions["question_id"],
                "benchmark": propositions.get("benchmark", ["bench"] * total),
                "text": propositions.get("text", ["?"] * total)}
        for name, values in text.items():
            _put(file, "propositions/" + name, np.asarray(values, dtype=object),
                 [proposition], h5py.string_dtype())
        for name, values in propositions.get("items", {}).items():
            _put(file, "propositions/item." + name, np.asarray(values, dtype=object),
                 [proposition], h5py.string_dtype())
        gap = np.full(total, np.nan)
        _put(file, "propositions/label", np.asarray(propositions["label"]), [proposition], "i4")
        _put(file, "propositions/n_outcomes",
             np.asarray(propositions.get("n_outcomes", np.ones(total))), [proposition], "i4")
        value = np.asarray(propositions.get("value", gap))
        several = np.asarray(propositions.get("n_outcomes", np.ones(total))) > 1
        _put(file, "propositions/space", np.where(several, 1, np.where(np.isnan(value), 0, 2)),
             [proposition], "u1")
        for name, word in (("unit", ""), ("options", "[]")):
            _put(file, "propositions/" + name, np.asarray([word] * total, dtype=object),
                 [proposition], h5py.string_dtype())
        for name in ("value", "low", "high"):
            _put(file, "propositions/" + name, np.asarray(propositions.get(name, gap)),
                 [proposition], "f8")
        for name, default in CELL_TEXTS.items():
            values = [one.get(name, default) for one in cells]
            _put(file, "cells/" + name, np.asarray(values, dtype=object), [cell],
                 h5py.string_dtype())
        for name, default in CELL_NUMBERS.items():
            _put(file, "cells/" + name, np.asarray([one.get(name, default) for one in cells]),
                 [cell], "i4")
        for name in ("chain_of_thought", "stop_early", "reads_label"):
            _put(file, "cells/" + name, np.zeros(len(cells)), [cell], "u1")
        _put(file, "cells/threshold",
             np.asarray([one.get("threshold", 0.2) for one in cells]), [cell], "f8")
        schema = 2 if "why" in episodes else 1
        _put_no_calls(file, schema)
        file.attrs["schema"] = np.int32(schema)
        file.attrs["title"] = "made by a test"
        file.attrs["job"] = job
        file.attrs["job_hash"] = job_hash
        file.attrs["credence_version"] = "test"
        file.attrs["simulated"] = np.int32(simulated)
        file.attrs["complete"] = np.int32(complete)


def add_calls(path, rows):
    """Fills /calls of the run file at PATH. ROWS: dicts of episode, iteration, role (0 maker),
    and optionally any other integer of /calls, and text, reasoning, error (str or bytes)."""
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        blob, offsets, lengths = b"", [], {"text": [], "reasoning": [], "error": []}
        for row in rows:
            offsets.append(len(blob))
            for name, sizes in lengths.items():
                said = row.get(name)
                said = said.encode() if isinstance(said, str) else said
                sizes.append(-1 if said is None else len(said))
                blob += said or b""
        columns = {"text_offset": offsets, "text": np.frombuffer(blob, "u1"),
                   **{f"{name}_length": sizes for name, sizes in lengths.items()}}
        for name, data in file["calls"].items():
            missing = -1 if name.endswith("_length") else 0
            values = columns.get(name, [row.get(name, missing) for row in rows])
            data.resize((len(values),))
            data[:] = values
        _scale(file, "calls/call", len(rows))
        _scale(file, "calls/byte", len(blob))


def random_run(path, rng, questions=40, cells=2, replicates=1, drift=0.1, noise=0.2,
               steps=11, statuses=True, ties=True, **more):
    """A run of binary markets with the given cells; returns its arrays."""
    labels = np.tile([1, 0], questions)
    ids = [f"q{i // 2}-{i % 2}" for i in range(2 * questions)]
    qids = [f"q{i // 2}" for i in range(2 * questions)]
    rows = []
    for cell in range(cells):
        for p in range(2 * questions):
            for r in range(replicates):
                rows.append((cell, p, r))
    count = len(rows)
    price = np.full((count, steps), np.nan)
    prices_len = np.zeros(count, int)
    status = np.full(count, DONE)
    reason = np.full(count, MAX_ITERATIONS)
    push = np.full((count, steps), -128)
    for e, (cell, p, _) in enumerate(rows):
        x = rng.uniform(0.2, 0.8)
        threshold = 0.1 * (cell + 1)
        for t in range(steps):
            shown = round(x, 1) if ties and rng.random() < 0.3 else x
            price[e, t] = min(1.0, max(0.0, shown))
            prices_len[e] = t + 1
            push[e, t] = rng.integers(-1, 2) if t else 0
            if t >= 2 and np.ptp(price[e, t - 2:t + 1]) <= threshold + 1e-9:
                reason[e] = EQUILIBRIUM
                break
            x = x + drift * (labels[p] - x) + noise * (rng.random() - 0.5)
        if statuses and rng.random() < 0.1:
            status[e], reason[e] = [(INVALID, R_INVALID), (FAILED, R_FAILED),
                                    (PENDING, NONE)][rng.integers(3)]
            keep = rng.integers(0, prices_len[e] + 1)
            price[e, keep:] = np.nan
            push[e, keep:] = -128
            prices_len[e] = keep
    episodes = dict(price=price, prices_len=prices_len, status=status, reason=reason,
                    cell=[r[0] for r in rows], proposition=[r[1] for r in rows],
                    replicate=[r[2] for r in rows], push=push,
                    tokens=rng.integers(100, 3000, count), calls=rng.integers(1, 22, count),
                    latency=rng.random(count) * 9, usd=rng.random(count) / 100)
    episodes = {k: np.asarray(v) for k, v in episodes.items()}
    propositions = dict(id=ids, question_id=qids, label=labels)
    made = [dict(name=f"cell {c}", threshold=0.1 * (c + 1), trajectory=c) for c in range(cells)]
    write_run(path, episodes, propositions, made, **more)
    return episodes, propositions, made
