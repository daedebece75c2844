"""Which form of answer can a model fill in? One opening call a proposition and form, no repair, one table.

forms.py --url http://127.0.0.1:PORT/v1 --model NAME [--questions 20] [--truthfulqa FILE] [--forms NAME;...] [-o DIR]

Usability and the share of the prompt's own number choose a form. Discrimination does not: with 20 true and 20 false
propositions the standard error of its AUC is .09. Afterwards an exact test on the same propositions: how often the opening
is the number 0.62 with it in the example, and with a placeholder there.
"""
import argparse
import json
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import harness  # noqa: E402

ANSWER = "answer_judgment_binary.txt"
MEANING = '"price" is the probability that the proposition is true: a number from 0 to 1.\n'
FORM = '{{"claim": "<your position in one sentence>", "reasoning": "<why, in a few sentences>", "price": {}}}\n'
ONE = "Answer with one JSON object and nothing else, in this form:\n"
WORDS = ('Answer with one JSON object and nothing else. Its fields are "claim", your position in one sentence; "reasoning", '
         'why, in a few sentences; and "price".\n')
OLD = ('Answer with one JSON object and nothing else:\n{"claim": "your position in one sentence", "reasoning": "why, in a few '
       'sentences", "price": 0.62}\n"price" is the probability that the proposition is true, a number from 0 to 1.\n')
# name -> (the answer's text; None: the shipped one), whether a schema is sent, how the price is read
FORMS = {
    "example 0.62": (OLD, False, "verbal"),
    "example 0.17": (OLD.replace("0.62", "0.17"), False, "verbal"),
    "two examples, 0.03 and 0.97": (ONE.replace("this form", "one of these forms") + FORM.format(0.03) + FORM.format(0.97) +
                                    MEANING, False, "verbal"),
    "placeholder (shipped)": (None, False, "verbal"),
    "fields in words": (WORDS + MEANING, False, "verbal"),
    "placeholder and schema (shipped)": (None, True, "verbal"),
    "example 0.62 and schema": (OLD, True, "verbal"),
    "fields in words and schema": (WORDS + MEANING, True, "verbal"),
    "placeholder, schema with steps of 0.01": (None, True, "steps"),
    "logprob reading": (None, False, "logprob"),
}


def make_job(options, folder):
    """A job of one cell a form; the prompt sets lie beside it."""
    model = {"api": "openai", "model": options.model, "endpoints": [options.url],
             "params": {"temperature": options.temperature, "max_tokens": 200},
             "limits": {"concurrency": options.live, "timeout_s": 1800}}
    cells = []
    for number, (name, (text, schema, reading)) in enumerate(options.forms.items()):
        prompts = "paper"
        if text is not None:
            prompts = f"form{number}"
            (folder / prompts).mkdir()
            (folder / prompts / ANSWER).write_text(text)
        cells.append({"name": name, "maker": "schema" if schema else "plain", "prompts": prompts,
                      "elicitation": "logprob" if reading == "logprob" else "verbal", "price_steps": reading == "steps",
                      "protocol": "single", "repairs": 0, "benchmark": "t"})
    shutil.copy(options.truthfulqa, folder / "t.csv")
    job = {"name": "forms", "seed": 1,
           "models": {"plain": {**model, "structured": "none"}, "schema": {**model, "structured": "json_schema"}},
           "benchmarks": {"t": {"format": "truthfulqa", "path": "t.csv", "limit": options.questions}},
           "cell": {key: value for key, value in cells[0].items() if key != "name"}, "cells": cells[1:]}
    (folder / "job.json").write_text(json.dumps(job, indent=1))
    return folder / "job.json"


def rows_of(run):
    done = subprocess.run([harness.CREDENCE, "list", str(run), "--format", "json"], capture_output=True, text=True,
                          check=True)
    return json.loads(done.stdout)


def auc(rows):
    """The chance that a true proposition is priced above a false one, ties half."""
    true = [row["opening"] for row in rows if row["truth"] == "true"]
    false = [row["opening"] for row in rows if row["truth"] == "false"]
    if not true or not false:
        return math.nan
    return sum((t > f) + (t == f) / 2 for t in true for f in false) / (len(true) * len(false))


def line(name, rows, asked):
    usable = [row for row in rows if row["opening"] is not None]
    prices = [row["opening"] for row in usable]
    brier = sum((row["opening"] - (row["truth"] == "true")) ** 2 for row in usable) / max(len(usable), 1)
    reasons = sorted({row["reason"] for row in rows if row["reason"]})
    why = ", ".join(f"{sum(row['reason'] == reason for row in rows)} {reason}" for reason in reasons)
    at = [sum(abs(price - mark) < 5e-4 for price in prices) for mark in (0.62, 0.5)]
    return (f"| {name} | {len(usable)}/{asked} | {len(set(prices))} | {at[0]} | {at[1]} | "
            f"{sum(price in (0, 1) for price in prices)} | {auc(usable):.2f} | {brier:.2f} | {why} |")


def paired(cells, pair):
    """Exact two-sided McNemar test of openings at 0.62, over propositions that both forms could price."""
    sides = [{row["item"]: abs(row["opening"] - 0.62) < 5e-4 for row in cells[name] if row["opening"] is not None}
             for name in pair]
    both = sides[0].keys() & sides[1].keys()
    only = [sum(sides[i][item] and not sides[1 - i][item] for item in both) for i in (0, 1)]
    n = sum(only)
    p = min(1.0, 2 * sum(math.comb(n, k) for k in range(min(only) + 1)) / 2 ** n) if n else 1.0
    return (f"{' against '.join(pair)}: openings at 0.62 over {len(both)} propositions that both forms priced: "
            f"{sum(sides[0][i] for i in both)} and {sum(sides[1][i] for i in both)}; only the one {only[0]}, only the other "
            f"{only[1]}, exact p = {p:.3g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--live", type=int, default=4)
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--truthfulqa", type=pathlib.Path,
                        default=harness.SOURCE / "jobs" / "data" / "truthfulqa_sample.csv")
    parser.add_argument("--forms", type=lambda text: {name: FORMS[name] for name in text.split(";")}, default=FORMS,
                        help="only these, separated by ;")
    parser.add_argument("-o", "--out", type=pathlib.Path)
    options = parser.parse_args()
    folder = options.out or pathlib.Path(tempfile.mkdtemp(prefix="credence-forms-"))
    folder.mkdir(exist_ok=True)
    done = subprocess.run([harness.CREDENCE, "run", str(make_job(options, folder)), "-o", str(folder / "run"), "--quiet",
                           "--max-failed", "100%"], check=False)
    if done.returncode not in (0, 3):
        sys.exit(done.returncode)
    cells = {}
    for row in rows_of(folder / "run"):
        cells.setdefault(row["cell"] if row["cell"] in FORMS else next(iter(options.forms)), []).append(row)
    print(f"{options.model}, {options.questions} questions twice, temperature {options.temperature:g}; texts in {folder}\n")
    print("| form | usable | distinct | at 0.62 | at 0.5 | at 0 or 1 | AUC | Brier | why not |\n|" + "---|" * 9)
    for name in options.forms:
        print(line(name, cells[name], len(cells[name])))
    for pair in (("example 0.62", "placeholder (shipped)"), ("example 0.62 and schema", "placeholder and schema (shipped)")):
        if set(pair) <= set(cells):
            print("\n" + paired(cells, pair))


if __name__ == "__main__":
    main()
