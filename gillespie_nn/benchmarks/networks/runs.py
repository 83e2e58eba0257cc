"""Runs of a program and of this package, and whether they simulate the same network: means of a few runs, compared at a
stated rate of false alarms."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from ...api import simulate
from ...crn import ReactionNetwork
from ...peers.bionetgen import Run
from ...simulation.result import Result, unfinished
from ...statistics.intervals import student

PEER = "BioNetGen"
"""The other program."""
RUNS = 10
"""Runs of each program that are compared."""
EVENTS = 3e4
"""A compared run has at least so many events, up to twice as many: on the largest network, where an event of BioNetGen
takes 0.1 ms, that is as long as its start-up."""
LEVEL = 1e-5
"""Probability that a difference is reported between programs that agree, if values have normal distributions."""
_MOST = 20
"""Species that are compared where there are no groups, the most abundant ones."""
_FIRST, _GROWTH = 1e-3, 2.0
_SEEDS = 10_000
"""Seeds of compared runs start here and are so far apart; timed runs have 1, 2, ..."""


class Program(Protocol):
    """A program with a network. To measure it, `run` is called with several ends and seeds."""

    def run(self, t_end: float, seed: int) -> Run: ...


class Peer(Program, Protocol):
    """The other program, made from the path of a `.net` file."""

    def __init__(self, path: Path) -> None: ...

    @classmethod
    def missing(cls) -> str: ...

    @classmethod
    def version(cls) -> str: ...


class Ours:
    """gillespie-nn with one of its methods. `method` is that of the last run."""

    def __init__(self, network: ReactionNetwork, method: str) -> None:
        self._network, self._asked = network, method
        self.method = ""

    def run(self, t_end: float, seed: int) -> Run:
        """One call of `simulate`. Raises RuntimeError if the run stops before `t_end`."""
        begun = time.process_time()
        result = simulate(self._network, t_end, 2, method=self._asked, seed=seed, progress=False)
        seconds = time.process_time() - begun
        if not result.complete:
            raise RuntimeError(unfinished(result))
        self.method = result.method
        assert isinstance(result, Result)
        end = np.asarray(result.counts[0, -1]).astype(float)
        groups = dict(zip(self._network.species, end.tolist()))
        groups |= {name: float(result.of(name)[0, -1]) for name in self._network.rules}
        return Run(seconds, int(result.n_events[0]), groups, end)


def check_end(program: Program, t_end: float) -> float:
    """The end of compared runs: `t_end`, or an earlier time with at least `EVENTS` events."""
    end = _FIRST * t_end
    while end < t_end and program.run(end, 0).events < EVENTS:
        end *= _GROWTH
    return min(end, t_end)


def runs_of(program: Program, end: float, k: int) -> list[Run]:
    """The compared runs of program number `k`, with seeds that no other runs have."""
    return [program.run(end, _SEEDS * (k + 1) + n) for n in range(RUNS)]


def difference(ours: Sequence[Run], theirs: Sequence[Run]) -> str:
    """What differs: means of the groups and of the number of events, or without groups of the most abundant species.
    Empty if nothing does. A mean differs if a t-test says so at `LEVEL` over the number of means.

    Raises ValueError if the programs have different numbers of species.
    """
    if len(ours[0].species) != len(theirs[0].species):
        raise ValueError(f"it has {len(theirs[0].species)} species, not {len(ours[0].species)}")
    names = [name for name in theirs[0].groups if name in ours[0].groups]
    a, b = (np.array([[run.events, *(run.groups[n] for n in names)] for run in runs], float) for runs in (ours, theirs))
    if not names:
        species = np.array([run.species for run in ours]).mean(0)
        most = np.argsort(-species, kind="stable")[:_MOST]
        names = [f"species {k + 1}" for k in most]
        a, b = (np.column_stack([x[:, 0], [r.species[most] for r in runs]]) for x, runs in ((a, ours), (b, theirs)))
    names = ["events", *names]
    n = len(a)
    error = np.sqrt((a.var(0, ddof=1) + b.var(0, ddof=1)) / n)
    allowed = student(LEVEL / len(names), 2 * n - 1) * error
    means = zip(names, a.mean(0), b.mean(0), allowed, strict=True)
    worst = [f"{name} {y:.6g} instead of {x:.6g}, allowed {d:.2g}" for name, x, y, d in means if abs(x - y) > d]
    return f"means differ: {', '.join(worst)}" if worst else ""
