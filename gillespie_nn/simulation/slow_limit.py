"""Methods for training networks only: their base class, and the levels that train in floating point.

The levels are the limit of slow learning: online gradient descent, and gradient flow sample by sample.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..checks import UnfinishedError
from ..crn import ReactionNetwork
from ..crn.dual_rail import Rails
from ..kernels import codes
from ..nn import TrainingNetwork
from ..nn.chemistry import SCHEDULED, Phase
from ..options import Option, fraction


class OnlyTraining(ABC):
    """The base class of `Level` and `batches.BatchMethod`, with the attributes that `train` reads of a method."""

    trains: ClassVar[bool] = True
    name: ClassVar[str]
    summary: ClassVar[str]
    """When to choose it, in one line."""
    reference: ClassVar[str] = ""
    """What to cite."""
    exact: ClassVar[bool] = False
    deterministic: ClassVar[bool]
    dtype: ClassVar[type[np.generic]]
    units: ClassVar[str]
    options: ClassVar[tuple[Option, ...]] = ()
    training_options: ClassVar[dict[str, Any]] = {}
    statistics_names: ClassVar[tuple[str, ...]] = ()
    records_covariance: ClassVar[bool] = False


# Levels in floating point
#
# As eta -> 0 at a fixed step s = eta T the weights of the rate equations follow the gradient flow of each sample's loss
# for a time s, and that follows a step of gradient descent as s -> 0. The state is that of the compiled network, with a
# weight on the rail of its sign and the output of the presented sample; intermediate species are not modelled.
# The volume only scales that state. These levels apply to training only, not to reaction networks in general.


class _SignedNumbers:
    """Signed numbers [concentration] in the state of a network, each on the rail of its sign."""

    def __init__(self, network: ReactionNetwork, rails: Sequence[Rails], volume: float) -> None:
        self._rails, self._volume = rails, volume
        self._signed = np.array([r.minus is not None for r in rails], dtype=np.bool_)
        self._plus = np.array([network.index[r.plus] for r in rails])
        self._minus = np.array([network.index[r.minus or r.plus] for r in rails])

    def read(self, state: np.ndarray) -> np.ndarray:
        return (state[self._plus] - np.where(self._signed, state[self._minus], 0.0)) / self._volume

    def write(self, state: np.ndarray, values: np.ndarray) -> None:
        state[self._minus] = np.maximum(-values, 0.0) * self._volume
        state[self._plus] = np.maximum(values, 0.0) * self._volume

    def name(self, which: np.ndarray) -> str:
        """The name of the first number that `which` bool[number] selects."""
        return self._rails[int(np.argmax(which))].name


class Level(OnlyTraining):
    """A training run in progress, at a level where weights are numbers and learn from one sample at a time.

    Parameters
    ----------
    spec : the TrainingNetwork.
    learning_rate : eta [1/s].
    volume : Omega.
    counts : the state float64[species] [molecules].
    rng : the Generator of the run; not used.
    options : values by name of the class's `options`, all of them.
    start_time : time of the state [s].
    running_time : how long a presentation takes [s], where the species of `spec` are not listed: then samples come by
        `present`, and otherwise in the state.
    """

    deterministic = True
    dtype = np.float64
    units = "concentration"

    def __init__(
        self,
        spec: TrainingNetwork,
        learning_rate: float,
        volume: float,
        counts: np.ndarray,
        rng: np.random.Generator,
        options: Mapping[str, Any],
        start_time: float = 0.0,
        running_time: float | None = None,
    ) -> None:
        self._spec, self._volume, self._rate, self._running_time = spec, volume, learning_rate, running_time
        self.settings, self.network, self.rng = options, spec.declared, rng
        self._state = np.array(counts, dtype=np.float64)
        self._weights = spec.read_weights(self._state, volume)
        self._time = float(start_time)
        self._learns = True
        self._results = [_SignedNumbers(self.network, rails, volume) for rails in (spec.weights, spec.outputs)]
        if spec.listed:
            scheduled = (port for phase in spec.phases for port, value in phase.sets if value == SCHEDULED)
            port = next(scheduled, None)
            self._licence = None if port is None else self.network.index[spec.ports[port][0].plus]
            self._inputs, self._targets = (_SignedNumbers(self.network, r, volume) for r in (spec.inputs, spec.targets))

    @property
    def counts(self) -> np.ndarray:
        """The state now, float64[species], a read-only view [molecules]."""
        view = self._state[:]
        view.flags.writeable = False
        return view

    @property
    def time(self) -> float:
        """Time advanced to [s]."""
        return self._time

    @property
    def n_events(self) -> int:
        """Reactions fired: none."""
        return 0

    @property
    def statistics(self) -> dict[str, float]:
        """Empty: no statistics are collected."""
        return {}

    def set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        """Set counts[species] = values at the present time."""
        self._state[species] = values

    def begin_presentation(self, k: int) -> None:
        """Begin presentation k; its sample is already set."""

    def begin_phase(self, phase: Phase) -> None:
        """Learn in this phase only if it says so."""
        self._learns = phase.learns

    def advance(self, t_stop: float) -> int:
        """Learn from the presented samples for the time up to t_stop, at the learning rate times the licence."""
        # A network that is not listed learns in `present`.
        if not self._spec.listed:
            return codes.REACHED_END
        x, t = (n.read(self._state).reshape(self._spec.batch, -1) for n in (self._inputs, self._targets))
        if t_stop > self._time and self._learns:
            licence = 1.0 if self._licence is None else self._state[self._licence] / self._volume
            self._weights = self._learn(x, t, self._rate * (t_stop - self._time) * licence)
        self._time = max(self._time, float(t_stop))
        self._show(x)
        return codes.REACHED_END

    def present(self, k: int, x: np.ndarray, t: np.ndarray, licence: float) -> None:
        """Presentation `k` of the inputs x float64[sample, input] and targets t float64[sample, output], with the
        licence at `licence` [concentration] while weights learn."""
        assert self._running_time is not None
        self._weights = self._learn(x, t, self._spec.chemistry.step(self._running_time) * licence)
        self._time += self._running_time
        self._show(x)

    def check(self, samples: Sequence[tuple[np.ndarray, np.ndarray, float]]) -> None:
        """Nothing to check before the first presentation."""

    def read_weights(self) -> np.ndarray:
        """float64[weight] [concentration]."""
        return self._weights

    def _show(self, x: np.ndarray) -> None:
        """Write the weights and the outputs for x float64[sample, input] into the state."""
        outputs = self._spec.floating.forward(self._weights, x[0] if len(x) == 1 else x).ravel()
        for numbers, values in zip(self._results, (self._weights, outputs)):
            wrong = ~(np.abs(values) * self._volume <= codes.COUNT_LIMIT)
            if wrong.any():
                raise UnfinishedError(
                    f"{self.name} diverged: {numbers.name(wrong)} is {values[wrong][0]:g} [concentration] at t = "
                    f"{self._time:g} s; use a smaller learning rate, running time or initial scale"
                )
            numbers.write(self._state, values)

    @abstractmethod
    def _learn(self, x: np.ndarray, t: np.ndarray, step: float) -> np.ndarray:
        """Weights after the presented samples x float64[sample, input], t float64[sample, output], for `step` = eta T
        times the licence."""

    def memory(self) -> np.ndarray:
        """Empty: the state contains all weights."""
        return np.empty(0)

    def recall(self, n_events: int, memory: np.ndarray) -> None:
        """Does nothing: there is nothing to restore."""


class GradientDescent(Level):
    """One step w -= s dL/dw for each presentation, s = learning rate times the duration of the phases that learn."""

    name = "gradient_descent"
    summary = "training only: online gradient descent in floating point, the limit of slow learning"
    reference = "D. E. Rumelhart, G. E. Hinton, R. J. Williams, Nature 323 (1986) 533-536, doi:10.1038/323533a0"

    def _learn(self, x: np.ndarray, t: np.ndarray, step: float) -> np.ndarray:
        return self._weights - step * self._spec.floating.gradient(self._weights, x, t)


class GradientFlow(Level):
    """dw/ds = -dL/dw of the presented sample, for s = learning rate times the duration of the phases that learn."""

    name = "gradient_flow"
    summary = "training only: gradient flow of each sample in turn, the limit of slow learning at a finite step"
    reference = GradientDescent.reference
    options = (Option("flow_rtol", 1e-9, fraction, "relative tolerance of the gradient flow"),)

    def _learn(self, x: np.ndarray, t: np.ndarray, step: float) -> np.ndarray:
        try:
            return self._spec.floating.gradient_flow(self._weights, x, t, step, self.settings["flow_rtol"])
        except UnfinishedError as error:
            raise UnfinishedError(f"{self.name}, in the presentation from t = {self._time:g} s: {error}") from None


LEVELS: tuple[type[Level], ...] = (GradientFlow, GradientDescent)
"""Levels of training in floating point, in the limit of slow learning."""
