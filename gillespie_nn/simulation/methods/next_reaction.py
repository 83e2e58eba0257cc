"""Next reaction method (Gibson and Bruck 2000); see `kernels.next_reaction`."""

from typing import Any

import numpy as np

from ...crn import ReactionNetwork
from ...crn.compile import Structure
from ...kernels.next_reaction import (
    NextReactionState,
    refresh_next_reaction,
    run_next_reaction,
    set_counts_next_reaction,
)
from ...kernels.replicates import ADDRESS, Run
from .compiled import Compiled


class NextReaction(Compiled):
    name = "next_reaction"
    summary = "exact: one pending time per reaction, in a heap; for many reactions where each event affects few"
    _slice = 100_000
    reference = "M. A. Gibson, J. Bruck, J. Phys. Chem. A 104 (2000) 1876-1889, doi:10.1021/jp993732q"

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float, *rest: Any, **named: Any) -> None:
        super().__init__(network, rates, volume, *rest, **named)
        n = self._structure.n_channels
        self._dependents = self._structure.dependents
        self._state = NextReactionState(
            counts=self._counts,
            clock=self._clock,
            tally=self._tally,
            propensity=np.zeros(n),
            next_time=np.full(n, np.inf),
            heap=np.zeros(n, dtype=np.int32),
            position=np.zeros(n, dtype=np.int32),
            firings=self.firings,
        )
        refresh_next_reaction(self._channels, self._programs, self._state)

    @classmethod
    def compile(cls, network: ReactionNetwork, rates: np.ndarray) -> Structure:
        return network.compiled.single

    def _run(self, run: Run, t_stop: float, budget: int, event_limit: int) -> int:
        return run_next_reaction(
            self._channels, self._programs, self._dependents, self._state, run, t_stop, budget, event_limit
        )

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        self._point()
        set_counts_next_reaction(self._channels, self._programs, self._state, species, values, self.place[ADDRESS])

    def can_react(self) -> bool:
        return bool((self._state.propensity > 0).any() or self.laws.timed_terms.size)
