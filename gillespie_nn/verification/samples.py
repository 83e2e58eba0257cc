"""Samples of a model from a method given as a class, so that a method with a planted error can be tried, too."""

import numpy as np

from ..crn import ReactionNetwork
from ..simulation import methods, run_ensemble
from ..simulation.ensemble import Task
from ..simulation.sinks import MemorySink

NO_LIMIT = 2**62


def method_class(name) -> type:
    """The registered method of that name."""
    return next(m for m in methods.METHODS if m.name == name)


def sample(network: ReactionNetwork, method: type, time, n, seed, volume=1.0) -> np.ndarray:
    """Counts int64[replicate, time, species] of `n` replicates at the times `time` [s]."""
    time = np.asarray(time, dtype=np.float64)
    task = Task(
        network, method, time, volume, network.rates(), network.counts(), (), seed, n, False, NO_LIMIT
    )  # fmt: skip
    sink = MemorySink(n, len(time), len(network.species), 0, len(network.observables))
    run_ensemble(task, sink, workers=2)
    return sink.counts
