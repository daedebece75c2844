"""A run.h5 from elsewhere is believed in nothing: every reader refuses it in one line, or reads it right.

Each case changes the structure of a good file, or values that are followed as indices or computed with.
"""

import json
import os
import pathlib
import shutil
import subprocess

import harness

WRITE_SAMPLE = os.environ.get("WRITE_SAMPLE_BIN",
                              str(harness.SOURCE / "build" / "tests" / "unit" / "store" / "write_sample"))

# name: (what is done to the file `f`, a word of the refusal). Numbers of the sample: 24 episodes, 2 cells,
# 4 propositions (the third of 3 options, the fourth a quantity).
CASES = {
    # extents
    "price_wide": ("new(f, 'price', np.zeros((len(f['price']), 5000)))", "/price"),
    "price_narrow": ("new(f, 'price', np.zeros((len(f['price']), 1)))", "/price"),
    "price_short": ("new(f, 'price', f['price'][:3])", "/price"),
    "price_flat": ("new(f, 'price', np.zeros(len(f['price'])))", "/price"),
    "cell_deep": ("new(f, 'cell', np.zeros((len(f['cell']), 5000), 'i4'))", "/cell"),
    "status_deep": ("new(f, 'status', np.ones((len(f['status']), 5000), 'u1'))", "/status"),
    "outcome_price_thin": ("new(f, 'outcome_price', f['outcome_price'][:, :, :1])", "/outcome_price"),
    "quantile_wide": ("new(f, 'quantile', np.zeros(f['quantile'].shape[:2] + (900,)))", "/quantile"),
    "label_short": ("new(f, 'propositions/label', np.zeros(1, 'i4'))", "/propositions/label"),
    "id_deep": ("new(f, 'propositions/id', np.array([['x'] * 50] * 4, object), h5py.string_dtype())",
                "/propositions/id"),
    "cell_name_long": ("new(f, 'cells/name', np.array(['x'] * 50, object), h5py.string_dtype())", "/cells/name"),
    "call_deep": ("new(f, 'calls/iteration', np.zeros((len(f['calls/iteration']), 50), 'i4'))", "/calls/iteration"),
    "calls_uneven": ("new(f, 'calls/role', np.zeros(3, 'u1'))", "/calls/role"),
    "scalar_price": ("new(f, 'price', 0.5)", "/price"),
    "empty_price": ("new(f, 'price', h5py.Empty('f8'))", "/price"),
    # dimensions
    "iteration_huge": ("dim(f, 'iteration', 2**61)", "/iteration"),
    "iteration_wraps": ("dim(f, 'iteration', 2**32 + 5)", "/iteration"),
    "iteration_one": ("dim(f, 'iteration', 1)", "expected 1"),
    "episode_huge": ("dim(f, 'episode', 2**40)", "/episode"),
    "episode_few": ("dim(f, 'episode', 1)", "expected 1"),
    "outcome_huge": ("dim(f, 'outcome', 2**61)", "/outcome"),
    "outcome_one": ("dim(f, 'outcome', 1)", "/outcome"),
    "product_overflows": ("dim(f, 'iteration', 2**20); dim(f, 'outcome', 2**20)", "/outcome"),
    "level_many": ("dim(f, 'level', 4096)", "/level"),
    "no_episode": ("del f['episode']", "/episode"),
    "no_iteration": ("del f['iteration']", "/iteration"),
    "no_price": ("del f['price']", "/price"),
    "no_text": ("del f['propositions/text']", "/propositions/text"),
    "no_cells": ("del f['cells']", "/cells"),
    "no_calls": ("del f['calls']", "/calls"),
    # classes
    "price_of_texts": ("new(f, 'price', np.full(f['price'].shape, 'x', object), h5py.string_dtype())", "/price"),
    "price_of_floats": ("new(f, 'price', f['price'][()].astype('f4'))", "/price"),
    "status_of_words": ("new(f, 'status', f['status'][()].astype('i8'))", "/status"),
    "id_of_numbers": ("new(f, 'propositions/id', np.arange(4))", "/propositions/id"),
    "id_of_fixed": ("new(f, 'propositions/id', np.array([b'x'] * 4, 'S8'))", "/propositions/id"),
    "cell_of_records": ("new(f, 'cell', np.zeros(len(f['cell']), [('a', 'i4'), ('b', 'i4')]))", "/cell"),
    "cell_a_group": ("del f['cell']; f.create_group('cell')", "/cell"),
    "cells_a_dataset": ("del f['cells']; f['cells'] = np.zeros(4)", "/cells"),
    "price_a_type": ("del f['price']; f['price'] = np.dtype('f8')", "/price"),
    # where the data is
    "price_external": ("t = f['price'].shape; del f['price']; "
                       "f.create_dataset('price', t, 'f8', external=[(secret, 0, 1 << 20)])", "/price"),
    "text_external": ("n = len(f['calls/text']); del f['calls/text']; "
                      "f.create_dataset('calls/text', (n,), 'u1', external=[(secret, 0, n)])", "/calls/text"),
    "price_virtual": ("t = f['price'].shape; del f['price']; v = h5py.VirtualLayout(t, 'f8'); "
                      "v[:] = h5py.VirtualSource(other, 'price', t); f.create_virtual_dataset('price', v)", "/price"),
    "price_soft": ("del f['price']; f['price'] = h5py.SoftLink('/latency_s')", "/price"),
    "price_elsewhere": ("del f['price']; f['price'] = h5py.ExternalLink(other, '/price')", "/price"),
    "cells_elsewhere": ("del f['cells']; f['cells'] = h5py.ExternalLink(other, '/cells')", "/cells"),
    "calls_soft": ("del f['calls']; f['calls'] = h5py.SoftLink('/cells')", "/calls"),
    "price_checksummed": ("d = f['price'][()]; del f['price']; f.create_dataset('price', data=d, fletcher32=True)",
                          "filter 3"),
    "price_lzf": ("d = f['price'][()]; del f['price']; f.create_dataset('price', data=d, compression='lzf')",
                  "filter 32000"),
    # what is kept of the items
    "item_soft": ("del f['propositions/item.category']; "
                  "f['propositions/item.category'] = h5py.SoftLink('/propositions/text')", "item.category"),
    "item_of_numbers": ("new(f, 'propositions/item.category', np.arange(4))", "item.category"),
    "item_short": ("new(f, 'propositions/item.category', np.array(['x'], object), h5py.string_dtype())",
                   "item.category"),
    # attributes
    "schema_many": ("attr(f, 'schema', np.full(25000, 2, 'i4'))", "schema"),
    "schema_text": ("attr(f, 'schema', 'two')", "schema"),
    "schema_none": ("del f.attrs['schema']", "not a credence result file"),
    "schema_new": ("attr(f, 'schema', np.int32(3))", "schema 3"),
    "simulated_many": ("attr(f, 'simulated', np.full(10000, 0x41414141, 'i4'))", "simulated"),
    "job_many": ("del f.attrs['job']; f.attrs.create('job', ['A' * 8] * 5000, dtype=h5py.string_dtype())", "job"),
    "job_number": ("attr(f, 'job', 7)", "job"),
    "hash_many": ("attr(f, 'job_hash', np.array([b'A' * 16] * 500, 'S16'))", "job_hash"),
    # values that are followed
    "cell_far": ("f['cell'][0] = 2", "/cell"),
    "cell_negative": ("f['cell'][0] = -2", "/cell"),
    "proposition_far": ("f['proposition'][0] = 1000000", "/proposition"),
    "proposition_negative": ("f['proposition'][0] = -1", "/proposition"),
    "iterations_many": ("f['iterations'][0] = 1000", "/iterations"),
    "iterations_negative": ("f['iterations'][...] = -1", "/iterations"),
    "status_unknown": ("f['status'][0] = 9", "/status"),
    "stop_reason_unknown": ("f['stop_reason'][0] = 99", "/stop_reason"),
    "reason_unknown": ("f['reason'][0] = 99", "/reason"),
    "outcomes_many": ("f['propositions/n_outcomes'][...] = 1000000", "/propositions/n_outcomes"),
    "outcomes_none": ("f['propositions/n_outcomes'][...] = 0", "/propositions/n_outcomes"),
    "label_far": ("f['propositions/label'][...] = 1000000", "/propositions/label"),
    "label_negative": ("f['propositions/label'][...] = -100000000", "/propositions/label"),
    "label_of_options": ("f['propositions/label'][2] = 3", "/propositions/label"),
    "price_nan": ("f['price'][...] = np.nan", "/price"),
    "price_infinite": ("f['price'][...] = np.inf", "/price"),
    "price_negative": ("f['price'][0, 0] = -0.5", "/price"),
    "outcome_price_large": ("f['outcome_price'][...] = 7", "/outcome_price"),
    "replicates_none": ("f['cells/replicates'][...] = 0", "/cells/replicates"),
    "trajectory_far": ("f['cells/trajectory'][...] = 2000000000", "/cells/trajectory"),
    "window_negative": ("f['cells/window'][...] = -5", "/cells/window"),
    "threshold_nan": ("f['cells/threshold'][...] = np.nan", "/cells/threshold"),
}
# What only some readers look at.
CALLS_ONLY = {
    "text_length_huge": "f['calls/text_length'][...] = 2**31 - 1",
    "text_offset_huge": "f['calls/text_offset'][...] = 2**62",
    "text_offset_negative": "f['calls/text_offset'][...] = -8",
    "call_role_unknown": "f['calls/role'][...] = 200",
    "call_reason_unknown": "f['calls/reason'][...] = 200",
    "call_episode_far": "f['calls/episode'][...] = 100000",
    "call_episode_negative": "f['calls/episode'][...] = -1",
}
# A reader that does not look at calls is right; merge says 75, the sample has a pending episode.
READ = (0, 1, 3, 75)
MAKE = """
import h5py, json, numpy as np, pathlib, shutil, sys
good, folder, secret, other = sys.argv[1:5]
def new(f, path, data, dtype=None):
    del f[path]
    f.create_dataset(path, data=data, dtype=dtype)
def dim(f, path, size):
    del f[path]
    f.create_dataset(path, shape=(size,), dtype='>f4', chunks=(1024,), maxshape=(None,))
def attr(f, name, value):
    del f.attrs[name]
    f.attrs[name] = value
for name, code in json.load(sys.stdin).items():
    path = pathlib.Path(folder) / (name + '.h5')
    shutil.copy(good, path)
    with h5py.File(path, 'r+') as f:
        exec(code)
"""


class HostileFileTest(harness.TestCase):
    def make(self, codes):
        good, other = self.dir / "good.h5", self.dir / "other.h5"
        subprocess.run([WRITE_SAMPLE, good], check=True, timeout=300)
        shutil.copy(good, other)
        secret = self.dir / "secret"
        secret.write_text("SECRET" * 200000)
        done = subprocess.run([harness.python_with("h5py"), "-c", MAKE, good, self.dir, secret, other],
                              input=json.dumps(codes), capture_output=True, text=True, timeout=300)
        self.assertEqual(0, done.returncode, done.stderr[-3000:])

    def readers(self, path):
        yield "analyze", harness.run("analyze", path, expect=None)
        yield "show", harness.run("show", path, "--episode", "0", expect=None)
        yield "export", harness.run("export", path, "--to", self.dir / "tables", expect=None)
        yield "inspect", harness.run("export", path, "--to", self.dir / "logs", "--format", "inspect", expect=None)
        yield "merge", harness.run("merge", "-o", self.dir / "merged.h5", path, expect=None)

    def assert_told(self, result, word):
        """Exit 1, and one line on stderr that names what does not fit."""
        self.assertEqual(1, result.code, str(result))
        lines = [line for line in result.err.splitlines() if line]
        self.assertEqual(1, len(lines), str(result))
        self.assertIn(word, lines[0], str(result))

    def test_each_hostile_file_is_refused_by_every_reader(self):
        self.make({name: code for name, (code, _) in CASES.items()})
        for name, (_, word) in CASES.items():
            for reader, result in self.readers(self.dir / f"{name}.h5"):
                with self.subTest(case=name, reader=reader):
                    self.assert_told(result, word)
                    self.assertNotIn("SECRET", result.out + result.err)

    def test_calls_that_lead_nowhere_are_refused_where_they_are_read(self):
        self.make(CALLS_ONLY)
        for name in CALLS_ONLY:
            for reader, result in self.readers(self.dir / f"{name}.h5"):
                with self.subTest(case=name, reader=reader):
                    self.assertIn(result.code, READ, str(result))

    def test_a_good_file_passes_and_one_that_is_no_file_is_told(self):
        self.make({})
        for reader, result in self.readers(self.dir / "good.h5"):
            self.assertIn(result.code, (0, 75), f"{reader}: {result}")
        fifo = self.dir / "fifo.h5"
        os.mkfifo(fifo)
        for reader, result in self.readers(fifo):
            with self.subTest(reader=reader):
                self.assert_told(result, "not a regular file")

    def test_a_damaged_result_of_a_directory_names_rebuild(self):
        run = self.dir / "run"
        (run / "tape").mkdir(parents=True)
        self.make({})
        whole = (self.dir / "good.h5").read_bytes()
        (run / "run.h5").write_bytes(whole[:len(whole) // 2])
        for reader, result in self.readers(run / "run.h5"):
            with self.subTest(reader=reader):
                self.assert_told(result, f"credence rebuild {run}")


if __name__ == "__main__":
    if not pathlib.Path(WRITE_SAMPLE).exists():
        raise SystemExit(f"{WRITE_SAMPLE} is missing: build the tests first")
    harness.main()
