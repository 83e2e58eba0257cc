"""The base of every study: activations and noises that studies share, extents, results, and scores against a number.

Studies with the same settings share points.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..datasets import CASES
from ..datasets import case as case_of
from ..datasets.dataset import CLASSIFICATION
from ..display.figures import COLOURS, LINES
from ..display.tables import Table
from ..nn.settings import Settings
from ..noise import ConcentrationNoise, Noise, RateNoise
from ..simulation.batches import BATCH_METHODS
from ..statistics.intervals import Estimate, estimate_error, estimate_fraction
from ..statistics.tests import Verdict
from .points import Point, Record, Training

# Activations that are compared, and noises.

SMOOTH = "smooth ReLU"
ANNIHILATION, ANNIHILATION_FAST = "annihilation ReLU, kappa = 60", "annihilation ReLU, kappa = 1000"
LEAKY_ANNIHILATION = "leaky annihilation ReLU, kappa = 1000"
IDEAL, IDEAL_LEAKY = "idealised ReLU", "idealised leaky ReLU"
RAIL = "rail ReLU, kappa = 60"
GAIN = "smooth ReLU, gain"

_EVERY: Mapping[str, dict[str, Any]] = {
    SMOOTH: {"activation": "smooth_relu"},
    ANNIHILATION: {"activation": "annihilation_relu", "kappa": 60.0},
    ANNIHILATION_FAST: {"activation": "annihilation_relu", "kappa": 1000.0},
    LEAKY_ANNIHILATION: {"activation": "leaky_annihilation_relu", "kappa": 1000.0},
    IDEAL: {"activation": "relu"},
    IDEAL_LEAKY: {"activation": "leaky_relu"},
    RAIL: {"activation": "rail_relu", "kappa": 60.0},
    GAIN: {"activation": "smooth_relu", "derivative": "gain"},
}
OPPONENTS = (ANNIHILATION, ANNIHILATION_FAST, LEAKY_ANNIHILATION, IDEAL, IDEAL_LEAKY)
"""Activations against which claims about the smooth ReLU are tested. The annihilation ReLUs are mass action; the
idealised ones have rates that jump where z crosses 0."""
CONTENDERS = {name: _EVERY[name] for name in (SMOOTH, *OPPONENTS, RAIL)}
"""Activations compared at equal settings, by label."""
ALL_CONTENDERS = CONTENDERS | {GAIN: _EVERY[GAIN]}
"""The same, and the smooth ReLU whose slope is the module `gain`."""
FEW = {name: _EVERY[name] for name in (SMOOTH, ANNIHILATION, IDEAL)}
"""Activations of figures with little room."""
RATE_SIZES, QUICK_RATE_SIZES = (0.0, 0.05, 0.1, 0.2), (0.0, 0.2)
CONCENTRATION_SIZES, QUICK_CONCENTRATION_SIZES = (0.0, 0.05, 0.1, 0.2), (0.0, 0.2)
"""eps of the noises."""


def rate_noise(size: float) -> tuple[RateNoise, ...]:
    """Noise in all rates, drawn anew at each presentation; none for size 0."""
    return (RateNoise(size, "presentation"),) if size else ()


def concentration_noise(size: float) -> tuple[ConcentrationNoise, ...]:
    """Forcing of every species but weights and switches, by Ornstein-Uhlenbeck paths; none for size 0."""
    return (ConcentrationNoise(size, "ornstein_uhlenbeck", step=1.0),) if size else ()


# The interface of a study: its extent, its results from the files, and what it provides.

_T = TypeVar("_T")
QUICK_SEEDS = 3
_QUICK_SHARE = 5
"""A quick run has presentations reduced by this factor, and coarser settings in the cases of `_QUICK`."""
_QUICK = {
    "iris": {"presentations": 420, "running_time": 12.0, "hold": 6.0, "learning_rate": 0.02},
}
LEAPING = "tau_leap"
NOT_LISTED = tuple(c.name for c in CASES if c.method in {m.name for m in BATCH_METHODS})
"""Cases whose networks are too large to list. Batch methods simulate them."""
RATE_EQUATIONS = "implicit_euler"
"""Rate equations in fixed steps. They have noise in rates and concentrations, but not that of counts."""


class Extent(NamedTuple):
    """How much to simulate: the first seed, the number of seeds (None: that of the study), and whether it is quick."""

    seed: int = 0
    n_seeds: int | None = None
    quick: bool = False

    def seeds(self, most: int = 20) -> range:
        n = self.n_seeds or (QUICK_SEEDS if self.quick else most)
        return range(self.seed, self.seed + n)

    def of(self, values: _T, quick: _T) -> _T:
        """`values`, or `quick` in a quick run."""
        return quick if self.quick else values


class Measure(NamedTuple):
    """How outputs are judged: the name of the score, its label on an axis, and its statistics."""

    score: str
    label: str
    loss: Callable
    """Of a score: a number that is smaller if the network is better."""
    estimate: Callable[[ArrayLike], Estimate]
    """The mean of scores, with an interval within the range of scores."""


ACCURACY = Measure("accuracy", "test accuracy [fraction right]", lambda score: 1.0 - score, estimate_fraction)
RMSE = Measure("rmse", "test RMSE [concentration]", lambda score: score, estimate_error)


def measure_of(task: str) -> Measure:
    """Accuracy of a classification, else RMSE; for XOR it says more than how many of the four samples are right."""
    return ACCURACY if task == CLASSIFICATION else RMSE


class StudyResults:
    """The results of one case: `records` by the stems of points, and the stems of points that `failed`."""

    def __init__(
        self,
        case: str,
        extent: Extent,
        records: dict[str, Record],
        failed: Iterable[str] = (),
        measure: Measure | None = None,
    ) -> None:
        """`measure` is that of the study; None: that of the task of the case."""
        self.case, self.extent, self._records, self._failed = case, extent, records, frozenset(failed)
        self._measure = measure

    @property
    def measure(self) -> Measure:
        if self._measure is not None:
            return self._measure
        tasks = {r.task for r in self._records.values() if r.task and r.point.case == self.case}
        return measure_of(next(iter(tasks), ""))

    def record(self, point: Point) -> Record | None:
        """The record of a point; None if it is missing or failed."""
        return self._records.get(point.stem)

    def scores(self, points: Sequence[Point], suffix: str = "") -> np.ndarray:
        """Scores float64[point] in the measure of the case; NaN where a point is missing or failed."""
        name = self.measure.score + suffix
        records = [self.record(p) for p in points]
        return np.array([np.nan if r is None else r.scores.get(name, np.nan) for r in records])

    def estimate(self, points: Sequence[Point], suffix: str = "") -> Estimate:
        """The mean of `scores`, with its interval."""
        return self.measure.estimate(self.scores(points, suffix))

    def losses(self, points: Sequence[Point]) -> np.ndarray:
        return self.measure.loss(self.scores(points))

    def n_failed(self, points: Sequence[Point]) -> int:
        """The number of points that blew up."""
        return sum(p.stem in self._failed for p in points)


class StudyFinding(NamedTuple):
    """A claim in one regime. It states that the mean of `differences` float64[seed] is above 0."""

    claim: str
    case: str
    regime: str
    unit: str
    differences: np.ndarray


class Goal(NamedTuple):
    """A goal, the result, and whether the goal is reached."""

    goal: str
    case: str
    found: str
    verdict: Verdict


class Study(ABC):
    """One question: the points that answer it, and the tables and figures made from them."""

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    cases: ClassVar[tuple[str, ...]] = tuple(c.name for c in CASES if c.name not in NOT_LISTED)
    """Cases that the study applies to, by default those whose networks are listed, so that any method simulates
    them."""
    most_seeds: ClassVar[int] = 20
    measure: ClassVar[Measure | None] = None
    """The measure of the scores; None: that of the task of the case."""

    def seeds(self, extent: Extent) -> range:
        return extent.seeds(self.most_seeds)

    @abstractmethod
    def points(self, case: str, extent: Extent) -> list[Point]:
        """The points to simulate. A point may occur several times, and in several studies."""

    @abstractmethod
    def tables(self, results: StudyResults) -> list[Table]:
        """The tables of the report, from the `StudyResults` of one case."""

    @abstractmethod
    def draw(self, figure: Any, results: StudyResults) -> None:
        """Draw the results of one case into an empty matplotlib figure, and set its size."""

    def findings(self, results: StudyResults) -> list[StudyFinding]:
        """Regimes in which claims are tested."""
        return []

    def goals(self, results: StudyResults) -> list[Goal]:
        """The goals, and whether they are reached."""
        return []


def _quick_settings(case: str, extent: Extent) -> dict:
    if not extent.quick:
        return {}
    chosen = case_of(case)
    if chosen.quick:
        return {**chosen.quick, "presentations": chosen.quick["presentations"] // _QUICK_SHARE}
    return _QUICK.get(case, {"presentations": chosen.settings.presentations // _QUICK_SHARE})


def case_settings(case: str, extent: Extent) -> Settings:
    """Settings of the case, or those of a quick run."""
    return case_of(case).settings.replace(**_quick_settings(case, extent))


def training(
    case: str,
    seed: int,
    extent: Extent,
    noise: Sequence[Noise] = (),
    method: str | None = None,
    volume: float = 1e4,
    predict: bool = False,
    **settings: Any,
) -> Training:
    """A training run with `case_settings`, except for the settings given. The default method is tau-leaping. `predict`
    also reads the test set by simulation."""
    method = method or (case_of(case).method if case in NOT_LISTED else LEAPING)
    if method == LEAPING:
        settings["scheme"] = "trapezoidal"
    if method == RATE_EQUATIONS:
        settings["fixed_step"] = 0.2
    settings = _quick_settings(case, extent) | settings
    return Training(case, seed, method, float(volume), tuple(sorted(settings.items())), tuple(noise), None, predict)


def summary_row(results: StudyResults, points: Sequence[Point]) -> tuple[str, ...]:
    """Cells for `summary_columns`: the mean score, that of gradient descent, and the numbers of runs and of
    failures."""
    mean, descent = results.estimate(points), results.estimate(points, "_gradient_descent")
    return str(mean), str(descent), str(mean.n), str(results.n_failed(points))


def summary_columns(results: StudyResults) -> tuple[str, ...]:
    return (f"{results.measure.label}, mean [95 %]", "float gradient descent", "seeds", "blown up")


# Studies of a score against one number, with a line for each series and a panel for each group of series.

_MARKERS = "osD^vP*X"


class Condition(NamedTuple):
    """One setting, simulated with every seed."""

    panel: str
    series: str
    x: float
    make: Callable[[int], Point]
    """The point of a seed."""


class ScoreStudy(Study):
    """A study whose points are `conditions`."""

    x_label: ClassVar[str]
    x_scale: ClassVar[str] = "linear"
    shows_descent: ClassVar[bool] = False
    """Draw float gradient descent of each series, too."""

    @abstractmethod
    def conditions(self, case: str, extent: Extent) -> list[Condition]:
        """Conditions in the order of the table, with x increasing in each series."""

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [c.make(seed) for c in self.conditions(case, extent) for seed in self.seeds(extent)]

    def of_seeds(self, condition: Condition, results: StudyResults) -> list[Point]:
        """The points of a condition."""
        return [condition.make(seed) for seed in self.seeds(results.extent)]

    def tables(self, results: StudyResults) -> list[Table]:
        conditions = self.conditions(results.case, results.extent)
        with_panels = len({c.panel for c in conditions}) > 1
        rows = [
            (*((c.panel,) if with_panels else ()), c.series, f"{c.x:g}")
            + summary_row(results, self.of_seeds(c, results))
            for c in conditions
        ]
        columns = (*(("where",) if with_panels else ()), "series", self.x_label, *summary_columns(results))
        return [Table("", columns, rows)]

    def draw(self, figure: Any, results: StudyResults) -> None:
        conditions = self.conditions(results.case, results.extent)
        panels = list(dict.fromkeys(c.panel for c in conditions))
        series = list(dict.fromkeys(c.series for c in conditions))
        figure.set_size_inches(max(6.0, 4.0 * len(panels)), 4.4)
        every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, panel in zip(every, panels):
            for k, name in enumerate(series):
                chosen = [c for c in conditions if (c.panel, c.series) == (panel, name)]
                self._line(axes, k, name, chosen, results)
            if self.shows_descent:
                self._descent(axes, [c for c in conditions if c.panel == panel], series, results)
            axes.set_title(panel, fontsize=10)
            axes.set_xscale(self.x_scale)
            axes.set_xlabel(self.x_label, fontsize=9 if len(panels) == 1 else 8)
            self._ticks(axes, [c.x for c in conditions if c.panel == panel])
        every[0].set_ylabel(f"{results.measure.label}\nmean, 95 % interval over seeds")
        handles, labels = every[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=min(2 if len(labels) > 5 else 3, len(labels)), fontsize=8
        )
        figure.suptitle(f"{results.case}: {self.title}", fontsize=11)

    def _line(self, axes: Any, k: int, name: str, conditions: list[Condition], results: StudyResults) -> None:
        if not conditions:
            return
        colour, marker = COLOURS[k % len(COLOURS)], _MARKERS[k % len(_MARKERS)]
        x = np.array([c.x for c in conditions])
        # Shifted against each other, so that intervals do not overlap.
        x = x * 1.03**k if self.x_scale == "log" else x + 0.008 * k * np.ptp(x)
        estimates = [results.estimate(self.of_seeds(c, results)) for c in conditions]
        errorbars(axes, x, estimates, color=colour, marker=marker, linestyle=LINES[k % 4], label=name)

    def _descent(self, axes: Any, conditions: list[Condition], series: list[str], results: StudyResults) -> None:
        """Draw float gradient descent: one line if it is the same for every series, else one for each."""
        by_series: dict[str, dict[float, float]] = {name: {} for name in series}
        for c in conditions:
            by_series[c.series][c.x] = results.estimate(self.of_seeds(c, results), "_gradient_descent").mean
        together: dict[float, list[float]] = {}
        for by_x in by_series.values():
            for at, mean in by_x.items():
                together.setdefault(at, []).append(mean)
        style = {"linestyle": ":", "marker": "x", "markersize": 4.5}
        if all(np.allclose(means, means[0], equal_nan=True) for means in together.values()):
            x = sorted(together)
            axes.plot(x, [together[v][0] for v in x], color="0.5", label="float gradient descent", **style)
            return
        for k, (name, means) in enumerate(by_series.items()):
            label = f"float gradient descent, {name}"
            axes.plot(
                list(means), list(means.values()), color=COLOURS[k % len(COLOURS)], alpha=0.6, label=label, **style
            )

    def _ticks(self, axes: Any, x: Iterable[float]) -> None:
        x = sorted(set(x))
        if self.x_scale == "log" and len(x) <= 10:
            axes.set_xticks(x, [f"{v:g}" for v in x], fontsize=8)
            axes.set_xticks([], minor=True)


def errorbars(axes: Any, x: np.ndarray, estimates: Sequence[Estimate], **style: Any) -> None:
    """Means with their intervals; a mean of one seed has none."""
    mean = np.array([e.mean for e in estimates])
    ends = np.nan_to_num([[e.mean - e.low for e in estimates], [e.high - e.mean for e in estimates]])
    axes.errorbar(x, mean, yerr=np.maximum(ends, 0.0), capsize=3, markersize=4.5, linewidth=1.3, **style)
