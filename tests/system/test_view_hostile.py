"""A run.h5 from elsewhere is hostile input: the Python package refuses what is not sound in one line."""

import collections
import concurrent.futures
import os
import subprocess
import sys

import harness

try:
    import h5py
    import numpy as np
    import make_run
except ImportError as missing:
    print(f"skipped: the package needs {missing.name}", file=sys.stderr)
    sys.exit(harness.SKIPPED)

PACKAGE = harness.SOURCE / "analysis"
sys.path.insert(0, str(PACKAGE))

os.environ["PYTHONPATH"] = os.pathsep.join([str(PACKAGE), os.environ.get("PYTHONPATH", "")])

import credence_analysis  # noqa: E402
from credence_analysis import pack, preflight, search  # noqa: E402
from credence_analysis.transcript_json import call_rows, own  # noqa: E402


def replaced(path, make):
    def change(file):
        old = file[path][()]
        del file[path]
        made = make(old)
        kind = h5py.string_dtype() if np.asarray(made).dtype.kind in "UO" else None
        file.create_dataset(path, data=made, dtype=kind)
    return change


def filled(path, value):
    def change(file):
        file[path][...] = value
    return change


def linked(path, link):
    def change(file):
        del file[path]
        file[path] = link
    return change


def virtual(file):
    layout = h5py.VirtualLayout(shape=file["price"].shape, dtype="f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "price", shape=file["price"].shape)
    del file["price"]
    file.create_virtual_dataset("price", layout)


def external(file):
    shape = file["price"].shape
    del file["price"]
    file.create_dataset("price", shape, "f8", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def filtered(file):
    shape = file["status"].shape
    del file["status"]
    file.create_dataset("status", shape, "u1", chunks=shape, compression="lzf")


def huge(file):
    del file["price"]
    file.create_dataset("price", (1 << 40, 11), "f8", chunks=(1024, 11), fillvalue=0.5)


def without(path):
    def change(file):
        del file[path]
    return change


def attribute(name, value):
    def change(file):
        del file.attrs[name]
        if value is not None:
            file.attrs[name] = value
    return change


# Name: what is done to a sound file, and what the refusal names.
REFUSED = {
    "price of rank 1": (replaced("price", lambda x: x[:, 0]), "price"),
    "price of rank 3": (replaced("price", lambda x: x[:, :, None]), "price"),
    "price as text": (replaced("price", lambda x: np.full(x.shape, "a", object)), "price"),
    "price above one": (filled("price", 1.5), "price"),
    "price of a trillion rows": (huge, "price"),
    "price virtual": (virtual, "virtual"),
    "price in another file": (external, "another file"),
    "a filter that is not ours": (filtered, "filter"),
    "a soft link": (linked("price", h5py.SoftLink("/cell")), "link"),
    "an external link": (linked("price", h5py.ExternalLink("/etc/passwd", "/")), "link"),
    "a group for a variable": (lambda f: (f.__delitem__("status"), f.create_group("status")),
                               "status"),
    "cell of rank 2": (replaced("cell", lambda x: np.zeros((len(x), 3), "i4")), "cell"),
    "cell past the table": (filled("cell", 1000), "cell[0]"),
    "cell as numbers": (replaced("cell", lambda x: x.astype("f8")), "cell"),
    "proposition past the table": (filled("proposition", 2 ** 30), "proposition[0]"),
    "iterations past the width": (filled("iterations", 12), "iterations[0]"),
    "iterations negative": (filled("iterations", -1), "iterations[0]"),
    "status unknown": (filled("status", 9), "status[0]"),
    "label past its options": (filled("propositions/label", 1000), "label"),
    "options without end": (filled("propositions/n_outcomes", 2 ** 30), "n_outcomes"),
    "ids of rank 2": (replaced("propositions/id", lambda x: np.full((len(x), 2), "a", object)),
                      "propositions/id"),
    "a shorter column": (replaced("propositions/text", lambda x: x[:-1]), "propositions/text"),
    "no cells": (without("cells/name"), "cells/name"),
    "cells as a variable": (lambda f: (f.__delitem__("cells"), f.create_dataset("cells", data=1)),
                            "cells"),
    "no schema": (attribute("schema", None), "schema"),
    "a schema of many": (attribute("schema", np.full(1000, 1)), "schema"),
    "a schema to come": (attribute("schema", 99), "schema"),
}


# Call tables that are not sound: the run is read, its texts are refused or left out.
CALLS = {
    "text length past the blob": filled("calls/text_length", 2 ** 31 - 1),
    "text offset past the blob": filled("calls/text_offset", 2 ** 62),
    "text offset negative": filled("calls/text_offset", -5),
    "episode past the table": filled("calls/episode", 2 ** 30),
    "iteration of rank 2": replaced("calls/iteration", lambda x: np.zeros((len(x), 9), "i4")),
    "role unknown": filled("calls/role", 200),
    "model past the list": filled("calls/model", 2 ** 30),
    "texts as numbers": replaced("calls/text", lambda x: x.astype("f8")),
}


class HostileFileTest(harness.TestCase):
    def make(self, change):
        path = self.dir / "run.h5"
        path.unlink(missing_ok=True)
        make_run.random_run(path, np.random.default_rng(1), questions=4)
        make_run.add_calls(path, [dict(episode=e, iteration=0, role=0, text="said") for e in
                                  range(8)])
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    def test_the_file_itself_is_sound(self):
        run = credence_analysis.open_run(self.make(lambda file: None))
        self.assertEqual(16, len(run.episodes))
        self.assertEqual("said", next(run.calls(0).rows())["text"])

    def test_what_is_not_sound_is_refused_in_one_line(self):
        for name, (change, said) in REFUSED.items():
            with self.subTest(name):
                path = self.make(change)
                with self.assertRaises(credence_analysis.BadFile) as caught:
                    credence_analysis.open_run(path)
                text = str(caught.exception)
                self.assertEqual(1, len(text.splitlines()), text)
                self.assertIn(str(path), text)
                self.assertIn(said, text)

    def test_calls_that_point_outside_are_left_out_or_refused(self):
        for name, change in CALLS.items():
            with self.subTest(name):
                run = credence_analysis.open_run(self.make(change))
                pack.build([run], ["a"])
                for use in (lambda: call_rows(run, run.calls(0)), lambda: own(run, 0),
                            lambda: search.search(run, "said")):
                    try:
                        use()
                    except credence_analysis.BadFile as problem:
                        self.assertEqual(1, len(str(problem).splitlines()))

    def test_a_file_that_is_none_is_one_line_on_the_command_line(self):
        cases = {"empty": b"", "text": b"hello", "cut": self.make(lambda f: None).read_bytes()[:3000]}
        for name, data in cases.items():
            path = self.dir / f"{name}.h5"
            path.write_bytes(data)
            for command in (["report", path, "-o", self.dir / "r.html"],
                            ["view", path, "--bundle", self.dir / "b.html"],
                            ["view", path, "--port", "0"]):
                done = subprocess.run(
                    [sys.executable, "-m", "credence_analysis", *map(str, command)],
                    capture_output=True, text=True, timeout=300,
                    env={**os.environ, "PYTHONPATH": str(PACKAGE)})
                self.assertEqual(1, done.returncode, done.stderr)
                self.assertEqual(1, len(done.stderr.splitlines()), done.stderr)
                self.assertIn(path.name, done.stderr)
        self.assertEqual([], [p for p in self.dir.iterdir() if p.suffix in (".html", ".part")])

    def test_damage_in_any_byte_is_read_over_or_refused_in_one_line(self):
        """Some of these files end a process inside the HDF5 library itself."""
        whole = self.make(lambda file: None).read_bytes()
        rng = np.random.default_rng(7)
        paths = []
        for i in range(120):
            data = bytearray(whole)
            for at in rng.integers(0, len(data), rng.integers(1, 9)):
                data[at] = rng.integers(0, 256)
            paths.append(self.dir / f"{i}.h5")
            paths[-1].write_bytes(data)

        def outcome(path):
            try:
                preflight.check(path)
                return "read"
            except credence_analysis.BadFile as problem:
                self.assertEqual(1, len(str(problem).splitlines()), problem)
                return "crashed" if "crashed" in str(problem) else "refused"
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            found = collections.Counter(pool.map(outcome, paths))
        print(f"{len(paths)} damaged files: {dict(found)}")
        self.assertEqual({"read", "refused"}, set(found) - {"crashed"})

    def test_an_output_that_cannot_be_written_is_one_line_and_leaves_nothing(self):
        path = self.make(lambda file: None)
        missing = self.dir / "no" / "such" / "r.html"
        done = subprocess.run(
            [sys.executable, "-m", "credence_analysis", "view", str(path), "--bundle",
             str(missing)], capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(PACKAGE)})
        self.assertEqual(1, done.returncode)
        self.assertEqual(1, len(done.stderr.splitlines()), done.stderr)
        done = subprocess.run(
            [sys.executable, "-m", "credence_analysis", "view", str(path), "--bundle",
             "/dev/full"], capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(PACKAGE)})
        self.assertEqual(1, done.returncode)
        self.assertIn("No space left", done.stderr)


if __name__ == "__main__":
    harness.main()
