"""Exact methods that look back at a run and hand it over to another exact method where that is faster.

A replicate looks back after so many candidates: how many reactions fired, how many candidates were drawn for them, and
how often bounds were renewed. From these numbers, not from a clock, it works out what a reaction took, and compares
that with what it would take another method. So what happens depends on the model and the seed alone. It hands over
right behind a candidate, when no pending time has been looked at and the state says all there is to know about the
future: the other method starts from it as from any other state, and the law stays that of the master equation.
"""

from typing import Any

import numpy as np

from ...crn import ReactionNetwork
from ...kernels import codes
from ...kernels.laws import Laws, forget_variables
from ...kernels.replicates import BEGUN, REPLICATE, Run
from .compiled import Compiled
from .next_reaction import NextReaction
from .optimized_direct import OptimizedDirect
from .rejection import Rejection

_COUNTED = [codes.N_EVENTS, codes.N_CANDIDATES, codes.N_REFRESHES, codes.N_BOUNDED]
_LEAST = 15.0
"""What a reaction takes a search at least, about [ns]."""
_MOST_DEPENDENCES = 10_000_000
"""The other methods list every pair of a reaction and one whose propensity it changes: no more than fit in memory."""
_FAULTLESS = (codes.REACHED_END, codes.SLICE_END)


class HandsOver(Compiled):
    """A method that may hand a replicate over to another one, and that to a third. The class next in line has the
    kernel that begins."""

    statistics_names = ("handover_time", "handover_events", "handovers")
    _first_look: int
    """Candidates after which a replicate first looks back; then after twice as many, and so on."""
    _looks = {OptimizedDirect: 1 << 18, Rejection: 1024, NextReaction: 0}
    """The same for those that take over; 0 for never. A search is slow for a while before bounds are tried again, and
    soon after the trial it is known whether they are faster."""
    hands_over_to = tuple(method.name for method in _looks)
    trains = False  # a resumed run would hand over at another moment
    _preparation, _quickly = 1e5, 1000
    """What the other methods take to prepare a network, about, for each reaction [ns]; for so many reactions it does
    not count."""
    _worth, _tried = 1.2, 1 / 1.2
    """Bounds are given up where they took so many times longer than another method would; on trial, where they were not
    so much faster."""

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float, *rest: Any, **named: Any) -> None:
        self._second: Compiled | None = None
        super().__init__(network, rates, volume, *rest, **named)
        self._tally[codes.LOOK] = self._first_look
        self._handover = np.zeros(len(self.statistics_names))
        self._before = np.zeros(len(_COUNTED), dtype=np.int64)
        """What had been counted when the present method took over."""
        self._first_rates = self._present_rates = np.array(rates, dtype=np.float64)

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
        self._second, self._handover[:], self._before[:] = None, 0.0, 0

    def _use_rates(self, rates: np.ndarray) -> None:
        self._present_rates = np.array(rates, dtype=np.float64)
        if self._second is None:
            super()._use_rates(rates)
        else:
            self._second._use_rates(rates)

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
        elif run.ends.size == 0:
            status = self._second._run(run, t_stop, min(budget, self._second._slice), event_limit)
        elif not run.place[BEGUN]:  # the replicate that was handed over ended with a fault, which has been explained
            self._begin()
            return self._run(run, t_stop, budget, event_limit)
        else:
            # Of a block it gets this replicate only: the next one starts as this one did.
            r = int(run.place[REPLICATE])
            this = run._replace(rows=run.rows[: r + 1], ends=run.ends[: r + 1])
            status = self._second._run(this, t_stop, min(budget, self._second._slice), event_limit)
            if run.place[REPLICATE] > r and status in _FAULTLESS:  # a fault is explained by the simulation that had it
                self._begin()
                return codes.SLICE_END if run.place[REPLICATE] < len(run.ends) else codes.REACHED_END
        if status != codes.LOOK_DUE:
            return status
        self._look(run)
        return codes.SLICE_END

    def _look(self, run: Run) -> None:
        """Right behind a candidate: hand over if that is worth it, and say when to look again."""
        tally = self._tally
        counted = tally[_COUNTED] - self._before
        tally[codes.LOOK] += counted[1]
        kind = self._better(*counted.tolist())
        if kind is None:
            return
        if not self._handover[2]:
            self._handover[:2] = self._clock[codes.TIME], tally[codes.N_EVENTS]
        self._handover[2] += 1
        if run.ends.size:
            run.numbers[run.place[REPLICATE]] = self._handover
        # The pending time belongs to the method so far. No decision depended on it; the other method draws a new one.
        self._clock[codes.NEXT_TIME] = np.nan
        self._second = self._handed_over(kind)
        self._before[:] = tally[_COUNTED]
        look = self._looks[kind]
        if kind is OptimizedDirect:  # each trial of bounds that was given up puts off the next one
            look <<= int(self._handover[2]) // 2
        tally[codes.LOOK] = tally[codes.N_CANDIDATES] + look if look else 0

    def _better(self, n_events: int, n_candidates: int, n_refreshes: int, n_bounded: int) -> type[Compiled] | None:
        """The method to hand the replicate over to, after so many reactions, candidates, renewals of a species' bounds,
        and bounds of terms made anew in them; None to go on.

        Bounds have to be tried: what they cost depends on how soon the counts leave them. What a search, and what a
        heap of pending times, takes for a reaction follows from the present propensities. Times are in ns, fitted to
        measurements of the models of `bench --methods`, and only their ratios matter.
        """
        if isinstance(self if self._second is None else self._second, OptimizedDirect):
            return Rejection
        n_rejected = n_candidates - n_events
        # The first of many rejected cost more: where they are rare, the processor does not expect them.
        spent = 9 * n_events + 25 * n_rejected + 35 * min(n_rejected, 0.3 * n_events) + 60 * n_refreshes + 3 * n_bounded
        n_reactions = len(self.network.reactions)
        # Another method must be worth its preparation, and none takes less for a reaction than a search of few.
        worth = self._worth if self._second is None else self._tried
        if spent <= max(self._preparation * (n_reactions - self._quickly), worth * _LEAST * n_events):
            return None
        steps, changes, n_dependences = self._expected()
        if n_dependences > _MOST_DEPENDENCES:
            return None
        others = {
            OptimizedDirect: _LEAST + 0.65 * steps + 1.5 * changes + (10 if self.network.compiled.programs.laws else 0),
            NextReaction: 20 + 12 * changes + 4 * np.log2(n_reactions + 1),
        }
        kind: type[Compiled] = min(others, key=lambda k: others[k])  # type: ignore[type-abstract]
        return kind if spent > worth * others[kind] * n_events else None

    def _expected(self) -> tuple[float, float, int]:
        """Of a search for the next reaction the steps, and of its firing the propensities that change, expected at the
        present propensities; thresholds and general rate laws are taken for 1. And the number of pairs of a reaction
        and one whose propensity it changes."""
        structure, readers = self._structure, self._structure.readers
        terms = structure.arrays_for(self._present_rates, self._volume)[0].terms[:-1]
        x = self._counts.astype(np.float64)
        propensity = terms["coefficient"] * x[terms["first"]] * (x[terms["second"]] - terms["second_offset"])
        total = propensity.sum()
        if not 0.0 < total < np.inf:
            propensity, total = np.ones(len(terms)), float(len(terms))
        n_readers = np.append(np.diff(readers.term_start.astype(np.int64)), 0)
        start, species = structure.arrays["change_start"], structure.arrays["change_species"]
        summed = np.append(0, np.cumsum(n_readers[species]))
        changes = (summed[start[1:]] - summed[start[:-1]])[readers.channel]
        # Added up by numpy, not by a product: that may use threads, whose number would decide the last digits.
        steps = (propensity * np.arange(1, len(terms) + 1)).sum()
        return float(steps / total), float((propensity * changes).sum() / total), int(changes.sum())

    def _handed_over(self, kind: type[Compiled]) -> Compiled:
        """A simulation of another method in the present state, in the same arrays."""
        second: Any = kind(
            self.network, self._present_rates, self._volume, self.counts, self.rng, len(self.firings) > 0,
            start_time=self.time,
        )  # fmt: skip
        for name in ("variables", "triggered"):
            getattr(second.laws, name)[:] = getattr(self.laws, name)
        forget_variables(second.laws)
        second.share(self._counts, self._clock, self._tally, self.firings)
        second.log, second.place = self.log, self.place
        second.set_rates(self._present_rates)
        return second


class Adaptive(HandsOver, Rejection):
    name = "adaptive"
    continuous = False
    summary = "exact: rejection, which hands over to another exact method where it would reject or renew too often"
    reference = f"{Rejection.reference}; {OptimizedDirect.reference}; {NextReaction.reference}"
    _first_look = 4096


class AdaptiveDirect(HandsOver, OptimizedDirect):
    name = "adaptive_direct"
    continuous = False
    summary = "exact: optimized_direct, for small networks; a long run goes on with rejection where that is faster"
    reference = Adaptive.reference
    _first_look = 1 << 14
    """A shorter run would gain little, and on a new machine wait until the kernel of bounds is compiled."""
