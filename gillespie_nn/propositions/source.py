"""What a source of noise has to provide: tasks that fill in results, and the judgements on them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from ..kernels.propositions.perturbed import N_SIZES
from ..statistics.tests import MOST_LOOKS, Judgement, confidences
from .error_rates import Criterion
from .results import Results
from .setting import Setting

SMALLEST, LARGEST = 1e-4, 1e-2
FEWEST_PATHS = 20
"""Slopes and quantiles need some."""


class Source(ABC):
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
    """Whether paths are so dear that presentations had better be short, see `cases.Choice`."""
    notes: tuple[str, ...] = ()
    """What a reader should know about the sizes and paths."""

    usual_paths: ClassVar[int]
    """Paths at the first look, by default."""
    shares: ClassVar[tuple[float, ...]] = (1.0,) * (N_SIZES + 1)
    """Share of these paths that each size gets, and the first variation."""
    growth: ClassVar[tuple[float, ...]]
    """Paths at each look, over those of the first."""

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
        """What decides the paths, by name, for files."""

    @abstractmethod
    def empty(self) -> Results:
        """Results of which nothing is known."""

    @abstractmethod
    def tasks(self, results: Results, paths: np.ndarray) -> list:
        """What is still to be done for the first `paths` int64[task], independent of each other; a function of what is
        committed."""

    @abstractmethod
    def worker(self) -> Callable[[Results, object], None]:
        """A function that carries out one task and fills in the results; one for each thread."""

    @abstractmethod
    def first_path(self, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Path number 0 at the largest eps, for a figure, about every `step` [s]: times float64[point], and states
        without and with noise, float64[point, species] [concentration]."""

    @abstractmethod
    def judgements(self, results: Results, confidence: float, say: Callable[[str], object]) -> list[Judgement]:
        """What a look says: a `Judgement` of each check on results that are complete."""

    @abstractmethod
    def closing(self, results: Results, confidence: float) -> list[Judgement]:
        """What is judged once, at the end: the numerics, and whether planted errors are detected."""

    @abstractmethod
    def criteria(self, results: Results) -> list[Criterion]:
        """The checks whose error rates can be measured on complete results."""


def allotment(paths: int, shares: Sequence[float], growth: Sequence[float]) -> np.ndarray:
    """int64[look, task]: number of paths of each size, and of the first variation, up to each look. `paths` is that of
    the first look for a share of 1; a small share gets `FEWEST_PATHS`."""
    return np.maximum(np.rint(paths * np.outer(growth, shares)).astype(np.int64), min(paths, FEWEST_PATHS))
