"""One market with all that was said, as `credence show --format json` tells it.

`credence show` is the one renderer of messages: it is asked first, and it also knows the tape of
a run that goes on. Without it the calls come from the run file, without messages.
"""

import json
import subprocess

import numpy as np

from .checked import text
from .numbers import find_credence
from .pack import plain_value

SHOW_SECONDS = 120


class NoShow(RuntimeError):
    """This credence has no show --format json, or none was found."""


def shown(path, episodes, prompts=False):
    """The objects that `credence show PATH --format json` prints for EPISODES."""
    try:
        command = [find_credence(), "show", str(path), "--format", "json"]
    except FileNotFoundError as problem:
        raise NoShow(str(problem)) from None
    command += ["--episode", ",".join(map(str, episodes))]
    if prompts:
        command.append("--prompts")
    try:
        done = subprocess.run(command, capture_output=True, timeout=SHOW_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NoShow(f"credence show: {problem}") from None
    if done.returncode != 0:
        why = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NoShow(why[0] if why else f"credence show: exit {done.returncode}")
    return list(_objects(done.stdout.decode("utf-8", "replace")))


def _objects(printed):
    """The JSON objects that PRINTED holds one after the other, or as one array."""
    decoder, at = json.JSONDecoder(), 0
    while True:
        while at < len(printed) and printed[at] in " \r\n\t,[]":
            at += 1
        if at >= len(printed):
            return
        try:
            found, at = decoder.raw_decode(printed, at)
        except (ValueError, RecursionError) as problem:
            raise NoShow(f"credence show printed no JSON ({problem})") from None
        yield found


def call_rows(run, table):
    """Rows of Run.calls() as the calls of `credence show --format json`."""
    models = run.models
    rows = []
    for call in table.rows():
        model = int(call.get("model", -1))
        rows.append({
            "iteration": int(call["iteration"]), "role": call["role_word"],
            "trader": int(call.get("trader", 0)), "sample": int(call.get("sample", 0)),
            "repair": int(call.get("repair", 0)), "ask": call.get("ask_word", "judgment"),
            "reason": call.get("reason_word", call.get("fail_word", "none")),
            "finish": call.get("finish_reason_word", "none"), "price": None,
            "text": call["text"], "reasoning": call["reasoning"], "error": call["error"],
            "complaint": None, "finish_word": call["finish_word"],
            "request_id": call["request_id"],
            "tokens_estimated": bool(call.get("tokens_estimated", 0)),
            **{name: plain_value(call[name]) for name in (
                "tokens_in", "tokens_out", "tokens_cached", "latency_s", "attempts",
                "endpoint") if name in call},
            "model": models[model] if 0 <= model < len(models) else None})
    rows.sort(key=lambda c: (c["iteration"], c["role"] == "maker" and c["iteration"] > 0,
                             c["trader"], c["sample"], c["repair"]))
    return rows


def own(run, episode):
    """What the run file itself holds of EPISODE: prices of all kinds, options, directions."""
    e, length = int(episode), int(run.episodes["iterations"][episode])
    p = int(run.episodes["proposition"][episode])
    found = {"prices": [plain_value(x) for x in run.price[e, :length]]}
    if run.push is not None:
        found["push"] = {t: int(x) for t, x in enumerate(run.push[e, :length])
                         if x in (-1, 0, 1)}
    if run.price_held is not None:
        found["held"] = [plain_value(x) for x in run.price_held[e, :length]]
    if run.quantile is not None and np.isfinite(run.quantile[e]).any():
        found["quantile"] = [[plain_value(x) for x in row] for row in run.quantile[e, :length]]
    many = int(run.propositions["n_outcomes"][p]) if p >= 0 else 0
    if many > 1 and run.outcome_price is not None:
        found["option_prices"] = [[plain_value(x) for x in row[:many]]
                                  for row in run.outcome_price[e, :length]]
        found["options"] = _options(run, p, many)
        right = int(run.propositions["label"][p])
        if 0 <= right < many:
            found["prices"] = [row[right] for row in found["option_prices"]]
    return found


def _options(run, p, many):
    try:
        options = json.loads(run.propositions["options"][p])
        if isinstance(options, list) and len(options) == many:
            return [text(str(option)) for option in options]
    except (KeyError, ValueError, RecursionError):
        pass
    return [f"option {k + 1}" for k in range(many)]


def market(run, path, episode, prompts=False):
    """One market of RUN, the run at PATH, for the page."""
    note = None
    try:
        told = shown(path, [episode], prompts)
        calls = told[0].get("calls", []) if told and isinstance(told[0], dict) else []
    except NoShow as problem:
        calls, note = call_rows(run, run.calls(episode)), None
        if prompts:
            note = f"The messages come from `credence show --format json`: {problem}"
    found = own(run, episode)
    found["calls"] = calls
    if note:
        found["note"] = note
    return found
