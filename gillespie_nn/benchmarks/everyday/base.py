"""What a program is asked to simulate, and the base class of the programs."""

import importlib.metadata
import importlib.util
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ...crn import ReactionNetwork
from .models import EverydayModel, Hill

N_POINTS = 51
"""Recorded points of a run, both ends included."""


class Channel(NamedTuple):
    """A reaction. Its propensity is `hill`, or if that is None, k times the falling factorials of the reactants."""

    name: str
    reactants: tuple[tuple[str, int], ...]
    products: tuple[tuple[str, int], ...]
    k: float
    hill: Hill | None

    def left(self) -> list[str]:
        """The reactants, each as often as it reacts."""
        return [s for s, m in self.reactants for _ in range(m)]

    def right(self) -> list[str]:
        """The products, each as often as it is made."""
        return [s for s, m in self.products for _ in range(m)]

    def formula(self, power: str = "^") -> str:
        """The propensity as an expression of counts; `power` is the operator for powers."""
        if self.hill is not None:
            h = self.hill
            return f"{h.k!r} / (1 + ({h.repressor} / {h.half!r}){power}{h.power!r})"
        factors = [s if j == 0 else f"({s} - {j})" for s, m in self.reactants for j in range(m)]
        return " * ".join([repr(self.k), *factors])

    def pairs(self) -> float:
        """k for programs whose propensity counts sets of like reactants, not ordered tuples."""
        return self.k * math.prod(math.factorial(m) for _, m in self.reactants)


class Job(NamedTuple):
    """An ensemble to simulate: a model, the end of its runs, and what programs need to know beforehand."""

    network: ReactionNetwork
    channels: tuple[Channel, ...]
    initial: dict[str, int]
    t_end: float
    most_events: int
    """More events than a run has. Programs in JAX reserve memory for so many."""

    @property
    def species(self) -> tuple[str, ...]:
        return tuple(self.network.species)

    @property
    def grid(self) -> np.ndarray:
        """Recorded times, float64[point]."""
        return np.linspace(0.0, self.t_end, N_POINTS)


def make_job(model: EverydayModel, t_end: float, most_events: int = 0) -> Job:
    """The job of runs to `t_end`. Raises ValueError for a law that `model.hill` does not give."""
    network = model.network()
    channels = []
    for reaction in network.reactions:
        hill = model.hill.get(reaction.name)
        if (reaction.law is None) != (hill is None) or reaction.threshold is not None:
            raise ValueError(f"reaction {reaction.name} is neither mass action nor a Hill function")
        channels.append(Channel(reaction.name, reaction.reactants, reaction.products, reaction.rate, hill))
    initial = dict(zip(network.species, network.counts().tolist()))
    return Job(network, tuple(channels), initial, t_end, most_events)


class Peer(ABC):
    """Another program. An object of this class has loaded one job and is ready to run.

    To add a program: a file with a subclass, and its line in `PEERS` of `registry`.
    """

    name: ClassVar[str]
    modules: ClassVar[tuple[str, ...]]
    """Modules it needs."""
    distribution: ClassVar[str]
    """Its name in PyPI, from which its version is read."""
    install: ClassVar[str]
    """What installs it."""
    documented: ClassVar[bool] = True
    """Whether the program documents the calls used. If not, it is shown, but is not the fastest peer."""

    @abstractmethod
    def __init__(self, job: Job) -> None:
        """Load the model and compile what can be compiled beforehand."""

    @abstractmethod
    def run(self, n: int, seed: int) -> Any:
        """Simulate `n` replicates, with all species at all points. This is what is timed."""

    @abstractmethod
    def counts(self, result: Any) -> np.ndarray:
        """The counts in what `run` returned, real[replicate, point, species]. Not timed."""

    def close(self) -> None:
        """Release what the program holds outside Python."""

    @classmethod
    def missing(cls) -> str:
        """The command that installs the program, or nothing if it is installed."""
        return "" if all(importlib.util.find_spec(m) for m in cls.modules) else f"pip install {cls.install}"

    @classmethod
    def version(cls) -> str:
        return importlib.metadata.version(cls.distribution)


def in_order(columns: Sequence[str], species: Sequence[str]) -> list[int]:
    """Positions of `species` among `columns`."""
    return [list(columns).index(s) for s in species]
