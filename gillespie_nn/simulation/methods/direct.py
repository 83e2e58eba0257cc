"""Direct method (Gillespie 1977); see `kernels.direct`."""

from typing import Any

import numpy as np

from ...crn import ReactionNetwork
from ...crn.compile import Structure
from ...kernels.direct import DirectState, Drift, run_direct, set_counts_direct, start_direct
from ...kernels.replicates import Run
from .compiled import Compiled


class Direct(Compiled):
    name = "direct"
    continuous = True
    summary = "exact, simple reference: a linear search over all reactions at each event; for small networks"
    reference = (
        "D. T. Gillespie, J. Comput. Phys. 22 (1976) 403-434, doi:10.1016/0021-9991(76)90041-3; "
        "D. T. Gillespie, J. Phys. Chem. 81 (1977) 2340-2361, doi:10.1021/j100540a008"
    )

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float, *rest: Any, **named: Any) -> None:
        super().__init__(network, rates, volume, *rest, **named)
        n = self._structure.n_channels
        self._dependents = self._structure.dependents
        self._slice = max(1000, 100_000_000 // (n + 1))
        self._state = DirectState(
            self._counts, self._clock, self._tally, np.zeros(n), np.zeros(1), self.firings, self._drift()
        )
        start_direct(self._channels, self._programs, self._state.drift, self._state)

    @staticmethod
    def _drift() -> Drift | None:
        """What bounds the rounding of a running sum of propensities; None without one."""
        return None

    @classmethod
    def compile(cls, network: ReactionNetwork, rates: np.ndarray) -> Structure:
        return network.compiled.single

    def _run(self, run: Run, t_stop: float, budget: int, event_limit: int) -> int:
        return run_direct(
            self._channels, self._programs, self._dependents, self._state.drift, self._state, run, t_stop, budget,
            event_limit,
        )  # fmt: skip

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        set_counts_direct(self._channels, self._programs, self._state.drift, self._state, species, values)

    def can_react(self) -> bool:
        return self._state.total[0] > 0 or self.laws.timed_terms.size > 0
