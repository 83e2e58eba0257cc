"""Rejection-based simulation on lumped channels (Thanh, Priami and Zunino 2014); see `kernels.rejection`."""

from typing import Any

import numpy as np

from ...crn import ReactionNetwork
from ...crn.compile import Structure
from ...kernels.bounds import BLOCK, RejectionState, refresh_rejection
from ...kernels.rejection import can_react_rejection, run_rejection
from ...kernels.renewal import set_coefficients_rejection, set_counts_rejection
from ...kernels.replicates import Run
from ...kernels.urn import Urn
from .compiled import Compiled


class Rejection(Compiled):
    name = "rejection"
    _slice = 2_000_000
    summary = "exact and fast: propensity bounds, lumped channels, constant-time selection; the default"
    reference = "V. H. Thanh, C. Priami, R. Zunino, J. Chem. Phys. 141 (2014) 134116, doi:10.1063/1.4896985"

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float, *rest: Any, **named: Any) -> None:
        super().__init__(network, rates, volume, *rest, **named)
        structure = self.compile(network, rates)
        self._readers = structure.readers
        self._counts = structure.state(self.counts)
        n, n_terms = structure.n_channels, len(structure.term_reaction)
        self._state = RejectionState(
            counts=self._counts,
            low=np.zeros_like(self._counts),
            high=np.zeros_like(self._counts),
            width=np.zeros_like(self._counts),
            renewed=np.zeros_like(self._counts),
            term_lower=np.zeros(n_terms),
            term_gap=np.zeros(n_terms),
            block_gap=np.zeros((n_terms >> BLOCK) + 1),
            limits=np.zeros((n + 1, 2)),
            sums=np.zeros((n, 2)),
            summed=np.zeros(n),
            updates=np.zeros(n, dtype=np.int64),
            touched=np.zeros(n, dtype=np.bool_),
            urn=_urn(n + 1),
            light_urn=_urn(n + 1),
            light=np.zeros(n, dtype=np.bool_),
            bounds=np.zeros(n + 1),
            refilled=np.zeros(1, dtype=np.int64),
            clock=self._clock,
            tally=self._tally,
            firings=self.firings,
        )
        refresh_rejection(self._channels, self._programs, self._pools, self._state)

    @classmethod
    def compile(cls, network: ReactionNetwork, rates: np.ndarray) -> Structure:
        return network.compiled.lumped

    def _run(self, run: Run, t_stop: float, budget: int, event_limit: int) -> int:
        return run_rejection(
            self._channels, self._programs, self._readers, self._pools, self._state, self.rng, run, t_stop, budget,
            event_limit,
        )  # fmt: skip

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        set_counts_rejection(self._channels, self._programs, self._readers, self._pools, self._state, species, values)

    def _renew(self) -> None:
        set_coefficients_rejection(self._channels, self._programs, self._state)

    def can_react(self) -> bool:
        return can_react_rejection(self._channels, self._programs, self._pools, self._counts)


def _urn(n_channels: int) -> Urn:
    """An empty urn with room for the slots that `kernels.bounds` aims at, twice."""
    capacity = 2 * max(1024, 16 * n_channels) + n_channels
    owner = np.empty(capacity, dtype=np.uint32)
    before, after = np.empty((2, capacity), dtype=np.int32)
    head = np.full(n_channels, -1, dtype=np.int32)
    owned = np.zeros(n_channels, dtype=np.int64)
    return Urn(owner, before, after, head, owned, np.zeros(1, dtype=np.int64), np.ones(1), np.zeros(1, dtype=np.int64))
