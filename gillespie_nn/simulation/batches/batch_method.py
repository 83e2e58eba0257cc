"""The base class of batch methods, which train a network that is never listed reaction by reaction, and their run."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ... import seeds
from ...activations import SmoothReLU
from ...checks import InputError
from ...kernels import codes
from ...nn import TrainingNetwork
from ...nn.chemistries import KangKim
from ...seeds import Purpose
from ...status import Status
from ..slow_limit import Level, OnlyTraining
from .neurons import Weights


class BatchMethod(OnlyTraining):
    """A training run in progress. Weights are counts of molecules, and the neurons of all samples are arrays.

    Parameters
    ----------
    spec : the TrainingNetwork.
    running_time : how long a presentation takes [s].
    volume : Omega.
    counts : int64[species], see `counts`.
    seed : decides all random numbers: those of a presentation are a function of the seed and its number.
    options : values by name of the class's `options`, all of them.
    start_time : time of the state [s].
    rng : the Generator of the run, which checkpoints keep; not used.
    """

    deterministic = False
    dtype = np.int64
    units = "molecules"

    def __init__(
        self,
        spec: TrainingNetwork,
        running_time: float,
        volume: float,
        counts: np.ndarray,
        seed: int,
        options: Mapping[str, Any],
        start_time: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> None:
        hold = spec.chemistry.fixed_time
        if not running_time > hold:
            raise InputError(f"running_time must be longer than hold, {hold:g} s, got {running_time:g} s")
        self._spec, self._running_time, self._volume, self._seed = spec, running_time, float(volume), seed
        self.settings, self.rng = options, np.random.Generator(np.random.SFC64(0)) if rng is None else rng
        self._time, self._n_events = float(start_time), 0
        self._n_weight_counts = 2 * len(spec.weights)
        self.weights = Weights(spec.layers, volume, np.asarray(counts[: self._n_weight_counts]))
        self._outputs = np.array(counts[self._n_weight_counts :], dtype=np.int64)

    @classmethod
    def refuse(cls, spec: TrainingNetwork) -> None:
        """Raise InputError if this method does not support the network, naming the unsupported part."""
        what = f"method {cls.name} supports"
        if type(spec.chemistry) is not KangKim:
            raise InputError(f"{what} the chemistry kang_kim only, got {spec.chemistry.name}: use tau_leap")
        for function in (spec.hidden_activation, spec.output_activation):
            if function is not None and (type(function) is not SmoothReLU or function.derivative != "switch"):
                shown = function.name
                raise InputError(
                    f"{what} the activation smooth_relu with derivative=switch, and a linear output, got {shown}: use "
                    "tau_leap"
                )
        if "licence" not in spec.ports:
            raise InputError(
                f"{what} only networks with the species L, which turns learning on and off: set hold, for example 30 "
                "(s), or a learning_schedule"
            )

    @property
    def counts(self) -> np.ndarray:
        """int64[species] [molecules]: both rails of each weight, in the order of `spec.weights`, and the rails of the
        outputs of all samples at the end of the last presentation."""
        return np.concatenate([self.weights.counts(), self._outputs])

    def read_weights(self) -> np.ndarray:
        """float64[weight], in the order of `spec.weights` [concentration]."""
        return self.weights.values()

    @property
    def time(self) -> float:
        """Time advanced to [s]."""
        return self._time

    @property
    def n_events(self) -> int:
        """Firings of the reactions that change weights, drawn in leaps; those of neurons are not counted."""
        return self._n_events

    @property
    def statistics(self) -> dict[str, float]:
        """Numbers about the run so far, by `statistics_names`."""
        return {}

    def check(self, samples: Sequence[tuple[np.ndarray, np.ndarray, float]]) -> None:
        """Before the first presentation: raise InputError if this method is no approximation of a run that begins with
        these inputs float64[sample, input], targets float64[sample, output] and licences."""

    def present(self, k: int, x: np.ndarray, t: np.ndarray, licence: float) -> None:
        """Presentation `k` of the inputs x float64[sample, input] and targets t float64[sample, output], with the
        licence at `licence` [concentration] while weights learn."""
        self._present(k, self._held(x), self._held(t), self._licence(licence))
        self._time += self._running_time

    def advance(self, t_stop: float) -> int:
        """Nothing happens between presentations."""
        return codes.REACHED_END

    def _held(self, values: np.ndarray) -> np.ndarray:
        """`values` rounded to whole molecules, float32 [concentration]."""
        return (np.rint(values * self._volume) / self._volume).astype(np.float32)

    def _licence(self, licence: float) -> float:
        """The licence rounded to whole molecules [concentration]."""
        return float(np.rint(licence * self._volume) / self._volume)

    def _stream(self, k: int, piece: int) -> np.random.Generator:
        """Random numbers of presentation `k`; parts that run at the same time have different pieces."""
        return seeds.stream(self._seed, Purpose.BATCHES, replicate=k, piece=piece)

    @abstractmethod
    def _present(self, k: int, x: np.ndarray, t: np.ndarray, licence: float) -> None:
        """Simulate one presentation: change `weights`, `_outputs` and `_n_events`."""

    def memory(self) -> np.ndarray:
        """float64[number]: everything besides counts, time and `n_events` that a new simulation needs to continue like
        this one."""
        return np.empty(0)

    def recall(self, n_events: int, memory: np.ndarray) -> None:
        """Restore the number of events and the `memory` of another simulation; an empty memory is ignored."""
        self._n_events = n_events


# Presentation after presentation

_CHECKED = 10
"""Number of presentations that a method may check before it begins."""


class Shown(Protocol):
    """The samples that the environment shows in each presentation."""

    def x(self, k: int) -> np.ndarray:
        """Inputs float64[sample, input] of presentation k [concentration]."""

    def t(self, k: int) -> np.ndarray:
        """Targets float64[sample, output] [concentration]."""

    def licence(self, k: int) -> float:
        """The licence while weights learn [concentration]."""


def run_batches(
    method: BatchMethod | Level,
    shown: Shown,
    record: Callable[[int], bool],
    pause: Callable[[float], bool],
    first: int,
    stop: int,
) -> Status:
    """Make the presentations `first` to `stop` - 1.

    `record(k)` is called at the end of each, and ends the run if it returns True; so does `pause(time)`, INTERRUPTED.
    Raises InputError where the method is not a valid approximation of these presentations.
    """
    if first == 0:
        method.check([(shown.x(k), shown.t(k), shown.licence(k)) for k in range(min(stop, _CHECKED))])
    for k in range(first, stop):
        method.present(k, shown.x(k), shown.t(k), shown.licence(k))
        if record(k):
            return Status.REACHED_END
        if pause(method.time):
            return Status.INTERRUPTED
    return Status.REACHED_END
