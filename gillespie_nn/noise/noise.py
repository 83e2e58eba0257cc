"""The base class of noises, and the kinds of their paths xi.

A path is constant on pieces. Its kind defines how long a piece lasts and how its values are drawn, one per component.
Piece k has a separate random stream, so that it can be drawn alone; if it depends on the piece before, it needs nothing
but the values of that piece.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork
from ..crn.names import matching as names_matching
from ..options import recorded_name

RUN, PRESENTATION, GRID = "run", "presentation", "grid"
"""How long a piece lasts: the whole run, a presentation, or the step of a grid in time."""


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
        # The exact transition of the process, so its law at the times of the grid does not depend on the step.
        decay = np.exp(-noise.step / noise.correlation_time)
        return decay * before + np.sqrt(-np.expm1(-2.0 * noise.step / noise.correlation_time)) * new


class Impulse(_Uniform):
    name = "impulse"
    summary = "impulses at the start of each presentation, or every `step` seconds, uniform on [-1, 1]"
    parameters = {"step": None}
    strikes = True

    @staticmethod
    def lasts(noise: Any) -> str:
        return PRESENTATION if noise.step is None else GRID


KINDS = (Constant, Presentation, Bounded, OrnsteinUhlenbeck, Impulse)
"""All kinds of path that a noise can have."""
BY_NAME = {kind.name: kind for kind in KINDS}


# The base class of noises

LARGEST_CHANGE = 0.5
"""Largest relative change by a multiplicative noise, on every path: eps sup|xi| <= 1/2."""


@dataclass(frozen=True)
class Noise(ABC):
    """A noise of amplitude eps with a path xi of a given `kind`, see `KINDS`.

    Parameters
    ----------
    amplitude : eps, at least 0; the path does not depend on it. With amplitude 0, results are bit-identical to a run
        without noise.
    kind : name of the kind of path.
    step : length of a piece of a path [s].
    correlation_time : of an Ornstein-Uhlenbeck path [s].
    bound : largest |xi| of an Ornstein-Uhlenbeck path, which is clipped there.
    shared : whether all replicates of an ensemble have the same path.

    Raises
    ------
    InputError : a parameter that the kind does not take, or an amplitude beyond `largest_amplitude`.
    """

    amplitude: float
    kind: str
    _: KW_ONLY
    step: float | None = None
    correlation_time: float | None = None
    bound: float | None = None
    shared: bool = False

    name: ClassVar[str]
    acts_on: ClassVar[str]
    """What it acts on, in words."""
    purposes: ClassVar[tuple[int, int]]
    """Purposes of its random streams: in training and simulation, and in prediction. The package uses those of
    `seeds.Purpose`; a noise from outside uses numbers from 1000 on."""
    kinds: ClassVar[tuple[str, ...]]
    """Supported kinds of path."""

    def __post_init__(self) -> None:
        amplitude = checks.not_negative(f"amplitude of {self.name} noise", self.amplitude)
        object.__setattr__(self, "amplitude", amplitude)
        checks.choice(f"kind of {self.name} noise", self.kind, self.kinds)
        if not isinstance(self.shared, bool):
            raise InputError(f"shared of {self.name} noise must be True or False, got {self.shared!r}")
        # A record read from a file has lists.
        for what in ("species", "reactions"):
            if isinstance(names := getattr(self, what, None), list):
                object.__setattr__(self, what, tuple(names))
        taken = self.law.parameters
        for parameter in ("step", "correlation_time", "bound"):
            value = getattr(self, parameter)
            if value is None:
                object.__setattr__(self, parameter, taken.get(parameter))
            elif parameter in taken:
                unit = "" if parameter == "bound" else "s"
                object.__setattr__(self, parameter, checks.positive(f"{parameter} of {self.name} noise", value, unit))
            else:
                takes = ", ".join(taken) or "neither step, correlation_time nor bound"
                raise InputError(f"{parameter}={value!r}: {self.name} noise of kind {self.kind} takes {takes}")
        # A factor 1 + eps xi must stay positive, and far enough from 0, on every path.
        if self.amplitude > self.largest_amplitude:
            raise InputError(
                f"amplitude {self.amplitude:g} of {self.name} noise is too large: amplitude times the largest |xi| "
                f"({self.law.supremum(self):g} for kind {self.kind}) must be at most {LARGEST_CHANGE:g}; use an "
                f"amplitude of at most {self.largest_amplitude:g}"
            )

    @property
    def law(self) -> type[Kind]:
        """The `Kind` of the path."""
        return BY_NAME[self.kind]

    @property
    def largest_amplitude(self) -> float:
        """The largest eps for which eps sup|xi| <= 1/2 on every path; infinite where no limit applies."""
        return LARGEST_CHANGE / self.law.supremum(self)

    def record(self) -> dict:
        """All parameters by name, for files."""
        cls = type(self)
        registered = cls.__module__.startswith(f"{__package__}.")  # `NOISES` cannot be imported here
        return {"noise": recorded_name(cls, (cls,) if registered else ())} | asdict(self)

    @abstractmethod
    def places(self, network: ReactionNetwork, unforced: Sequence[str]) -> np.ndarray:
        """What it acts on, int64[component]: numbers of reactions or of species.

        `unforced` are names of species that it excludes by default.
        """

    def added_reactions(self, network: ReactionNetwork, places: np.ndarray, number: int) -> tuple:
        """Reactions that it adds to the network, with rate 0 while xi is 0; `number` makes their names unique."""
        return ()

    def disturbs(self, places: np.ndarray) -> np.ndarray:
        """Species whose conservation laws it breaks, int64[...]."""
        return np.empty(0, dtype=np.int64)

    def act(self, rates: np.ndarray, xi: np.ndarray, places: np.ndarray, first: int) -> None:
        """Change `rates` float64[reaction] to those under xi float64[component]; those it added start at `first`."""
        raise NotImplementedError


def matching(what: str, patterns: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Numbers int64[...] of the `names` that match any of `patterns`. Raises InputError for a pattern without match."""
    if not isinstance(patterns, (tuple, list)) or not all(isinstance(p, str) for p in patterns):
        raise InputError(f"{what} of a noise must be a list of names or patterns such as ('A', 'P*'), got {patterns!r}")
    if not patterns:
        raise InputError(f"{what} of a noise is empty, so it would act on nothing: name at least one, or leave it out")
    matches = {name for pattern in patterns for name in names_matching(what, pattern, names)}
    return np.array([k for k, name in enumerate(names) if name in matches], dtype=np.int64)
