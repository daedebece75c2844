"""The Python package: tables, figures, the notebook, and the report as a reader meets it."""

import ast
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

import harness

try:
    import numpy as np
    import h5py  # noqa: F401
    import matplotlib  # noqa: F401
    import make_run
except ImportError as missing:
    print(f"skipped: the package needs {missing.name}", file=sys.stderr)
    sys.exit(harness.SKIPPED)

PACKAGE = harness.SOURCE / "analysis"
sys.path.insert(0, str(PACKAGE))
os.environ["CREDENCE_BIN"] = harness.CREDENCE

import credence_analysis  # noqa: E402
from credence_analysis import figures, report  # noqa: E402

EVIL = '<script>alert("x")</script><img src="http://example.org/x.png" onerror=alert(1)> $x^$ &'

# Whatever stands wider than the window, or wider than its own box, outside a scroll box.
PROBE = """<script>
const wide = [];
for (const e of document.querySelectorAll("body *")) {
  if (e.closest(".scroll") || e.closest("svg")) continue;
  const r = e.getBoundingClientRect();
  if (r.right > document.documentElement.clientWidth + 1 || e.scrollWidth > e.clientWidth + 1 &&
      e.clientWidth > 0) wide.push(e.tagName + "." + e.className + ": " + e.textContent.slice(0, 40));
}
for (const e of document.querySelectorAll(".scroll"))
  if (e.scrollWidth > e.clientWidth + 1) wide.push("table " + e.scrollWidth + " in " + e.clientWidth);
document.documentElement.dataset.wide = JSON.stringify(wide);
</script></body>"""


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

    def made(self, path):
        out = self.dir / "report.html"
        done = subprocess.run(
            [sys.executable, "-W", "error::UserWarning", "-m", "credence_analysis", "report",
             str(path), "-o", str(out), "--resamples", "200"], capture_output=True, text=True,
            timeout=300, env={**os.environ, "PYTHONPATH": str(PACKAGE)})
        self.assertEqual(done.returncode, 0, done.stderr)
        return out.read_text()

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
        for name in ("Calibration", "Dynamics", "Worth", "Method", "Provenance"):
            self.assertIn(name, words)
        numbers = credence_analysis.analyze(path, resamples=200)
        for group in numbers["groups"]:
            self.assertIn(f"{100 * group['accuracy']['final']:.1f}", text)
        self.assertIn(numbers["files"][0]["job_hash"], text)

    def test_text_from_models_stays_text(self):
        text = self.made(self.evil_run())
        reader = self.check_page(text)
        self.assertIn('alert("x")', " ".join(reader.text))
        self.assertNotIn("<script>alert", text)

    @unittest.skipUnless(shutil.which("chromium"), "no chromium")
    def test_nothing_is_cut_on_a_desktop_or_a_phone(self):
        for path in (self.sim_run(), self.evil_run()):
            text = self.made(path)
            probe = re.sub(r"<meta http-equiv[^>]*>", "", text, count=1)
            page = self.dir / "probe.html"
            page.write_text(probe.replace("</body>", PROBE))
            for width in (1280, 390):
                done = subprocess.run(
                    ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
                     "--disable-background-networking", f"--user-data-dir={self.dir}/chromium",
                     f"--window-size={width},2000", "--dump-dom", f"file://{page}"],
                    capture_output=True, text=True, timeout=300)
                found = re.search(r'data-wide="([^"]*)"', done.stdout)
                self.assertTrue(found, done.stderr[-500:])
                self.assertEqual(json.loads(found.group(1).replace("&quot;", '"')), [],
                                 f"{path} at {width}")

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

    def test_xarray_sees_labelled_arrays(self):
        harness.python_with("xarray", "h5netcdf")
        make_run.random_run(self.dir / "a.h5", np.random.default_rng(1))
        data = credence_analysis.open_run(self.dir / "a.h5").to_xarray()
        self.assertEqual(data["price"].dims, ("episode", "iteration"))

    def test_sources_are_python_3_9(self):
        for path in sorted((PACKAGE / "credence_analysis").glob("*.py")):
            ast.parse(path.read_text(), str(path), feature_version=(3, 9))

    def test_the_notebook_runs(self):
        notebook = json.loads((PACKAGE / "walkthrough.ipynb").read_text())
        self.assertEqual(notebook["nbformat"], 4)
        job = self.write_job(self.sim_job(self.write_claims(20), output={"text": True}))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        cells = ["".join(cell["source"]) for cell in notebook["cells"]
                 if cell["cell_type"] == "code"]
        done = subprocess.run(
            [sys.executable, "-c", "\n".join(cells)], capture_output=True, text=True,
            timeout=300, env={**os.environ, "PYTHONPATH": str(PACKAGE),
                             "CREDENCE_RUN": str(self.dir / "run")})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("maker", done.stdout)

    def test_the_report_needs_no_module_beyond_the_named_ones(self):
        self.assertTrue(report.make)
        code = ("import sys, credence_analysis.report; "
                "print([m for m in ('pandas', 'scipy', 'xarray') if m in sys.modules])")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(PACKAGE)})
        self.assertEqual(done.stdout.strip(), "[]", done.stderr)


if __name__ == "__main__":
    harness.main()
