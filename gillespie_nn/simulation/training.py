"""A training run: what decides it, and its way through the presentations."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from .. import seeds
from ..datasets import Dataset, Settings
from ..nn import TrainingNetwork
from ..seeds import Purpose
from ..status import Status
from .faults import explain
from .invariants import Invariants
from .presentations import Samples, run_presentations

N_AVERAGED = 40
"""Final weights are averaged over so many last presentations: a single reading carries the noise of few molecules."""


class TrainingPlan(NamedTuple):
    """All that decides the content of a training run, checked."""

    spec: TrainingNetwork
    dataset: Dataset
    settings: Settings
    method: type
    method_reason: str
    volume: float
    seed: int
    counts: np.ndarray  # of the method's dtype [species], the start [molecules]
    order: np.ndarray  # int64[presentation], sample numbers
    recorded: np.ndarray  # int64[record], presentations that are recorded
    options: dict = {}  # of the method

    @property
    def initial_weights(self) -> np.ndarray:
        """float64[weight] as the molecules hold them, so rounded to whole counts where the method has such."""
        return self.spec.read_weights(self.counts, self.volume)


class TrainingSink(Protocol):
    """Takes the records of a run, in order."""

    def record(self, time: float, counts: np.ndarray, weights: np.ndarray, prediction: np.ndarray) -> None:
        """State at the end of a recorded presentation."""


class Trained(NamedTuple):
    """The end of a run."""

    status: Status
    weights: np.ndarray
    """float64[weight], averaged over the last `N_AVERAGED` presentations [concentration]."""
    last_weights: np.ndarray
    """float64[weight] at the end of the last presentation [concentration]."""
    n_events: int
    statistics: dict
    """What the method says about its steps, by name."""


def start(plan: TrainingPlan):
    """The simulation at time 0, its kernels compiled."""
    simulation = plan.method.for_training(plan, seeds.stream(plan.seed, Purpose.SIMULATION))
    simulation.advance(0.0)  # fires nothing: the first candidate time is drawn, and kept
    return simulation


def run_training(plan, simulation, sink: TrainingSink | None, progress: Callable[[float, int], None]) -> Trained:
    """Present all samples of `plan`; `progress(presentations done, events)` is called between slices."""
    spec, volume, order = plan.spec, plan.volume, plan.order
    samples = Samples(spec, plan.dataset.train_x, plan.dataset.train_t, volume, plan.method.dtype)
    recorded = set(plan.recorded.tolist())
    invariants = Invariants(spec.network, plan.method.dtype)
    n_averaged = min(N_AVERAGED, len(order))
    averaged = np.zeros(len(spec.weights))

    def record(k):
        counts = simulation.counts
        invariants.check(counts[None])
        if k >= len(order) - n_averaged:
            averaged[:] += spec.read_weights(counts, volume) / n_averaged
        if sink is not None and k in recorded:
            sink.record(simulation.time, counts, spec.read_weights(counts, volume), spec.read_outputs(counts, volume))

    def pause(time):
        progress(time / plan.settings.running_time, simulation.n_events)
        return False

    status = run_presentations(simulation, samples, order, plan.settings.running_time, record, pause, invariants.start)
    explain(spec.network, simulation, status)
    last = spec.read_weights(simulation.counts, volume)
    return Trained(status, averaged, last, simulation.n_events, simulation.statistics)
