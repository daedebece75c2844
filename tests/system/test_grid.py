"""One trajectory, many cells: every view equals the market that its cell would have run by itself."""

import json
import unittest

import harness

THRESHOLDS = [0.05, 0.1, 0.2, 0.3, 0.4]
WINDOWS = [2, 3, 4]
LENGTHS = [1, 2, 4, 6, 8, 10]
CLAIMS = 30

# argv: the grid's file, then NAME=FILE for each cell. Prints what each cell's rows say, and where they differ.
COMPARE = """
import h5py, json, sys
import numpy as np
names = ["price", "iterations", "status", "stop_reason", "proposition", "replicate",
         "judgment_tokens_in", "judgment_tokens_out", "argument_tokens_in", "argument_tokens_out"]
def padded(a, width):
    if a.ndim == 1:
        return a.astype(float)
    out = np.full((a.shape[0], width), -1.0)
    a = a.astype(float)
    out[:, :a.shape[1]] = np.where(np.isnan(a), -1.0, a)
    # A cell without later iterations has no columns for them: nothing, like zero or fill.
    return np.where(out >= 4294967295.0, -1.0, out)
with h5py.File(sys.argv[1]) as grid:
    cells = [n.decode() for n in grid["cells/name"][()]]
    rows_of = grid["cell"][()]
    width = grid["price"].shape[1]
    whole = {n: grid[n][()] for n in names}
    out = {"differences": [], "iterations": {}, "reasons": {}}
    for argument in sys.argv[2:]:
        name, path = argument.split("@")
        rows = rows_of == cells.index(name)
        with h5py.File(path) as alone:
            for n in names:
                a, b = padded(whole[n][rows], width), padded(alone[n][()], width)
                if n.endswith(("_in", "_out")):
                    a, b = np.maximum(a, 0), np.maximum(b, 0)
                if not np.array_equal(a, b):
                    out["differences"].append(f"{name}: {n}")
            out["iterations"][name] = whole["iterations"][rows].tolist()
            out["reasons"][name] = whole["stop_reason"][rows].tolist()
print(json.dumps(out))
"""


class GridTest(harness.TestCase):
    def job(self, **changes):
        return self.sim_job(self.claims, models__m={
            "api": "sim", "competence": 0.6, "noise": 0.8, "stubbornness": 0.2, "persuasion": 0.9},
            **changes)

    def setUp(self):
        super().setUp()
        self.claims = self.write_claims(CLAIMS)

    def alone(self, threshold, window, length):
        name = f"c stop.threshold={threshold:g} stop.window={window} max_iterations={length}"
        out = self.dir / name.replace(" ", "_")
        job = self.write_job(self.job(cell__stop={"threshold": threshold, "window": window},
                                      cell__max_iterations=length))
        harness.run("run", job, "-o", out, "--quiet")
        return f"{name}@{out / 'run.h5'}"

    def test_ninety_cells_of_one_trajectory_equal_ninety_runs(self):
        harness.python_with("h5py", "numpy")
        job = self.write_job(self.job(grid={"stop.threshold": THRESHOLDS, "stop.window": WINDOWS,
                                            "max_iterations": LENGTHS}), "grid.json")
        plan = json.loads(harness.run("plan", job, "--json").out)
        self.assertEqual((90, 1, CLAIMS, 90 * CLAIMS),
                         (len(plan["cells"]), plan["groups"], plan["trajectories"], plan["episodes"]))
        harness.run("run", job, "-o", self.dir / "grid", "--quiet")
        alone = [self.alone(t, w, n) for t in THRESHOLDS for w in WINDOWS for n in LENGTHS]
        found = json.loads(harness.python(COMPARE, self.dir / "grid" / "run.h5", *alone,
                                          modules=("h5py", "numpy"), timeout=300))
        self.assertEqual([], found["differences"])
        self.assertEqual(90, len(found["iterations"]))
        # The comparison means something only when the rules do differ on these prices.
        self.assertGreater(len({tuple(i) for i in found["iterations"].values()}), 40)
        self.assertGreater(len({r for reasons in found["reasons"].values() for r in reasons}), 1)

    def test_running_on_gives_every_later_rule(self):
        """With stop_early false the views are as before, the calls are those of full length, and a further
        cell keeps the whole of each market, so that a tighter rule can be asked of the file."""
        grid = {"stop.threshold": [0.1, 0.3]}
        early = self.write_job(self.job(grid=grid), "early.json")
        late = self.write_job(self.job(grid=grid, cell__stop_early=False), "late.json")
        cells = [c["name"] for c in json.loads(harness.run("plan", late, "--json").out)["cells"]]
        self.assertEqual(["c stop.threshold=0.1", "c stop.threshold=0.3", "c stop.threshold=0.1 to the end"], cells)
        for job, name in ((early, "early"), (late, "late")):
            harness.run("run", job, "-o", self.dir / name, "--quiet")
        names = ("iterations", "stop_reason", "status")
        short = harness.read_run(self.dir / "early" / "run.h5", *names)
        whole = harness.read_run(self.dir / "late" / "run.h5", "cell", *names)
        for name in names:
            self.assertEqual(short[name], [v for v, cell in zip(whole[name], whole["cell"]) if cell < 2], name)
        self.assertEqual({11}, {n for n, cell in zip(whole["iterations"], whole["cell"]) if cell == 2})
        self.assertEqual(CLAIMS * 21, len(harness.tape_lines(self.dir / "late")))
        self.assertLess(len(harness.tape_lines(self.dir / "early")), CLAIMS * 21)
        self.check_later_rule("late", 0.03)

    def check_later_rule(self, name, threshold):
        """What-if over the stored file says what a run under the rule itself does."""
        def analyze(run, *arguments):
            return json.loads(harness.run("analyze", self.dir / run, "--format", "json", "--resamples", "0",
                                          *arguments).out)
        rows = analyze(name, "--what-if", f"stop.threshold={threshold}")["what_if"]
        job = self.write_job(self.job(cell__stop={"threshold": threshold}), "tight.json")
        harness.run("run", job, "-o", self.dir / "tight", "--quiet")
        alone = analyze("tight")["groups"][0]["accuracy"]
        self.assertEqual((1, 0), (len(rows), rows[0]["unknown"]))
        for key in ("done", "invalid", "final", "difference", "converged", "iterations"):
            self.assertAlmostEqual(alone[key], rows[0][key], 12, key)
        self.assertTrue(0 < alone["converged"] < 1 and alone["iterations"] > 2, alone)


if __name__ == "__main__":
    harness.main()
