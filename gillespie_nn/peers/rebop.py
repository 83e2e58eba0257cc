"""rebop, one call a replicate: it has no call for ensembles. Its mass action is that of ordered tuples, as here.

`Gillespie.run`, the documented call, makes an xarray dataset of each run, which takes longer than the simulation. The
compiled call inside it is measured as well, under a name of its own; it is not documented.
"""

from typing import Any

import numpy as np

from .base import Job, Peer


class Rebop(Peer):
    name = "rebop"
    modules = ("rebop",)
    distribution = "rebop"
    install = "rebop"
    most_reactions = 1000

    def __init__(self, job: Job) -> None:
        import rebop

        self._model = rebop.Gillespie()
        for c in job.channels():
            self._model.add_reaction(c.k if c.hill is None else c.formula(), c.left(), c.right())
        self._initial, self._t_end, self._species = job.start(), job.t_end, job.species
        self._n_steps = job.n_points - 1

    def run(self, n: int, seed: int) -> list:
        first = seed * n
        return [self._model.run(self._initial, self._t_end, self._n_steps, rng=first + k) for k in range(n)]

    def counts(self, result: list) -> np.ndarray:
        return np.array([np.stack([run[s].values for s in self._species], axis=-1) for run in result])


class RebopInside(Rebop):
    name = "rebop (inside)"
    documented = False
    ensembles_only = True

    def run(self, n: int, seed: int) -> list:
        inside: Any = self._model.gillespie
        inside.set_init(self._initial)
        first, points = seed * n, self._n_steps
        return [
            inside.run(self._t_end, points, params={}, seed=first + k, sparse=None, var_names=None)[1] for k in range(n)
        ]

    def counts(self, result: list) -> np.ndarray:
        return np.array([np.stack([run[s] for s in self._species], axis=-1) for run in result])
