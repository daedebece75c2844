"""A few markets in full: the ones that a reader should see before believing a table."""

import json

import numpy as np

from .page import esc, number

TEXT_MAX = 1500


def choose(run):
    """(why, episode) of up to three telling markets; other protocols where there is none."""
    episodes, label = run.episodes, run.propositions["label"]
    done = np.flatnonzero((episodes["status"] == 1) & (episodes["iterations"] > 1))
    done = done[np.isfinite(run.price[done, 0])] if len(done) else done
    done = done[np.isin(label[episodes["proposition"][done]], (0, 1))] if len(done) else done
    if not len(done):
        return []
    is_market = np.asarray(run.cells["protocol"])[episodes["cell"][done]] == "market"
    done = done[is_market] if is_market.any() else done
    y = label[episodes["proposition"][done]]
    opening = run.price[done, 0]
    final = run.price[done, episodes["iterations"][done] - 1]
    gain = np.where(y == 1, final - opening, opening - final)
    turns = np.array([_turns(run.price[e, :episodes["iterations"][e]]) for e in done])
    picks = [("Opened wrong, ended right: the largest move toward the truth",
              _best(gain, (np.where(y == 1, opening, 1 - opening) < 0.5) & (gain > 0.5 - np.where(
                  y == 1, opening, 1 - opening)))),
             ("Opened right, ended wrong: the largest move away from it",
              _best(-gain, (np.where(y == 1, opening, 1 - opening) > 0.5) &
                    (np.where(y == 1, final, 1 - final) < 0.5))),
             ("The most changes of direction", _best(turns, turns >= 2))]
    chosen = []
    for why, at in picks:
        if at is not None and done[at] not in [e for _, e in chosen]:
            chosen.append((why, int(done[at])))
    return chosen


def _turns(price):
    signs = np.sign(np.diff(price))
    signs = signs[signs != 0]
    return int((signs[1:] != signs[:-1]).sum())


def _best(value, allowed):
    at = np.flatnonzero(allowed)
    return at[np.argmax(value[at])] if len(at) else None


def _said(text):
    """The parts of an answer that people read, or the text as it came."""
    start = text.find("{")
    if start >= 0:
        try:
            answer, _ = json.JSONDecoder().raw_decode(text[start:])
            parts = [str(answer[key]) for key in ("claim", "reasoning", "argument")
                     if isinstance(answer, dict) and answer.get(key)]
            if parts:
                return "\n".join(parts)
        except (ValueError, RecursionError):
            pass
    return text


def _seat(call):
    """Who was asked what: its repairs differ in their number alone."""
    return tuple(int(call.get(key, 0)) for key in ("iteration", "role", "trader", "sample", "ask"))


def _turn(run, episode, call, is_last):
    t = int(call["iteration"])
    maker = call["role"] == 0
    who = f"t = {t} &middot; maker" if maker else f"t = {t} &middot; trader"
    if not is_last:
        why = str(call.get("reason_word", "none")).replace("_", " ")
        who += f" &middot; {esc(why if why != 'none' else 'not usable')}, asked for again"
    elif maker and t < run.episodes["iterations"][episode]:
        who += f" &middot; price {number(float(run.price[episode, t]))}"
    text = call["text"]
    said = "(no text is stored)" if text is None else _said(text)
    if len(said) > TEXT_MAX:
        said = said[:TEXT_MAX] + " \u2026"
    return (f'<div class="turn {"maker" if maker else "trader"}"><b>{who}</b>'
            f'<div class="said">{esc(said)}</div></div>')


def render(run, why, episode):
    """One market as HTML."""
    p = run.episodes["proposition"][episode]
    cell = run.cells["name"][run.episodes["cell"][episode]]
    truth = "true" if run.propositions["label"][p] == 1 else "false"
    calls = run.calls(episode)
    order = sorted(calls.rows(), key=lambda c: (c["iteration"], -int(c["role"]),
                                                c.get("trader", 0), c.get("repair", 0)))
    end = run.episodes["iterations"][episode]
    last = {_seat(call): call.get("repair", 0) for call in order}
    turns = "".join(_turn(run, episode, call, last[_seat(call)] == call.get("repair", 0))
                    for call in order if call["iteration"] < end)
    return (f"<h3>{esc(why)}</h3><p class=\"soft\">Episode {episode}, cell {esc(cell)}, "
            f"proposition {esc(run.propositions['id'][p])}, which is {truth}:</p>"
            f'<div class="said">{esc(run.propositions["text"][p])}</div>'
            f"{turns or '<p>The file holds no calls yet.</p>'}")
