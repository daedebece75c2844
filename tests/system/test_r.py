"""A result file as R reads it through ncdf4, beside what h5py reads."""

import json
import os
import shutil
import subprocess
import unittest

import harness

WRITER = os.environ.get("WRITE_SAMPLE_BIN", "")

# R prints numbers with 17 digits, so that equal doubles are equal texts. R's arrays have the
# last dimension of the file first.
R = r"""
suppressPackageStartupMessages(library(ncdf4))
run <- nc_open(commandArgs(trailingOnly = TRUE)[1])
show <- function(name, values) {
    texts <- ifelse(is.na(values), "NaN",
                    if (is.character(values)) values else sprintf("%.17g", values))
    cat(name, paste(texts, collapse = "\t"), sep = "\t")
    cat("\n")
}
whole <- function(name) ncvar_get(run, name, collapse_degen = FALSE)
price <- whole("price")
show("shape", dim(price))
show("dims", sapply(run$var[["price"]]$dim, function(d) d$name))
show("price", price)
if ("outcome_price" %in% names(run$var)) show("outcome_price", whole("outcome_price"))
for (name in c("status", "stop_reason", "iterations", "cell", "proposition"))
    show(name, whole(name))
for (name in c("label", "n_outcomes", "value"))
    show(name, whole(paste0("propositions/", name)))
show("threshold", whole("cells/threshold"))
show("id", whole("propositions/id"))
show("trader", whole("cells/trader"))
for (name in c("schema", "simulated", "complete"))
    show(name, ncatt_get(run, 0, name)$value)
show("job_hash", ncatt_get(run, 0, "job_hash")$value)
show("long_name", ncatt_get(run, "price", "long_name")$value)
show("flag_meanings", ncatt_get(run, "status", "flag_meanings")$value)
show("flag_values", ncatt_get(run, "status", "flag_values")$value)
nc_close(run)
"""

H5PY = """
import json, sys, h5py, numpy as np
text = lambda v: v.decode() if isinstance(v, bytes) else str(v)
number = lambda v: "NaN" if v != v else "%.17g" % v
with h5py.File(sys.argv[1]) as f:
    out = {}
    def show(name, values):
        values = np.atleast_1d(values).ravel()
        out[name] = [(text if values.dtype.kind in "OSU" else number)(v) for v in values]
    def numbers(path):
        data = f[path]
        values, fill = data[()], data.attrs.get("_FillValue")
        if fill is not None and values.dtype.kind in "iu":
            values = np.where(values == fill, np.nan, values.astype(float))
        return values
    show("shape", f["price"].shape[::-1])
    show("dims", ["iteration", "episode"])
    for name in ("price", "outcome_price", "status", "stop_reason", "iterations", "cell",
                 "proposition"):
        if name in f:
            show(name, numbers(name))
    for name in ("label", "n_outcomes", "value"):
        show(name, numbers("propositions/" + name))
    show("threshold", numbers("cells/threshold"))
    show("id", f["propositions/id"][()])
    show("trader", f["cells/trader"][()])
    for name in ("schema", "simulated", "complete", "job_hash"):
        show(name, f.attrs[name])
    show("long_name", f["price"].attrs["long_name"])
    show("flag_meanings", f["status"].attrs["flag_meanings"])
    show("flag_values", f["status"].attrs["flag_values"])
    print(json.dumps(out))
"""


def rscript():
    """Rscript with ncdf4, or a skip."""
    found = shutil.which("Rscript")
    if not found:
        raise unittest.SkipTest("Rscript is not installed")
    tried = subprocess.run([found, "--vanilla", "-e", "library(ncdf4)"], capture_output=True,
                           timeout=300)
    if tried.returncode != 0:
        raise unittest.SkipTest("R has no ncdf4")
    return found


class RTest(harness.TestCase):
    def compare(self, path):
        script = self.dir / "read.R"
        script.write_text(R)
        done = subprocess.run([rscript(), "--vanilla", script, path], capture_output=True,
                              text=True, timeout=300,
                              env={**os.environ, "LC_ALL": "C.UTF-8"})
        self.assertEqual(0, done.returncode, done.stderr)
        seen = {}
        for line in done.stdout.splitlines():
            name, *values = line.split("\t")
            seen[name] = values
        want = json.loads(harness.python(H5PY, path, modules=("h5py", "numpy")))
        self.assertEqual(sorted(want), sorted(seen))
        for name in want:
            self.assertEqual(want[name], seen[name], name)
        return seen

    def test_a_file_of_every_outcome_space(self):
        if not WRITER:
            self.skipTest("WRITE_SAMPLE_BIN is not set")
        path = self.dir / "sample.h5"
        subprocess.run([WRITER, path], check=True, timeout=300)
        seen = self.compare(path)
        self.assertEqual(["1"], seen["complete"])
        self.assertIn("NaN", seen["price"])
        self.assertEqual(["small", "small+large"], seen["trader"])

    def test_the_file_of_a_run(self):
        job = self.write_job(self.sim_job(self.write_claims(6)))
        harness.run("run", job, "-o", self.dir / "run", "--quiet")
        seen = self.compare(self.dir / "run" / "run.h5")
        self.assertEqual(["11", "6"], seen["shape"])
        self.assertEqual([f"c{i}" for i in range(6)], seen["id"])
        self.assertEqual(["1"], seen["simulated"])


if __name__ == "__main__":
    harness.main()
