"""A training run in time: what the environment presents, the phases of each presentation, checkpoints, and the learner.

At t = k T the next batch of samples is presented. The network then runs for T through the phases that it declares; in
each phase the environment sets other ports.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np

from .. import seeds
from ..checks import InputError
from ..datasets import Dataset
from ..kernels import codes
from ..nn import TrainingNetwork
from ..nn.chemistry import CONSTANT, INPUTS, SAMPLE, SCHEDULED, SCHEDULES, TARGETS, Phase, intervals
from ..nn.compiler import rail_counts, rail_species
from ..nn.settings import Settings
from ..noise import NoisePlan
from ..seeds import Purpose
from ..status import Status
from .batches import BatchMethod
from .methods import TrainingMethod
from .replicate import advance_to, start_simulation
from .slow_limit import Level


class Presented:
    """Inputs, targets and the factor of the learning schedule of each presentation.

    Parameters
    ----------
    x : float64[sample, input], the samples as they are.
    t : float64[sample, output], or None for a network that does not learn.
    order : int64[presentation, sample of the batch], numbers of samples.
    centre : float64[input], subtracted from every input.
    shifts : int8[presentation, sample of the batch, 2], pixels down and right by which each image is shifted.
    image : (rows, columns) of the images that are shifted.
    schedule : name in `nn.chemistry.SCHEDULES`.
    """

    def __init__(
        self,
        x: np.ndarray,
        t: np.ndarray | None,
        order: np.ndarray,
        *,
        centre: np.ndarray | None = None,
        shifts: np.ndarray | None = None,
        image: tuple[int, int] | None = None,
        schedule: str = CONSTANT,
    ) -> None:
        self._x, self.order = np.asarray(x, dtype=np.float64), np.asarray(order, dtype=np.int64)
        self._t = np.empty((len(self._x), 0)) if t is None else np.asarray(t, dtype=np.float64)
        self.centre: np.ndarray = np.zeros(self._x.shape[1]) if centre is None else centre
        """float64[input], what is subtracted from every input; 0 without centring."""
        self._shifts, self._image, self._schedule = shifts, image, SCHEDULES[schedule]

    @classmethod
    def each(cls, x: np.ndarray, t: np.ndarray | None = None) -> "Presented":
        """Every sample once, one by one, in order."""
        return cls(x, t, np.arange(len(x))[:, None])

    @classmethod
    def of(cls, dataset: Dataset, settings: Settings, order: np.ndarray, seed: int) -> "Presented":
        """The training samples as a run with these settings presents them. Raises InputError for shifts of samples that
        are not images."""
        course = settings.course
        return cls(
            dataset.train_x, dataset.train_t, order, centre=centre_of(dataset, settings),
            shifts=draw_shifts(course.shift, order.shape, seed) if course.shift else None,
            image=image_of(dataset, course.shift), schedule=settings.chemistry.schedule,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.order)

    @property
    def batch(self) -> int:
        """Samples presented at once."""
        return self.order.shape[1]

    def x(self, k: int) -> np.ndarray:
        """Inputs of presentation k, float64[sample of the batch, input] [concentration]."""
        shown = self._x[self.order[k]]
        if self._shifts is not None:
            assert self._image is not None
            shown = shifted(shown.reshape(-1, *self._image), self._shifts[k]).reshape(shown.shape)
        return shown - self.centre

    def t(self, k: int) -> np.ndarray:
        """Targets of presentation k, float64[sample of the batch, output] [concentration]."""
        return self._t[self.order[k]]

    def licence(self, k: int) -> float:
        """f(k), the factor of the learning rate in presentation k, between 0 and 1."""
        return self._schedule(k, len(self.order))

    @cached_property
    def x_range(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest value of each input, float64[input] both."""
        low, high = _range(self._x)
        if self._shifts is not None:
            low, high = np.full_like(low, min(0.0, low.min())), np.full_like(high, max(0.0, high.max()))
        return low - self.centre, high - self.centre

    @cached_property
    def t_range(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest value of each target, float64[output] both."""
        return _range(self._t)

    def __repr__(self) -> str:
        return f"Presented({len(self)} presentations of {self.batch} of {len(self._x)} samples)"


def _range(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values.min(axis=0), values.max(axis=0)


def centre_of(dataset: Dataset, settings: Settings) -> np.ndarray:
    """float64[input], what is subtracted from every input [concentration]: with `centred` the mean of all training
    samples, those held out for validation included and not shifted; else 0."""
    x = dataset.train_x
    return x.mean(axis=0) if settings.course.centred else np.zeros(x.shape[1])


def image_of(dataset: Dataset, shift: int) -> tuple[int, int] | None:
    """Rows and columns of the images. Raises InputError if samples are to be shifted and are not images."""
    if shift and dataset.image is None:
        raise InputError(
            f"shift = {shift} moves images by pixels, but the samples of {dataset.name} are not known to be images: "
            "leave shift out, or give a Dataset with image=(rows, columns)"
        )
    return dataset.image


def draw_shifts(shift: int, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """int8[presentation, sample of the batch, 2] for an order of `shape`: uniform from -shift to shift, a function of
    the seed and the presentation."""
    return seeds.stream(seed, Purpose.SHIFTS).integers(-shift, shift + 1, size=(*shape, 2), dtype=np.int8)


def shifted(images: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Images float64[image, row, column], each moved by its (rows down, columns right) of `shifts` int[image, 2];
    pixels that become empty are 0."""
    moved = np.zeros_like(images)
    for to, image, (down, right) in zip(moved, images, shifts.tolist()):
        rows, columns = (_cut(by, n) for by, n in zip((down, right), image.shape))
        to[rows[1], columns[1]] = image[rows[0], columns[0]]
    return moved


def _cut(by: int, n: int) -> tuple[slice, slice]:
    """(from where, to where) along an axis of n pixels moved `by`."""
    by = max(-n, min(n, by))
    return slice(max(0, -by), n - max(0, by)), slice(max(0, by), n - max(0, -by))


# Presentations and their phases

__all__ = ["PresentationPlan", "Presented", "Samples", "Step", "presentation_order", "run_presentations"]


class PresentationPlan(NamedTuple):
    """Which sample is presented when, and what is done at the ends of presentations."""

    order: np.ndarray
    """int64[presentation, sample of the batch], numbers of training samples."""
    recorded: np.ndarray
    """int64[record], presentations that are recorded."""
    held_out: np.ndarray
    """int64[sample], training samples held out for validation."""
    evaluated: np.ndarray
    """int64[evaluation], numbers of presentations done at which weights are evaluated."""

    @property
    def validates(self) -> bool:
        """Whether samples are held out for validation."""
        return len(self.held_out) > 0


class Step(NamedTuple):
    """One phase of one presentation, and the counts that are set when it begins."""

    phase: Phase
    first: bool
    """Whether the presentation begins with it."""
    begin: float
    """[s]"""
    end: float
    """[s]"""
    species: np.ndarray
    """int64[...], numbers of the species that are set."""
    counts: np.ndarray
    """[...] [molecules]"""


class Samples:
    """Sets the ports of the network `spec` in each phase of a presentation.

    They are the inputs and, if it learns, the targets and the factor of its schedule. They come from `presented`, a
    `Presented` of the same batch. Counts are int64 or float64: `dtype`. Raises InputError for samples that the network
    cannot represent.
    """

    def __init__(self, spec: Any, presented: Presented, volume: float, dtype: Any = np.int64) -> None:
        self._n, self._phases = len(presented), spec.phases
        self._settings = [_Setting(spec, phase, presented, volume, dtype) for phase in spec.phases]

    def __len__(self) -> int:
        return self._n

    @property
    def species(self) -> list[np.ndarray]:
        """For each phase the species that it sets, int64[...]."""
        return [setting.species for setting in self._settings]

    def steps(self, k: int, begin: float, end: float) -> Iterator[Step]:
        """The phases of presentation k, from `begin` to `end` [s]."""
        times = intervals(self._phases, begin, end)
        for n, (setting, (phase, at, until)) in enumerate(zip(self._settings, times)):
            yield Step(phase, n == 0, at, until, setting.species, setting.counts(k))

    def present(self, simulation: "Simulation", k: int, begin: float, end: float) -> Iterator[Step]:
        """Present the samples of presentation k: set what each phase sets, and yield it. `simulation` stands at its
        begin; the caller advances it to its end."""
        for step in self.steps(k, begin, end):
            simulation.set_counts(step.species, step.counts)
            if step.first:
                simulation.begin_presentation(k)
            simulation.begin_phase(step.phase)
            yield step


class _Setting:
    """The counts that a phase sets."""

    # Counts are computed when they are presented: those of sixty thousand images would take half a gigabyte.

    def __init__(self, spec: Any, phase: Phase, presented: Presented, volume: float, dtype: Any) -> None:
        self._parts = [(value, port, len(spec.ports[port])) for port, value in phase.sets]
        self._presented, self._volume, self._dtype = presented, volume, dtype
        rails = [pair for port, _ in phase.sets for pair in spec.ports[port]]
        # What could not be presented later is refused now.
        for extreme in (0, 1):
            x, t = (np.tile(limits[extreme], presented.batch) for limits in (presented.x_range, presented.t_range))
            rail_counts(rails, self._values(x, t, 1.0), volume, dtype)
        signs = [(k, sign) for k, pair in enumerate(rails) for _, sign in pair.signs()]
        self._number = np.array([k for k, _ in signs], dtype=np.int64)
        self._sign = np.array([sign for _, sign in signs], dtype=np.float64)
        self.species = np.array([spec.network.index[s] for s in rail_species(rails)], dtype=np.int64)

    def counts(self, k: int) -> np.ndarray:
        """[species], for `species`: as `rail_counts` has them, whose checks have been made."""
        shown = self._presented
        values = self._values(shown.x(k), shown.t(k), shown.licence(k))
        counts = np.maximum(self._sign * (self._volume * values[self._number]), 0.0)
        return (np.rint(counts) if np.issubdtype(self._dtype, np.integer) else counts).astype(self._dtype)

    def _values(self, x: Any, t: Any, scheduled: Any) -> np.ndarray:
        """Of all numbers that are set, float64, in order."""
        of_sample = {INPUTS: x, TARGETS: t}
        parts = [np.empty(0)]
        for value, port, size in self._parts:
            if value == SAMPLE:
                parts.append(np.ravel(of_sample[port]))
            else:
                parts.append(np.full(size, scheduled if value == SCHEDULED else value, dtype=np.float64))
        return np.concatenate(parts)


def presentation_order(n_samples: int, n_presentations: int, order: str, seed: int, batch: int = 1) -> np.ndarray:
    """Sample numbers int64[presentation, sample of the batch]: `cyclic` in file order, `random` a new permutation for
    each pass. A pass that does not fill its last presentation goes on with the next one."""
    n_shown = n_presentations * batch
    passes = -(-n_shown // n_samples)
    if order == "cyclic":
        numbers = np.tile(np.arange(n_samples), passes)
    else:
        rng = seeds.stream(seed, Purpose.PRESENTATION_ORDER)
        numbers = np.concatenate([rng.permutation(n_samples) for _ in range(passes)])
    return numbers[:n_shown].reshape(n_presentations, batch)


def run_presentations(
    method: Any,
    samples: Samples,
    running_time: float,
    record: Callable[[int], bool],
    pause: Callable[[float], bool] = lambda time: False,
    presented: Callable[[np.ndarray], None] = lambda counts: None,
    first: int = 0,
    stop: int | None = None,
) -> Status:
    """Make the presentations `first` to `stop` of `samples`, presentation k from time k T to (k + 1) T.

    T is `running_time` [s]. `record(k)` is called at the end of a presentation, before the next samples are set, and
    ends the run if it returns True. `presented(counts)` is called right after counts are set. `pause(time)` is that of
    `run_replicate`.
    """
    for k in range(first, len(samples) if stop is None else stop):
        end = (k + 1) * running_time
        for step in samples.present(method, k, k * running_time, end):
            presented(method.counts)
            code = advance_to(method, step.end, pause)
            if code != codes.REACHED_END:
                return Status(code)
        if record(k):
            return Status.REACHED_END
        if pause(end):
            return Status.INTERRUPTED
    return Status.REACHED_END


# Simulations and their checkpoints


class Simulation(Protocol):
    """A training network in progress, by a `Method` or a `slow_limit.Level`."""

    rng: np.random.Generator

    @property
    def counts(self) -> np.ndarray:
        """The state now [species] [molecules]."""

    @property
    def time(self) -> float:
        """The time now [s]."""

    @property
    def n_events(self) -> int:
        """Reactions fired."""

    @property
    def statistics(self) -> dict[str, float]:
        """Numbers about the run so far."""

    def set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        """Set counts[species] = values at the present time."""

    def begin_presentation(self, k: int) -> None:
        """Begin presentation k; its sample is already set."""

    def begin_phase(self, phase: Phase) -> None:
        """Begin a phase of a presentation; its ports are already set."""

    def advance(self, t_stop: float, *grid: Any) -> int:
        """Advance towards `t_stop` [s]. Returns a code of `kernels.codes`."""

    def memory(self) -> np.ndarray:
        """float64[number]: what a new simulation needs besides the present state, time and generator."""

    def recall(self, n_events: int, memory: np.ndarray) -> None:
        """Restore the number of events and the `memory` of another simulation."""


# Every run, interrupted or not, with a file or without, continues at each checkpoint with a new simulation made from
# the checkpoint alone; so a resumed run equals an uninterrupted one bit for bit. The plan fixes the presentations at
# which they occur. Bounds, sums and trees are recomputed from the counts. A pending time is drawn again: given the
# state, the wait for the next reaction is exponential however long it has lasted. The time of a checkpoint depends on
# no draw, so the new wait has the same law, and the process stays exact.


class Checkpoint(NamedTuple):
    """The state of a training run between two presentations; number 0 is its start."""

    n_presented: int
    """Presentations done."""
    n_events: int
    counts: np.ndarray
    """The state, of the method's dtype [species] [molecules]."""
    generator: np.ndarray
    """uint64[6], see `generator_state`."""
    memory: np.ndarray
    """float64[number], `Method.memory`, before it that of the noise."""
    weights_sum: np.ndarray
    """float64[weight]: the running average of the weights towards the next evaluation [concentration]."""
    best_weights: np.ndarray
    """float64[weight]: the best in validation so far, NaN before the first [concentration]."""


def first_checkpoint(plan: Any) -> Checkpoint:
    """The start of the run of a `TrainingPlan`."""
    rng = seeds.stream(plan.seed, Purpose.SIMULATION)
    n = len(plan.spec.weights)
    return Checkpoint(0, 0, plan.learner.counts, generator_state(rng), np.empty(0), np.zeros(n), np.full(n, np.nan))


def simulation_at(plan: Any, checkpoint: Checkpoint) -> Simulation:
    """A simulation that continues from a checkpoint, with compiled kernels."""
    rng = restored_generator(checkpoint.generator)
    time = checkpoint.n_presented * plan.settings.running_time
    simulation = plan.learner.start(plan.seed, rng, checkpoint.counts, time)
    simulation.recall(checkpoint.n_events, checkpoint.memory)
    # Fires nothing: the first candidate time is drawn, and stays pending.
    simulation.advance(time)
    return simulation


def generator_state(rng: np.random.Generator) -> np.ndarray:
    """The state of a generator (SFC64) as uint64[6]: four words, whether half a word is left over, and that half."""
    state = rng.bit_generator.state
    return np.array([*state["state"]["state"], state["has_uint32"], state["uinteger"]], dtype=np.uint64)


def restored_generator(numbers: np.ndarray) -> np.random.Generator:
    """The generator whose state `numbers` uint64[6] is."""
    bits = np.random.SFC64()
    words = np.array(numbers[:4], dtype=np.uint64)
    bits.state = {
        "bit_generator": "SFC64",
        "state": {"state": words},
        "has_uint32": int(numbers[4]),
        "uinteger": int(numbers[5]),
    }
    return np.random.Generator(bits)


# The network that learns


class Learner(NamedTuple):
    """A training network at its start, and the method, or the level in floating point, that trains it."""

    spec: TrainingNetwork
    settings: Settings
    method: TrainingMethod
    method_reason: str
    options: dict[str, Any]  # of the method, all of them
    volume: float
    counts: np.ndarray  # of the method's dtype [species], the start [molecules]
    rates: np.ndarray  # float64[reaction] of the training network
    noise: NoisePlan | None = None  # of training

    @property
    def initial_weights(self) -> np.ndarray:
        """float64[weight] [concentration], the weights represented by the initial molecules: rounded to whole counts if
        the method has whole counts."""
        return self.spec.read_weights(self.counts, self.volume)

    @property
    def changed_rates(self) -> dict[str, float]:
        """Rate constants that differ from those of the training network, by the name of the reaction."""
        reactions = self.spec.declared.reactions
        return {r.name: k for r, k in zip(reactions, self.rates.tolist(), strict=True) if k != r.rate}

    @property
    def in_floating_point(self) -> bool:
        """Whether nothing reacts: weights are numbers, and learn in floating point."""
        return issubclass(self.method, Level)

    def start(self, seed: int, rng: np.random.Generator, counts: np.ndarray, time: float) -> Simulation | BatchMethod:
        """A simulation that goes on from `counts` at `time` [s]; the paths of noise are those of `seed`."""
        spec = self.spec
        if issubclass(self.method, BatchMethod):
            running_time = self.settings.running_time
            batches = self.method(spec, running_time, self.volume, counts, seed, self.options, time)
            batches.rng = rng
            return batches
        if issubclass(self.method, Level):
            rate, running_time = self.settings.learning_rate, self.settings.running_time
            return self.method(spec, rate, self.volume, counts, rng, self.options, time, running_time)
        return start_simulation(
            self.method, spec.network, self.rates, self.volume, counts, rng,
            noise=self.noise, seed=seed, options=self.options, start_time=time,
        )  # fmt: skip
