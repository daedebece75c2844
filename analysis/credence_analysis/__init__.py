"""Figures, reports and an explorer from credence's price trajectories.

>>> from credence_analysis import open_run, analyze
>>> run = open_run("runs/quickstart")
>>> run.frame().query("opening_right == 'yes' and final_right == 'no'")
>>> run.to_xarray()["price"].sel(stance="free")
>>> analyze("runs/quickstart")["groups"][0]["accuracy"]["final"]

Numbers come from `credence analyze`, pictures from here.
"""

__all__ = ["BadFile", "Run", "Table", "analyze", "open_run"]
__version__ = "0.2.0"

_HOMES = {"BadFile": "checked", "Run": "run", "Table": "run", "open_run": "run",
          "analyze": "numbers"}


def __getattr__(name):
    """The parts, imported when first used: so that what is missing can be said in one line."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib
    from . import needs
    try:
        module = importlib.import_module("." + _HOMES[name], __name__)
    except ImportError as problem:
        raise needs.missing(problem) from None
    return getattr(module, name)
