"""One run of a program, and runs of this package."""

import time
from pathlib import Path
from typing import Protocol

import numpy as np

from ...api import simulate
from ...crn import ReactionNetwork
from ...peers.bionetgen import Run
from ...simulation.result import Result, unfinished

PEER = "BioNetGen"
"""The other program."""


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
