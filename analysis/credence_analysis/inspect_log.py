"""Runs as logs of Inspect (inspect.aisi.org.uk), for its viewer and its data frames.

One log a cell: an evaluation of its maker on its benchmark. One sample a market: the proposition,
the conversation of maker and traders, and two scores, `opening` and `final`, each 1, 0 or one
half for a tie, over the same markets as `credence analyze`: an invalid one scores 0 from the
judgment on that was missing, one that failed has an error and no score.
"""

import hashlib
import json
import re

import numpy as np

from .checked import text
from .markets import sides
from .run import Table, open_run
from .transcript_json import call_rows, own

VERSION = 2
POINTS = {"right": 1.0, "wrong": 0.0, "tie": 0.5}


def _file_name(name, taken):
    """NAME as a file's, unlike those TAKEN."""
    plain = re.sub(r"[^A-Za-z0-9._=-]+", "_", name)[:100].strip("._") or "cell"
    made = plain + ".json"
    number = 2
    while made in taken:
        made, number = f"{plain}-{number}.json", number + 1
    taken.add(made)
    return made


def _messages(proposition, calls):
    """The market as one conversation: the maker is the assistant, a trader the user."""
    messages = [{"role": "user", "content": proposition, "source": "input"}]
    accepted = {}
    for call in calls:  # of a repaired reply the last try counts
        if call["text"] is not None and call["ask"] in ("judgment", "argument"):
            accepted[call["iteration"], call["role"] == "maker", call["trader"],
                     call["sample"]] = call
    for _, call in sorted(accepted.items(), key=lambda item: item[0]):
        if call["role"] == "maker":
            messages.append({"role": "assistant", "content": call["text"], "source": "generate",
                             "model": call["model"] or ""})
        else:
            messages.append({"role": "user", "content": call["text"]})
    return messages


def _usage(calls):
    """{model: tokens} of CALLS as Inspect counts them."""
    found = {}
    for call in calls:
        one = found.setdefault(call["model"] or "unknown", {
            "input_tokens": 0, "output_tokens": 0, "total_tokens": 0,
            "input_tokens_cache_read": 0})
        sent, got = max(0, call.get("tokens_in") or 0), max(0, call.get("tokens_out") or 0)
        one["input_tokens"] += sent
        one["output_tokens"] += got
        one["total_tokens"] += sent + got
        one["input_tokens_cache_read"] += max(0, call.get("tokens_cached") or 0)
    return found


def _score(side, price):
    return {"value": POINTS[side], "answer": None if price is None else f"{price:.6g}",
            "metadata": {"price": price, "side": side}}


def _sample(run, row, calls, which):
    """One market. ROW: of Run.markets(); WHICH: its sides at the opening and the end."""
    episode = int(row["episode"])
    mine = own(run, episode)
    prices = mine["prices"]
    # A market that never had a judgment is wrong from the opening on, as in the analysis.
    opening = which[0] or ("wrong" if row["status"] == "invalid" and not prices else "")
    scores = {name: _score(side, prices[at] if prices else None)
              for name, side, at in (("opening", opening, 0), ("final", which[1], -1)) if side
              and row["status"] != "failed"}
    messages = _messages(row["text"], calls)
    last = next((m for m in reversed(messages) if m["role"] == "assistant"), None)
    sample = {
        "id": text(str(row["item"])), "epoch": int(row["replicate"]) + 1, "input": row["text"],
        "target": str(row["truth"]), "messages": messages, "scores": scores,
        "output": {"model": last["model"] if last else "", "choices": [
            {"message": last, "stop_reason": "stop"}] if last else [],
            "completion": last["content"] if last else ""},
        "metadata": {"episode": episode, "cell": row["cell"], "prices": prices,
                     "status": row["status"], "stop": row["stop"],
                     "reason": row.get("reason", ""), "question": row["question"]},
        "model_usage": _usage(calls)}
    if "options" in mine:
        sample["choices"] = mine["options"]
    if row["status"] == "failed":
        why = f"failed: {row.get('reason') or 'reason not kept'}"
        sample["error"] = {"message": why, "traceback": "", "traceback_ansi": ""}
    return sample


def _results(samples):
    scores = []
    for name in ("opening", "final"):
        points = [s["scores"][name]["value"] for s in samples if name in s["scores"]]
        if points:
            scores.append({"name": name, "scorer": name, "params": {},
                           "scored_samples": len(points),
                           "unscored_samples": len(samples) - len(points),
                           "metrics": {"accuracy": {"name": "accuracy", "params": {},
                                                    "value": float(np.mean(points))}}})
    return {"total_samples": len(samples), "scores": scores,
            "completed_samples": sum("error" not in s for s in samples)}


def _log(run, cell, samples):
    """The log of one cell."""
    name = str(run.cells["name"][cell])
    key = hashlib.sha256(f"{run.attributes.get('job_hash', '')}/{name}".encode()).hexdigest()
    begin, end = (str(run.attributes.get(k, "")) or "1970-01-01T00:00:00Z"
                  for k in ("start", "end"))
    factors = {n: text(str(run.cells[n][cell])) for n in run.factors()}
    usage = {}
    for sample in samples:
        for model, counts in sample["model_usage"].items():
            total = usage.setdefault(model, dict.fromkeys(counts, 0))
            for kind, n in counts.items():
                total[kind] += n
    models = {str(run.cells[n][cell]) for n in ("maker", "trader")}
    return {
        "version": VERSION, "status": "success" if run.is_complete else "cancelled",
        "eval": {"eval_id": key[:22], "run_id": key[22:44], "task_id": key[42:64],
                 "created": begin, "task": f"credence/{name}", "task_args": factors,
                 "dataset": {"name": str(run.cells["benchmark"][cell]),
                             "samples": len(samples),
                             "sample_ids": list(dict.fromkeys(s["id"] for s in samples))},
                 "model": f"credence/{run.cells['maker'][cell]}", "config": {},
                 "packages": {}, "tags": ["simulated"] if run.is_simulated else [],
                 "metadata": {"run": run.name, "job_hash": run.attributes.get("job_hash", ""),
                              "credence": run.attributes.get("version", ""),
                              "simulated": run.is_simulated, "models": sorted(models)}},
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": _results(samples), "stats": {"started_at": begin, "completed_at": end,
                                                "model_usage": usage},
        "samples": samples}


def logs(path):
    """(file name, log as JSON text) of every cell of the run at PATH that has an ended market."""
    run = open_run(path)
    table, calls, taken = run.markets(), run.calls(), set()
    which = list(zip(sides(run, 0), sides(run, -1)))
    owners = {}
    for row, episode in enumerate(calls.get("episode", [])):
        owners.setdefault(int(episode), []).append(row)
    rows = list(table.rows())
    for cell in range(len(run.cells)):
        samples = []
        for episode in np.flatnonzero((run.episodes["cell"] == cell) &
                                      (run.episodes["status"] != 0)):
            mine = [r for e in run.siblings(episode) for r in owners.get(int(e), [])]
            said = call_rows(run, Table({k: v[mine] for k, v in calls.items()})) if mine else []
            length = int(run.episodes["iterations"][episode])
            said = [call for call in said if call["iteration"] < max(1, length)]
            samples.append(_sample(run, rows[episode], said, which[episode]))
        if samples:
            yield (_file_name(str(run.cells["name"][cell]), taken),
                   json.dumps(_log(run, cell, samples), ensure_ascii=False, indent=1,
                              allow_nan=False))
