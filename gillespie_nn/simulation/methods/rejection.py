"""Rejection-based simulation on lumped channels (Thanh, Priami and Zunino 2014); see `kernels.rejection`."""

from typing import Any

import numpy as np

from ...crn import ReactionNetwork
from ...crn.compile import Structure
from ...kernels.bounds import BLOCK, RejectionState, refresh_rejection
from ...kernels.channels import channel_value, look_at_laws
from ...kernels.families import family_can_fire
from ...kernels.rejection import advance_rejection
from ...kernels.renewal import set_coefficients_rejection, set_counts_rejection
from ...kernels.urn import Urn
from .base import Method

_SLICE = 2_000_000
"""Candidates a slice: some 50 ms."""


class Rejection(Method):
    name = "rejection"
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
        refresh_rejection(self._channels, self._families, self._state)

    @classmethod
    def compile(cls, network: ReactionNetwork, rates: np.ndarray) -> Structure:
        return network.compiled.lumped

    def _advance(self, t_stop: float, grid_time: np.ndarray, grid_counts: np.ndarray, event_limit: int) -> int:
        return advance_rejection(
            self._channels, self._readers, self._families, self._state, self.rng, t_stop, grid_time, grid_counts,
            _SLICE, event_limit,
        )  # fmt: skip

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        set_counts_rejection(self._channels, self._readers, self._families, self._state, species, values)

    def _renew(self) -> None:
        set_coefficients_rejection(self._channels, self._state)

    def can_react(self) -> bool:
        channels, families, counts = self._channels, self._families, self._counts
        if self.laws.timed_terms.size:
            return True
        look_at_laws(channels, counts)
        n_plain, n_families = families.first_channel[0], len(families.pools)
        return any(channel_value(channels, c, counts, counts) > 0 for c in range(n_plain)) or any(
            family_can_fire(families, counts, f) for f in range(n_families)
        )


def _urn(n_channels: int) -> Urn:
    """An empty urn with room for the slots that `kernels.bounds` aims at, twice."""
    capacity = 2 * max(1024, 16 * n_channels) + n_channels
    owner = np.empty(capacity, dtype=np.uint32)
    before, after = np.empty((2, capacity), dtype=np.int32)
    head = np.full(n_channels, -1, dtype=np.int32)
    owned = np.zeros(n_channels, dtype=np.int64)
    return Urn(owner, before, after, head, owned, np.zeros(1, dtype=np.int64), np.ones(1), np.zeros(1, dtype=np.int64))
