"""The Python package: tables, figures, the notebook, and the report as a reader meets it."""

import ast
import html
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import unittest
import urllib.parse

import harness

try:
    import numpy as np
    import h5py  # noqa: F401
    import matplotlib  # noqa: F401
    import browser
    import make_run
except ImportError as missing:
    print(f"skipped: the package needs {missing.name}", file=sys.stderr)
    sys.exit(harness.SKIPPED)

PACKAGE = harness.SOURCE / "analysis"
sys.path.insert(0, str(PACKAGE))
os.environ["CREDENCE_BIN"] = harness.CREDENCE

import credence_analysis  # noqa: E402
from credence_analysis import figures, headline, report  # noqa: E402
from credence_analysis.labels import Labels  # noqa: E402

EVIL = '<script>alert("x")</script><img src="http://example.org/x.png" onerror=alert(1)> $x^$ &'


class Reader(html.parser.HTMLParser):
    """The elements and addresses of a page."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.addresses, self.handlers, self.ids, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset", "action", "data"):
                self.addresses.append(value)
            if name.startswith("on"):
                self.handlers.append(name)
            if name == "id":
                self.ids.append(value)

    def handle_data(self, data):
        self.text.append(data)


class ReportTest(harness.TestCase):
    def sim_run(self):
        job = self.write_job(self.sim_job(
            self.write_claims(40), grid={"stance": ["free", "contrary"]},
            cell__replicates=2, output={"text": True}))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        return self.dir / "run"

    def evil_run(self):
        rng = np.random.default_rng(5)
        episodes, propositions, cells = make_run.random_run(
            self.dir / "plain.h5", rng, questions=12, cells=2)
        propositions["text"] = [EVIL] * len(propositions["id"])
        propositions["id"] = [EVIL + i for i in propositions["id"]]
        for cell in cells:
            cell.update(name=EVIL + cell["name"], maker=EVIL, trader="t$_" + cell["name"])
        make_run.write_run(self.dir / "evil.h5", episodes, propositions, cells)
        return self.dir / "evil.h5"

    def made(self, *arguments, **environment):
        out = self.dir / "report.html"
        done = subprocess.run(
            [sys.executable, "-W", "error::UserWarning", "-m", "credence_analysis", "report",
             *map(str, arguments), "-o", str(out), "--resamples", "200"], capture_output=True,
            text=True, timeout=300,
            env={**os.environ, "PYTHONPATH": str(PACKAGE), **environment})
        self.assertEqual(done.returncode, 0, done.stderr)
        return out.read_text(encoding="utf-8")

    def check_page(self, text):
        reader = Reader()
        reader.feed(text)
        self.assertNotIn("script", reader.tags)
        self.assertFalse(set(reader.tags) & {"img", "iframe", "link", "object", "embed", "form"})
        self.assertEqual(reader.handlers, [])
        self.assertEqual([a for a in reader.addresses if not a.startswith("#")], [])
        self.assertNotRegex(text, r"url\((?!#)|@import")
        self.assertIn("default-src 'none'", text)
        targets = {a[1:] for a in reader.addresses}
        self.assertLessEqual(targets, set(reader.ids))
        return reader

    def test_a_run_becomes_a_page(self):
        path = self.sim_run()
        text = self.made(path)
        reader = self.check_page(text)
        self.assertGreaterEqual(reader.tags.count("figure"), 7)
        words = " ".join(reader.text)
        self.assertIn("simulated agents", words)
        self.assertRegex(words, r"The instrument: of [\d,\u202f ]+ prices 0.0 % are numbers of the prompt, \d+\.\d % are tenths")
        for name in ("Calibration", "Dynamics", "Worth", "Yes-bias", "Method", "Provenance"):
            self.assertIn(name, words)
        numbers = credence_analysis.analyze(path, resamples=200)
        for group in numbers["groups"]:
            self.assertIn(f"{100 * group['accuracy']['final']:.1f}", text)
        self.assertIn(numbers["files"][0]["job_hash"], text)

    def test_a_locale_that_is_not_utf_8_changes_no_name(self):
        if not shutil.which("localedef") or subprocess.run(
                ["localedef", "-i", "en_US", "-f", "ISO-8859-1", self.dir / "en_US.ISO-8859-1"],
                capture_output=True, timeout=120).returncode > 1 or not (self.dir / "en_US.ISO-8859-1").is_dir():
            self.skipTest("no localedef, or no locale en_US to compile")
        job = self.sim_job(self.write_claims(6), grid={"stance": ["free", "contrary"]})
        job["models"]["größe"] = job["models"].pop("m")
        job["cell"]["maker"] = job["cell"]["trader"] = "größe"
        harness.run("run", self.write_job(job), "-o", self.dir / "run", "--quiet")
        text = self.made(self.dir / "run", "--by", "maker", LOCPATH=str(self.dir), LC_ALL="en_US.ISO-8859-1")
        self.assertIn("größe", text)
        self.assertNotIn("\u00c3", text)

    def test_every_stop_rule_is_drawn_and_the_papers_is_a_star(self):
        job = self.write_job(self.sim_job(self.write_claims(30), cell__stop_early=False))
        harness.run("run", job, "-o", self.dir / "whole", "--quiet")
        text = self.made(self.dir / "whole")
        self.assertIn("When to stop", text)
        numbers = credence_analysis.analyze(self.dir / "whole", resamples=0)
        known = [row for row in numbers["frontier"] if row["final"] is not None]
        self.assertTrue({"range", "stable_side", "patience", "confidence"} <= {row["stop.rule"] for row in known})
        axes = figures.stop_frontier(numbers)[0].axes[0]
        drawn = [tuple(point) for group in axes.collections for point in group.get_offsets().tolist()]
        drawn += [point for line in axes.lines for point in zip(line.get_xdata(), line.get_ydata())]
        for row in known:
            self.assertTrue(any(abs(x - row["calls"]) < 1e-9 and abs(y - 100 * row["final"]) < 1e-9 for x, y in drawn), row)
        star = [group for group in axes.collections if group.get_sizes().tolist() == [130]]
        paper = [row for row in known if row["paper"]]
        self.assertEqual([[row["calls"], 100 * row["final"]] for row in paper],
                         [point for group in star for point in group.get_offsets().tolist()])
        self.assertTrue(paper)

    def test_what_the_study_said_beforehand_comes_first_and_apart(self):
        cells = [{"name": "honest", "stance": "truthful"}, {"name": "liar", "stance": "adversarial"}]
        said = [{"name": "arguing the truth helps", "contrast": "gain", "direction": "greater", "cells": ["honest", "c"]}]
        job = self.sim_job(self.write_claims(60), cells=cells, hypotheses=said)
        harness.run("run", self.write_job(job), "-o", self.dir / "run", "--quiet")
        text = self.made(self.dir / "run")
        told = credence_analysis.analyze(self.dir / "run", resamples=200)["confirmatory"][0]
        self.assertLess(text.index('id="confirmatory"'), text.index('id="summary"'))
        apart = text[text.index('id="confirmatory"'):text.index('id="summary"')]
        for part in ("arguing the truth helps", "honest", told["outcome"]):
            self.assertIn(part, apart)
        self.assertNotIn("is not confirmatory", apart)
        said.append({"name": "thought of later", "contrast": "final", "cells": ["liar", "c"]})
        harness.run("run", self.write_job(job), "-o", self.dir / "run", "--quiet")
        text = self.made(self.dir / "run")
        apart = text[text.index('id="confirmatory"'):text.index('id="summary"')]
        self.assertIn("thought of later is not confirmatory", apart)
        self.assertNotIn("helps is not confirmatory", apart)
        del job["hypotheses"]
        harness.run("run", self.write_job(job), "-o", self.dir / "none", "--quiet")
        self.assertNotIn('id="confirmatory"', self.made(self.dir / "none"))

    def test_text_from_models_stays_text(self):
        text = self.made(self.evil_run())
        reader = self.check_page(text)
        self.assertIn('alert("x")', " ".join(reader.text))
        self.assertNotIn("<script>alert", text)

    def test_the_largest_change_has_an_interval_that_holds_for_all_groups(self):
        numbers = credence_analysis.analyze(self.sim_run(), resamples=200)
        groups = [g["accuracy"] for g in numbers["groups"]]
        most = max(groups, key=lambda a: abs(a["difference"]))
        one = most["difference_interval"]
        wide = headline.simultaneous(one, most["difference"], len(groups))
        self.assertLess(wide["low"], one["low"])
        self.assertGreater(wide["high"], one["high"])
        # 1.9600 and 2.2414: the normal quantiles of 0.975 and 0.9875.
        self.assertAlmostEqual((wide["high"] - most["difference"]) * 1.959964,
                               (one["high"] - most["difference"]) * 2.241403, 5)
        self.assertIsNone(headline.simultaneous({"low": None, "high": None}, 0.1, 3))

    def test_invalid_failed_and_pending_are_counted_in_the_headline(self):
        make_run.random_run(self.dir / "a.h5", np.random.default_rng(4), questions=60)
        text = self.made(self.dir / "a.h5")
        run = credence_analysis.open_run(self.dir / "a.h5")
        status = list(run.markets()["status"])
        for word in ("invalid", "failed"):
            self.assertIn(f"{status.count(word)} of {len(status)} episodes", text)
        self.assertIn(f"{status.count('pending')} of {len(status)} are not finished yet", text)

    def test_sixty_groups_are_all_drawn_and_named_by_what_differs(self):
        job = self.write_job(self.sim_job(
            self.write_claims(8), output={"text": True},
            grid={"stance": ["free", "up", "down", "contrary", "adversarial"],
                  "stop.threshold": [0.1, 0.2, 0.3], "max_iterations": [5, 10],
                  "maker": ["m", "n"]},
            models={"m": {"api": "sim"}, "n": {"api": "sim", "competence": 0.9}}))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        numbers = credence_analysis.analyze(self.dir / "run", resamples=50)
        labels = Labels(numbers, [credence_analysis.open_run(self.dir / "run")])
        self.assertEqual(60, len({labels.short(g) for g in numbers["groups"]}))
        self.assertNotIn("market", labels.short(numbers["groups"][0]))
        self.assertIn("market", labels.common)
        drawn = figures.forest(numbers)
        names = [t.get_text() for f in drawn for t in f.axes[0].get_yticklabels()
                 if t.get_fontweight() != "bold"]
        self.assertEqual(60, len(names))
        self.assertEqual(1, len({f.axes[0].get_xlim() for f in drawn}))
        panels = [a for a in figures.accuracy_by_iteration(numbers).axes if a.get_visible()]
        self.assertEqual(60, sum(len([line for line in a.lines if len(line.get_xdata())])
                                 for a in panels))
        self.assertEqual(1, len({a.get_ylim() for a in panels}))
        text = self.made(self.dir / "run")
        reader = self.check_page(text)
        self.assertEqual(1, text.count('class="warning"'))
        # Simulated is said by every picture, so that it stays said when it is cut out.
        self.assertEqual(reader.tags.count("figure"),
                         sum("opacity: 0.13" in part for part in text.split("<figure>")[1:]))

    def test_several_runs_stand_in_one_report(self):
        first, second = self.sim_run(), self.dir / "second"
        job = self.write_job(self.sim_job(self.write_claims(20), seed=9, name="second"))
        harness.run("run", job, "-o", second, "--quiet")
        text = self.made(first, second)
        words = " ".join(self.check_page(text).text)
        self.assertIn("system, second", words)
        self.assertIn("second: 20 episodes", words)

    def test_rows_link_to_their_markets_in_the_bundle(self):
        path = self.sim_run()
        text = self.made(path, "--bundle", self.dir / "markets.html")
        links = re.findall(r'href="markets\.html#where=([^"]+)"', text)
        cells = list(credence_analysis.open_run(path).cells["name"])
        self.assertEqual({f'cell = "{name}"' for name in cells},
                         {urllib.parse.unquote(link) for link in links})
        try:
            with browser.Browser(self.dir) as page:
                page.open(f"file://{self.dir}/markets.html#where={links[0]}")
                page.until("document.body.dataset.ready")
                self.assertEqual("80 of 160 markets", page.text("#count"))
        except unittest.SkipTest as reason:
            print(reason, file=sys.stderr)

    def test_a_reply_that_was_repaired_has_no_price(self):
        path = self.dir / "mended.h5"
        make_run.write_run(
            path, dict(price=[[0.2, 0.9]] * 2, prices_len=[2] * 2, status=[1] * 2, reason=[2] * 2,
                       cell=[0] * 2, proposition=range(2)),
            dict(id=list("ab"), question_id=list("ab"), label=[1, 1]), [dict(name="c")])
        make_run.add_calls(path, [
            dict(episode=e, iteration=t, role=0, repair=r, text=f"said {t} {r}")
            for e in (0, 1) for t in (0, 1) for r in (0, 1)])
        text = self.made(path)
        turns = re.findall(r'<div class="turn maker"><b>([^<]*)</b><div class="said">([^<]*)', text)
        self.assertEqual(
            [("t = 0 &middot; maker &middot; not usable, asked for again", "said 0 0"),
             ("t = 0 &middot; maker &middot; price 0.200", "said 0 1"),
             ("t = 1 &middot; maker &middot; not usable, asked for again", "said 1 0"),
             ("t = 1 &middot; maker &middot; price 0.900", "said 1 1")], turns[:4])

    def test_prompts_stand_in_full(self):
        text = html.unescape(self.made(self.sim_run()))
        for path in sorted((harness.SOURCE / "prompts" / "paper").glob("*.txt")):
            self.assertIn(path.read_text().strip(), text)

    def test_no_reply_denies_the_report(self):
        path = self.dir / "odd.h5"
        make_run.write_run(
            path, dict(price=[[0.2, 0.9]] * 4, prices_len=[2] * 4, status=[1] * 4, reason=[2] * 4,
                       cell=[0] * 4, proposition=range(4)),
            dict(id=list("abcd"), question_id=list("abcd"), label=[1] * 4), [dict(name="c")])
        make_run.add_calls(path, [
            dict(episode=e, iteration=t, role=0, text=text) for e, text in
            enumerate(["[" * 100_000, b"\xff\xfe\x80", '{"claim":' * 50_000, "\u202e\x1b[31m"])
            for t in (0, 1)])
        for locale in ("C", "C.UTF-8"):
            text = self.made(path, LC_ALL=locale, PYTHONUTF8="0")
            self.check_page(text)
        self.assertNotRegex(text, "[\u202a-\u202e\x1b]")

    def test_nothing_is_cut_on_a_desktop_or_a_phone(self):
        with browser.Browser(self.dir) as page:
            for path in (self.sim_run(), self.evil_run()):
                self.made(path)
                for width in (1280, 390):
                    for is_dark in (False, True):
                        page.resize(width)
                        page.dark(is_dark)
                        page.open(f"file://{self.dir}/report.html")
                        self.assertEqual([], page.js(browser.CUT), f"{path} at {width}")
                        self.assertEqual([], page.js(browser.CONTRAST), f"{path} {is_dark}")
                        page.js("document.querySelectorAll('details').forEach(d => d.open = true)")
                        self.assertEqual([], page.js(browser.CUT), f"{path} at {width}, unfolded")
                self.assertEqual([], page.problems())
                self.assertEqual([], [u for u in page.requests() if u.startswith("http")])

    def test_no_finished_market_is_no_crash(self):
        make_run.write_run(
            self.dir / "none.h5",
            dict(price=[[np.nan, np.nan]], prices_len=[0], status=[3], reason=[4], cell=[0],
                 proposition=[0]),
            dict(id=["a"], question_id=["a"], label=[1]), [dict(name="c")], complete=False)
        self.check_page(self.made(self.dir / "none.h5"))

    def test_categorical_and_continuous_runs_have_pages(self):
        rng = np.random.default_rng(2)
        prices = rng.dirichlet(np.ones(3), (20, 4))
        common = dict(prices_len=np.full(20, 4), status=np.full(20, 1), reason=np.full(20, 2),
                      cell=np.zeros(20), proposition=np.arange(20))
        ids = [str(i) for i in range(20)]
        make_run.write_run(
            self.dir / "options.h5", dict(price=np.full((20, 4), np.nan), **common),
            dict(id=ids, question_id=ids, label=rng.integers(0, 3, 20),
                 n_outcomes=np.full(20, 3)), [dict(name="c")], outcome_price=prices)
        quantile = np.sort(rng.random((20, 4, 3)), axis=2)
        make_run.write_run(
            self.dir / "quantity.h5", dict(price=quantile[:, :, 1], **common),
            dict(id=ids, question_id=ids, label=np.full(20, -1), value=rng.random(20),
                 low=np.zeros(20), high=np.ones(20)), [dict(name="c")], quantile=quantile)
        self.check_page(self.made(self.dir / "options.h5"))
        self.assertIn("Quantities", self.made(self.dir / "quantity.h5"))

    def test_what_cannot_be_read_is_one_line_and_exit_1(self):
        done = subprocess.run(
            [sys.executable, "-m", "credence_analysis", "report", str(self.dir / "no.h5")],
            capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(PACKAGE)})
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)


def colliding_labels(figure):
    """Pairs of neighbouring tick labels of a figure that lie on each other."""
    figure.canvas.draw()
    found = []
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            shown = [(tick.get_position()[axis is axes.yaxis], tick)
                     for tick in axis.get_ticklabels(which="both") if tick.get_text()]
            boxes = [(at, tick.get_text(), tick.get_window_extent())
                     for at, tick in sorted(shown, key=lambda pair: pair[0]) if low <= at <= high]
            found += [(a[1], b[1]) for a, b in zip(boxes, boxes[1:]) if a[2].overlaps(b[2])]
    return found


class PackageTest(harness.TestCase):
    def test_the_labels_of_costs_do_not_collide_however_near_they_are(self):
        path = self.dir / "run.h5"
        make_run.random_run(path, np.random.default_rng(3), cells=8, questions=10)
        numbers = credence_analysis.analyze(path)
        for costs in (range(2200, 3000, 100), range(9000, 97000, 11000),
                      [10 ** n for n in range(1, 9)], [0.0001 * n for n in range(3, 11)]):
            for group, cost in zip(numbers["groups"], costs):
                group["worth"]["tokens"], group["worth"]["usd"] = cost, 0
            figure = figures.frontier(numbers)
            self.assertEqual([], colliding_labels(figure), list(costs))

    def test_tables_hold_what_the_file_holds(self):
        rng = np.random.default_rng(1)
        episodes, propositions, _ = make_run.random_run(self.dir / "a.h5", rng, replicates=2)
        run = credence_analysis.open_run(self.dir / "a.h5")
        self.assertEqual(len(run.episodes), len(episodes["status"]))
        np.testing.assert_array_equal(run.episodes["status"], episodes["status"])
        self.assertEqual(list(run.propositions["id"]), propositions["id"])
        long = run.prices()
        self.assertEqual(len(long), episodes["prices_len"].sum())
        np.testing.assert_array_equal(
            long["price"], episodes["price"][long["episode"], long["t"]])
        self.assertIsNotNone(figures.trajectories(run, 0))

    def test_words_stand_for_codes_and_labels_choose(self):
        harness.python_with("xarray", "pandas")
        job = self.write_job(self.sim_job(
            self.write_claims(12), grid={"stance": ["free", "adversarial"],
                                         "stop.threshold": [0.1, 0.2]}))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        run = credence_analysis.open_run(self.dir / "run")
        frame = run.frame()
        self.assertEqual({"free", "adversarial"}, set(frame["stance"]))
        self.assertLessEqual(set(frame["stop"]), {"equilibrium", "max_iterations"})
        self.assertEqual({"done"}, set(frame["status"]))
        row = frame.iloc[5]
        self.assertEqual(run.price[5, 0], row["opening"])
        self.assertEqual("yes" if (row["final"] > 0.5) == (row["truth"] == "true") else "no",
                         row["final_right"])
        data = run.to_xarray()
        chosen = data["price"].sel(stance="free", threshold=0.1)
        mask = ((frame["stance"] == "free") & (frame["stop.threshold"] == 0.1)).to_numpy()
        np.testing.assert_array_equal(np.sort(run.price[mask, 0]), np.sort(chosen[:, 0].values))
        self.assertEqual({"iteration", "stance", "threshold", "item", "replicate"},
                         set(data["price"].unstack("episode").dims))

    def inspect_logs(self):
        job = self.write_job(self.sim_job(
            self.write_claims(15), grid={"stance": ["free", "adversarial"]},
            cell__replicates=2, output={"text": True},
            models={"m": {"api": "sim", "malformed": 0.4, "failures": 0.02}}))
        harness.run("run", job, "-o", self.dir / "run", "--quiet", expect=None)
        harness.run("export", self.dir / "run", "--to", self.dir / "logs", "--format", "inspect")
        paths = sorted((self.dir / "logs").glob("*.json"))
        self.assertEqual(2, len(paths))
        return paths

    def test_inspect_logs_hold_the_scores_of_the_analysis(self):
        paths = self.inspect_logs()
        numbers = credence_analysis.analyze(self.dir / "run", resamples=0)
        for path, group in zip(paths, numbers["groups"]):
            with open(path, encoding="utf-8") as file:
                log = json.load(file)
            self.assertEqual("credence/" + group["label"], log["eval"]["task"])
            self.assertEqual(group["accuracy"]["n"], len(log["samples"]))
            found = {s["name"]: s["metrics"]["accuracy"]["value"] for s in log["results"]["scores"]}
            self.assertAlmostEqual(group["accuracy"]["final"], found["final"])
            self.assertAlmostEqual(group["accuracy"]["opening"], found["opening"])
            plain = 0
            for sample in log["samples"]:
                roles = [m["role"] for m in sample["messages"]]
                self.assertEqual(roles[1::2], ["assistant"] * len(roles[1::2]))
                # Replies come in fences and after thoughts; those that are plain say the price.
                for message, price in zip(sample["messages"][1::2], sample["metadata"]["prices"]):
                    said = re.fullmatch(r'{"claim":.*"price":(0\.\d+)}', message["content"])
                    if said:
                        plain += 1
                        self.assertAlmostEqual(price, float(said[1]), 5)
            self.assertGreater(plain, 10)

    def test_inspect_reads_its_logs_back(self):
        python = harness.python_with("inspect_ai")
        code = ("import sys, json\n"
                "from inspect_ai.log import read_eval_log\n"
                "for path in sys.argv[1:]:\n"
                "    log = read_eval_log(path)\n"
                "    print(json.dumps([log.eval.task, len(log.samples), log.samples[0].epoch,\n"
                "        log.results.scores[1].metrics['accuracy'].value,\n"
                "        log.samples[0].scores['final'].value, log.samples[0].messages[1].role]))\n")
        paths = self.inspect_logs()
        done = subprocess.run([python, "-c", code, *paths], capture_output=True, text=True,
                              env={**os.environ, "HOME": str(self.dir)})
        self.assertEqual(0, done.returncode, done.stderr[-2000:])
        for path, line in zip(paths, done.stdout.splitlines()):
            with open(path, encoding="utf-8") as file:
                log = json.load(file)
            self.assertEqual([log["eval"]["task"], len(log["samples"]), 1,
                              log["results"]["scores"][1]["metrics"]["accuracy"]["value"],
                              log["samples"][0]["scores"]["final"]["value"], "assistant"],
                             json.loads(line))

    def test_a_missing_module_is_named_with_how_to_get_it(self):
        (self.dir / "h5py.py").write_text("raise ImportError('gone', name='h5py')")
        for arguments in (["report", "x"], ["view", "x"]):
            done = subprocess.run(
                [sys.executable, "-m", "credence_analysis", *arguments], capture_output=True,
                text=True, env={**os.environ, "PYTHONPATH": f"{self.dir}:{PACKAGE}"})
            self.assertEqual(1, done.returncode)
            self.assertEqual("credence-analysis: the Python module h5py is missing: `pip install "
                             "h5py`, on Debian `apt install python3-h5py`\n", done.stderr)

    def test_pip_installs_a_command_with_its_page(self):
        if subprocess.run([sys.executable, "-m", "pip", "--version"],
                          capture_output=True).returncode:
            self.skipTest("no pip")
        copy = shutil.copytree(PACKAGE, self.dir / "copy")
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation",
             "--no-index", "--target", str(self.dir / "site"), str(copy)],
            capture_output=True, text=True, timeout=300)
        if done.returncode:
            self.skipTest(f"pip cannot build here: {done.stderr.strip().splitlines()[-1]}")
        command = self.dir / "site" / "bin" / "credence-analysis"
        make_run.random_run(self.dir / "a.h5", np.random.default_rng(1), questions=4)
        made = subprocess.run(
            [sys.executable, command, "view", self.dir / "a.h5", "--bundle", self.dir / "b.html"],
            capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(self.dir / "site")})
        self.assertEqual(0, made.returncode, made.stderr)
        self.assertIn("script-src 'sha256-", (self.dir / "b.html").read_text())

    def test_sources_are_python_3_9(self):
        for path in sorted((PACKAGE / "credence_analysis").glob("*.py")):
            ast.parse(path.read_text(), str(path), feature_version=(3, 9))

    def test_the_notebook_runs_in_its_own_folder(self):
        python = harness.python_with("nbclient", "nbformat", "ipykernel", "pandas")
        job = self.write_job(self.sim_job(self.write_claims(20), output={"text": True}))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        code = ("import sys, nbformat, nbclient\n"
                "book = nbformat.read(sys.argv[1], 4)\n"
                "nbclient.NotebookClient(book, timeout=300, kernel_name='python3', "
                "resources={'metadata': {'path': sys.argv[2]}}).execute()\n"
                "for cell in book.cells:\n"
                "    for output in cell.get('outputs', []):\n"
                "        print(output.get('text', '') or list(output.get('data', {})))\n"
                "assert nbformat.read(sys.argv[1], 4).cells[1].outputs == []\n")
        done = subprocess.run(
            [python, "-c", code, str(PACKAGE / "walkthrough.ipynb"), str(PACKAGE)],
            capture_output=True, text=True, timeout=600,
            env={**os.environ, "CREDENCE_RUN": str(self.dir / "run"),
                 "JUPYTER_RUNTIME_DIR": str(self.dir / "jupyter"), "HOME": str(self.dir),
                 "PYTHONDONTWRITEBYTECODE": "1"})
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        self.assertIn("maker", done.stdout)
        self.assertIn("image/png", done.stdout)

    def test_the_report_needs_no_module_beyond_the_named_ones(self):
        self.assertTrue(report.make)
        code = ("import sys, credence_analysis.report; "
                "print([m for m in ('pandas', 'scipy', 'xarray') if m in sys.modules])")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(PACKAGE)})
        self.assertEqual(done.stdout.strip(), "[]", done.stderr)


if __name__ == "__main__":
    harness.main()
