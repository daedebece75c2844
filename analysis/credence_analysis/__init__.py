"""Figures and reports from credence's price trajectories.

>>> from credence_analysis import open_run, analyze
>>> run = open_run("runs/quickstart")
>>> run.episodes["status"][:3]
>>> analyze("runs/quickstart")["groups"][0]["accuracy"]["final"]

Numbers come from `credence analyze`, pictures from here.
"""

from .numbers import analyze
from .run import Run, Table, open_run

__all__ = ["Run", "Table", "analyze", "open_run"]
__version__ = "0.2.0"
