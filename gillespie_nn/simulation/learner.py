"""What a training run needs of what simulates it: a `Method`, or a `slow_limit.Level`."""

from typing import Any, NamedTuple, Protocol

import numpy as np

from .. import seeds
from ..nn import TrainingNetwork
from ..nn.chemistry import Phase
from ..nn.settings import Settings
from ..noise import NoisePlan
from ..seeds import Purpose
from .batches import BatchMethod
from .methods import TrainingMethod
from .replicate import start_simulation
from .slow_limit import Level


class Simulation(Protocol):
    """A training network in progress."""

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
        """Presentation k begins, its sample being set."""

    def begin_phase(self, phase: Phase) -> None:
        """A phase of a presentation begins; what it sets is set."""

    def advance(self, t_stop: float, *grid: Any) -> int:
        """Go on towards `t_stop` [s]; what it returns is of `kernels.codes`."""

    def memory(self) -> np.ndarray:
        """float64[number]: what a new simulation from the present state, time and generator has to be told beside."""

    def recall(self, n_events: int, memory: np.ndarray) -> None:
        """Take what another simulation had fired, and its `memory`."""


# Checkpoints of a training run: the state needed to continue from the end of a presentation.
#
# Every run, interrupted or not, with a file or without, continues at each checkpoint with a new simulation made from
# the checkpoint alone; so a resumed run equals an uninterrupted one bit for bit. The plan fixes the presentations at
# which they occur. Bounds, sums and trees are recomputed from the counts. A pending time is drawn again: given the
# state, the wait for the next reaction is exponential however long it has lasted, so that one drawn afresh at a time
# that no draw has decided has the same law, and the process stays exact.


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
    simulation.advance(time)  # fires nothing: the first candidate time is drawn, and kept
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


# The network that learns, where it starts, and what simulates it.


class Learner(NamedTuple):
    """A training network at its start, by a method, or at a level where weights are numbers."""

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
        """float64[weight] as the molecules hold them, so rounded to whole counts where the method has such."""
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
