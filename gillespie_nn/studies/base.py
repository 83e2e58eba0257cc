"""What a study has to provide, how large it is made, and what it gets back from the files."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..datasets import CASES
from ..datasets import case as case_of
from ..datasets.base import CLASSIFICATION
from ..display.tables import Table
from ..nn.settings import Settings
from ..noise import Noise
from ..simulation.batches import BATCH_METHODS
from ..statistics.intervals import Estimate, estimate_error, estimate_fraction
from ..statistics.verdict import Verdict
from .points import Point, Record, Training

_T = TypeVar("_T")
QUICK_SEEDS = 3
_QUICK_SHARE = 5
"""A quick run has so many times fewer presentations, and where that is not enough, coarser settings:"""
_QUICK = {
    "iris": {"presentations": 420, "running_time": 12.0, "hold": 6.0, "learning_rate": 0.02},
}
LEAPING = "tau_leap"
NOT_LISTED = tuple(c.name for c in CASES if c.method in {m.name for m in BATCH_METHODS})
"""Cases with networks too large to list, which their own methods simulate."""
RATE_EQUATIONS = "implicit_euler"
"""Rate equations in fixed steps: noise in rates and concentrations alone, without that of counts."""


class Extent(NamedTuple):
    """How much to simulate: the first seed, the number of seeds (None: that of the study), and quick or not."""

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
    """How outputs are judged: the name of the score, and what an axis says."""

    score: str
    label: str
    loss: Callable
    """What is less where the network does better, of the score."""
    estimate: Callable[[ArrayLike], Estimate]
    """The mean of scores with an interval that stays where scores can be."""


ACCURACY = Measure("accuracy", "test accuracy [fraction right]", lambda score: 1.0 - score, estimate_fraction)
RMSE = Measure("rmse", "test RMSE [concentration]", lambda score: score, estimate_error)


def measure_of(task: str) -> Measure:
    """Accuracy of a classification; else RMSE, which also says more than how many of the four XOR samples are right."""
    return ACCURACY if task == CLASSIFICATION else RMSE


class Results:
    """The results for one case: `records` by the stem of the point, and the stems of points that `failed`."""

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
        found = [self.record(p) for p in points]
        return np.array([np.nan if r is None else r.scores.get(name, np.nan) for r in found])

    def estimate(self, points: Sequence[Point], suffix: str = "") -> Estimate:
        """The mean of `scores`, with its interval."""
        return self.measure.estimate(self.scores(points, suffix))

    def losses(self, points: Sequence[Point]) -> np.ndarray:
        return self.measure.loss(self.scores(points))

    def n_failed(self, points: Sequence[Point]) -> int:
        """The number of points that blew up."""
        return sum(p.stem in self._failed for p in points)


class Finding(NamedTuple):
    """One regime in which a claim is tested: the claim says that the mean of `differences` float64[seed] is above 0."""

    claim: str
    case: str
    regime: str
    unit: str
    differences: np.ndarray


class Goal(NamedTuple):
    """One goal, and whether it is reached."""

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
    """Cases that the study applies to: by default those whose networks are listed, so that any method simulates
    them."""
    most_seeds: ClassVar[int] = 20
    measure: ClassVar[Measure | None] = None
    """The measure of the scores; None: that of the task of the case."""

    def seeds(self, extent: Extent) -> range:
        return extent.seeds(self.most_seeds)

    @abstractmethod
    def points(self, case: str, extent: Extent) -> list[Point]:
        """The points to simulate. A point may occur twice, and in several studies."""

    @abstractmethod
    def tables(self, results: Results) -> list[Table]:
        """The tables of the report, from the `Results` of one case."""

    @abstractmethod
    def draw(self, figure: Any, results: Results) -> None:
        """Draw the results of one case into an empty matplotlib figure, and set its size."""

    def findings(self, results: Results) -> list[Finding]:
        """Regimes in which claims are tested."""
        return []

    def goals(self, results: Results) -> list[Goal]:
        """The goals, and whether they are reached."""
        return []


def _quick_settings(case: str, extent: Extent) -> dict:
    if not extent.quick:
        return {}
    chosen = case_of(case)
    if chosen.quick:
        return {**chosen.quick, "presentations": chosen.quick["presentations"] // _QUICK_SHARE}
    return _QUICK.get(case, {"presentations": chosen.settings.presentations // _QUICK_SHARE})


def own_settings(case: str, extent: Extent) -> Settings:
    """Those of the case, or of a quick look."""
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
    """A training run as studies have it, of `own_settings` but for those given. Without a `method` it is by leaps;
    `predict` also reads the test set by simulation."""
    method = method or (case_of(case).method if case in NOT_LISTED else LEAPING)
    if method == LEAPING:
        settings["scheme"] = "trapezoidal"
    if method == RATE_EQUATIONS:
        settings["fixed_step"] = 0.2
    settings = _quick_settings(case, extent) | settings
    return Training(case, seed, method, float(volume), tuple(sorted(settings.items())), tuple(noise), None, predict)


def summary_row(results: Results, points: Sequence[Point]) -> tuple[str, ...]:
    """Cells for `summary_columns`: the mean with its interval, gradient descent's, how many there are and failed."""
    found, descent = results.estimate(points), results.estimate(points, "_gradient_descent")
    return str(found), str(descent), str(found.n), str(results.n_failed(points))


def summary_columns(results: Results) -> tuple[str, ...]:
    return (f"{results.measure.label}, mean [95 %]", "float gradient descent", "seeds", "blown up")
