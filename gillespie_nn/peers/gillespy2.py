"""GillesPy2's SSA solver in C++, compiled beforehand; one call simulates all replicates. It needs a C++ compiler.

Its mass action of one or two molecules is k A (A - 1), as here; of more it has none.
"""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .base import Channel, Job, Peer

_MOST_MASS_ACTION = 2
"""Molecules that react in its mass action, at most."""


class GillesPy2(Peer):
    name = "GillesPy2"
    modules = ("gillespy2", "SCons")
    distribution = "gillespy2"
    install = "gillespy2 scons"
    most_reactions = 1000

    def __init__(self, job: Job) -> None:
        import gillespy2

        self._model = model = gillespy2.Model(name="model")
        for s, n in job.start().items():
            model.add_species(gillespy2.Species(name=s, initial_value=n, mode="discrete"))
        for c in job.channels():
            model.add_parameter(gillespy2.Parameter(name=f"k_{c.name}", expression=c.k))
            model.add_reaction(
                gillespy2.Reaction(name=c.name, reactants=dict(c.reactants), products=dict(c.products), **_rate(c))
            )
        model.timespan(job.grid)
        with _scons_found():
            self._solver = gillespy2.SSACSolver(model)
        self._species = job.species

    def run(self, n: int, seed: int) -> Any:
        return self._model.run(solver=self._solver, number_of_trajectories=n, seed=seed + 1)

    def counts(self, result: Any) -> np.ndarray:
        runs = [result] if hasattr(result, "keys") else result
        return np.stack([np.stack([run[s] for s in self._species], axis=-1) for run in runs])


def _rate(channel: Channel) -> dict[str, str]:
    if channel.hill is None and len(channel.left()) <= _MOST_MASS_ACTION:
        return {"rate": f"k_{channel.name}"}
    return {"propensity_function": channel.formula("**")}


@contextmanager
def _scons_found() -> Iterator[None]:
    """Its build runs in the base interpreter, which finds SCons of this environment only through PYTHONPATH."""
    before, scons = os.environ.get("PYTHONPATH"), importlib.util.find_spec("SCons")
    assert scons is not None and scons.origin is not None
    os.environ["PYTHONPATH"] = str(Path(scons.origin).parent.parent)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
