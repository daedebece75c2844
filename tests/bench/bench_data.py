#!/usr/bin/env python3
"""bench_data.py [--rows N] [--build DIR]: a CSV of N rows (1,000,000, about 500 MB) planned by credence, and
the same claims read by csv and by pandas: wall seconds and the peak of memory against the size of the file."""
import argparse
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
WORDS = ("the quick brown fox jumps over a lazy dog and it rains in the north when wind blows from cold seas "
         "while people sleep").split()

# The one with pandas, where the distribution's is not the first on the path.
PYTHON = next((python for python in (sys.executable, "/usr/bin/python3")
               if not subprocess.run([python, "-c", "import pandas"], stderr=subprocess.DEVNULL, check=False).returncode),
              None)

CSV = """
import csv, sys
rows = [(r["id"], r["claim"], r["label"] == "1") for r in csv.DictReader(open(sys.argv[1], newline=""))]
print(len(rows))
"""
PANDAS = """
import pandas, sys
print(len(pandas.read_csv(sys.argv[1])))
"""


def write_table(path, rows):
    draw = random.Random(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("id,claim,label,subject\n")
        for row in range(rows):
            text = " ".join(draw.choices(WORDS, k=100))
            file.write(f'{row},"{text}, so it is.",{row % 2},s{row % 10}\n')


def write_job(folder):
    path = folder / "job.json"
    path.write_text(json.dumps({
        "name": "large", "models": {"sim": {"api": "sim"}},
        "benchmarks": {"b": {"format": "table", "path": "large.csv",
                             "columns": {"id": "id", "proposition": "claim", "answer": "label"}}},
        "cell": {"benchmark": "b", "maker": "sim"}}))
    return path


def measure(argv):
    """Wall seconds, CPU seconds and peak bytes of one process."""
    begin = time.monotonic()
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{argv[0]}: status {status}")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--build", default=str(SOURCE / "build"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-data-") as name:
        folder = pathlib.Path(name)
        table = folder / "large.csv"
        write_table(table, options.rows)
        job = write_job(folder)
        rows = {"credence plan": [f"{options.build}/credence", "plan", str(job), "--json"],
                "python csv": [sys.executable, "-c", CSV, str(table)],
                "pandas": [PYTHON, "-c", PANDAS, str(table)]}
        if PYTHON is None:
            del rows["pandas"]
            print("no pandas here")
        size = table.stat().st_size
        print(f"{options.rows} rows, {size / 1e6:.0f} MB")
        print(f"{'':14}  {'wall s':>7}  {'CPU s':>7}  {'peak MB':>8}  {'x file':>6}")
        for what, argv in rows.items():
            wall, cpu, peak = measure(argv)
            print(f"{what:14}  {wall:7.2f}  {cpu:7.2f}  {peak / 1e6:8.0f}  {peak / size:6.2f}")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
