"""Interface of an extrinsic noise: what it acts on, and how."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from typing import ClassVar

import numpy as np

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork
from ..crn.patterns import matching as names_matching
from ..options import recorded_name
from .kinds import BY_NAME, Kind

LARGEST_CHANGE = 0.5
"""Largest relative change by a multiplicative noise, on every path: eps sup|xi| <= 1/2."""


@dataclass(frozen=True)
class Noise(ABC):
    """A noise of amplitude eps with a path xi of a given `kind`, see `kinds.KINDS`.

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
    """Purposes of its random streams: in training and simulation, and in prediction. The package has those of
    `seeds.Purpose`; a noise of your own takes others, from 1000 on."""
    kinds: ClassVar[tuple[str, ...]]
    """Supported kinds of path."""

    def __post_init__(self) -> None:
        amplitude = checks.not_negative(f"amplitude of {self.name} noise", self.amplitude)
        object.__setattr__(self, "amplitude", amplitude)
        checks.choice(f"kind of {self.name} noise", self.kind, self.kinds)
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
        if self.amplitude > self.largest_amplitude:
            raise InputError(
                f"amplitude {self.amplitude:g} of {self.name} noise is too large: paths of kind {self.kind} reach "
                f"{self.law.supremum(self):g}, and eps times that must be at most {LARGEST_CHANGE:g}: use at most "
                f"{self.largest_amplitude:g}"
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
        kind = type(self)
        registered = kind.__module__.startswith(f"{__package__}.")  # `NOISES` cannot be imported here
        return {"noise": recorded_name(kind, (kind,) if registered else ())} | asdict(self)

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
    """Numbers int64[...] of the `names` that match any of `patterns`, each of which must match some."""
    if not isinstance(patterns, (tuple, list)) or not all(isinstance(p, str) for p in patterns):
        raise InputError(f"{what} of a noise must be a list of names or patterns such as ('A', 'P*'), got {patterns!r}")
    found = {name for pattern in patterns for name in names_matching(what, pattern, names)}
    return np.array([k for k, name in enumerate(names) if name in found], dtype=np.int64)
