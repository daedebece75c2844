"""run.h5 as tidy tables of numpy columns, in words, and as labelled arrays.

Every variable is opened through checked.py: a damaged or hostile file is one BadFile.
"""

import json
import os

import numpy as np

from .checked import BadFile, Checked, open_file, text
from .needs import need

STATUS = ("pending", "done", "invalid", "failed")
STOP = ("none", "equilibrium", "max_iterations", "invalid", "failed", "stable_side", "ks",
        "complete", "no_argument", "patience", "confidence", "sprt")
SCHEMAS = (1, 2)
STEPS_MAX = 1 << 16

CELL_TEXTS = ("name", "protocol", "benchmark", "maker", "trader", "stance")
# Columns of /cells that are a word of the job: the order in which people name them.
FACTORS = ("benchmark", "protocol", "maker", "trader", "stance", "prompts", "prompts_trader",
           "elicitation", "stop_rule", "threshold", "window", "max_iterations", "samples",
           "rounds", "order", "memory", "chain_of_thought", "stop_early")
# Factors whose name in a job, and in `credence list`, is longer than that of their variable.
JOB_NAMES = {"stop_rule": "stop.rule", "threshold": "stop.threshold", "window": "stop.window",
             "prompts_trader": "prompts.trader"}
# What every file has of a proposition; the others are columns kept from the items.
PROPOSITION = ("id", "question_id", "benchmark", "space", "label", "n_outcomes", "value", "low",
               "high", "unit", "text", "options")


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
        """A pandas DataFrame (needs pandas)."""
        pandas = need("pandas")
        return pandas.DataFrame({name: list(column) if column.ndim > 1 else column
                                 for name, column in self.items()})


def in_words(values, words):
    """Codes as words; a code without one is said as it is."""
    values = np.asarray(values)
    out = np.empty(len(values), dtype=object)
    for code in np.unique(values):
        out[values == code] = words.get(int(code), f"code {int(code)}")
    return out


def _group(source, name, length):
    """The variables of a group that run along its own dimension."""
    table = Table()
    for key in source.names(name):
        data = source.data(f"{name}/{key}")
        if data.shape != (length,) or data.dtype.kind not in "iufOS":
            continue
        if data.attrs.get("CLASS", b"") == b"DIMENSION_SCALE":
            continue
        table[key] = source.read(f"{name}/{key}")
    return table


class Run:
    """One run file, read when it is opened; the texts of calls are read when asked for."""

    def __init__(self, path):
        self.path = os.fspath(path)
        with open_file(self.path) as file:
            source = Checked(file, self.path)
            self.attributes = source.attributes()
            if self.attributes.get("schema") not in SCHEMAS:
                raise BadFile(f"{self.path}: schema {self.attributes.get('schema', 'missing')}, "
                              "expected a credence result file of schema 1 or 2")
            self._read_cells(source)
            self._read_propositions(source)
            self._read_episodes(source)
            self._read_prices(source)
        self._fill_plan()

    def _fill_plan(self):
        """Schema 1 leaves cell, proposition and replicate of a pending row at -1. The plan numbers
        episodes by trajectory, proposition, replicate and cell, so they are known all the same."""
        episodes = self.episodes
        gaps = episodes["cell"] < 0
        if not gaps.any() or "replicates" not in self.cells:
            return
        plan = []
        for trajectory in np.unique(self.cells["trajectory"]):
            cells = np.flatnonzero(self.cells["trajectory"] == trajectory)
            items = np.flatnonzero(self.propositions["benchmark"] ==
                                   self.cells["benchmark"][cells[0]])
            times = int(self.cells["replicates"][cells[0]])
            if not 0 < len(items) * times * len(cells) <= len(gaps):
                return
            grid = np.meshgrid(items, np.arange(times), cells, indexing="ij")
            plan.append(np.stack([part.ravel() for part in grid]))
        plan = np.concatenate(plan, axis=1)
        columns = dict(zip(("proposition", "replicate", "cell"), plan))
        if plan.shape[1] != len(gaps) or any(
                (episodes[name][~gaps] != values[~gaps]).any() for name, values in columns.items()):
            return  # not in the order of a plan: merged, or made by another hand
        for name, values in columns.items():
            episodes[name] = np.where(gaps, values, episodes[name])

    def _read_cells(self, source):
        count, = source.data("cells/name", "text", (None,)).shape
        for name in CELL_TEXTS:
            source.data("cells/" + name, "text", (count,))
        for name in ("trajectory", "window", "max_iterations"):
            source.data("cells/" + name, "integer", (count,))
        self.cells = _group(source, "cells", count)
        for name in ("chain_of_thought", "stop_early", "reads_label"):
            if name in self.cells:
                self.cells[name] = self.cells[name].astype(bool)

    def _read_propositions(self, source):
        count, = source.data("propositions/id", "text", (None,)).shape
        for name in ("question_id", "benchmark", "text"):
            source.data("propositions/" + name, "text", (count,))
        self.propositions = table = _group(source, "propositions", count)
        for name in ("label", "n_outcomes"):
            table[name] = source.read("propositions/" + name, "integer", (count,))
        source.within("propositions/n_outcomes", table["n_outcomes"], 0, 1 << 16)
        source.within("propositions/label", table["label"], -1, 1 << 16)
        wrong = np.flatnonzero(table["label"] > np.maximum(table["n_outcomes"] - 1, 1))
        if len(wrong):
            raise source.bad(f"propositions/label[{wrong[0]}]", table["label"][wrong[0]],
                             f"below its {table['n_outcomes'][wrong[0]]} options")
        self.kept = [name for name in table if name not in PROPOSITION]

    def _read_episodes(self, source):
        count, steps = source.data("price", "number", (None, None)).shape
        if not 0 < steps <= STEPS_MAX:
            raise source.bad("price", f"{steps} iterations", f"1 to {STEPS_MAX}")
        self.steps = steps
        rows = {"cell": len(self.cells), "proposition": len(self.propositions)}
        self.episodes = table = Table(episode=np.arange(count))
        for name in source.names("/"):
            data = source.data(name)
            if data.shape != (count,) or name == "episode" or data.dtype.kind not in "iuf":
                continue
            table[name] = (source.indices(name, count, rows[name]) if name in rows
                           else source.read(name))
        for name in ("cell", "proposition", "replicate", "iterations", "status", "stop_reason"):
            if name not in table:
                source.data(name, "integer", (count,))
                raise source.bad(name, "another shape", f"{count} integers")
        source.within("iterations", table["iterations"], 0, steps)
        source.within("status", table["status"], 0, len(STATUS) - 1)
        self.status_words = source.words("status", STATUS)
        self.stop_words = source.words("stop_reason", STOP)
        self.reason_words = source.words("reason") if "reason" in table else {}

    def _read_prices(self, source):
        count = len(self.episodes)
        self.price = source.read("price", "number", (count, self.steps))
        self.outcome_price = self.price_held = self.price_idle = self.quantile = self.push = None
        if source.has("outcome_price"):
            self.outcome_price = source.read("outcome_price", "number",
                                             (count, self.steps, None))
            source.within("propositions/n_outcomes", self.propositions["n_outcomes"], 0,
                          max(1, self.outcome_price.shape[2]))
        for name, shape in (("price_held", (count, self.steps)), ("price_idle", (count, self.steps)),
                            ("push", (count, self.steps)), ("quantile", (count, self.steps, None))):
            if source.has(name):
                setattr(self, name, source.read(name, "number", shape))
        self.repaired = self._read_repairs(source, count)
        for name in ("price", "outcome_price", "price_held", "price_idle"):
            values = getattr(self, name)
            if values is not None and len(values):
                with np.errstate(invalid="ignore"):
                    self._check_prices(source, name, values)

    def _read_repairs(self, source, count):
        """How many iterations of each market had a reply that was repaired."""
        for name, missing in (("repair_reason", 255), ("repairs", 255)):
            if source.has(name):
                values = source.read(name, "integer", (count, self.steps))
                return ((values > 0) & (values < missing)).sum(axis=1)
        return None

    @staticmethod
    def _check_prices(source, name, values):
        wrong = np.argwhere((values < 0) | (values > 1))
        if len(wrong):
            at = tuple(int(i) for i in wrong[0])
            raise source.bad(f"{name}{list(at)}", values[at], "a price between 0 and 1")

    @property
    def name(self):
        return str(self.attributes.get("title") or os.path.basename(self.path))

    @property
    def job(self):
        try:
            job = json.loads(str(self.attributes.get("job", "{}")))
        except (ValueError, RecursionError):
            return {}
        return job if isinstance(job, dict) else {}

    @property
    def models(self):
        """Names of the models, as /calls/model counts them."""
        try:
            names = json.loads(str(self.attributes.get("models", "[]")))
        except (ValueError, RecursionError):
            return []
        return [str(name) for name in names] if isinstance(names, list) else []

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
        t = (np.arange(len(episode)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
             if len(lengths) else episode)
        proposition = self.episodes["proposition"][episode]
        return Table(episode=episode, t=t, price=self.price[episode, t],
                     cell=self.episodes["cell"][episode], proposition=proposition,
                     label=self.propositions["label"][proposition])

    def factors(self):
        """The factors of /cells that are there, in the order in which `credence list` has them."""
        return [name for name in FACTORS if name in self.cells]

    def differing(self):
        """The factors that are not the same in every cell."""
        return [name for name in self.factors()
                if len({str(value) for value in self.cells[name]}) > 1]

    def calls(self, episode=None):
        """The calls, in order, with their texts; of one episode's trajectory when asked."""
        from .calls import read_calls
        return read_calls(self, episode)

    def siblings(self, episode):
        """The episodes that share EPISODE's trajectory: its calls are kept at one of them."""
        cell = self.episodes["cell"]
        trajectory = np.where(cell >= 0, self.cells["trajectory"][np.maximum(cell, 0)], -1)
        same = ((trajectory == trajectory[episode]) &
                (self.episodes["proposition"] == self.episodes["proposition"][episode]) &
                (self.episodes["replicate"] == self.episodes["replicate"][episode]))
        return np.flatnonzero(same)

    def markets(self):
        """One row a market, in words, with the columns of `credence list`: what it was about, how
        it opened, how it ended and why."""
        from .markets import market_table
        return market_table(self)

    def frame(self):
        """`markets()` as a pandas DataFrame (needs pandas)."""
        return self.markets().frame()

    def to_xarray(self):
        """Prices and totals with a label for every factor, item and replicate, so that
        `.sel(stance="free")` chooses markets (needs xarray and pandas)."""
        from .labelled import labelled
        return labelled(self)


def open_run(path):
    """Open a run file, or the run file of a run directory."""
    path = os.fspath(path)
    return Run(os.path.join(path, "run.h5") if os.path.isdir(path) else path)


__all__ = ["BadFile", "Run", "Table", "open_run", "text"]
