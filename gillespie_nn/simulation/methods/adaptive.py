"""Rejection that hands a replicate over to another exact method where it rejects or renews too often.

Now and then a replicate looks back: how many reactions fired, how many candidates were drawn for them, how often bounds
were renewed. From these numbers, not from a clock, it works out what a reaction took, and compares that with what it
would take another method. So what happens depends on the model and the seed alone. It hands over right behind a
candidate, when no time is pending and the state says all there is to know about the future: the other method starts
from it as from any other state, and the law stays that of the master equation.
"""

from typing import Any

import numpy as np

from ...crn import ReactionNetwork
from ...crn.compile import Structure
from ...kernels import codes
from ...kernels.laws import Laws
from ...kernels.replicates import BEGUN, REPLICATE, Run
from .compiled import Compiled
from .next_reaction import NextReaction
from .optimized_direct import OptimizedDirect
from .rejection import Rejection

_CANDIDATE, _REFRESH = 15.0, 150.0
"""What a candidate and a renewal of bounds cost, about [ns]."""


class Adaptive(Rejection):
    name = "adaptive"
    summary = "exact: rejection, which hands over to another exact method where it would reject or renew too often"
    reference = f"{Rejection.reference}; {OptimizedDirect.reference}; {NextReaction.reference}"
    statistics_names = ("handover_time", "handover_events")
    _first_look = 4096
    """Candidates after which a replicate first looks; then after twice as many, and so on."""
    _worth = 1.2
    """It hands over where it took so many times longer than another method would."""

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float, *rest: Any, **named: Any) -> None:
        super().__init__(network, rates, volume, *rest, **named)
        self._tally[codes.LOOK] = self._first_look
        self._second: Compiled | None = None
        self._handover = np.zeros(2)
        self._first_rates = self._present_rates = np.array(rates, dtype=np.float64)

    @property
    def numbers(self) -> np.ndarray:
        return self._handover

    @classmethod
    def statistics_of(cls, numbers: np.ndarray, steps: np.ndarray) -> dict[str, np.ndarray]:
        time, events = numbers.T
        happened = events > 0
        return {
            "handover_time": np.where(happened, time, np.nan),
            "handover_events": np.where(happened, events, np.nan),
        }

    @property
    def laws(self) -> Laws:
        return self._laws if self._second is None else self._second.laws

    def restart(self) -> None:
        super().restart()
        self._second, self._handover[:] = None, 0.0
        self._present_rates = self._first_rates

    def set_rates(self, rates: np.ndarray) -> None:
        self._present_rates = np.array(rates, dtype=np.float64)
        super().set_rates(rates) if self._second is None else self._second.set_rates(rates)

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        super()._set_counts(species, values) if self._second is None else self._second._set_counts(species, values)

    def can_react(self) -> bool:
        return super().can_react() if self._second is None else self._second.can_react()

    def _run(self, run: Run, t_stop: float, budget: int, event_limit: int) -> int:
        if self._second is None:
            status = super()._run(run, t_stop, budget, event_limit)
            began = run.ends.size == 0 or run.place[BEGUN]
            if status == codes.SLICE_END and began and self._tally[codes.N_CANDIDATES] >= self._tally[codes.LOOK]:
                self._look(run)
            return status
        r = int(run.place[REPLICATE])
        if run.ends.size == 0:
            return self._second._run(run, t_stop, budget, event_limit)
        # Of a block it gets this replicate only: the next one starts with rejection again.
        status = self._second._run(
            run._replace(rows=run.rows[: r + 1], ends=run.ends[: r + 1]), t_stop, budget, event_limit
        )
        if run.place[REPLICATE] > r:
            if status == codes.REACHED_END and run.place[REPLICATE] < len(run.ends):
                status = codes.SLICE_END
            if status in (codes.REACHED_END, codes.SLICE_END):  # a fault is explained by the simulation that had it
                self._second, self._handover[:] = None, 0.0
        return status

    def _look(self, run: Run) -> None:
        """Between two candidates: hand over if this method took too long, else say when to look again."""
        tally = self._tally
        tally[codes.LOOK] *= 2
        n_events, n_candidates, n_refreshes = tally[[codes.N_EVENTS, codes.N_CANDIDATES, codes.N_REFRESHES]].tolist()
        spent = _CANDIDATE * n_candidates + _REFRESH * n_refreshes
        cost, kind = min(self._costs(self.network.compiled.single), key=lambda pair: pair[0])
        if spent <= self._worth * cost * n_events:
            return
        self._second = self._handed_over(kind)
        self._handover[:] = self._clock[codes.TIME], n_events
        if run.ends.size:
            run.numbers[run.place[REPLICATE]] = self._handover

    def _handed_over(self, kind: type[Compiled]) -> Compiled:
        """A simulation of another method in the present state, in the same arrays."""
        second: Any = kind(
            self.network, self._present_rates, self._volume, self.counts, self.rng, len(self.firings) > 0,
            start_time=self.time,
        )  # fmt: skip
        for name in ("variables", "triggered"):
            getattr(second.laws, name)[:] = getattr(self._laws, name)
        second.share(self._counts, self._clock, self._tally, self.firings)
        second.log, second.place = self.log, self.place
        second.set_rates(self._present_rates)
        return second

    @staticmethod
    def _costs(structure: Structure) -> list[tuple[float, type[Compiled]]]:
        """What a reaction takes the other methods, about [ns], by the size of the network."""
        n, each = structure.n_channels, len(structure.dependents.channel) / max(1, structure.n_channels)
        return [
            (20.0 + 0.35 * n + 4.0 * each, OptimizedDirect),
            (60.0 + (20.0 + 6.0 * np.log2(n + 1)) * each, NextReaction),
        ]
