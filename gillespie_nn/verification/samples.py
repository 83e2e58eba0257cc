"""Samples of a model from a method given as a class, so that a method with a planted error can be tried, too."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..api import simulate
from ..crn import ReactionNetwork
from ..nn import TrainingNetwork, training_network
from ..simulation import Result, methods, run_ensemble
from ..simulation.options import RunOptions
from ..simulation.sinks import MemorySink
from ..simulation.task import Task


def method_class(name: str) -> type:
    """The registered method of that name."""
    return next(m for m in methods.METHODS if m.name == name)


def run_of(
    network: ReactionNetwork, method: Any, time: Sequence[float], n: int, seed: int, volume: float = 1.0
) -> Result:
    """`n` replicates at the times `time` [s]."""
    asked = RunOptions(time=time, seed=seed, replicates=n)
    task = Task(network, method, asked, volume, network.rates(), network.counts())
    sink = MemorySink(task)
    run_ensemble(task, sink, workers=2)
    return Result(
        task.grid, sink.counts, network.species, sink.n_events, sink.status, method.name, seed, volume, network,
        observables=sink.observables, observable_names=network.observables,
    )  # fmt: skip


def sample(
    network: ReactionNetwork, method: Any, time: Sequence[float], n: int, seed: int, volume: float = 1.0
) -> np.ndarray:
    """Counts int64[replicate, time, species] of `n` replicates at the times `time` [s]; -1 where a run stopped."""
    return np.ma.getdata(run_of(network, method, time, n, seed, volume).counts)


def trajectories(network: ReactionNetwork, **arguments: Any) -> Result:
    """What `simulate` gives for `arguments` that ask for no file and not for moments."""
    found = simulate(network, **arguments)
    assert isinstance(found, Result)
    return found


XOR_VOLUME = 20


def xor(seed: int) -> tuple[TrainingNetwork, dict[str, int]]:
    """A training network of XOR that learns fast, and its initial counts in `XOR_VOLUME` with a first sample."""
    spec = training_network((2, 4, 1), learning_rate=0.3, annihilation_rate=5.0)
    initial = spec.initial(spec.floating.initial_weights(seed), XOR_VOLUME)
    return spec, initial | spec.presentation([0, 1], [1], XOR_VOLUME)
