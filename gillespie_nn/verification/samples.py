"""Samples of a model from a method given as a class, so that a method with a planted error can be tried, too."""

import numpy as np

from ..crn import ReactionNetwork
from ..nn import TrainingNetwork, training_network
from ..simulation import methods, run_ensemble
from ..simulation.options import RunOptions
from ..simulation.sinks import MemorySink
from ..simulation.task import Task


def method_class(name) -> type:
    """The registered method of that name."""
    return next(m for m in methods.METHODS if m.name == name)


def sample(network: ReactionNetwork, method: type, time, n, seed, volume=1.0) -> np.ndarray:
    """Counts int64[replicate, time, species] of `n` replicates at the times `time` [s]."""
    time = np.asarray(time, dtype=np.float64)
    asked = RunOptions(time=time, seed=seed, replicates=n)
    task = Task(network, method, asked, volume, network.rates(), network.counts())
    sink = MemorySink(task)
    run_ensemble(task, sink, workers=2)
    return sink.counts


XOR_VOLUME = 20


def xor(seed) -> tuple[TrainingNetwork, dict[str, int]]:
    """A training network of XOR that learns fast, and its initial counts in `XOR_VOLUME` with a first sample."""
    spec = training_network((2, 4, 1), learning_rate=0.3, annihilation_rate=5.0)
    initial = spec.initial(spec.floating.initial_weights(seed), XOR_VOLUME)
    return spec, initial | spec.presentation([0, 1], [1], XOR_VOLUME)
