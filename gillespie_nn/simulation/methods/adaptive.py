"""Exact methods that look back at a run and hand it over to another exact method where that is faster.

A replicate looks back after so many candidates: how many reactions fired, how many candidates were drawn for them, and
how often bounds were renewed. From these numbers, not from a clock, it works out what a reaction took, and compares
that with what it would take another method. So what happens depends on the model and the seed alone. It hands over
right behind a candidate, when no pending time has been looked at and the state says all there is to know about the
future: the other method starts from it as from any other state, and the law stays that of the master equation.
"""

from abc import abstractmethod
from typing import Any

import numpy as np

from ...crn import ReactionNetwork
from ...crn.compile import Structure
from ...kernels import codes
from ...kernels.laws import Laws
from ...kernels.replicates import REPLICATE, Run
from .compiled import Compiled
from .next_reaction import NextReaction
from .optimized_direct import OptimizedDirect
from .rejection import Rejection

_CANDIDATE, _REFRESH = 15.0, 150.0
"""What a candidate and a renewal of bounds take `Rejection`, about [ns]."""
_COUNTED = (codes.N_EVENTS, codes.N_CANDIDATES, codes.N_REFRESHES)
_FAULTLESS = (codes.REACHED_END, codes.SLICE_END)


class HandsOver(Compiled):
    """A method that may hand a replicate over; behind it stands the class whose kernel begins."""

    statistics_names = ("handover_time", "handover_events", "handovers")
    _first_look: int
    """Candidates after which a replicate first looks; then after twice as many, and so on."""
    _first_look_of_second = 256
    """The same after it was handed a replicate, to see whether it is faster: that must not take long if it is not."""

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float, *rest: Any, **named: Any) -> None:
        self._second: Compiled | None = None
        super().__init__(network, rates, volume, *rest, **named)
        self._tally[codes.LOOK] = self._first_look
        self._handover = np.zeros(len(self.statistics_names))
        self._before = np.zeros(len(_COUNTED), dtype=np.int64)
        """What was counted when this simulation took the replicate over from another."""
        self._first_rates = self._present_rates = np.array(rates, dtype=np.float64)

    @abstractmethod
    def _better(self, n_events: int, n_candidates: int, n_refreshes: int) -> "type[Compiled] | None":
        """The method to which the replicate is handed over, after so many reactions, candidates and renewals; None to
        go on."""

    @property
    def numbers(self) -> np.ndarray:
        return self._handover

    @classmethod
    def statistics_of(cls, numbers: np.ndarray, steps: np.ndarray) -> dict[str, np.ndarray]:
        time, events, handovers = numbers.T
        first = {"handover_time": time, "handover_events": events}
        return {name: np.where(handovers, value, np.nan) for name, value in first.items()} | {"handovers": handovers}

    @property
    def laws(self) -> Laws:
        return self._laws if self._second is None else self._second.laws

    def restart(self) -> None:
        super().restart()
        self._begin()
        self._present_rates = self._first_rates

    def _begin(self) -> None:
        """Forget the last replicate."""
        self._second, self._handover[:] = None, 0.0

    def set_rates(self, rates: np.ndarray) -> None:
        self._present_rates = np.array(rates, dtype=np.float64)
        if self._second is None:
            super().set_rates(rates)
        else:
            self._second.set_rates(rates)

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        if self._second is None:
            super()._set_counts(species, values)  # type: ignore[safe-super]
        else:
            self._second._set_counts(species, values)

    def can_react(self) -> bool:
        if self._second is None:
            return super().can_react()  # type: ignore[safe-super]
        return self._second.can_react()

    def _run(self, run: Run, t_stop: float, budget: int, event_limit: int) -> int:
        if self._second is None:
            status = super()._run(run, t_stop, budget, event_limit)  # type: ignore[safe-super]
            if status != codes.LOOK_DUE:
                return status
            self._look(run)
            return codes.SLICE_END
        if run.ends.size == 0:
            return self._second._run(run, t_stop, budget, event_limit)
        # Of a block it gets this replicate only: the next one starts as this one did.
        r = int(run.place[REPLICATE])
        this = run._replace(rows=run.rows[: r + 1], ends=run.ends[: r + 1])
        status = self._second._run(this, t_stop, budget, event_limit)
        if run.place[REPLICATE] > r and status in _FAULTLESS:  # a fault is explained by the simulation that had it
            self._begin()
            return codes.SLICE_END if run.place[REPLICATE] < len(run.ends) else codes.REACHED_END
        return status

    def _look(self, run: Run) -> None:
        """Right behind a candidate: hand over if that is worth it, else say when to look again."""
        tally = self._tally
        tally[codes.LOOK] *= 2
        kind = self._better(*(tally[list(_COUNTED)] - self._before).tolist())
        if kind is None:
            return
        handovers = self._handover[2] + 1
        if handovers == 1:
            self._handover[:2] = self._clock[codes.TIME], tally[codes.N_EVENTS]
        self._handover[2] = handovers
        if run.ends.size:
            run.numbers[run.place[REPLICATE]] = self._handover
        # The pending time is of the bounds of this method. It was not looked at, and is drawn anew by the other one.
        self._clock[codes.NEXT_TIME] = np.nan
        self._second = self._handed_over(kind)

    def _handed_over(self, kind: type[Compiled]) -> Compiled:
        """A simulation of another method in the present state, in the same arrays."""
        second: Any = kind(
            self.network, self._present_rates, self._volume, self.counts, self.rng, len(self.firings) > 0,
            start_time=self.time,
        )  # fmt: skip
        for name in ("variables", "triggered"):
            getattr(second.laws, name)[:] = getattr(self.laws, name)
        second.share(self._counts, self._clock, self._tally, self.firings)
        second.log, second.place = self.log, self.place
        self._tally[codes.LOOK] = 0
        if isinstance(second, HandsOver):
            self._tally[codes.LOOK] = self._tally[codes.N_CANDIDATES] + second._first_look_of_second
            second._before[:] = self._tally[list(_COUNTED)]
            second._handover = self._handover
        second.set_rates(self._present_rates)
        return second


class Adaptive(HandsOver, Rejection):
    name = "adaptive"
    summary = "exact: rejection, which hands over to another exact method where it would reject or renew too often"
    reference = f"{Rejection.reference}; {OptimizedDirect.reference}; {NextReaction.reference}"
    _first_look = 4096
    _worth = 1.2
    """It hands over where it took so many times longer than another method would."""

    def _better(self, n_events: int, n_candidates: int, n_refreshes: int) -> type[Compiled] | None:
        cost, kind = min(self._costs(self.network.compiled.single), key=lambda pair: pair[0])
        spent = _CANDIDATE * n_candidates + _REFRESH * n_refreshes
        return kind if spent > self._worth * cost * n_events else None

    @staticmethod
    def _costs(structure: Structure) -> list[tuple[float, type[Compiled]]]:
        """What a reaction takes the other methods, about [ns], by the size of the network."""
        n, each = structure.n_channels, len(structure.dependents.channel) / max(1, structure.n_channels)
        return [
            (20.0 + 0.35 * n + 4.0 * each, OptimizedDirect),
            (60.0 + (20.0 + 6.0 * np.log2(n + 1)) * each, NextReaction),
        ]


class AdaptiveDirect(HandsOver, OptimizedDirect):
    name = "adaptive_direct"
    summary = "exact: optimized_direct, for small networks; hands a long run over to adaptive"
    reference = Adaptive.reference
    _first_look = 1 << 18
    """Some milliseconds: a shorter run would gain nothing, and might have to wait until kernels are compiled."""

    def _better(self, n_events: int, n_candidates: int, n_refreshes: int) -> type[Compiled] | None:
        return Adaptive
