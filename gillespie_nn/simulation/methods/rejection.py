"""Rejection-based simulation on lumped channels (Thanh, Priami and Zunino 2014); see `kernels.rejection`."""

from typing import Any

import numpy as np

from ...crn import ReactionNetwork
from ...crn.compile import Structure
from ...kernels.bounds import BLOCK, LIMITS, SUMS, TERM_BOUNDS, RejectionState, refresh_rejection
from ...kernels.rejection import can_react_rejection, run_rejection
from ...kernels.renewal import set_coefficients_rejection, set_counts_rejection
from ...kernels.replicates import Run
from ...kernels.slots import capacities
from ...kernels.urn import HOLDER, LINK, NONE, SPARE, URN, Urns
from ...kernels.widths import INTERVAL
from .compiled import Compiled


class Rejection(Compiled):
    name = "rejection"
    continuous = True
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
            intervals=np.zeros(self._counts.size, dtype=INTERVAL),
            terms=np.zeros(n_terms, dtype=TERM_BOUNDS),
            block_gap=np.zeros((n_terms >> BLOCK) + 1),
            limits=np.zeros(n + 1, dtype=LIMITS),
            sums=np.zeros(n + 1, dtype=SUMS),
            urns=_urns(n),
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
            self._channels, self._programs, self._readers, self._pools, self._state, run, t_stop, budget,
            event_limit,
        )  # fmt: skip

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        set_counts_rejection(self._channels, self._programs, self._readers, self._pools, self._state, species, values)

    def _renew(self) -> None:
        set_coefficients_rejection(self._channels, self._programs, self._state)

    def can_react(self) -> bool:
        return can_react_rejection(self._channels, self._programs, self._pools, self._counts)


def _urns(n_channels: int) -> Urns:
    """Empty urns for the slots of so many channels, and of one holder more."""
    heavy, light = capacities(n_channels)
    urn = np.zeros(2, dtype=URN)
    urn["capacity"] = heavy, light
    urn["first"] = 0, heavy
    urn["quantum"] = 1.0
    links = np.zeros(heavy + light, dtype=LINK)
    holders = np.zeros(n_channels + 1, dtype=HOLDER)
    holders["head"] = NONE
    owner, loose = np.zeros(heavy + light, dtype=np.uint32), np.zeros(n_channels, dtype=np.uint32)
    return Urns(urn, owner, links, holders, np.zeros(1, dtype=SPARE), loose)
