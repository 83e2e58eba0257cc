"""Kinds of paths xi, each constant on pieces: what a piece lasts, and how its values are drawn, one a component.

Piece k has a random stream of its own, so that it can be drawn alone; where it depends on the piece before, that
piece's values are all it needs.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

RUN, PRESENTATION, GRID = "run", "presentation", "grid"
"""What a piece lasts: the whole run, a presentation, or the step of a grid in time."""


class Kind(ABC):
    """A law of paths; `noise` below is the `Noise` whose parameters are meant."""

    name: ClassVar[str]
    summary: ClassVar[str]
    reference: ClassVar[str] = ""
    """What to cite for its law, if anything."""
    parameters: ClassVar[dict[str, float | None]] = {}
    """Parameters of a `Noise` that the kind takes, and their defaults."""
    strikes: ClassVar[bool] = False
    """Whether values are impulses at the beginning of a piece, and nothing in between."""
    remembers: ClassVar[bool] = False
    """Whether a piece depends on the one before."""

    @staticmethod
    def lasts(noise: Any) -> str:
        """One of `RUN`, `PRESENTATION`, `GRID`."""
        return GRID

    @staticmethod
    def supremum(noise: Any) -> float:
        """Least upper bound of |xi|, on every path."""
        return 1.0

    @staticmethod
    @abstractmethod
    def draw(noise: Any, rng: np.random.Generator, size: int, before: np.ndarray | None) -> np.ndarray:
        """Values float64[size] of a piece; `before` are those of the last one, None for the first."""


class _Uniform(Kind):
    """Independent in each piece and component, uniform on [-1, 1]: of variance 1/3."""

    @staticmethod
    def draw(noise: Any, rng: np.random.Generator, size: int, before: np.ndarray | None) -> np.ndarray:
        return rng.uniform(-1.0, 1.0, size)


class Constant(_Uniform):
    name = "constant"
    summary = "one draw per run, uniform on [-1, 1]"

    @staticmethod
    def lasts(noise: Any) -> str:
        return RUN


class Presentation(_Uniform):
    name = "presentation"
    summary = "a new draw at each presentation, uniform on [-1, 1]"

    @staticmethod
    def lasts(noise: Any) -> str:
        return PRESENTATION


class Bounded(_Uniform):
    name = "bounded"
    summary = "a new draw every `step` seconds, uniform on [-1, 1]"
    parameters = {"step": 1.0}


class OrnsteinUhlenbeck(Kind):
    """The stationary Ornstein-Uhlenbeck process of variance 1 and autocorrelation exp(-t / correlation_time) at the
    times of the grid, held in between and saturated at `bound`: beyond 5 lie 6e-7 of its values. The memory is that of
    the process before it is saturated.
    """

    name = "ornstein_uhlenbeck"
    reference = "G. E. Uhlenbeck, L. S. Ornstein, Phys. Rev. 36 (1930) 823-841, doi:10.1103/PhysRev.36.823"
    summary = "Gaussian of variance 1 with a correlation time, constant over each `step`, saturated at `bound`"
    parameters = {"step": 0.5, "correlation_time": 2.0, "bound": 5.0}
    remembers = True

    @staticmethod
    def supremum(noise: Any) -> float:
        return noise.bound

    @staticmethod
    def draw(noise: Any, rng: np.random.Generator, size: int, before: np.ndarray | None) -> np.ndarray:
        new = rng.standard_normal(size)
        if before is None:
            return new
        kept = np.exp(-noise.step / noise.correlation_time)
        return kept * before + np.sqrt(-np.expm1(-2.0 * noise.step / noise.correlation_time)) * new


class Impulse(_Uniform):
    name = "impulse"
    summary = "impulses at the start of each presentation, or every `step` seconds, uniform on [-1, 1]"
    parameters = {"step": None}
    strikes = True

    @staticmethod
    def lasts(noise: Any) -> str:
        return PRESENTATION if noise.step is None else GRID


KINDS = (Constant, Presentation, Bounded, OrnsteinUhlenbeck, Impulse)
BY_NAME = {kind.name: kind for kind in KINDS}
