"""What a verification needs: a setting (network, initial state and presentations), and a source of noise.

To add a network: a function of a `Choice`, and its line in `CASES`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple, TypeVar

import numpy as np

from .. import checks
from ..activations import ACTIVATIONS
from ..checks import InputError
from ..crn import ReactionNetwork
from ..datasets import case as case_of
from ..kernels.propositions.perturbed import N_SIZES
from ..nn import TrainingNetwork, training_network
from ..nn.settings import Settings
from ..simulation.presentations import Presented, Samples, presentation_order
from ..statistics.tests import MOST_LOOKS, Judgement, confidences
from .results import Quantities, Results, quantities_of
from .sequential_rule import Criterion

FORWARD, LEARNING = "5.1", "5.2"
PROPOSITIONS = (FORWARD, LEARNING)
"""Numbers of the propositions."""


@dataclass(frozen=True)
class Setting:
    """A proposition on a network. Presentation k lasts from k T to (k + 1) T, T = `running_time` [s]."""

    proposition: str
    case: str
    activation: str
    spec: TrainingNetwork
    weights: np.ndarray  # float64[weight], at the start [concentration]
    x: np.ndarray  # float64[presentation, input] [concentration]
    t: np.ndarray  # float64[presentation, output] [concentration]
    running_time: float
    remark: str = ""
    """The point of the case, in a sentence."""

    @property
    def network(self) -> ReactionNetwork:
        return self.spec.network

    @property
    def horizon(self) -> float:
        """End of the last presentation [s]."""
        return len(self.x) * self.running_time

    @property
    def switches(self) -> np.ndarray:
        """Times float64[...] [s] at which inputs and targets change, without the start."""
        return self.running_time * np.arange(1, len(self.x))

    @cached_property
    def quantities(self) -> Quantities:
        return quantities_of(self.network)

    def samples(self, volume: float = 1.0, dtype: type = np.float64) -> Samples:
        """The presented samples, in molecules."""
        return Samples(self.spec, Presented.each(self.x, self.t if self.spec.targets else None), volume, dtype)

    def start(self, volume: float = 1.0, dtype: type = np.float64) -> np.ndarray:
        """The state `dtype`[species] at time 0, before anything is presented [molecules]."""
        return self.spec.start(self.weights, volume, dtype)

    def described(self) -> str:
        """The setting, in one line."""
        layers = "-".join(map(str, self.spec.layers))
        learning = "learning on" if self.spec.targets else "weights fixed"
        n = len(self.x)
        return (
            f"{self.case}, {layers}, {self.activation}, {learning}: {n} presentation{'s' * (n > 1)} of "
            f"{self.running_time:g} s, {n - 1} switches of the input, T = {self.horizon:g} s, "
            f"{len(self.network.species)} species, {len(self.network.reactions)} reactions"
        )

    def record(self) -> dict:
        """Everything that determines the setting, by name, for files."""
        return {
            "proposition": self.proposition,
            "case": self.case,
            "activation": self.activation,
            "network": self.network.digest,
            "weights": self.weights.tolist(),
            "x": self.x.tolist(),
            "t": self.t.tolist(),
            "running_time": self.running_time,
        }


# The networks on which propositions are verified.

_T = TypeVar("_T")


class Choice(NamedTuple):
    """Options of the command; None stands for the default of the case."""

    proposition: str = FORWARD
    case: str = "xor"
    activation: str = "smooth_relu"
    h: float | None = None
    derivative: str | None = None
    kappa: float | None = None
    switch_rate: float | None = None
    learning_rate: float | None = None
    annihilation_rate: float | None = None
    running_time: float | None = None
    presentations: int | None = None
    seed: int = 0
    brief: bool = False
    """Use shorter presentations and a larger learning rate, because exact simulation is slow."""

    def of(self, name: str, default: _T) -> _T:
        """The given value, or the default."""
        value = getattr(self, name)
        return default if value is None else value


def setting_of(choice: Choice) -> Setting:
    """The setting of a `Choice`. Raises InputError for an unknown name or an invalid value."""
    checks.choice("proposition", choice.proposition, PROPOSITIONS)
    checks.choice("case", choice.case, CASES)
    checks.choice("activation", choice.activation, [a.name for a in ACTIVATIONS])
    if choice.running_time is not None:
        checks.positive("running_time", choice.running_time, "s")
    if choice.presentations is not None:
        checks.whole("presentations", choice.presentations)
    return CASES[choice.case](choice)


SETTINGS = {
    "xor": Settings(hidden=(4,), presentations=1500, annihilation_rate=60.0),
    "iris": Settings(hidden=(8,), learning_rate=0.00125, presentations=8400),
}
"""Settings of training. The propositions are about a network that learns all the time, whereas the settings that train
a case best may suspend learning after each switch."""
_PRESENTATIONS = {FORWARD: 1, LEARNING: 5}
_BRIEF = {"xor": {FORWARD: (1, 10.0), LEARNING: (4, 4.0)}, "iris": {FORWARD: (1, 5.0), LEARNING: (3, 3.0)}}
"""Number and duration [s] of presentations where molecules are counted: each lasts several relaxation times."""


def dataset(choice: Choice) -> Setting:
    """The network of a case study. For 5.1 the weights are those of floating-point gradient descent over its
    presentations, and the last training sample is presented to an empty network. For 5.2 learning starts from random
    weights."""
    settings = SETTINGS[choice.case]
    data = case_of(choice.case).load(choice.seed)
    learning = choice.proposition == LEARNING
    usual = _PRESENTATIONS[choice.proposition], settings.running_time
    n, running_time = _BRIEF[choice.case][choice.proposition] if choice.brief else usual
    n, running_time = choice.of("presentations", n), choice.of("running_time", running_time)
    if choice.brief and choice.learning_rate is None:  # the step s = eta T is that of the case
        choice = choice._replace(learning_rate=settings.step / running_time)
    spec = _network(
        choice,
        (data.train_x.shape[1], *settings.hidden, data.train_t.shape[1]),
        settings,
        learning,
        data.signed,
    )
    weights = spec.floating.initial_weights(choice.seed, settings.initial_scale)
    # Data, order and weights have the same seed, so the setting is a function of the choice alone.
    order = presentation_order(len(data.train_x), settings.presentations, settings.order, choice.seed).ravel()
    if learning:
        order = order[:n]
    else:
        weights = spec.floating.gradient_descent(weights, data.train_x, data.train_t, order, settings.step)
        order = np.arange(len(data.train_x))[::-1][:n]
    return Setting(
        choice.proposition, choice.case, choice.activation, spec, weights, data.train_x[order], data.train_t[order],
        running_time,
    )  # fmt: skip


def kink(choice: Choice) -> Setting:
    """2-1-1: x = (1, 1), w = (w, -w), b = 0. So z rests at 0 while both of its rails are populated.

    The error that reaches the neuron does not vanish, so whether it learns depends on the sign of z.
    """
    _only_learning(choice)
    settings = SETTINGS["xor"]
    spec = _network(choice, (2, 1, 1), settings, True, False)
    weights = np.array([1.0, -1.0, 0.0, 1.0, 0.0])
    n = choice.of("presentations", 1)
    # A leaky unit learns slowly at rest. With a small error it stays near its kink during the presentation.
    target = 0.05 if choice.activation == "leaky_relu" else 0.5
    remark = (
        "the reference rests at z = 0, where the derivative of a ReLU jumps, so even the smallest noise decides "
        "whether the unit is on"
    )
    return Setting(
        LEARNING, "kink", choice.activation, spec, weights, np.ones((n, 2)), np.full((n, 1), target),
        choice.of("running_time", 20.0), remark=remark,
    )  # fmt: skip


def crossing(choice: Choice) -> Setting:
    """2-2-1: inputs (1, 0) and (0, 1) in turn move one hidden unit up through z = 0 and the other down, at speed."""
    _only_learning(choice)
    settings = SETTINGS["xor"]
    spec = _network(choice, (2, 2, 1), settings, True, False)
    # With these weights the pre-activation of each hidden unit has opposite signs under the two inputs.
    weights = np.array([1.0, -0.8, -0.7, 0.9, 0.1, 0.05, 0.8, -0.6, 0.1])
    n = choice.of("presentations", 3)
    x = np.tile([[1.0, 0.0], [0.0, 1.0]], (n, 1))[:n]
    t = np.tile([[0.2], [0.6]], (n, 1))[:n]
    remark = (
        "the reference crosses z = 0 at non-zero speed, so noise of size eps moves the time of the switch by only "
        "O(eps)"
    )
    return Setting(
        LEARNING, "crossing", choice.activation, spec, weights, x, t, choice.of("running_time", 20.0), remark=remark
    )  # fmt: skip


def _only_learning(choice: Choice) -> None:
    if choice.proposition != LEARNING:
        raise InputError(f"case {choice.case} needs a network that learns: use --proposition {LEARNING}")


def _network(choice: Choice, layers: tuple[int, ...], usual: Settings, learning: bool, signed: bool) -> TrainingNetwork:
    asked = {name: choice.of(name, getattr(usual, name)) for name in ("learning_rate", "annihilation_rate")}
    settings = usual.replace(activation=choice.activation, **asked)
    if hasattr(settings, "h"):
        settings = settings.replace(h=usual.h)
    given = {name: getattr(choice, name) for name in ("h", "derivative", "kappa", "switch_rate")}
    settings = settings.replace(**{name: value for name, value in given.items() if value is not None})
    return training_network(layers, **settings.of_network, signed_inputs=signed, learning=learning)


CASES = {"xor": dataset, "iris": dataset, "kink": kink, "crossing": crossing}
"""Functions that make the network of a `Choice`, by the name of the case."""


# A source of noise provides tasks that fill in results, and judges the results.

SMALLEST, LARGEST = 1e-4, 1e-2
FEWEST_PATHS = 20
"""Slopes and quantiles need at least this many."""


class NoiseSource(ABC):
    """Noise of size eps on a setting.

    Parameters
    ----------
    setting : a `Setting`.
    paths : number of paths at the first look, None for the default of the source.
    looks : most looks; with each there are more paths, see `statistics.tests`.
    seed : of the paths, and of resampling.
    kind, step, correlation_time : of a path that has them, None for the defaults of the noise; InputError otherwise.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    sizes: np.ndarray
    """eps, float64[K], ascending."""
    brief: ClassVar[bool] = False
    """Whether paths are so expensive that presentations should be short, see `Choice.brief`."""
    notes: tuple[str, ...] = ()
    """Notes for the report about sizes and paths."""

    usual_paths: ClassVar[int]
    """Paths at the first look, by default."""
    shares: ClassVar[tuple[float, ...]] = (1.0,) * (N_SIZES + 1)
    """Share of these paths for each size, and for the first variation."""
    growth: ClassVar[tuple[float, ...]]
    """Paths at each look, divided by those of the first."""

    def __init__(
        self,
        setting: Setting,
        paths: int | None,
        seed: int,
        looks: int = MOST_LOOKS,
        kind: str | None = None,
        step: float | None = None,
        correlation_time: float | None = None,
    ) -> None:
        self.setting, self.seed = setting, seed
        self.paths = self.usual_paths if paths is None else paths
        self.allotted = allotment(self.paths, self.shares, self.growth[:looks])
        """int64[look, task]: paths of each size, and of the first variation, up to each look."""
        self.confidences = confidences(looks)
        """float64[look]"""

    @abstractmethod
    def record(self) -> dict:
        """Everything that determines the paths, by name, for files."""

    @abstractmethod
    def empty(self) -> Results:
        """Results without any path."""

    @abstractmethod
    def tasks(self, results: Results, paths: np.ndarray) -> list:
        """The tasks that remain for the first `paths` int64[task]. They are independent of each other, and depend only
        on what is committed."""

    @abstractmethod
    def worker(self) -> Callable[[Results, object], None]:
        """A function that executes one task and fills in the results. Each thread gets a new one."""

    @abstractmethod
    def first_path(self, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Path number 0 at the largest eps, for a figure, about every `step` [s]: times float64[point], and states
        without and with noise, float64[point, species] [concentration]."""

    @abstractmethod
    def judgements(self, results: Results, confidence: float, say: Callable[[str], object]) -> list[Judgement]:
        """The judgements of a look: a `Judgement` of each check on complete results."""

    @abstractmethod
    def closing(self, results: Results, confidence: float) -> list[Judgement]:
        """The judgements that are made once, at the end: the numerics, and whether planted errors are detected."""

    @abstractmethod
    def criteria(self, results: Results) -> list[Criterion]:
        """The checks whose error rates can be measured on complete results."""


def allotment(paths: int, shares: Sequence[float], growth: Sequence[float]) -> np.ndarray:
    """int64[look, task]: number of paths of each size, and of the first variation, up to each look. `paths` is that of
    the first look for a share of 1; a small share gets `FEWEST_PATHS`."""
    # `paths` may be below FEWEST_PATHS on purpose, as in tests; a share never raises the number above it.
    return np.maximum(np.rint(paths * np.outer(growth, shares)).astype(np.int64), min(paths, FEWEST_PATHS))
