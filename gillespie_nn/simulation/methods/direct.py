"""Direct method (Gillespie 1977); see `kernels.direct`."""

from typing import Any

import numpy as np

from ...crn import ReactionNetwork
from ...crn.compile import Structure
from ...kernels.direct import DirectState, advance_direct, set_counts_direct, start_direct
from .base import Method


class Direct(Method):
    name = "direct"
    summary = "exact, simple reference: recomputes every propensity at each event; for small networks and for testing"
    reference = (
        "D. T. Gillespie, J. Comput. Phys. 22 (1976) 403-434, doi:10.1016/0021-9991(76)90041-3; "
        "D. T. Gillespie, J. Phys. Chem. 81 (1977) 2340-2361, doi:10.1021/j100540a008"
    )

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float, *rest: Any, **named: Any) -> None:
        super().__init__(network, rates, volume, *rest, **named)
        n = self.compile(network, rates).n_channels
        self._slice = max(1000, 100_000_000 // (n + 1))
        self._state = DirectState(self._counts, self._clock, self._tally, np.zeros(n), np.zeros(1), self.firings)
        start_direct(self._channels, self._state)

    @classmethod
    def compile(cls, network: ReactionNetwork, rates: np.ndarray) -> Structure:
        return network.compiled.single

    def _advance(self, t_stop: float, grid_time: np.ndarray, grid_counts: np.ndarray, event_limit: int) -> int:
        return advance_direct(
            self._channels, self._state, self.rng, t_stop, grid_time, grid_counts, self._slice, event_limit
        )

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        set_counts_direct(self._channels, self._state, species, values)

    def can_react(self) -> bool:
        return self._state.total[0] > 0 or self.laws.timed_terms.size > 0
