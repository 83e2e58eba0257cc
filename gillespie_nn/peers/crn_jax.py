"""crn-jax on the CPU: its vectorised simulator of ensembles, compiled beforehand for the number of replicates."""

import os
from typing import Any

import numpy as np

from .base import Job, Peer


class CrnJax(Peer):
    name = "crn-jax"
    modules = ("crn_jax", "jax")
    distribution = "crn-jax"
    install = "crn-jax"
    ensembles_only = True

    def __init__(self, job: Job) -> None:
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        import jax
        import jax.numpy as jnp
        from crn_jax.models import make_apply_reaction
        from crn_jax.models._common import make_vmap_simulator

        channels, start, n_steps = job.channels(), job.start(), job.n_points - 1
        index = {s: i for i, s in enumerate(job.species)}

        def propensity(c: Any, x: Any) -> Any:
            if c.hill is not None:
                return c.hill.k / (1.0 + (x[index[c.hill.repressor]] / c.hill.half) ** c.hill.power)
            value = jnp.asarray(c.k)
            for s, m in c.reactants:
                for j in range(m):
                    value = value * (x[index[s]] - j)
            return value

        changes = np.zeros((len(channels), len(job.species)))
        for row, c in zip(changes, channels):
            for s, m in c.products:
                row[index[s]] += m
            for s, m in c.reactants:
                row[index[s]] -= m
        self._jax = jax
        self._simulate = make_vmap_simulator(
            n_steps,
            lambda state, _: jnp.stack([propensity(c, state.x) for c in channels]),
            make_apply_reaction(changes.tolist()),
        )
        self._start = jnp.asarray([start[s] for s in job.species], dtype=jnp.float32)
        self._step = job.t_end / n_steps

    def run(self, n: int, seed: int) -> np.ndarray:
        keys = self._jax.random.split(self._jax.random.PRNGKey(seed), n)
        start = self._jax.numpy.tile(self._start, (n, 1))
        return np.asarray(self._simulate(keys, start, self._step).x)

    def counts(self, result: np.ndarray) -> np.ndarray:
        start = np.broadcast_to(np.asarray(self._start), (len(result), 1, result.shape[2]))
        return np.concatenate([start, result], axis=1)
