"""run.h5 is what its schema says to every reader: h5py, xarray, ncdump, h5dump, live ones."""

import json
import shutil
import subprocess
import unittest

import harness

LIVE_READER = """
import h5py, sys
with h5py.File(sys.argv[1], "r", libver="latest", swmr=True) as f:
    status = f["status"]
    status.refresh()
    price = f["price"][()]
    done = int((status[()] != 0).sum())
    print(done, len(status), int((price == price).any(axis=1).sum()))
"""
XARRAY = """
import json, sys, xarray
out = {}
with xarray.open_dataset(sys.argv[1], engine="h5netcdf") as d:
    out["dims"] = {k: int(v) for k, v in d.sizes.items()}
    out["price"] = list(d["price"].dims)
    out["units"] = d["price"].attrs.get("units")
    out["long_name"] = d["price"].attrs.get("long_name")
    out["flags"] = d["status"].attrs.get("flag_meanings")
    out["simulated"] = int(d.attrs["simulated"])
for group, dim in (("propositions", "proposition"), ("cells", "cell"), ("calls", "call")):
    with xarray.open_dataset(sys.argv[1], engine="h5netcdf", group=group) as d:
        out[group] = {name: list(v.dims) for name, v in d.variables.items()}
print(json.dumps(out))
"""
CLAIMS = 30


class RunFileTest(harness.TestCase):
    def finished(self):
        job = self.write_job(self.sim_job(self.write_claims(CLAIMS)))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        return self.dir / "run" / "run.h5"

    def tool(self, name, *arguments):
        path = shutil.which(name)
        if not path:
            self.skipTest(f"{name} is not installed")
        done = subprocess.run([path, *map(str, arguments)], capture_output=True, text=True,
                              timeout=300)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def test_h5py_sees_prices_and_attributes(self):
        path = self.finished()
        sets = harness.read_run(path, "price", "iterations", "status", "stop_reason", "cell",
                                "proposition", "replicate", "propositions/label",
                                "propositions/id", "propositions/text", "cells/protocol")
        self.assertEqual(CLAIMS, len(sets["price"]))
        for row, count in zip(sets["price"], sets["iterations"]):
            known = [p for p in row if p == p]
            self.assertEqual(count, len(known))
            self.assertEqual(known, row[:count], "NaN only after the end")
            self.assertTrue(all(0 <= p <= 1 for p in known))
        self.assertEqual([1] * CLAIMS, sets["status"])
        self.assertEqual(["c0", "c1"], sets["propositions/id"][:2])
        self.assertEqual(["market"], sets["cells/protocol"])
        attributes = harness.attributes(path)
        for name in ("schema", "version", "git_revision", "job", "job_hash", "start", "end", "host", "mpi",
                     "simulated", "complete"):
            self.assertIn(name, attributes)
        self.assertEqual((1, 1), (attributes["simulated"], attributes["complete"]))
        self.assertEqual("system", json.loads(attributes["job"])["name"])

    def test_xarray_sees_labelled_arrays(self):
        path = self.finished()
        seen = json.loads(harness.python(XARRAY, path, modules=("xarray", "h5netcdf")))
        self.assertEqual(["episode", "iteration"], seen["price"])
        self.assertEqual((CLAIMS, 11), (seen["dims"]["episode"], seen["dims"]["iteration"]))
        self.assertEqual("1", seen["units"])
        self.assertTrue(seen["long_name"])
        self.assertEqual("pending done invalid failed", seen["flags"])
        self.assertEqual(1, seen["simulated"])
        self.assertEqual(["proposition"], seen["propositions"]["label"])
        self.assertEqual(["cell"], seen["cells"]["threshold"])
        self.assertEqual(["call"], seen["calls"]["tokens_in"])

    def test_ncdump_sees_a_netcdf_file(self):
        text = self.tool("ncdump", "-h", self.finished())
        for line in (f"episode = {CLAIMS}", "double price(episode, iteration)",
                     "group: propositions", "group: calls", "price:units"):
            self.assertIn(line, text)
        values = self.tool("ncdump", "-v", "status,iterations", self.finished())
        self.assertIn("status = 1, 1", values)

    def test_h5dump_sees_scales_and_the_1_10_format(self):
        path = self.finished()
        text = self.tool("h5dump", "-H", "-A", path)
        for word in ("DIMENSION_SCALE", "DIMENSION_LIST", 'DATASET "price"', "flag_meanings"):
            self.assertIn(word, text)
        self.assertRegex(self.tool("h5dump", "-B", "-H", path), r"SUPERBLOCK_VERSION [23]\b")

    def test_a_reader_follows_a_live_run(self):
        harness.python_with("h5py")
        # The markets end but for one, until the reader has looked.
        gate = self.gate(contains="Claim number 7 ", most=1)
        with harness.FaultServer({"latency_ms": 5, "rules": [gate.rule]}) as server:
            job = self.write_job(self.http_job(server.url, self.write_claims(60),
                                               models__m__limits__concurrency=4))
            process = harness.start("run", job, "-o", self.dir / "run")
            try:
                path = self.dir / "run" / "run.h5"
                harness.wait_for(path.exists, 60, "run.h5")

                def some_are_done():
                    done, total, priced = map(int, harness.python(LIVE_READER, path).split())
                    self.assertEqual((60, True), (total, done <= priced))
                    return 0 < done < 60
                harness.wait_for(some_are_done, 120, "a live reader sees some episodes done")
            finally:
                gate.open()
                result = harness.finish(process, 120)
        self.assertEqual(0, result.code, result)
        self.assertEqual("60 60 60\n", harness.python(
            LIVE_READER.replace(', libver="latest", swmr=True', "").replace(
                "status.refresh()", ""), path))


if __name__ == "__main__":
    harness.main()
