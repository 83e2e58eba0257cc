"""A training run: what decides it, and its way through the presentations."""

from collections.abc import Callable
from time import monotonic
from typing import NamedTuple, Protocol

import numpy as np

from ..checks import UnfinishedError
from ..datasets import Dataset, Settings
from ..nn import TrainingNetwork
from ..noise import Noise, NoisePlan
from ..status import Status
from .checkpoints import Checkpoint, generator_state, simulation_at
from .faults import explain
from .invariants import Invariants
from .methods.base import Method
from .presentations import Samples, run_presentations
from .validation import Watch

_RUN_AWAY = 1000.0
"""A weight beyond [concentration] never comes back: molecules catalyse ever more of themselves."""


class TrainingPlan(NamedTuple):
    """All that decides the content of a training run, checked."""

    spec: TrainingNetwork
    dataset: Dataset
    settings: Settings
    method: type[Method]
    method_reason: str
    volume: float
    seed: int
    counts: np.ndarray  # of the method's dtype [species], the start [molecules]
    order: np.ndarray  # int64[presentation], sample numbers
    recorded: np.ndarray  # int64[record], presentations that are recorded
    checkpoint_every: int  # presentations
    held_out: np.ndarray  # int64[sample], training samples kept for validation
    evaluated: np.ndarray  # int64[evaluation], numbers of presentations done at which weights are evaluated
    patience: int | None  # evaluations without improvement before training stops; None: it does not
    n_predicted: int  # test samples that are predicted by simulation in the end
    arguments: dict  # what `api.plan` makes this plan of again, with the same data; JSON can hold it
    own_data: bool  # the samples are no case's, so a file has to hold them
    options: dict = {}  # of the method
    noise: NoisePlan | None = None  # of training
    predict_noise: tuple[Noise, ...] = ()  # of the prediction in the end

    def __repr__(self):
        return (
            f"TrainingPlan({self.dataset.name}, {self.spec.shape}, {len(self.order)} presentations, "
            f"{self.method.name} ({self.method_reason}), Omega = {self.volume:g}, seed {self.seed})"
        )

    @property
    def driven_network(self):
        """The network that is simulated, with the reactions that noise adds behind its own, and its rates."""
        if self.noise is not None:
            return self.noise.network, self.noise.rates
        return self.spec.network, self.spec.network.rates()

    @property
    def initial_weights(self) -> np.ndarray:
        """float64[weight] as the molecules hold them, so rounded to whole counts where the method has such."""
        return self.spec.read_weights(self.counts, self.volume)

    @property
    def validates(self) -> bool:
        """Whether samples are held out for validation."""
        return len(self.held_out) > 0


class TrainingSink(Protocol):
    """Takes the records of a run, in order."""

    def record(self, time: float, counts: np.ndarray, weights: np.ndarray, prediction: np.ndarray) -> None:
        """State at the end of a recorded presentation."""

    def checkpoint(self, checkpoint: Checkpoint, scores: np.ndarray) -> None:
        """The run can be resumed from here; `scores` float64[evaluation so far, 2], see `validation`."""


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
    n_presented: int
    """Presentations done: fewer than planned after early stopping."""
    scores: np.ndarray
    """float64[evaluation, 2]: RMSE and accuracy on the samples held out, no rows without validation."""
    best: int | None
    """Number of the best evaluation; None without validation."""
    best_weights: np.ndarray
    """float64[weight] at the best evaluation, NaN without validation [concentration]."""

    def __repr__(self):
        return (
            f"Trained({self.status}, {len(self.weights)} weights, {self.n_presented} presentations, "
            f"{self.n_events} reactions fired)"
        )


def run_training(
    plan,
    simulation,
    checkpoint: Checkpoint,
    scores: np.ndarray,
    sink: TrainingSink | None,
    progress: Callable[[float, int], None],
) -> Trained:
    """Present the samples of `plan` from `checkpoint` on, where `simulation` stands and validation has found `scores`;
    `progress(presentations done, events)` is called between slices."""
    spec, volume, order, every = plan.spec, plan.volume, plan.order, plan.checkpoint_every
    samples = Samples(spec, plan.dataset.train_x, plan.dataset.train_t, volume, plan.method.dtype)
    recorded = set(plan.recorded.tolist())
    invariants = Invariants(plan.noise or spec.network, plan.method.dtype)
    watch = Watch(plan, checkpoint, scores)
    n_presented, stopped, looked = checkpoint.n_presented, False, monotonic()

    def check(weights):
        largest = float(np.max(np.abs(weights)))
        if largest > _RUN_AWAY and not plan.method.training_only:  # floating point says for itself where it diverges
            raise UnfinishedError(
                f"the training diverged: a weight is {largest:.3g} in presentation {n_presented + 1}; use a smaller "
                "learning rate or initial scale"
            )

    def record(k):
        nonlocal n_presented, stopped
        counts = simulation.counts
        invariants.check(counts[None])
        weights = spec.read_weights(counts, volume)
        check(weights)
        n_presented = k + 1
        stopped = watch.see(k, weights)
        if sink is not None and k in recorded:
            sink.record(simulation.time, counts, weights, spec.read_outputs(counts, volume))
        return stopped

    def pause(time):
        nonlocal looked
        progress(time / plan.settings.running_time, simulation.n_events)
        if monotonic() > looked + 1.0:
            check(spec.read_weights(simulation.counts, volume))
            looked = monotonic()
        return False

    while True:
        stop = min(len(order), (n_presented // every + 1) * every)
        status = run_presentations(
            simulation, samples, order, plan.settings.running_time, record, pause, invariants.start, n_presented, stop
        )
        if stopped or status != Status.REACHED_END or stop == len(order):
            break
        numbers = n_presented, simulation.n_events, simulation.counts.copy(), generator_state(simulation.rng)
        checkpoint = Checkpoint(*numbers, simulation.memory(), watch.weights_sum.copy(), watch.best_weights.copy())
        if sink is not None:
            sink.checkpoint(checkpoint, watch.scores)
        simulation = simulation_at(plan, checkpoint)
    explain(spec.network, simulation, status)
    last = spec.read_weights(simulation.counts, volume)
    return Trained(
        status, watch.weights_sum, last, simulation.n_events, simulation.statistics, n_presented, watch.scores,
        watch.best, watch.best_weights,
    )  # fmt: skip
