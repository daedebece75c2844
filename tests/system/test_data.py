"""Any data set: each mapping that `credence help data` shows, tried on a file of its shape and compared
with a reading of that file in Python; `credence items` on jobs and files; a large file in little memory."""
import csv
import gzip
import json
import re
import resource
import subprocess

import harness

SHAPES = harness.SOURCE / "tests" / "data" / "shapes"


# The category of each row of the published file, by its own reader; nothing kept in run.h5 is used but prices.
BY_CATEGORY = """
import h5py, json, numpy as np, pandas as pd, sys

file = h5py.File(sys.argv[1])
words = file["status"].attrs["flag_meanings"]
words = (words.decode() if isinstance(words, bytes) else words).split()
row = file["proposition"][:]
price, made = file["price"][:], file["iterations"][:]
frame = pd.DataFrame({
    "question": file["propositions/question_id"].asstr()[:][row].astype(int) - 1,
    "truth": file["propositions/label"][:][row] == 1,
    "status": np.array(words)[file["status"][:]],
    "opening": np.where(made > 0, price[:, 0], np.nan),
    "final": price[np.arange(len(price)), np.maximum(made, 1) - 1]})
frame = frame.join(pd.read_csv(sys.argv[2])["Category"], on="question")
assert frame["status"].isin(["done", "invalid"]).all() and frame["Category"].notna().all()
for column in ("opening", "final"):
    on_truth = frame[column].where(frame["truth"], 1 - frame[column])
    frame[column] = (on_truth > 0.5) + 0.5 * (on_truth == 0.5)  # a price that is missing is wrong
frame.loc[frame["status"] == "invalid", "final"] = 0.0
out = frame.groupby("Category").agg(n=("opening", "size"), opening=("opening", "mean"), final=("final", "mean"),
                                    questions=("question", "nunique"),
                                    invalid=("status", lambda s: int((s == "invalid").sum())))
print(json.dumps(out.to_dict("index")))
"""


def mappings():
    text = harness.run("help", "data").out
    block = text[text.index('mappings to copy into "benchmarks":'):].split("\n", 1)[1]
    return json.loads("{" + re.sub(r"^ *//.*$", "", block, flags=re.MULTILINE) + "}")


def rows_of(path):
    """The rows of a file by Python's own readers."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    name = path.name.removesuffix(".gz")
    if name.endswith((".csv", ".tsv")):
        return list(csv.DictReader(text.splitlines(), delimiter="\t" if name.endswith(".tsv") else ","))
    if name.endswith(".json"):
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines()]


def get(row, path):
    if path in row:
        return row[path]
    for part in path.split("."):
        row = row[part]
    return row


def options_of(row, mapping):
    wanted = mapping["columns"]["options"]
    if isinstance(wanted, list):
        return [row[name] for name in wanted], None
    value = get(row, wanted)
    if isinstance(value, dict):
        return value["text"], value["label"]
    if isinstance(value[0], dict):
        return [one["text"] for one in value], [one["label"] for one in value]
    return value, None


def right_option(row, mapping):
    options, labels = options_of(row, mapping)
    answer = get(row, mapping["columns"]["answer"])
    ways = {"index0": lambda: int(answer), "index1": lambda: int(answer) - 1,
            "letter": lambda: "ABCDEFGHIJ".index(answer), "text": lambda: options.index(answer),
            None: lambda: labels.index(answer) if labels else "ABCDEFGHIJ".index(answer)}
    return options, ways[mapping.get("answers")]()


def expected(mapping):
    """Label (or value) and options of each proposition, in order."""
    rows = rows_of(SHAPES / mapping["path"])
    for column, values in mapping.get("where", {}).items():
        rows = [row for row in rows if row[column] in values]
    if mapping["format"] == "truthfulqa":
        return [(list(row["mc1_targets"].values()).index(1), list(row["mc1_targets"])) for row in rows]
    if mapping["format"] == "ethics-commonsense":
        return [(row["label"], None) for row in rows]
    if "value" in mapping["columns"]:
        return [(float(row[mapping["columns"]["value"]]), None) for row in rows]
    if "options" in mapping["columns"]:
        return [tuple(reversed(right_option(row, mapping))) for row in rows]
    return [(int(float(get(row, mapping["columns"]["answer"]))), None) for row in rows]


class DataTest(harness.TestCase):
    def job(self, benchmarks):
        first = next(iter(benchmarks))
        return self.write_job({"name": "data", "models": {"sim": {"api": "sim"}}, "benchmarks": benchmarks,
                               "cell": {"benchmark": first, "maker": "sim"}})

    def items(self, benchmarks, *options):
        done = harness.run("items", self.job(benchmarks), "--json", *options)
        return [json.loads(line) for line in done.out.splitlines()]

    def test_each_mapping_shown_reads_its_shape_as_python_does(self):
        shown = mappings()
        self.assertGreaterEqual(len(shown), 15)
        for name, mapping in shown.items():
            with self.subTest(name):
                here = dict(mapping, path=str(SHAPES / mapping["path"]))
                found = [(item.get("label", item.get("value")), item.get("options"))
                         for item in self.items({name: here})]
                self.assertEqual(found, expected(mapping))

    def test_what_questions_share_and_what_is_kept(self):
        shown = mappings()
        race = self.items({"race": dict(shown["race"], path=str(SHAPES / "race.jsonl"))})
        self.assertEqual(len({item["question_id"] for item in race}), 2)
        self.assertTrue(all(item["text"].startswith(("Tom lives", "Mia bakes.\n\nWhat")) for item in race))
        forecast = self.items({"f": dict(shown["forecast"], path=str(SHAPES / "forecast.jsonl"))})
        self.assertEqual(forecast[0]["kept"], {"source": "market", "freeze_date": "2024-05-01"})
        self.assertTrue(forecast[0]["text"].startswith("freeze_date: 2024-05-01\nbackground: Some"))

    def test_items_shows_counts_labels_and_kept_columns(self):
        shown = mappings()
        job = self.job({"f": dict(shown["forecast"], path=str(SHAPES / "forecast.jsonl"))})
        text = harness.run("items", job, "-n", "1").out
        self.assertIn("3 propositions of 3 questions", text)
        self.assertRegex(text, r"label  \(2 values\)\n +2  true\n +1  false\n")
        self.assertRegex(text, r"source  \(2 values\)\n +2  market\n")
        self.assertIn("f0  (question f0; true)", text)
        self.assertNotIn("f1  (question", text)

    def test_items_of_a_file_names_columns_and_format(self):
        text = harness.run("items", str(SHAPES / "gpqa.csv")).out
        self.assertIn("a CSV file; its columns:\n  Record ID\n  Question\n", text)
        self.assertIn("credence help data", text)
        sample = harness.SOURCE / "jobs" / "data" / "truthfulqa_sample.csv"
        self.assertIn("format 'truthfulqa' reads it", harness.run("items", str(sample)).out)

    def test_accuracy_by_category_is_that_of_pandas(self):
        published = harness.SHARED / "data" / "TruthfulQA.csv"
        sample = harness.SOURCE / "jobs" / "data" / "truthfulqa_sample.csv"
        for path in (published, sample) if published.exists() else (sample,):
            with self.subTest(path.name):
                run = self.dir / path.stem
                job = self.write_job({
                    "name": "by category", "models": {"sim": {"api": "sim", "competence": 0.7, "malformed": 0.3}},
                    "benchmarks": {"tqa": {"format": "truthfulqa", "path": str(path)}},
                    "cell": {"benchmark": "tqa", "maker": "sim", "repairs": 1, "replicates": 2}})
                harness.run("run", job, "-o", run, "--quiet", expect=None)
                mine = json.loads(harness.python(BY_CATEGORY, run / "run.h5", path, modules=("pandas", "h5py")))
                groups = json.loads(harness.run("analyze", run, "--by", "item.category",
                                                "--format", "json").out)["groups"]
                shown = {g["factors"]["item.category"]: g["accuracy"] for g in groups}
                self.assertEqual(len(groups), len(shown))
                self.assertEqual(set(mine), set(shown))
                self.assertGreater(sum(one["invalid"] for one in mine.values()), 0)
                for category, one in mine.items():
                    for name, value in one.items():
                        self.assertAlmostEqual(value, shown[category][name], places=12, msg=(category, name))

    def test_a_mistake_in_a_mapping_is_named_where_it_is(self):
        for key, value, message in (
                ("columns", {"question": "question", "aswer": "answer"},
                 "benchmarks.b.columns.aswer: found 'aswer', expected one of: question, options, answer"),
                ("columns", {"question": "qestion", "answer": "resolved_to"},
                 'no column "qestion" (columns.question), did you mean "question"'),
                ("keep", ["label"], "'label' is a name of run.h5's own"),
                ("stratify", "source", "means nothing without \"sample\""),
                ("range", [3, 1], "found [3,1], expected [low, high] with low < high")):
            mapping = {"format": "table", "path": str(SHAPES / "forecast.jsonl"),
                       "columns": {"question": "question", "answer": "resolved_to"}}
            mapping[key] = value
            done = harness.run("items", self.job({"b": mapping}), expect=2)
            self.assertIn(message, done.err)

    def test_a_large_file_is_planned_in_little_memory(self):
        path = self.dir / "large.csv"
        row = " ".join(["a claim of many words"] * 25)
        with open(path, "w", encoding="utf-8") as file:
            file.write("claim,label\n")
            for number in range(60000):
                file.write(f"{number} {row},{number % 2}\n")
        job = self.job({"b": {"format": "table", "path": str(path),
                              "columns": {"proposition": "claim", "answer": "label"}}})
        done = harness.run("plan", job, "--json")
        self.assertEqual(json.loads(done.out)["propositions"], 60000)
        # The largest child so far is this one: the texts, what describes them, and what any command needs.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        if "libasan" not in subprocess.run(["ldd", harness.CREDENCE], capture_output=True, text=True,
                                           check=True).stdout:
            self.assertLess(peak, 1.5 * path.stat().st_size + (32 << 20))


if __name__ == "__main__":
    harness.main()
