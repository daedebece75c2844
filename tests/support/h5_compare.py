#!/usr/bin/env python3
"""h5_compare.py A B [--ignore NAME...]: are two run files equal, dataset by dataset?

Prints one line a difference and exits 1 when there is any. The rows of /calls stand in the
order in which calls finished, so they are compared sorted by episode, iteration, role and
the rest of their seat, with the texts that they point to.
"""
import argparse
import sys

import h5py
import numpy as np

SEAT = ("episode", "trajectory", "iteration", "role", "trader", "sample", "repair", "ask")
POINTERS = ("text_offset", "text_length")


def datasets(file):
    found = {}
    file.visititems(lambda name, item: found.update({name: item})
                    if isinstance(item, h5py.Dataset) else None)
    return found


def same(a, b):
    if a.shape != b.shape or a.dtype.kind != b.dtype.kind:
        return False
    if a.dtype.kind == "f":
        return np.array_equal(a, b, equal_nan=True)
    return np.array_equal(a, b)


def call_order(sets):
    keys = [sets["calls/" + k][()] for k in SEAT if "calls/" + k in sets]
    return np.lexsort(keys[::-1]) if keys else None


def call_texts(sets, order):
    if "calls/text" not in sets or "calls/text_offset" not in sets or order is None:
        return None
    text = sets["calls/text"][()].tobytes()
    offset, length = (sets["calls/" + p][()][order] for p in POINTERS)
    return [text[int(o):int(o) + int(n)] for o, n in zip(offset, length)]


def compare_calls(a, b, ignored, say):
    order = call_order(a), call_order(b)
    if order[0] is None or order[1] is None or len(order[0]) != len(order[1]):
        say(f"/calls: {[None if o is None else len(o) for o in order]} rows")
        return
    for name in sorted(a):
        column = name.split("/")[-1]
        if name.startswith("calls/") and column not in POINTERS + ("text",) \
                and name not in ignored and name in b and a[name].ndim == 1:
            va, vb = a[name][()], b[name][()]
            if len(va) == len(order[0]) and not same(va[order[0]], vb[order[1]]):
                say(f"{name}: differs")
    if call_texts(a, order[0]) != call_texts(b, order[1]):
        say("/calls: texts differ")


def compare(path_a, path_b, ignored):
    lines = []
    with h5py.File(path_a, "r") as fa, h5py.File(path_b, "r") as fb:
        a, b = datasets(fa), datasets(fb)
        for name in sorted(set(a) ^ set(b)):
            lines.append(f"{name}: only in {path_a if name in a else path_b}")
        for name in sorted(set(a) & set(b)):
            if name in ignored or name.startswith("calls/"):
                continue
            va, vb = a[name][()], b[name][()]
            if not same(np.asarray(va), np.asarray(vb)):
                where = ""
                if np.shape(va) == np.shape(vb) and np.ndim(va) > 0:
                    unequal = ~((va == vb) | ((va != va) & (vb != vb)))
                    where = f" at {np.argwhere(unequal)[:3].tolist()} of {np.shape(va)}"
                lines.append(f"{name}: differs{where}")
        if any(n.startswith("calls/") for n in a):
            compare_calls(a, b, ignored, lines.append)
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--ignore", nargs="*", default=[])
    options = parser.parse_args()
    lines = compare(options.a, options.b, set(options.ignore))
    print("\n".join(lines), end="\n" if lines else "")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
