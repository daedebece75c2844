#!/usr/bin/env python3
"""Time `credence analyze` beside the same numbers in numpy and pandas, in one run.

    tests/bench/bench_analysis.py [--build DIR] [--episodes 1000000] [--cells 10]

Prints one table. Both sides read the same run.h5 from the page cache; times are wall
clock, the best of --repeats, and user + system CPU of that repeat.
"""

import argparse
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np
import pandas as pd
import scipy.special
from sklearn.isotonic import IsotonicRegression

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import make_run  # noqa: E402

STEPS = 11
SCIENCE = ("reasons", "beliefs", "independence", "corp", "diagram", "murphy", "stopping", "placebo",
           "agent-score", "instrument", "wording")


def make(path, episodes, cells):
    rng = np.random.default_rng(0)
    per = episodes // cells
    label = np.tile([1, 0], per // 2 + 1)[:per]
    proposition = np.tile(np.arange(per), cells)
    count = per * cells
    price = np.empty((count, STEPS))
    x = rng.uniform(0.3, 0.7, count)
    for t in range(STEPS):
        price[:, t] = np.clip(x, 0, 1)
        x = x + 0.1 * (label[proposition] - x) + 0.2 * (rng.random(count) - 0.5)
    status = rng.choice([1, 1, 1, 1, 1, 1, 1, 1, 2, 3], count)
    ids = [f"q{i // 2}-{i % 2}" for i in range(per)]
    make_run.write_run(
        path,
        dict(price=price, prices_len=np.full(count, STEPS), status=status,
             reason=np.where(status == 1, 2, status + 1), cell=np.repeat(np.arange(cells), per),
             proposition=proposition, tokens=np.full(count, 3000), calls=np.full(count, 21)),
        dict(id=ids, question_id=[i.split("-")[0] for i in ids], label=label),
        [dict(name=f"cell {c}", trajectory=c) for c in range(cells)])


def load(path):
    with h5py.File(path) as file:
        frame = pd.DataFrame({name: file[name][()] for name in (
            "cell", "proposition", "status", "iterations")})
        frame["reason"] = file["stop_reason"][()]
        price = file["price"][()]
        label = file["propositions/label"][()]
        question = pd.factorize(file["propositions/question_id"].asstr()[()])[0]
    frame["label"] = label[frame["proposition"]]
    frame["question"] = question[frame["proposition"]]
    return frame, price


def points(price, label):
    return np.where(price == 0.5, 0.5, (price > 0.5) == (label == 1))


def scored(frame, price):
    opening = points(price[:, 0], frame["label"])
    last = price[np.arange(len(price)), frame["iterations"] - 1]
    final = np.where(frame["status"] == 2, 0.0, points(last, frame["label"]))
    keep = frame["status"].isin((1, 2))
    return frame.assign(opening=opening, final=final)[keep]


def accuracy_in_pandas(path):
    """The accuracy table without intervals: counts, both ends, flips, length, convergence."""
    frame, price = load(path)
    frame.groupby(["cell", "status"]).size()
    rows = scored(frame, price)
    rows["gain"] = rows["final"] - rows["opening"]
    rows["lost"], rows["won"] = rows["gain"] == -1, rows["gain"] == 1
    rows.groupby("cell")[["opening", "final", "gain"]].mean()
    rows.groupby("cell")[["lost", "won"]].sum()
    done = frame[frame["status"] == 1]
    done.assign(fired=done["reason"] == 1).groupby("cell")[["iterations", "fired"]].mean()


def table_in_pandas(path):
    """Accuracy, moves, Brier, log score and both ECE by cell and iteration."""
    frame, price = load(path)
    scored(frame, price).groupby("cell")[["opening", "final"]].mean()
    done = (frame["status"] == 1).to_numpy()
    cell, y, p = (frame["cell"].to_numpy()[done], frame["label"].to_numpy()[done], price[done])
    for t in range(STEPS):
        column = p[:, t]
        rows = pd.DataFrame({"cell": cell, "p": column, "y": y})
        rows["brier"] = (column - y) ** 2
        rows["log"] = -np.log(np.clip(np.where(y == 1, column, 1 - column), 1e-6, 1 - 1e-6))
        rows["right"] = points(column, y)
        if t:
            rows["move"] = np.abs(column - p[:, t - 1])
        rows["bin"] = np.minimum((column * 10).astype(int), 9)
        rows["mass"] = rows.groupby("cell")["p"].rank(method="first", pct=True).mul(10).astype(int)
        rows.groupby("cell").mean()
        rows.groupby(["cell", "bin"])[["p", "y"]].mean()
        rows.groupby(["cell", "mass"])[["p", "y"]].mean()


def bootstrap_in_numpy(path, resamples):
    """The clustered bootstrap of the difference, cluster sums first."""
    frame, price = load(path)
    rows = scored(frame, price)
    rows["gain"] = rows["final"] - rows["opening"]
    rng = np.random.default_rng(1)
    for _, part in rows.groupby("cell"):
        sums = part.groupby("question")["gain"].agg(["sum", "count"]).to_numpy()
        values = []
        for _ in range(resamples):
            num, den = sums[rng.integers(0, len(sums), len(sums))].sum(axis=0)
            values.append(num / den)
        np.percentile(values, [2.5, 97.5])


def rules_in_numpy(path, thresholds, caps):
    """Final accuracy under each range rule, window 3."""
    frame, price = load(path)
    label = frame["label"].to_numpy()
    spread = np.max([price[:, t:STEPS - 2 + t] for t in range(3)], axis=0) - np.min(
        [price[:, t:STEPS - 2 + t] for t in range(3)], axis=0)
    for threshold in thresholds:
        hit = spread <= threshold + 1e-9
        first = np.where(hit.any(axis=1), hit.argmax(axis=1) + 2, STEPS)
        for cap in caps:
            last = np.minimum(first, cap)
            pd.Series(points(price[np.arange(len(price)), last], label)).groupby(
                frame["cell"]).mean()


def cluster_interval(num, question):
    """The mean of NUM and its clustered standard error."""
    sums = np.bincount(question, num - num.mean())
    return num.mean(), np.sqrt((sums ** 2).sum()) / len(num)


def science_in_numpy(path):
    """Beliefs, isotonic parts of both scores by iteration, Murphy diagram, best iteration."""
    frame, price = load(path)
    for _, rows in frame[frame["status"] == 1].groupby("cell"):
        p, y = price[rows.index], rows["label"].to_numpy(dtype=float)
        question = pd.factorize(rows["question"])[0]
        move, uncertain = np.diff(p, axis=1), p * (1 - p)
        excess = ((1 - 2 * p[:, :-1]) * move).sum(axis=1)
        for values in ((move ** 2).sum(axis=1), uncertain[:, 0] - uncertain[:, -1], excess):
            cluster_interval(values, question)
        np.polyfit(p[:, :-1].ravel(), move.ravel(), 1)
        for t in range(STEPS):
            column = p[:, t]
            fit = IsotonicRegression().fit_transform(column, y)
            clipped, base = np.clip(column, 1e-6, 1 - 1e-6), np.full(len(y), y.mean())
            for cost in (lambda a: (a - y) ** 2,
                         lambda a: -scipy.special.xlogy(y, a) - scipy.special.xlog1py(1 - y, -a)):
                single, pooled, flat = cost(clipped), cost(fit), cost(base)
                for part in (single, single - pooled, flat - pooled, flat):
                    cluster_interval(part, question)
        for threshold in np.arange(0.05, 0.96, 0.05):
            costs = [np.where(p[:, t] > threshold, (1 - y) * threshold, y * (1 - threshold))
                     for t in (0, -1)]
            cluster_interval(costs[1] - costs[0], question)
        right = np.column_stack([points(p[:, t], y) for t in range(STEPS)])
        for fold in range(5):
            best = right[question % 5 != fold].mean(axis=0).argmax()
            right[question % 5 == fold, best].mean()


def timed(work, repeats):
    best = None
    for _ in range(repeats):
        before = [resource.getrusage(who) for who in
                  (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        begin = time.perf_counter()
        work()
        wall = time.perf_counter() - begin
        after = [resource.getrusage(who) for who in
                 (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        cpu = sum(b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime
                  for a, b in zip(before, after))
        best = min(best or (wall, cpu), (wall, cpu))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build")
    parser.add_argument("--episodes", type=int, default=1000000)
    parser.add_argument("--cells", type=int, default=10)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip-python", action="store_true")
    chosen = parser.parse_args()
    thresholds = [round(0.01 * k, 2) for k in range(1, 31)]
    caps = list(range(1, 11))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "run.h5"
        make(path, chosen.episodes, chosen.cells)

        def credence(*words):
            subprocess.run([chosen.build / "credence", "analyze", path, *words], check=True,
                           stdout=subprocess.DEVNULL)

        rows = [
            ("accuracy table, no resampling", lambda: credence("--resamples=0"),
             lambda: accuracy_in_pandas(path)),
            (f"accuracy table, {chosen.resamples} resamples",
             lambda: credence(f"--resamples={chosen.resamples}"),
             lambda: bootstrap_in_numpy(path, chosen.resamples)),
            ("all tables, no resampling",
             lambda: credence("--resamples=0", "--section=all"), lambda: table_in_pandas(path)),
            (f"all tables, {chosen.resamples} resamples",
             lambda: credence(f"--resamples={chosen.resamples}", "--section=all"), None),
            ("science sections, no resampling",
             lambda: credence("--resamples=0", "--section=" + ",".join(SCIENCE)),
             lambda: science_in_numpy(path)),
            (f"what-if, {len(thresholds) * len(caps)} rules",
             lambda: credence("--resamples=0",
                              "--what-if=stop.threshold=" + ",".join(map(str, thresholds)),
                              "--what-if=max_iterations=" + ",".join(map(str, caps))),
             lambda: rules_in_numpy(path, thresholds, caps)),
        ]
        print(f"{chosen.episodes} episodes x {STEPS} prices, {chosen.cells} cells, seconds")
        print(f"{'':34}{'credence':>10}{'(cpu)':>8}{'python':>10}{'(cpu)':>8}")
        for name, ours, theirs in rows:
            wall, cpu = timed(ours, chosen.repeats)
            line = f"{name:34}{wall:10.2f}{cpu:8.2f}"
            if theirs is not None and not chosen.skip_python:
                line += "{:10.2f}{:8.2f}".format(*timed(theirs, 1))
            print(line, flush=True)


if __name__ == "__main__":
    main()
