"""run.h5 as tidy tables of numpy columns, and as labelled arrays when xarray is there."""

import json
import os

import h5py
import numpy as np

STATUS = ("pending", "done", "invalid", "failed")


class Table(dict):
    """Columns of equal length by name."""

    def __len__(self):
        return len(next(iter(self.values()))) if self.keys() else 0

    def where(self, mask):
        return Table({name: column[mask] for name, column in self.items()})

    def rows(self):
        names = list(self)
        for values in zip(*self.values()):
            yield dict(zip(names, values))

    def frame(self):
        """A pandas DataFrame, when pandas is there."""
        import pandas
        return pandas.DataFrame({name: list(column) if column.ndim > 1 else column
                                 for name, column in self.items()})


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _column(data):
    if h5py.check_string_dtype(data.dtype) is not None:
        return np.array([_text(value) for value in data[()]], dtype=object)
    return data[()]


def _group(file, name, length):
    """The variables of a group that run along its own dimension."""
    return Table({key: _column(data) for key, data in file[name].items()
                  if data.ndim == 1 and data.shape[0] == length and
                  data.attrs.get("CLASS", b"") != b"DIMENSION_SCALE"})


class Run:
    """One run file, read when it is opened; the texts of calls are read when asked for."""

    def __init__(self, path):
        self.path = os.fspath(path)
        with self._file() as file:
            self.attributes = {name: _text(value) for name, value in file.attrs.items()}
            count, self.steps = file["price"].shape
            self.cells = _group(file, "cells", file["cells/name"].shape[0])
            self.propositions = _group(file, "propositions",
                                       file["propositions/id"].shape[0])
            names = [name for name, data in file.items()
                     if isinstance(data, h5py.Dataset) and data.shape == (count,) and
                     name != "episode"]
            self.episodes = Table({name: _column(file[name]) for name in names})
            self.episodes["episode"] = np.arange(count)
            self.price = file["price"][()]
            self.outcome_price = file["outcome_price"][()] if "outcome_price" in file else None

    def _file(self):
        try:
            return h5py.File(self.path, "r", libver="latest", swmr=True)
        except (OSError, ValueError):
            return h5py.File(self.path, "r")

    @property
    def name(self):
        return self.attributes.get("title") or os.path.basename(self.path)

    @property
    def job(self):
        try:
            return json.loads(self.attributes.get("job", "{}"))
        except ValueError:
            return {}

    @property
    def is_simulated(self):
        return bool(self.attributes.get("simulated", 0))

    @property
    def is_complete(self):
        return bool(self.attributes.get("complete", 0))

    def prices(self):
        """One row a judgment: episode, t, price, cell, proposition, label."""
        lengths = self.episodes["iterations"]
        episode = np.repeat(self.episodes["episode"], lengths)
        t = np.concatenate([np.arange(n) for n in lengths]) if len(lengths) else episode
        proposition = self.episodes["proposition"][episode]
        return Table(episode=episode, t=t, price=self.price[episode, t],
                     cell=self.episodes["cell"][episode], proposition=proposition,
                     label=self.propositions["label"][proposition])

    def calls(self, episode=None):
        """The calls, in order, with their texts; of one episode's trajectory when asked."""
        with self._file() as file:
            if "calls" not in file or "calls/episode" not in file:
                return Table()
            table = _group(file, "calls", file["calls/episode"].shape[0])
            if episode is not None:
                table = table.where(np.isin(table["episode"], self._siblings(episode)))
            offsets = table.get("text_offset", np.zeros(0, int))
            lengths = table.get("text_length", np.zeros(0, int))
            text = file["calls/text"] if "text" in file["calls"] else None
            table["text"] = np.array(
                [bytes(text[o:o + n]).decode("utf-8", "replace")
                 if text is not None and n >= 0 else None
                 for o, n in zip(offsets, lengths)], dtype=object)
            return table

    def _siblings(self, episode):
        """The episodes that share EPISODE's trajectory: its calls stand at one of them."""
        cell = self.episodes["cell"]
        trajectory = np.where(cell >= 0, self.cells["trajectory"][np.maximum(cell, 0)], -1)
        same = ((trajectory == trajectory[episode]) &
                (self.episodes["proposition"] == self.episodes["proposition"][episode]) &
                (self.episodes["replicate"] == self.episodes["replicate"][episode]))
        return np.flatnonzero(same)

    def to_xarray(self):
        """The file as an xarray dataset (needs xarray and h5netcdf)."""
        import xarray
        with xarray.open_dataset(self.path, engine="h5netcdf") as data:
            return data.load()


def open_run(path):
    """Open a run file, or the run file of a run directory."""
    path = os.fspath(path)
    return Run(os.path.join(path, "run.h5") if os.path.isdir(path) else path)
