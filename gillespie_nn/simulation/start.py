"""The one way to start a simulation, with or without extrinsic noise."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..crn import ReactionNetwork
from ..noise import NoisePlan
from .methods import Method


def start_simulation(
    method: type[Method],
    network: ReactionNetwork,
    rates: np.ndarray,
    volume: float,
    counts: np.ndarray,
    rng: np.random.Generator,
    *,
    noise: NoisePlan | None = None,
    seed: int = 0,
    replicate: int = 0,
    count_firings: bool = False,
    options: Mapping[str, Any] | None = None,
    start_time: float = 0.0,
    follow: bool = True,
) -> Method:
    """A simulation by `method`, parameters as there, under the paths of `noise` for a `seed` and a `replicate`.

    Under noise it is `noise.network` at `noise.rates` that is simulated: reactions of forced species come behind those
    of `network`. Without `follow`, the caller lets it follow the paths of a replicate.
    """
    if noise is not None:
        network, rates = noise.network, noise.rates
    simulation = method(network, rates, volume, counts, rng, count_firings, options, start_time)
    if noise is not None and follow:
        simulation.follow(noise.start(seed, replicate))
    return simulation
