"""One row a market, in words: the table that people filter, sort and count.

The side of a price: above one half says true, below it false, one half is a tie. With K options
the largest price counts, and prices of a row are those of the right option.
"""

import numpy as np

from .run import Table, in_words

TIE = 1e-12


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
    """right, wrong or tie of every market at its opening (0) or its end (-1)."""
    p = np.maximum(run.episodes["proposition"], 0)
    label, many = run.propositions["label"][p], run.propositions["n_outcomes"][p] > 1
    length = run.episodes["iterations"]
    at = np.zeros(len(p), int) if which == 0 else np.maximum(length - 1, 0)
    out = _sides(np.where(length > 0, _at(run.price, at), np.nan), np.where(many, -1, label))
    if run.outcome_price is not None and many.any():
        rows = np.flatnonzero(many & (length > 0))
        out[rows] = _option_sides(run.outcome_price[rows, at[rows]], label[rows])
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
    """The move of largest size between two judgments, with its sign; NaN with fewer than two."""
    if price.shape[1] < 2:
        return np.full(len(price), np.nan)
    moves = np.diff(price, axis=1)
    moves[np.arange(moves.shape[1])[None, :] >= (length - 1)[:, None]] = np.nan
    size = np.where(np.isfinite(moves), np.abs(moves), -1)
    best = size.argmax(axis=1)
    return np.where(size.max(axis=1) >= 0, _at(moves, best), np.nan)


def market_table(run):
    """The table; columns of the items are named item.COLUMN."""
    episodes, length = run.episodes, run.episodes["iterations"]
    p, c = np.maximum(episodes["proposition"], 0), np.maximum(episodes["cell"], 0)
    has_p, has_c = episodes["proposition"] >= 0, episodes["cell"] >= 0
    price = shown_prices(run)

    def of(values, rows, known):
        taken = values[rows]
        return np.where(known, taken, "") if taken.dtype == object else taken

    table = Table(episode=episodes["episode"],
                  item=of(run.propositions["id"], p, has_p),
                  question=of(run.propositions["question_id"], p, has_p),
                  cell=of(run.cells["name"], c, has_c))
    for name in run.factors():
        table[name] = of(run.cells[name], c, has_c)
    table["replicate"] = episodes["replicate"]
    table["truth"] = of(truth_words(run), p, has_p)
    table["status"] = in_words(episodes["status"], run.status_words)
    table["stop"] = in_words(episodes["stop_reason"], run.stop_words)
    if "reason" in episodes:
        table["reason"] = in_words(episodes["reason"], run.reason_words)
    table["iterations"] = length
    table["opening"] = np.where(length > 0, price[:, 0], np.nan)
    table["final"] = np.where(length > 0, _at(price, np.maximum(length - 1, 0)), np.nan)
    table["opening_side"], table["final_side"] = sides(run, 0), sides(run, -1)
    table["move"] = largest_move(price, length)
    for name, key in (("calls", "total_calls"), ("tokens", "total_tokens"),
                      ("usd", "total_usd"), ("latency_s", "total_latency_s")):
        if key in episodes:
            table[name] = episodes[key]
    for name in run.kept:
        table["item." + name] = of(run.propositions[name], p, has_p)
    table["text"] = of(run.propositions["text"], p, has_p)
    return table
