"""Modules that only a part of the package needs: asked for when that part is used."""

import importlib


class MissingModule(ImportError):
    """What is missing, and how to get it."""


def missing(problem):
    """PROBLEM, an ImportError, as an error that says what to install."""
    if isinstance(problem, MissingModule) or not problem.name:
        return problem
    name = problem.name.split(".")[0]
    return MissingModule(f"the Python module {name} is missing: `pip install {name}`, on Debian "
                         f"`apt install python3-{name.lower()}`", name=name)


def need(name):
    """Module NAME, or an error that says what to install."""
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        raise missing(problem) from None
