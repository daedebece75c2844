"""A result file of every outcome space, as h5py, netCDF4, xarray, ncdump and h5dump see it."""

import json
import os
import shutil
import subprocess
import unittest

import harness

WRITER = os.environ.get("WRITE_SAMPLE_BIN", "")
EPISODES, ITERATIONS = 24, 5

NETCDF4 = """
import json, sys, netCDF4
d = netCDF4.Dataset(sys.argv[1])
d.set_auto_mask(False)
out = {"dims": {k: len(v) for k, v in d.dimensions.items()}}
for group in ("propositions", "cells", "calls"):
    g = d[group]
    out[group] = {"dims": list(g.dimensions), "variables": sorted(g.variables)}
out["texts"] = list(d["/propositions/text"][:])
out["traders"] = list(d["/cells/trader"][:])
out["outcome"] = list(d["outcome_price"].dimensions)
out["price"] = [str(p) for p in d["price"][0]]
out["text"] = d["/calls/text"][:].tobytes().decode()
print(json.dumps(out))
"""
XARRAY = """
import json, sys, xarray
out = {}
for engine in sys.argv[2:]:
    d = xarray.open_dataset(sys.argv[1], engine=engine).load()
    c = xarray.open_dataset(sys.argv[1], engine=engine, group="calls").load()
    out[engine] = {"quantile": list(d["quantile"].dims), "level": d["level"].values.tolist(),
                   "done": int((d["status"] == 1).sum()), "iterations": int(d["iterations"][0]),
                   "missing": int(d["price"].isnull().sum()), "calls": c.sizes["call"],
                   "models": d.attrs["models"]}
print(json.dumps(out))
"""
LIVE = """
import sys, h5py
with h5py.File(sys.argv[1], "r", libver="latest", swmr=True) as f:
    print(int((f["status"][()] != 0).sum()), f.attrs["complete"], f["propositions/id"].asstr()[0])
"""


class ReadersTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        if not WRITER:
            self.skipTest("WRITE_SAMPLE_BIN is not set")
        self.path = self.dir / "sample.h5"

    def write(self):
        subprocess.run([WRITER, self.path], check=True, timeout=300)
        return self.path

    def test_netcdf4_sees_groups_dimensions_and_strings(self):
        seen = json.loads(harness.python(NETCDF4, self.write(), modules=("netCDF4",)))
        self.assertEqual({"episode": EPISODES, "iteration": ITERATIONS, "outcome": 3,
                          "level": 3}, seen["dims"])
        self.assertEqual(["proposition"], seen["propositions"]["dims"])
        self.assertEqual(["cell"], seen["cells"]["dims"])
        self.assertEqual(["call", "byte"], seen["calls"]["dims"])
        self.assertEqual('Snow is "green",\nthey say.', seen["texts"][1])
        self.assertEqual(["small", "small+large"], seen["traders"])
        self.assertEqual(["episode", "iteration", "outcome"], seen["outcome"])
        self.assertEqual(["nan", "nan"], seen["price"][3:])
        self.assertTrue(seen["text"].startswith("judgment 0 of café"), seen["text"][:40])

    def test_xarray_reads_it_through_both_engines(self):
        seen = json.loads(harness.python(XARRAY, self.write(), "h5netcdf", "netcdf4",
                                         modules=("xarray", "h5netcdf", "netCDF4")))
        self.assertEqual(seen["h5netcdf"], seen["netcdf4"])
        one = seen["h5netcdf"]
        self.assertEqual(["episode", "iteration", "level"], one["quantile"])
        self.assertEqual([0.05, 0.5, 0.95], one["level"])
        self.assertEqual((EPISODES - 3, 3), (one["done"], one["iterations"]))
        self.assertEqual(2 * EPISODES, one["calls"])
        self.assertEqual(["large", "small"], json.loads(one["models"]))

    def test_ncdump_and_h5dump_print_all_of_it(self):
        path = self.write()
        for tool in ("ncdump", "h5dump"):
            found = shutil.which(tool)
            if not found:
                self.skipTest(f"{tool} is not installed")
            done = subprocess.run([found, path], capture_output=True, text=True, timeout=300)
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertIn("lengths T=0.2", done.stdout)

    def test_h5py_reads_a_live_file_again_and_again(self):
        harness.python_with("h5py")
        process = subprocess.Popen([WRITER, self.path, "live"], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            self.assertEqual("flushed\n", process.stdout.readline())
            for _ in range(3):
                self.assertEqual(f"{EPISODES // 2} 0 q1-true\n",
                                 harness.python(LIVE, self.path))
            process.communicate("go on\n", timeout=300)
        finally:
            harness.end_process(process)
        self.assertEqual(0, process.returncode)
        self.assertEqual(f"{EPISODES - 1} 1 q1-true\n", harness.python(LIVE, self.path))


class ExampleTest(harness.TestCase):
    def test_the_study_that_is_shipped_is_read_by_every_reader(self):
        path = harness.SOURCE / "analysis" / "examples" / "small-models.h5"
        rows = json.loads(harness.run("list", path, "--format", "json").out)
        self.assertEqual((216, 216), (len(rows), sum(row["status"] == "done" for row in rows)))
        self.assertEqual({"qwen", "smol"}, {row["maker"] for row in rows})
        self.assertRegex(harness.run("analyze", path, "--by", "maker,stance").out, r"qwen free +18 +100\.0 +0 +0 +63\.9 +61\.1")
        # Logprobs are not in a file alone: what was read of them is.
        self.assertRegex(harness.run("show", path, "--episode", 52).out, r"t = 0 +maker  held: p = 0\.\d{3}\n")


if __name__ == "__main__":
    harness.main()
