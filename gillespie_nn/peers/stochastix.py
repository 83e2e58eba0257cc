"""stochastix on the CPU: `stochsimsolve` under `vmap` and `jit`, compiled beforehand for the number of replicates, and
its `interpolate` to the recorded points. Its `faststochsimsolve` records no points; called once an interval it was
slower."""

import os
import warnings
from typing import Any

import numpy as np

from .base import Channel, Job, Peer, in_order


class Stochastix(Peer):
    name = "stochastix"
    modules = ("stochastix", "jax")
    distribution = "stochastix"
    install = "stochastix"
    ensembles_only = True

    def __init__(self, job: Job) -> None:
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        import jax
        import jax.numpy as jnp

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import stochastix
        network = stochastix.ReactionNetwork([_reaction(stochastix, c) for c in job.channels()])
        initial = job.start()
        grid, start = jnp.asarray(job.grid), jnp.asarray([float(initial[s]) for s in network.species])

        def one(key: Any) -> Any:
            run = stochastix.stochsimsolve(
                key, network, start, T=job.t_end, max_steps=job.most_events, solver=stochastix.DirectMethod(),
                save_propensities=False,
            )  # fmt: skip
            return run.interpolate(grid).x, run.reactions[-1] >= 0

        self._jax, self._simulate = jax, jax.jit(jax.vmap(one))
        self._order = in_order(network.species, job.species)

    def run(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        counts, cut = self._simulate(self._jax.random.split(self._jax.random.PRNGKey(seed), n))
        return np.asarray(counts), np.asarray(cut)

    def counts(self, result: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        counts, cut = result
        if cut.any():
            raise RuntimeError(f"{cut.sum()} runs had more events than expected and were cut off")
        return counts[:, :, self._order]


def _reaction(stochastix: Any, channel: Channel) -> Any:
    kinetics, h = stochastix.kinetics, channel.hill
    sides = (" + ".join(f"{m} {s}" for s, m in side) or "0" for side in (channel.reactants, channel.products))
    law = (
        kinetics.MassAction(k=channel.pairs())
        if h is None
        else kinetics.HillRepressor(regulator=h.repressor, v=h.k, K=h.half, n=h.power)
    )
    return stochastix.Reaction(" -> ".join(sides), law)
