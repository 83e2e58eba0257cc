"""Direct method: a linear search through all propensities selects the next reaction; every reaction is a channel.

This is the plain reference that the other exact methods are tested against. After a reaction, only the propensities
that can have changed are recomputed, each from the counts, and all propensities are summed again in their order. No sum
is carried over from the last reaction, so rounding cannot accumulate.

The optimized direct method is the same with a `Drift`: it carries the sum over, adds the changes of the propensities to
it, and recomputes it before rounding can reach 1e-11 of it.

D. T. Gillespie, Exact stochastic simulation of coupled chemical reactions, J. Phys. Chem. 81 (1977) 2340-2361,
doi:10.1021/j100540a008; Y. Cao, H. Li, L. Petzold, Efficient formulation of the stochastic simulation algorithm for
chemically reacting systems, J. Chem. Phys. 121 (2004) 4059-4067, doi:10.1063/1.1778376.
"""

from typing import NamedTuple

import numpy as np

from ..channels import (
    evaluate_channel_laws,
    evaluate_laws,
    fires_trigger,
    open_window,
    restart_path,
    term_value,
    value_now,
)
from ..codes import (
    BAD_PROPENSITY,
    EVENT_LIMIT,
    FAULT,
    GRID_INDEX,
    LOOK,
    LOOK_DUE,
    N_CANDIDATES,
    N_EVENTS,
    NEXT_TIME,
    NO_EVENT_LIMIT,
    OVERFLOW,
    REACHED_END,
    SLICE_END,
    TIME,
    TRIGGERED,
)
from ..continuous import forget_path, is_crossing, record_variables, restarts, set_time
from ..generator import exponential, uniform, words_at
from ..laws import WINDOW_END, WINDOW_START
from ..linked import kernel, within
from ..replicates import (
    ADDRESS,
    PER_REPLICATE,
    begin_replicate,
    end_replicate,
    fault_of,
    fire,
    log_reaction,
    next_stop,
    record,
    rescale_pending,
    within_log,
)

_SURELY_MOVES = 2.0**51
"""A mean wait surely advances a time of up to so many mean waits: a float64 has 53 bits, one of them for rounding."""

_MOST_DRIFT = 256.0
"""The sum is recomputed when the sums since the last time add up to more than so many times the present one. Adding d
changes to a sum rounds by at most 2**-53 (d + 1) times the sums before and after, so that the running sum stays within
2**-52 (d + 1) 256 of the true one: 4e-12 for d = 64."""


class Drift(NamedTuple):
    """Bounds the rounding of a running sum."""

    spent: np.ndarray  # float64[1]: total of all sums since the last recomputation, including that one


class DirectState(NamedTuple):
    counts: np.ndarray  # int64[species + 1], the last always 1
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    propensity: np.ndarray  # float64[channel]
    total: np.ndarray  # float64[1]
    firings: np.ndarray  # int64[reaction], or empty when firings are not counted
    drift: Drift | None  # also passed to kernels as an argument: for None, numba leaves out the code that uses it


@within
def _compute(channels, laws, state, c):
    """Set the propensity of channel c from the counts, and return it.

    For a channel that reads the time, this is a bound over the rest of the window. Every channel is one reaction, so
    its only term has its number.
    """
    value = term_value(channels, laws, c, state.counts, state.counts)
    if laws is not None:
        if not value >= 0.0:
            state.tally[FAULT] = 1
    state.propensity[c] = value
    return value


@kernel
def _sum(propensity):
    # In a fixed order: the same counts give the same sum, to the last bit, whatever happened before.
    total = 0.0
    for c in range(propensity.size):
        total += propensity[c]
    return total


@kernel
def refresh_direct(channels, laws, drift, state):
    """Compute every propensity from the counts."""
    if laws is not None:
        set_time(laws, laws.continuous, state.clock[TIME])
        laws.window[WINDOW_START] = state.clock[TIME]
        evaluate_laws(laws, state.counts)
    for c in range(state.propensity.size):
        _compute(channels, laws, state, c)
    state.total[0] = _sum(state.propensity)
    if drift is not None:
        drift.spent[0] = state.total[0]


@kernel
def start_direct(channels, laws, drift, state):
    """Start from the counts and the time of the state."""
    if laws is not None:
        open_window(channels, laws, state.counts, state.clock[TIME], state.tally)
    refresh_direct(channels, laws, drift, state)


@kernel
def _renew_window(channels, laws, drift, state):
    """Begin the next window; the rest of the pending time continues at the new bounds."""
    old = state.total[0]
    state.clock[TIME] = laws.window[WINDOW_END]
    start_direct(channels, laws, drift, state)
    rescale_pending(state.clock, old, state.total[0])


@kernel
def set_counts_direct(channels, laws, drift, state, species, values):
    """Scheduled change: counts[species] = values at clock[TIME]."""
    old = state.total[0]
    if laws is not None:
        forget_path(laws, laws.continuous, state.clock[TIME])
    for k in range(species.size):
        state.counts[species[k]] = values[k]
    if laws is not None:
        restart_path(channels, laws, laws.continuous, state.counts, state.clock[TIME], state.tally)
    refresh_direct(channels, laws, drift, state)
    rescale_pending(state.clock, old, state.total[0])


@within
def _refresh_dependents(channels, laws, continuous, dependents, drift, state, c, total):
    """Recompute the propensities that the firing of channel c can have changed.

    Returns the sum of all propensities; `total` is the sum before.
    """
    if laws is not None:
        set_time(laws, continuous, state.clock[TIME])
        if continuous is not None:
            if restarts(continuous, c):
                forget_path(laws, continuous, state.clock[TIME])
                start_direct(channels, laws, drift, state)
                return state.total[0]
        if laws.timed_terms.size:  # the rest of the window is shorter, so all bounds over it are tighter
            refresh_direct(channels, laws, drift, state)
            return state.total[0]
    start, end = dependents.start[c], dependents.start[c + 1]
    if laws is None:
        if 2 * (end - start) >= state.propensity.size:
            # In a small network it is faster to recompute all. Propensities that did not change get the same value.
            total = 0.0
            for other in range(state.propensity.size):
                total += _compute(channels, laws, state, other)
            if drift is not None:
                drift.spent[0] = total
            return total
    change = 0.0
    for j in range(start, end):
        other = np.int64(dependents.channel[j])
        if laws is not None:
            evaluate_channel_laws(channels, laws, other, state.counts)
        before = state.propensity[other]
        change += _compute(channels, laws, state, other) - before
    if drift is not None:
        # The new sum is the old one plus the changes, unless it fell so far that earlier rounding matters.
        total += change
        drift.spent[0] += total
        if drift.spent[0] <= _MOST_DRIFT * total:
            return total
        drift.spent[0] = _sum(state.propensity)
        return drift.spent[0]
    return _sum(state.propensity)


@within
def _choose(propensity, left):
    """The channel in whose propensity `left`, a part of the total, falls."""
    # Channel c holds the part of [0, total) from the sum of the propensities before it to that sum with it.
    last = propensity.size - 1
    c = 0
    while c < last and left >= propensity[c]:
        left -= propensity[c]
        c += 1
    while c > 0 and not propensity[c] > 0.0:  # rounding carried `left` past the last channel that can fire
        c -= 1
    return c


@kernel
def _advance(channels, laws, continuous, dependents, drift, state, run, t_stop, budget, event_limit):
    """Fire events up to and including t_stop. Returns REACHED_END, SLICE_END, LOOK_DUE, EVENT_LIMIT, TRIGGERED,
    BAD_PROPENSITY, OVERFLOW or NEGATIVE."""
    counts, clock, tally, propensity = state.counts, state.clock, state.tally, state.propensity
    words = words_at(np.uint64(run.place[ADDRESS]))
    names_reactions = state.firings.size > 0 or run.log.size > 0
    # Local variables stay in registers. They are written to the state before each call that reads them there, and at
    # the end.
    time, next_time = clock[TIME], clock[NEXT_TIME]
    n_events, n_candidates = tally[N_EVENTS], tally[N_CANDIDATES]
    # There are no more events than candidates, so one comparison covers the slice, the log and the event limit.
    pause = n_candidates + min(within_log(run, budget), event_limit - n_events)
    look = tally[LOOK] if tally[LOOK] else NO_EVENT_LIMIT
    k = tally[GRID_INDEX]
    boundary, is_point = next_stop(run, k, t_stop)
    limit = boundary
    total = state.total[0]
    status = REACHED_END
    while True:
        # Invariant: propensities and their sum are those of the counts, or bounds of them until the window of time
        # ends. The next candidate is due at `next_time`, exponential from `time` at the rate of the sum, or NaN if it
        # has not been drawn.
        if laws is not None:
            if tally[FAULT]:
                status = BAD_PROPENSITY
                break
        if not total < np.inf:
            # With mass action, NaN is the only fault: an infinite product of coefficient and counts, times 0.
            status = BAD_PROPENSITY if np.isnan(total) else OVERFLOW
            break
        # Below `_SURELY_MOVES` the mean wait exceeds two steps of float64 at `time`, and no division is needed.
        if not np.abs(time) * total < _SURELY_MOVES:
            if time + 1.0 / total == time:
                status = OVERFLOW  # the next time step underflows: the network explodes
                break
        if laws is not None:
            limit = min(boundary, laws.window[WINDOW_END])
        if not next_time <= limit:
            if np.isnan(next_time):
                next_time = time + exponential(words) / total
                continue
            if laws is not None:
                if continuous is not None:
                    if is_crossing(continuous, limit):
                        time = limit
                        status = TRIGGERED
                        break
                if limit < boundary:
                    clock[TIME], clock[NEXT_TIME], tally[N_CANDIDATES] = time, next_time, n_candidates
                    state.total[0] = total
                    _renew_window(channels, laws, drift, state)
                    time, next_time = clock[TIME], clock[NEXT_TIME]
                    total = state.total[0]
                    continue
            if not is_point:
                time = t_stop
                break
            record(run, k, counts)
            if continuous is not None:
                record_variables(laws, continuous, k, run.time[k])
            k += 1
            boundary, is_point = next_stop(run, k, t_stop)
            limit = boundary
            if laws is not None:
                continue
            if not next_time <= limit:
                continue
        if n_candidates >= pause:
            status = EVENT_LIMIT if n_events >= event_limit else SLICE_END
            break
        # The channel is independent of the time: each has the probability of its propensity over the sum.
        time = next_time
        chosen = _choose(propensity, uniform(words) * total)
        n_candidates += 1
        if laws is not None:
            if laws.timed_channel.size and laws.timed_channel[chosen]:
                # Thinning: the propensity is a bound over the window; it fires with probability value now / bound.
                set_time(laws, continuous, time)
                value = value_now(channels, laws, chosen, counts)
                if not value >= 0.0:
                    tally[FAULT] = 1
                if not uniform(words) * propensity[chosen] < value:
                    next_time = time + exponential(words) / total
                    continue
        outside = fire(dependents, counts, chosen)
        n_events += 1
        if names_reactions:
            reaction = channels.terms[chosen].reaction
            if state.firings.size:
                state.firings[reaction] += 1
            if run.log.size:
                log_reaction(run, time, reaction)
        if outside:
            status = fault_of(channels, counts, chosen)
            if status != REACHED_END:
                break
        if laws is not None:
            clock[TIME] = time
        if continuous is not None:
            tally[N_CANDIDATES] = n_candidates
        total = np.float64(_refresh_dependents(channels, laws, continuous, dependents, drift, state, chosen, total))
        next_time = time + exponential(words) / total
        if laws is not None:
            if laws.triggered.size and fires_trigger(channels, laws, chosen, counts):
                status = TRIGGERED
                break
        if drift is not None:
            if n_candidates >= look:
                status = LOOK_DUE
                break
    if laws is not None:
        set_time(laws, continuous, time)
    state.total[0] = total
    clock[TIME] = time
    clock[NEXT_TIME] = next_time
    tally[N_EVENTS] = n_events
    tally[N_CANDIDATES] = n_candidates
    tally[GRID_INDEX] = k
    return status


@kernel
def run_direct(channels, laws, dependents, drift, state, run, t_stop, budget, event_limit):
    """Advance a simulation to t_stop, or run a batch of replicates; see `replicates` and `_advance`."""
    while begin_replicate(run):
        before = state.tally[N_CANDIDATES]
        if laws is not None:
            status = _advance(
                channels, laws, laws.continuous, dependents, drift, state, run, t_stop, budget, event_limit
            )
        else:
            status = _advance(channels, None, None, dependents, drift, state, run, t_stop, budget, event_limit)
        budget -= state.tally[N_CANDIDATES] - before + PER_REPLICATE
        reacts = state.total[0] > 0.0
        if laws is not None:
            reacts = reacts or laws.timed_terms.size > 0
        if not end_replicate(run, state.clock, state.tally, state.firings, state.total[:0], status, reacts):
            return status
        if budget <= 0:
            return SLICE_END
    return REACHED_END
