"""What a verification needs: a setting (network, initial state and presentations), and a source of noise.

To add a network: a function of a `Choice`, and its line in `CASES`. `setting_of_fit` takes that of a training run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from .. import checks
from ..activations import ACTIVATIONS
from ..checks import InputError
from ..crn import ReactionNetwork
from ..datasets import Dataset
from ..datasets import case as case_of
from ..datasets.dataset import REGRESSION
from ..kernels.propositions.perturbed import N_SIZES
from ..nn import TrainingNetwork, training_network
from ..nn.chemistry import CONSTANT
from ..nn.quantities import sizes_of
from ..nn.reactions import Layers
from ..nn.settings import Settings
from ..simulation.presentations import Presented, Samples, presentation_order
from ..statistics.tests import MOST_LOOKS, Judgement, confidences
from .results import Quantities, Results, quantities_of
from .sequential_rule import Criterion

if TYPE_CHECKING:
    from ..api import Fit

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
    notes: tuple[str, ...] = ()
    """What a report should mention about the setting."""

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
    samples: tuple[int, ...] | None = None
    """Numbers of the training samples to present, from 0."""
    data: Dataset | None = None
    """Samples of the user, in place of those of the case."""
    hidden: tuple[int, ...] | None = None
    """Sizes of the hidden layers of the network for `data`."""

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
    if choice.data is not None:
        return network_for_data(choice)
    if choice.hidden is not None:
        raise InputError(f"hidden only applies to data: the network of case {choice.case} has its sizes")
    if choice.samples is not None and CASES[choice.case] is not dataset:
        raise InputError(f"samples do not apply to case {choice.case}, which has no training samples: leave them out")
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
    times = _BRIEF[choice.case][choice.proposition] if choice.brief else None
    return _trained(choice, choice.case, case_of(choice.case).load(choice.seed), SETTINGS[choice.case], times)


def network_for_data(choice: Choice) -> Setting:
    """The network of `dataset` for the samples of the user. Raises InputError if it is too large, or the samples are
    for its learning rate."""
    assert choice.data is not None
    data, settings = choice.data, Settings(hidden=choice.of("hidden", (8,)))
    checks.choice("activation", choice.activation, [a.name for a in ACTIVATIONS])
    times = _brief_times(settings, choice.proposition) if choice.brief else None
    settings = settings.replace(learning_rate=choice.of("learning_rate", settings.learning_rate))
    running_time = choice.of("running_time", settings.running_time if times is None else times[1])
    if choice.proposition == LEARNING:
        # A brief presentation learns faster, so that its step is that of a long one; see `_trained`.
        faster = choice.brief and choice.learning_rate is None
        if refusal := data.size_error(settings.step / running_time if faster else settings.learning_rate):
            raise InputError(refusal)
    _check_work(
        settings.replace(activation=choice.activation), _layers(data, settings), choice.proposition, data.signed,
        _n_presented(choice.proposition, choice.samples, choice.presentations, times),
        running_time,
    )  # fmt: skip
    made = _trained(choice, f"your network for {data.name}", data, settings, times)
    notes = [warning] if (warning := data.size_warning(settings.step)) else []
    if choice.proposition == FORWARD:
        if not np.isfinite(made.weights).all():
            raise InputError(
                f"gradient descent, which makes the weights for {FORWARD}, diverges at a step of {settings.step:g}: "
                + (notes[0] if notes else "use a smaller learning_rate (--learning-rate)")
            )
        # The bounds hold for any weights. What these weights can do is for the user to know.
        learnt = replace(data, test_x=data.train_x, test_t=data.train_t)
        outputs = made.spec.floating.forward(made.weights, data.train_x)
        accuracy = "" if data.task == REGRESSION else f"accuracy {learnt.accuracy(outputs):.3f}, "
        notes.append(
            f"weights by gradient descent, {settings.presentations} presentations at a step of {settings.step:g}: on "
            f"the training samples {accuracy}RMSE {learnt.rmse(outputs):.3g} [concentration]"
        )
    return replace(made, notes=(*made.notes, *notes))


def _layers(data: Dataset, settings: Settings) -> tuple[int, ...]:
    return data.train_x.shape[1], *settings.hidden, data.train_t.shape[1]


def _trained(choice: Choice, name: str, data: Dataset, settings: Settings, brief: tuple[int, float] | None) -> Setting:
    """The setting of `dataset`. `brief` are number and duration of shorter presentations."""
    learning = choice.proposition == LEARNING
    n, running_time = brief or (_PRESENTATIONS[choice.proposition], settings.running_time)
    n, running_time = choice.of("presentations", n), choice.of("running_time", running_time)
    samples = _checked_samples(choice.samples, choice.presentations, len(data.train_x))
    if choice.brief and choice.learning_rate is None:  # the step s = eta T is that of the case
        choice = choice._replace(learning_rate=settings.step / running_time)
    spec = _network(
        choice,
        _layers(data, settings),
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
    order = order if samples is None else samples
    return Setting(
        choice.proposition, name, choice.activation, spec, weights, data.train_x[order], data.train_t[order],
        running_time,
    )  # fmt: skip


def _checked_samples(samples: Sequence[int] | None, presentations: int | None, n_samples: int) -> np.ndarray | None:
    """Numbers of the samples to present, int64[presentation]; None if they are not given."""
    if samples is None:
        return None
    if presentations is not None:
        raise InputError("samples say how many presentations there are: leave presentations out")
    if not len(samples):
        raise InputError("samples must be numbers of training samples, at least one, for example 0,3")
    hint = f"training samples are numbered from 0 to {n_samples - 1}"
    return np.array([checks.whole("samples", k, 0, n_samples - 1, hint) for k in samples], dtype=np.int64)


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


# The network of a training run

_BRIEF_TIMES = {FORWARD: (1, 10.0), LEARNING: (3, 4.0)}
"""As `_BRIEF`, for networks of users: the duration is that of the last phase, after phases of fixed length."""
_MOST_WORK = 5e5
"""Largest number of reactions times seconds. A path of noise in rates takes some 6e-5 s for each, so that the 60 paths
of the first look take half an hour on one core."""


def setting_of_fit(
    fit: Fit,
    proposition: str = FORWARD,
    *,
    samples: Sequence[int] | None = None,
    presentations: int | None = None,
    running_time: float | None = None,
    brief: bool = False,
) -> Setting:
    """A proposition on the network of a training run, for `NoiseSource` and `gillespie-nn verify-bounds --run`.

    Parameters
    ----------
    fit : what `train` or `load_fit` returned. Its chemistry, activation and rates are those of the setting.
    proposition : for `5.1` the trained weights are fixed, and a training sample is presented to an empty network. For
        `5.2` learning starts from the initial weights of the run.
    samples : numbers from 0 of the training samples to present, one after the other. The default of 5.1 is the last
        one, that of 5.2 what the run presented first, as it presented it.
    presentations : number of presentations without `samples`: 1 for 5.1, 5 for 5.2, 3 with `brief`.
    running_time : of a presentation [s], by default that of the run.
    brief : shorten presentations to at most 10 s (5.1) or 4 s of learning (5.2), at a learning rate that keeps the step
        s of the run, because exact simulation is slow. A `running_time`, or changed rates of the run, win over it.

    Raises InputError for a network that is too large, and for 5.2 of a run with a batch or a learning schedule.
    """
    checks.choice("proposition", proposition, PROPOSITIONS)
    plan, learning = fit.plan, proposition == LEARNING
    settings, data = plan.settings, plan.dataset
    _check_presentations(settings, learning)
    chosen = _checked_samples(samples, presentations, len(data.train_x))
    # Rates that the user has changed by name would not follow another learning rate.
    changed = plan.learner.changed_rates
    times = _brief_times(settings, proposition) if brief and running_time is None and not changed else None
    duration = settings.running_time if times is None else times[1]
    duration = duration if running_time is None else checks.positive("running_time", running_time, "s")
    if presentations is not None:
        checks.whole("presentations", presentations)
    n = _n_presented(proposition, samples, presentations, times)
    if chosen is None and presentations is None:
        n = min(n, len(plan.order))
    if chosen is None and n > (most := len(plan.order) if learning else len(data.train_x)):
        raise InputError(
            f"the run has {most} {'presentations' if learning else 'training samples'}, got {n}: use fewer"
        )
    _check_work(settings, plan.spec.layers, proposition, plan.signed, n, duration)
    notes: tuple[str, ...] = ()
    chemistry = settings.chemistry
    if times is not None and duration < settings.running_time:
        how = ""
        if learning and chemistry.learning_rate:
            factor = settings.step / chemistry.step(duration)
            chemistry = replace(chemistry, learning_rate=chemistry.learning_rate * factor)
            how = f", and the learning rate is {factor:.3g} times that of the run, which keeps the step"
        notes = (f"presentations last {duration:g} s and not {settings.running_time:g} s as in the run{how}; "
                 f"--running-time {settings.running_time:g} takes that of the run",)  # fmt: skip
    # With fixed weights the samples of a batch do not act on one another: one of them is the network.
    spec = training_network(
        plan.spec.layers, **settings.of_network | {"batch": 1, "chemistry": chemistry}, signed_inputs=plan.signed,
        learning=learning, seed=plan.seed,
    )  # fmt: skip
    if changed:
        reactions = tuple(r._replace(rate=changed.get(r.name, r.rate)) for r in spec.network.reactions)
        spec = replace(spec, declared=replace(spec.network, reactions=reactions))
    if chosen is None and learning:
        x, t = (np.concatenate([of(k) for k in range(n)]) for of in (plan.presented.x, plan.presented.t))
    else:
        chosen = np.arange(len(data.train_x))[::-1][:n] if chosen is None else chosen
        x, t = data.train_x[chosen] - plan.centre, data.train_t[chosen]
    weights = plan.learner.initial_weights if learning else fit.weights
    name = f"your network trained on {data.name}"
    return Setting(proposition, name, settings.activation.name, spec, weights, x, t, duration, notes=notes)


def _check_presentations(settings: Settings, learning: bool) -> None:
    """Raise InputError for a run whose presentations a `Setting` cannot repeat."""
    if not learning:
        return
    if settings.course.batch > 1:
        raise InputError(
            f"the run presents {settings.course.batch} samples at once, but {LEARNING} is verified with one at a time: "
            f"train with batch=1, or verify {FORWARD}, in which the samples of a batch do not act on one another"
        )
    if settings.chemistry.schedule != CONSTANT:
        raise InputError(
            f"the run has the learning schedule {settings.chemistry.schedule!r}, but {LEARNING} is verified at one "
            f"learning rate: train with learning_schedule='{CONSTANT}', or verify {FORWARD}"
        )


def _brief_times(settings: Settings, proposition: str) -> tuple[int, float]:
    """Number and duration [s] of short presentations."""
    n, last = _BRIEF_TIMES[proposition]
    fixed = settings.chemistry.fixed_time if proposition == LEARNING else 0.0
    return n, min(settings.running_time, fixed + last)


def _n_presented(
    proposition: str, samples: Sequence[int] | None, presentations: int | None, brief: tuple[int, float] | None
) -> int:
    if samples is not None:
        return len(samples)
    if presentations is not None:
        return presentations
    return _PRESENTATIONS[proposition] if brief is None else brief[0]


def _check_work(
    settings: Settings, layers: Sequence[int], proposition: str, signed: bool, n: int, running_time: float
) -> None:
    """Raise InputError if a verification with `n` presentations would take too long; no reaction is made."""
    functions: list[Any] = [*[settings.activation] * (len(layers) - 2), settings.output]
    sizes = sizes_of(Layers(settings.chemistry, layers, functions, signed), proposition == LEARNING)
    work = sizes.n_reactions * n * running_time
    if work <= _MOST_WORK:
        return
    shape = "-".join(map(str, layers))
    ways = ["train a network with fewer neurons"]
    if sizes.n_reactions * running_time <= _MOST_WORK and n > 1:
        ways.insert(0, f"present fewer samples (presentations={int(_MOST_WORK / (sizes.n_reactions * running_time))}, "
                       "--presentations)")  # fmt: skip
    elif sizes.n_reactions * 1.0 <= _MOST_WORK:
        ways.insert(0, f"present one sample for at most {_MOST_WORK / sizes.n_reactions:.2g} s (running_time, "
                       "--running-time, and presentations=1, --presentations 1)")  # fmt: skip
    if proposition == LEARNING:
        ways.append(f"verify {FORWARD}, which has fewer reactions")
    raise InputError(
        f"the network {shape} is too large to verify {proposition}: it has {sizes.n_reactions} reactions, and "
        f"{n} presentation{'s' * (n > 1)} of {running_time:g} s make {work:.2g} reactions times seconds, of at most "
        f"{_MOST_WORK:.0e}: {', or '.join(ways)}"
    )


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
