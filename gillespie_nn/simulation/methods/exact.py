"""The exact methods. Their kernels are in `kernels.exact`."""

from typing import Any

import numpy as np

from ...crn import ReactionNetwork
from ...crn.compiled.compile import Structure
from ...kernels import codes
from ...kernels.exact.bounds import GAP_GROUP, INTERVAL, LIMITS, SUMS, TERM_BOUNDS, RejectionState, refresh_rejection
from ...kernels.exact.direct import DirectState, Drift, run_direct, set_counts_direct, start_direct
from ...kernels.exact.next_reaction import (
    NextReactionState,
    refresh_next_reaction,
    run_next_reaction,
    set_counts_next_reaction,
)
from ...kernels.exact.rejection import can_react_rejection, run_rejection
from ...kernels.exact.renewal import set_coefficients_rejection, set_counts_rejection
from ...kernels.exact.slots import HOLDER, LINK, NONE, SPARE, URN, Urns, capacities
from ...kernels.laws import Laws, forget_variables
from ...kernels.replicates import ADDRESS, BEGUN, REPLICATE, KernelRun
from .compiled import Compiled


class Direct(Compiled):
    """The direct method (Gillespie 1977); see `kernels.exact.direct`."""

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
        """The rounding bound of a running sum of propensities; None if the sum is computed anew at each event."""
        return None

    @classmethod
    def compile(cls, network: ReactionNetwork, rates: np.ndarray) -> Structure:
        return network.compiled.single

    def _run(self, run: KernelRun, t_stop: float, budget: int, event_limit: int) -> int:
        return run_direct(
            self._channels, self._programs, self._dependents, self._state.drift, self._state, run, t_stop, budget,
            event_limit,
        )  # fmt: skip

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        set_counts_direct(self._channels, self._programs, self._state.drift, self._state, species, values)

    def can_react(self) -> bool:
        return self._state.total[0] > 0 or self.laws.timed_terms.size > 0


class OptimizedDirect(Direct):
    """The optimized direct method (Cao, Li and Petzold 2004); see `kernels.exact.direct`."""

    name = "optimized_direct"
    summary = "exact: a linear search, with a running sum of propensities; for tens of reactions"
    reference = (
        "Y. Cao, H. Li, L. Petzold, J. Chem. Phys. 121 (2004) 4059-4067, doi:10.1063/1.1778376; "
        "D. T. Gillespie, J. Phys. Chem. 81 (1977) 2340-2361, doi:10.1021/j100540a008"
    )

    @staticmethod
    def _drift() -> Drift:
        return Drift(np.zeros(1))


class NextReaction(Compiled):
    """The next reaction method (Gibson and Bruck 2000); see `kernels.exact.next_reaction`."""

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

    def _run(self, run: KernelRun, t_stop: float, budget: int, event_limit: int) -> int:
        return run_next_reaction(
            self._channels, self._programs, self._dependents, self._state, run, t_stop, budget, event_limit
        )

    def _set_counts(self, species: np.ndarray, values: np.ndarray) -> None:
        self._point()
        set_counts_next_reaction(self._channels, self._programs, self._state, species, values, self.place[ADDRESS])

    def can_react(self) -> bool:
        return bool((self._state.propensity > 0).any() or self.laws.timed_terms.size)


class Rejection(Compiled):
    """Rejection-based simulation on lumped channels (Thanh, Priami and Zunino 2014); see `kernels.exact.rejection`."""

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
            group_gap=np.zeros((n_terms >> GAP_GROUP) + 1),
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

    def _run(self, run: KernelRun, t_stop: float, budget: int, event_limit: int) -> int:
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
    """Empty urns for the slots of `n_channels` channels and of one more holder."""
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


class Layered(Rejection):
    """The rejection method with product families, for layered networks; see `kernels.exact.families`."""

    name = "layered"
    continuous = False
    summary = (
        "exact, for large training networks: the weight updates of a layer form one channel, sampled by row and column"
    )
    reference = Rejection.reference

    @classmethod
    def compile(cls, network: ReactionNetwork, rates: np.ndarray) -> Structure:
        return network.compiled.layered(rates)


# Exact methods that hand a run over to another exact method where that is faster
#
# A replicate is reviewed after a fixed number of candidates: how many reactions fired, how many candidates were drawn
# for them, and how often bounds were renewed. From these numbers, not from a clock, follow the cost of a reaction so
# far and its cost with another method. So the handover depends on the model and the seed alone. It takes place right
# after a candidate, when no decision depends on a pending time and the state determines the law of the future. The
# other method starts from it as from any other state, so the law stays that of the master equation.

_COUNTED = [codes.N_EVENTS, codes.N_CANDIDATES, codes.N_REFRESHES, codes.N_BOUNDED]
_LEAST = 15.0
"""Least cost of a reaction with a search, approximately [ns]."""
_MOST_DEPENDENCES = 10_000_000
"""Largest number of pairs of a reaction and one whose propensity it changes: the other methods list all of them in
memory."""
_FAULTLESS = (codes.REACHED_END, codes.SLICE_END)


class HandsOver(Compiled):
    """A method that can switch to another method during a replicate, and from that to a third. The next base class has
    the kernel of the first method."""

    statistics_names = ("handover_time", "handover_events", "handovers")
    _first_review: int
    """Candidates after which a replicate is first reviewed; then after twice as many, and so on."""
    _next_reviews = {OptimizedDirect: 1 << 18, Rejection: 1024, NextReaction: 0}
    """The same for the methods that take over; 0 for never. After a handover to a search, bounds are tried again late;
    the trial itself is reviewed soon."""
    hands_over_to = tuple(method.name for method in _next_reviews)
    # A resumed run would hand over at another moment.
    trains = False
    _preparation, _quickly = 1e5, 1000
    """Approximate time in which the other methods prepare a network, per reaction [ns]; the first `_quickly` reactions
    are free."""
    _worth, _tried = 1.2, 1 / 1.2
    """Bounds are given up where they took longer than another method would by the factor `_worth`, or on trial, by the
    factor `_tried`."""

    def __init__(self, network: ReactionNetwork, rates: np.ndarray, volume: float, *rest: Any, **named: Any) -> None:
        self._second: Compiled | None = None
        super().__init__(network, rates, volume, *rest, **named)
        self._tally[codes.LOOK] = self._first_review
        self._handover = np.zeros(len(self.statistics_names))
        self._before = np.zeros(len(_COUNTED), dtype=np.int64)
        """The counts when the present method took over."""
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

    def _run(self, run: KernelRun, t_stop: float, budget: int, event_limit: int) -> int:
        if self._second is None:
            status = super()._run(run, t_stop, budget, event_limit)  # type: ignore[safe-super]
        elif run.ends.size == 0:
            status = self._second._run(run, t_stop, min(budget, self._second._slice), event_limit)
        elif not run.place[BEGUN]:
            # The replicate that was handed over ended with a fault, and the caller has reported it.
            self._begin()
            return self._run(run, t_stop, budget, event_limit)
        else:
            # The other method gets only this replicate of the block: the next one starts as this one did.
            r = int(run.place[REPLICATE])
            this = run._replace(rows=run.rows[: r + 1], ends=run.ends[: r + 1])
            status = self._second._run(this, t_stop, min(budget, self._second._slice), event_limit)
            # After a fault the simulation that had it must stay, since the message reads its state.
            if run.place[REPLICATE] > r and status in _FAULTLESS:
                self._begin()
                return codes.SLICE_END if run.place[REPLICATE] < len(run.ends) else codes.REACHED_END
        if status != codes.LOOK_DUE:
            return status
        self._review(run)
        return codes.SLICE_END

    def _review(self, run: KernelRun) -> None:
        """Switch to another method if it is expected to be faster, and set the time of the next review. Called right
        after a candidate."""
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
        wait = self._next_reviews[kind]
        # Each trial of bounds that was given up puts off the next one.
        if kind is OptimizedDirect:
            wait <<= int(self._handover[2]) // 2
        tally[codes.LOOK] = tally[codes.N_CANDIDATES] + wait if wait else 0

    def _better(self, n_events: int, n_candidates: int, n_refreshes: int, n_bounded: int) -> type[Compiled] | None:
        """The method that continues the replicate; None if this method continues it.

        Arguments are the numbers of reactions, of candidates, of renewals of a species' bounds, and of bounds of terms
        made anew in these.
        """
        # Bounds have to be tried: their cost depends on how soon the counts leave them. The costs of a search, and of a
        # heap of pending times, follow from the present propensities. Times are in ns, fitted to measurements of the
        # models of `bench --methods`; only their ratios matter.
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
        """(steps of a search, changed propensities, pairs): the first two per reaction, expected at the present
        propensities, with thresholds and general rate laws taken as 1; then the number of pairs of a reaction and one
        whose propensity it changes."""
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
    summary = "exact: rejection; switches to another exact method if it rejects or renews bounds too often"
    reference = f"{Rejection.reference}; {OptimizedDirect.reference}; {NextReaction.reference}"
    _first_review = 4096


class AdaptiveDirect(HandsOver, OptimizedDirect):
    name = "adaptive_direct"
    continuous = False
    summary = "exact: optimized_direct, for small networks; a long run switches to another method if that is faster"
    reference = Adaptive.reference
    _first_review = 1 << 14
    """A shorter run would gain little, and on a new machine wait until the kernel of bounds is compiled."""
