"""Jobs for other programs, and the base class of these programs.

Propensities are k A (A - 1) for `2 A -> ...`: they count ordered tuples of the reactants. Conventions for such
reactions differ between programs. The class of each program states its convention and translates.
"""

import importlib.metadata
import importlib.util
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..crn import ReactionNetwork


class Hill(NamedTuple):
    """A propensity k / (1 + (n[repressor] / half)^power) [1/s]."""

    k: float
    repressor: str
    half: float
    power: float


class Channel(NamedTuple):
    """A reaction. Its propensity is `hill`, or without it k times the falling factorials of the reactants."""

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
        """k for programs whose propensity counts sets of like reactants, not ordered tuples: m! tuples are one set."""
        return self.k * math.prod(math.factorial(m) for _, m in self.reactants)


class Job(NamedTuple):
    """Runs to simulate: a model, its initial state, the end and the recorded points."""

    network: ReactionNetwork
    t_end: float
    n_points: int
    """Recorded points of a run, both ends included."""
    volume: float | None = None
    """None: that of the network, or 1."""
    initial: Mapping[str, int] = {}
    """Initial counts other than those of the network, by name."""
    hill: Mapping[str, Hill] = {}
    """Reactions that are not mass action, by name, for programs that do not read SBML."""
    document: str = ""
    """The model in SBML; by default it is written from the network."""
    most_events: int = 0
    """An upper bound of the events of a run, for which programs in JAX reserve memory."""

    @property
    def species(self) -> tuple[str, ...]:
        return tuple(self.network.species)

    @property
    def grid(self) -> np.ndarray:
        """Recorded times, float64[point]."""
        return np.linspace(0.0, self.t_end, self.n_points)

    def start(self) -> dict[str, int]:
        """Initial counts of all species, by name."""
        return dict(zip(self.network.species, self.network.counts(dict(self.initial)).tolist()))

    def sbml(self) -> str:
        """The model in SBML, whose laws are propensities."""
        return self.document or self.network.to_sbml(volume=self.volume, initial=dict(self.initial))

    def channels(self) -> list[Channel]:
        """The reactions. Raises ValueError for a law that `hill` does not give."""
        # Rates are in concentrations; a reaction of order m has the constant rate * volume^(1 - m) for counts.
        channels, volume = [], self.volume or self.network.volume or 1.0
        for r in self.network.reactions:
            hill = self.hill.get(r.name)
            if (r.law is None) != (hill is None) or r.threshold is not None:
                raise ValueError(f"reaction {r.name} is neither mass action nor a Hill function")
            k = r.rate * volume ** (1 - r.order) if hill is None else r.rate
            channels.append(Channel(r.name, r.reactants, r.products, k, hill))
        return channels


class Peer(ABC):
    """Another program. An object of this class has loaded one job and is ready to run.

    To add a program: a subclass, and its line in `PEERS`.
    """

    name: ClassVar[str]
    modules: ClassVar[tuple[str, ...]]
    """Modules it needs."""
    distribution: ClassVar[str]
    """Its name on PyPI, under which its version is installed."""
    install: ClassVar[str]
    """Arguments of `pip install`."""
    documented: ClassVar[bool] = True
    """Whether the program documents the calls used. If not, it is shown but does not count as the fastest peer."""
    ensembles_only: ClassVar[bool] = False
    """Whether the program or its calls suit only ensembles of short runs, not single long runs."""
    most_reactions: ClassVar[float] = math.inf
    """Models with more reactions take minutes to load or to run."""

    @abstractmethod
    def __init__(self, job: Job) -> None:
        """Load the model and compile what can be compiled beforehand."""

    @abstractmethod
    def run(self, n: int, seed: int) -> Any:
        """Simulate `n` replicates, with all species at all points. Benchmarks time this call."""

    def one(self, seed: int) -> Any:
        """Simulate one replicate, the same one for the same seed below 2**31 - 1. `run` alone may ignore its seed."""
        return self.run(1, seed)

    @abstractmethod
    def counts(self, result: Any) -> np.ndarray:
        """Counts real[replicate, point, species] in the result of `run` or `one`. This call is not timed."""

    def close(self) -> None:
        """Release resources outside Python."""

    @classmethod
    def missing(cls) -> str:
        """A sentence with the command that installs the program; empty if it is installed."""
        return missing(cls.name, cls.modules, cls.install)

    @classmethod
    def version(cls) -> str:
        return importlib.metadata.version(cls.distribution)


def missing(program: str, modules: Sequence[str], install: str) -> str:
    """A sentence with the command that installs a program; empty if its modules are installed."""
    installed = all(importlib.util.find_spec(module) for module in modules)
    return "" if installed else f"{program} is not installed: pip install {install}"


def whole_counts(peer: Peer, seeds: Iterable[int]) -> np.ndarray:
    """Counts int64[run, point, species] of one run for each seed. Raises RuntimeError if they are not whole numbers,
    because the program then simulated something else."""
    values = np.concatenate([np.asarray(peer.counts(peer.one(int(seed))), dtype=np.float64) for seed in seeds])
    counts = np.rint(values)
    if not np.allclose(values, counts, rtol=0.0, atol=1e-6):
        raise RuntimeError(f"{peer.name} returned amounts that are not whole numbers of molecules")
    return counts.astype(np.int64)


def check_grid(program: str, time: np.ndarray, job: Job) -> None:
    """Raise RuntimeError unless `time` float64[replicate, point] is the grid of the job in every replicate."""
    n_points = time.shape[-1]
    if n_points != job.n_points:
        raise RuntimeError(f"{program} recorded {n_points} points of a run, not {job.n_points}")
    if not np.allclose(time, job.grid, rtol=1e-9, atol=1e-9 * job.t_end):
        raise RuntimeError(f"{program} recorded points to t = {time.max():g}, not {job.n_points} to {job.t_end:g}")


def in_order(columns: Sequence[str], species: Sequence[str]) -> list[int]:
    """Positions of `species` among `columns`."""
    return [list(columns).index(s) for s in species]
