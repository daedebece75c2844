"""A run as an xarray dataset whose labels can be chosen by name."""

import numpy as np

from .needs import need
from .run import JOB_NAMES


def labelled(run):
    """price (episode, iteration) and one value a market, labelled along `episode` by every
    factor that differs between the cells, by item and by replicate.

    >>> data = run.to_xarray()
    >>> data["price"].sel(stance="free").mean("episode")
    """
    pandas, xarray = need("pandas"), need("xarray")
    markets = run.markets()
    levels = run.differing()
    if len(run.cells) > 1 and not levels:
        levels = ["cell"]
    names = [*levels, "item", "replicate"]
    if len(set(run.propositions["benchmark"])) > 1 and "benchmark" not in names:
        names.insert(0, "benchmark")
    index = pandas.MultiIndex.from_arrays(
        [markets[JOB_NAMES.get(name, name)] for name in names], names=names)
    one = {name: ("episode", values) for name, values in markets.items()
           if name not in names and name not in ("episode", "text", "question")}
    data = {"price": (("episode", "iteration"), run.price), **one,
            "number": ("episode", markets["episode"])}
    for name, dims in (("outcome_price", ("episode", "iteration", "outcome")),
                       ("price_held", ("episode", "iteration")),
                       ("price_idle", ("episode", "iteration")),
                       ("quantile", ("episode", "iteration", "level"))):
        if getattr(run, name) is not None:
            data[name] = (dims, getattr(run, name))
    made = xarray.Dataset(data, attrs={k: v for k, v in run.attributes.items()})
    return made.assign_coords(iteration=np.arange(run.steps), episode=index)
