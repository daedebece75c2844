"""One row a market, in words: the table that people filter, sort and count.

The side of a price: above one half says true, below it false, one half is a tie. With K options
the largest price counts, and prices of a row are those of the right option.
"""

import numpy as np

from .run import JOB_NAMES, Table, in_words

TIE = 1e-9
DONE, INVALID = 1, 2
YES_NO = {"right": "yes", "wrong": "no"}


def _sides(price, label):
    """right, wrong, tie, or an empty word where there is no price or no truth."""
    out = np.full(len(price), "", dtype=object)
    known = np.isfinite(price) & np.isin(label, (0, 1))
    toward = np.where(label == 1, price - 0.5, 0.5 - price)
    out[known & (toward > TIE)] = "right"
    out[known & (toward < -TIE)] = "wrong"
    out[known & (np.abs(toward) <= TIE)] = "tie"
    return out


def _option_sides(options, label):
    """The same for rows of K prices: right when the right option alone has the largest."""
    out = np.full(len(options), "", dtype=object)
    for i, (row, right) in enumerate(zip(options, label)):
        row = row[np.isfinite(row)]
        if right < 0 or right >= len(row):
            continue
        best = row.max()
        ties = int((row >= best - TIE).sum())
        out[i] = "wrong" if row[right] < best - TIE else "right" if ties == 1 else "tie"
    return out


def shown_prices(run):
    """Prices of every market by iteration: P(true), the median, or of the right option."""
    if run.outcome_price is None:
        return run.price
    p = run.episodes["proposition"]
    many = (p >= 0) & (run.propositions["n_outcomes"][np.maximum(p, 0)] > 1)
    label = np.clip(run.propositions["label"][np.maximum(p, 0)], 0,
                    run.outcome_price.shape[2] - 1)
    right = np.take_along_axis(run.outcome_price, label[:, None, None], axis=2)[:, :, 0]
    return np.where(many[:, None], right, run.price)


def _at(price, t):
    return price[np.arange(len(price)), np.clip(t, 0, price.shape[1] - 1)]


def sides(run, which):
    """right, wrong, tie or an empty word: each market at its opening (0) or its end (-1).

    At the end an invalid market is wrong, and one that is not scored (failed, pending) neither.
    """
    p = np.maximum(run.episodes["proposition"], 0)
    label, many = run.propositions["label"][p], run.propositions["n_outcomes"][p] > 1
    length, status = run.episodes["iterations"], run.episodes["status"]
    at = np.zeros(len(p), int) if which == 0 else np.maximum(length - 1, 0)
    out = _sides(np.where(length > 0, _at(run.price, at), np.nan), np.where(many, -1, label))
    if run.outcome_price is not None and many.any():
        rows = np.flatnonzero(many & (length > 0))
        out[rows] = _option_sides(run.outcome_price[rows, at[rows]], label[rows])
    if which != 0:
        is_scored = np.isin(label, (0, 1)) | (many & (label >= 0))
        out[(status == INVALID) & is_scored] = "wrong"
        out[(status != DONE) & (status != INVALID)] = ""
    return out


def truth_words(run):
    """true and false, the right option's number, or the value of a quantity."""
    p = run.propositions
    out = np.full(len(p), "", dtype=object)
    many = p["n_outcomes"] > 1
    out[~many & (p["label"] == 1)], out[~many & (p["label"] == 0)] = "true", "false"
    for i in np.flatnonzero(many & (p["label"] >= 0)):
        out[i] = f"option {p['label'][i] + 1}"
    if "value" in p:
        for i in np.flatnonzero(np.isfinite(p["value"])):
            out[i] = f"{p['value'][i]:g}"
    return out


def largest_move(price, length):
    """The move of largest size between two judgments, with its sign; NaN without a judgment."""
    out = np.where(length > 0, 0.0, np.nan)
    if price.shape[1] < 2:
        return out
    moves = np.diff(price, axis=1)
    moves[np.arange(moves.shape[1])[None, :] >= (length - 1)[:, None]] = np.nan
    size = np.where(np.isfinite(moves), np.abs(moves), -1)
    return np.where(size.max(axis=1) >= 0, _at(moves, size.argmax(axis=1)), out)


def in_units(run, price):
    """Prices of quantities in the quantity's own unit, the others as they are."""
    p = np.maximum(run.episodes["proposition"], 0)
    if "value" not in run.propositions or not len(run.propositions):
        return price
    value, low, high = (run.propositions.get(name, np.full(len(run.propositions), np.nan))[p]
                        for name in ("value", "low", "high"))
    scaled = low[:, None] + price * (high - low)[:, None]
    return np.where(np.isfinite(value)[:, None], scaled, price)


def kept_name(name):
    """The name of a kept column: item.NAME, as in --by and in `credence list`."""
    return name if name.startswith("item.") else "item." + name


def market_table(run):
    """The table: the columns of `credence list`, then the text of the proposition."""
    episodes, length = run.episodes, run.episodes["iterations"]
    p, c = np.maximum(episodes["proposition"], 0), np.maximum(episodes["cell"], 0)
    has_p, has_c = episodes["proposition"] >= 0, episodes["cell"] >= 0
    price = in_units(run, shown_prices(run))

    def of(values, rows, known):
        taken = values[rows]
        return np.where(known, taken, "") if taken.dtype == object else taken

    def word(values, words):
        return np.array(["" if w == "none" else w for w in in_words(values, words)], dtype=object)

    opening = np.where(length > 0, price[:, 0], np.nan)
    final = np.where(length > 0, _at(price, np.maximum(length - 1, 0)), np.nan)
    table = Table(episode=episodes["episode"], item=of(run.propositions["id"], p, has_p),
                  cell=of(run.cells["name"], c, has_c), truth=of(truth_words(run), p, has_p),
                  opening=opening, final=final, move=final - opening,
                  largest=largest_move(price, length),
                  status=in_words(episodes["status"], run.status_words),
                  stop=word(episodes["stop_reason"], run.stop_words))
    if "reason" in episodes:
        table["reason"] = word(episodes["reason"], run.reason_words)
    table["iterations"] = np.where(length > 0, length - 1.0, np.nan)
    if run.repaired is not None:
        table["repairs"] = run.repaired
    for name, which in (("opening_right", 0), ("final_right", -1)):
        table[name] = np.array([YES_NO.get(s, "") for s in sides(run, which)], dtype=object)
    table["question"] = of(run.propositions["question_id"], p, has_p)
    for name in run.factors():
        table[JOB_NAMES.get(name, name)] = of(run.cells[name], c, has_c)
    table["replicate"] = episodes["replicate"]
    for name, key in (("calls", "total_calls"), ("tokens", "total_tokens"),
                      ("usd", "total_usd"), ("latency_s", "total_latency_s")):
        if key in episodes:
            table[name] = episodes[key]
    for name in run.kept:
        table[kept_name(name)] = of(run.propositions[name], p, has_p)
    table["text"] = of(run.propositions["text"], p, has_p)
    return table
