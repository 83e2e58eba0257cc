"""A training run: its plan, its way through the presentations, and a record of the weights in memory.

The record gives a run without a file its learning curve.
"""

from collections.abc import Callable
from time import monotonic
from typing import NamedTuple, Protocol

import numpy as np

from ..checks import UnfinishedError
from ..datasets import Dataset
from ..nn import TrainingNetwork
from ..nn.settings import Settings
from ..status import Status
from .batches.batch_method import run_batches
from .evaluation import N_AVERAGED, EvaluationWatch
from .methods import Method, TrainingMethod
from .observer import Invariants, raise_if_law_failed
from .presentations import (
    Checkpoint,
    Learner,
    PresentationPlan,
    Presented,
    Samples,
    Simulation,
    generator_state,
    run_presentations,
    simulation_at,
)
from .run_options import TrainingOptions

MOST_RECORDS = 200
"""Records at which a learning curve is evaluated."""
_FEWEST_RECORDS = 20
_BYTES = 1 << 24
"""Large networks have fewer records, so that they fit in here, but no fewer than `_FEWEST_RECORDS`."""


class WeightCourse(NamedTuple):
    """Weights over the presentations."""

    presentation: np.ndarray
    """int64[record], presentations done."""
    weights: np.ndarray
    """float64[record, weight], averaged over the recorded ones of up to 100 last presentations [concentration]."""

    def __repr__(self) -> str:
        return f"WeightCourse({len(self.presentation)} records of {self.weights.shape[1]} weights)"


def evenly(n: int, most: int) -> np.ndarray:
    """Up to `most` of the numbers 0 to n - 1, at about even distances, int64; with the first and the last."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


class WeightRecord:
    """A `TrainingSink` in memory. Only sums of weights are stored, so that memory is bounded."""

    def __init__(self, plan: "TrainingPlan"):
        n_weights = len(plan.spec.weights)
        most = max(_FEWEST_RECORDS, min(MOST_RECORDS, _BYTES // (8 * n_weights)))
        self._recorded = plan.presentations.recorded
        self._at = self._recorded[evenly(len(self._recorded), most)]
        self._sums = np.zeros((len(self._at), n_weights))
        self._numbers = np.zeros(len(self._at), dtype=np.int64)
        self._n = 0

    def record(self, time: float, counts: np.ndarray, weights: np.ndarray, prediction: np.ndarray) -> None:
        """Add weights to all averages that they belong to."""
        # Each average covers the `N_AVERAGED` presentations up to its record.
        presentation = self._recorded[self._n]
        first, last = np.searchsorted(self._at, (presentation, presentation + N_AVERAGED))
        self._sums[first:last] += weights
        self._numbers[first:last] += 1
        self._n += 1

    def checkpoint(self, checkpoint: Checkpoint, scores: np.ndarray) -> None:
        """Nothing: a run in memory cannot be resumed."""

    def course(self) -> WeightCourse:
        """The averages up to the last record."""
        done = self._recorded[self._n - 1] if self._n else -1
        n = int(np.searchsorted(self._at, done, side="right"))
        return WeightCourse(self._at[:n] + 1, self._sums[:n] / self._numbers[:n, None])


# The plan of a training run, and its execution

_RUN_AWAY = 1000.0
"""A larger weight [concentration] never comes back: molecules catalyse ever more of themselves."""


class TrainingPlan(NamedTuple):
    """Everything that determines the content of a training run, checked."""

    options: TrainingOptions
    """The options of the run, with all defaults filled in."""
    dataset: Dataset
    has_user_data: bool
    """Whether the samples are the user's, not those of a case; a file then has to contain them."""
    learner: Learner
    presentations: PresentationPlan
    presented: Presented
    """The samples that the environment presents."""

    def __repr__(self):
        return (
            f"TrainingPlan({self.dataset.name}, {self.spec.shape}, {len(self.order)} presentations, "
            f"{self.method.name} ({self.learner.method_reason}), Omega = {self.volume:g}, seed {self.seed})"
        )

    @property
    def spec(self) -> TrainingNetwork:
        return self.learner.spec

    @property
    def settings(self) -> Settings:
        return self.learner.settings

    @property
    def method(self) -> TrainingMethod:
        return self.learner.method

    @property
    def volume(self) -> float:
        return self.learner.volume

    @property
    def seed(self) -> int:
        assert self.options.seed is not None  # `api.train` draws one
        return self.options.seed

    @property
    def order(self) -> np.ndarray:
        """int64[presentation, sample of the batch], numbers of training samples."""
        return self.presentations.order

    @property
    def batch(self) -> int:
        """Samples presented at once."""
        return self.settings.course.batch

    @property
    def centre(self) -> np.ndarray:
        """float64[input], what is subtracted from every input [concentration]; 0 without centring."""
        return self.presented.centre

    @property
    def signed(self) -> bool:
        """Whether inputs have a minus rail."""
        return self.dataset.signed or self.settings.course.centred

    @property
    def size_error(self) -> str:
        """See `Dataset.size_error`; empty for methods that follow no reactions in time."""
        if not issubclass(self.method, Method):
            return ""
        return self.dataset.size_error(self.settings.learning_rate, self.batch, self.settings.course.centred)

    @property
    def size_warning(self) -> str:
        """See `Dataset.size_warning`."""
        return self.dataset.size_warning(self.settings.step, self.batch, self.settings.course.centred)


class TrainingSink(Protocol):
    """Takes the records of a run, in order."""

    def record(self, time: float, counts: np.ndarray, weights: np.ndarray, prediction: np.ndarray) -> None:
        """State at the end of a recorded presentation."""

    def checkpoint(self, checkpoint: Checkpoint, scores: np.ndarray) -> None:
        """Store a state to resume from; `scores` float64[evaluation so far, 2] are those of `Trained`."""


class Trained(NamedTuple):
    """The end of a run."""

    status: Status
    weights: np.ndarray
    """float64[weight], averaged over the last `N_AVERAGED` presentations [concentration]."""
    last_weights: np.ndarray
    """float64[weight] at the end of the last presentation [concentration]."""
    n_events: int
    statistics: dict
    """Statistics that the method reports about its steps, by name."""
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
    plan: TrainingPlan,
    simulation: Simulation,
    checkpoint: Checkpoint,
    scores: np.ndarray,
    sink: TrainingSink | None,
    progress: Callable[[float, int], None],
) -> Trained:
    """Present the samples of `plan` from `checkpoint` on.

    `simulation` stands at the checkpoint, and `scores` are those of validation so far. `progress(presentations done,
    events)` is called between slices. Raises UnfinishedError if a weight runs away.
    """
    every, n_planned = plan.options.checkpoint_every, len(plan.order)
    assert every is not None
    course = (_Listed if plan.spec.listed else _Batches)(plan)
    recorded = set(plan.presentations.recorded.tolist())
    watch = EvaluationWatch(plan, checkpoint, scores)
    n_presented, stopped, looked = checkpoint.n_presented, False, monotonic()

    def check(weights):
        largest = float(np.max(np.abs(weights)))
        # Levels in floating point report for themselves that they diverge.
        if largest > _RUN_AWAY and not plan.learner.in_floating_point:
            cause = plan.size_warning
            raise UnfinishedError(
                f"the training diverged: a weight is {largest:.3g} in presentation {n_presented + 1}; "
                + (f"the likely cause: {cause}" if cause else "use a smaller learning rate or initial scale")
            )

    def record(k):
        nonlocal n_presented, stopped
        n_presented = k + 1
        course.check(simulation)
        if not (course.reads_all or k in recorded or watch.needs(k)):
            return False
        weights = course.weights(simulation)
        check(weights)
        stopped = watch.see(k, weights)
        if sink is not None and k in recorded:
            counts = simulation.counts
            sink.record(simulation.time, counts, weights, plan.spec.read_outputs(counts, plan.volume))
        return stopped

    def pause(time):
        nonlocal looked
        progress(time / plan.settings.running_time, simulation.n_events)
        if monotonic() > looked + 1.0:
            check(course.weights(simulation))
            looked = monotonic()
        return False

    while True:
        stop = min(n_planned, (n_presented // every + 1) * every)
        status = course.run(simulation, record, pause, n_presented, stop)
        if stopped or status != Status.REACHED_END or stop == n_planned:
            break
        numbers = n_presented, simulation.n_events, simulation.counts.copy(), generator_state(simulation.rng)
        checkpoint = Checkpoint(*numbers, simulation.memory(), watch.weights_sum.copy(), watch.best_weights.copy())
        if sink is not None:
            sink.checkpoint(checkpoint, watch.scores)
        # Also without a file, so that an uninterrupted run equals a resumed one bit for bit.
        simulation = simulation_at(plan, checkpoint)
    raise_if_law_failed(plan.spec.declared, simulation, status)
    last = course.weights(simulation)
    return Trained(
        status, watch.weights_sum, last, simulation.n_events, simulation.statistics, n_presented, watch.scores,
        watch.best, watch.best_weights,
    )  # fmt: skip


class _Listed:
    """The way through the presentations of a network whose species are listed."""

    reads_all = True
    """Whether weights are read after each presentation."""

    def __init__(self, plan):
        self._plan = plan
        self._samples = Samples(plan.spec, plan.presented, plan.volume, plan.method.dtype)
        self._invariants = Invariants(plan.learner.noise or plan.spec.network, plan.method.dtype)

    def run(self, simulation, record, pause, first, stop):
        running_time = self._plan.settings.running_time
        return run_presentations(
            simulation, self._samples, running_time, record, pause, self._invariants.start, first, stop
        )

    def check(self, simulation):
        self._invariants.check(simulation.counts[None])

    def weights(self, simulation):
        return self._plan.spec.read_weights(simulation.counts, self._plan.volume)


class _Batches:
    """The way through the presentations of a batch method, whose network is not listed."""

    # To read the weights of a large network takes as long as to simulate it: they are read where they are used.
    reads_all = False

    def __init__(self, plan):
        self._shown = plan.presented

    def run(self, simulation, record, pause, first, stop):
        return run_batches(simulation, self._shown, record, pause, first, stop)

    def check(self, simulation):
        pass

    def weights(self, simulation):
        return simulation.read_weights()
