"""What a source of noise has to provide: tasks that fill in results, and the judgements on them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from .results import Results
from .setting import Setting

SMALLEST, LARGEST = 1e-4, 1e-2


class Source(ABC):
    """Noise of size eps on a setting.

    Parameters
    ----------
    setting : a `Setting`.
    paths : number of paths.
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

    def __init__(
        self,
        setting: Setting,
        paths: int,
        seed: int,
        kind: str | None = None,
        step: float | None = None,
        correlation_time: float | None = None,
    ) -> None:
        self.setting, self.paths, self.seed = setting, paths, seed

    @abstractmethod
    def record(self) -> dict:
        """What decides the paths, by name, for files."""

    @abstractmethod
    def empty(self) -> Results:
        """Results of which nothing is known."""

    @abstractmethod
    def tasks(self, results: Results) -> list:
        """What is still to be done, independent of each other; a function of what is committed."""

    @abstractmethod
    def worker(self) -> Callable[[Results, object], None]:
        """A function that carries out one task and fills in the results; one for each thread."""

    @abstractmethod
    def first_path(self, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Path number 0 at the largest eps, for a figure, about every `step` [s]: times float64[point], and states
        without and with noise, float64[point, species] [concentration]."""

    @abstractmethod
    def judgements(self, results: Results, say: Callable[[str], object]) -> list:
        """`Judgement`s on complete results."""
