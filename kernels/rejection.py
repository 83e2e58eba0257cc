"""Rejection-based simulation (RSSA) on lumped channels, with an urn of slots in place of a search.

Each species has an interval around its count; while it stays there, upper and lower bounds of the propensities
hold and nothing is recomputed. A candidate channel is drawn in proportion to the upper bounds and accepted with
probability propensity / upper bound; time advances by an exponential of the summed upper bounds for every
candidate, accepted or not, which is thinning of a Poisson process and hence exact.

V. H. Thanh, C. Priami, R. Zunino, Efficient rejection-based simulation of biochemical reactions with stochastic
noise and delays, J. Chem. Phys. 141 (2014) 134116, doi:10.1063/1.4896985.
"""

from typing import NamedTuple

import numpy as np

from .channels import term_value
from .clock import rescale_pending
from .codes import (
    COUNT_LIMIT,
    EVENT_LIMIT,
    GRID_INDEX,
    N_CANDIDATES,
    N_EVENTS,
    N_REFRESHES,
    NEGATIVE,
    NEXT_TIME,
    OVERFLOW,
    REACHED_END,
    SLICE_END,
    TIME,
)
from .jit import kernel
from .urn import NONE, Urn, give_slots, is_overfull, is_sparse, refill

LOWER, BOUND = 0, 1
"""Columns of `limits`; of `sums`, with the sum of the upper ends in the place of the bound."""
_MOST_UPDATES = 64
"""Running sums over the terms of a channel are made afresh after so many updates."""
_SAFE = 1e-12
"""Relative slack of running sums, far above what 64 updates can round away."""


class RejectionState(NamedTuple):
    counts: np.ndarray  # int64[species + 1], the last always 1
    low: np.ndarray  # int64[species + 1], bounds hold while low <= counts <= high
    high: np.ndarray  # int64[species + 1]
    term_lower: np.ndarray  # float64[term] [1/s], value at the lower ends
    term_gap: np.ndarray  # float64[term] [1/s], value at the upper ends less that
    limits: np.ndarray  # float64[channel, 2] [1/s]: sum of term_lower, and the effective upper bound
    sums: np.ndarray  # float64[channel, 2] [1/s]: running sums of term_lower and of term_lower + term_gap
    summed: np.ndarray  # float64[channel]: the second sum when last made afresh
    updates: np.ndarray  # int64[channel]: updates since then
    touched: np.ndarray  # bool[channel], scratch of scheduled changes
    urn: Urn
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    firings: np.ndarray  # int64[reaction], or empty when firings are not counted


@kernel
def _set_interval(channels, state, s):
    n = state.counts[s]
    width = 0
    if channels.varies[s]:
        width = np.int64(1.0 + np.sqrt(n))
    state.low[s] = max(n - width, 0)
    state.high[s] = min(n + width, COUNT_LIMIT)


@kernel
def _bound_term(channels, state, t):
    """Bounds of one term from the intervals; returns the changes of its lower and of its upper bound."""
    lower = term_value(channels, t, state.low, state.high)
    upper = term_value(channels, t, state.high, state.low)
    old_lower = state.term_lower[t]
    old_upper = old_lower + state.term_gap[t]
    state.term_lower[t] = lower
    state.term_gap[t] = upper - lower
    return lower - old_lower, upper - old_upper


@kernel
def _sum_channel(channels, state, c):
    """Sums over the terms of channel c, afresh."""
    lower = 0.0
    upper = 0.0
    for t in range(channels.term_start[c], channels.term_start[c + 1]):
        lower += state.term_lower[t]
        upper += state.term_lower[t] + state.term_gap[t]
    state.sums[c, LOWER] = lower
    state.sums[c, BOUND] = upper
    state.summed[c] = upper
    state.updates[c] = 0
    state.limits[c, LOWER] = lower * (1.0 - _SAFE)


@kernel
def _shift_channel(channels, state, c, lower_change, upper_change):
    """Add changes to the sums of channel c, or make them afresh before rounding can matter."""
    upper = state.sums[c, BOUND] + upper_change
    state.updates[c] += 1
    if state.updates[c] > _MOST_UPDATES or not 0.5 * state.summed[c] <= upper <= 2.0 * state.summed[c]:
        _sum_channel(channels, state, c)
        return
    lower = state.sums[c, LOWER] + lower_change
    if not lower >= 0.05 * upper:
        _sum_channel(channels, state, c)
        return
    state.sums[c, LOWER] = lower
    state.sums[c, BOUND] = upper
    state.limits[c, LOWER] = lower * (1.0 - _SAFE)


@kernel
def _refill(state):
    refill(state.urn, state.sums[:, BOUND], 1.0 + _SAFE)
    for c in range(state.limits.shape[0]):
        state.limits[c, BOUND] = state.urn.owned[c] * state.urn.quantum[0]


@kernel
def _give_slots(state, c):
    if give_slots(state.urn, c, state.sums[c, BOUND] * (1.0 + _SAFE)):
        state.limits[c, BOUND] = state.urn.owned[c] * state.urn.quantum[0]
        return True
    return False


@kernel
def _refresh_species(channels, readers, state, s):
    """The count of s left its interval: a new interval, and new bounds of every term that reads s."""
    state.tally[N_REFRESHES] += 1
    _set_interval(channels, state, s)
    fits = True
    k = readers.term_start[s]
    end = readers.term_start[s + 1]
    while k < end:
        c = readers.channel[readers.term[k]]
        lower_change = 0.0
        upper_change = 0.0
        while k < end and readers.channel[readers.term[k]] == c:
            lower, upper = _bound_term(channels, state, readers.term[k])
            lower_change += lower
            upper_change += upper
            k += 1
        _shift_channel(channels, state, c, lower_change, upper_change)
        fits = _give_slots(state, c) and fits
    if not fits or is_sparse(state.urn):
        _refill(state)


@kernel
def _refresh_changed(channels, readers, state, c):
    """Refresh every species changed by channel c whose count left its interval: REACHED_END, OVERFLOW or NEGATIVE."""
    for k in range(channels.change_start[c], channels.change_start[c + 1]):
        s = channels.change_species[k]
        n = state.counts[s]
        if n < state.low[s] or n > state.high[s]:
            if n < 0:
                return NEGATIVE
            _refresh_species(channels, readers, state, s)
            if n > COUNT_LIMIT or is_overfull(state.urn):
                return OVERFLOW
    return REACHED_END


@kernel
def _total(state):
    return state.urn.size[0] * state.urn.quantum[0]


@kernel
def _mean_wait(state):
    """Mean time to the next candidate; infinite when there is none."""
    return 1.0 / _total(state)


@kernel
def refresh_rejection(channels, state):
    """Build intervals, bounds and urn from the counts alone."""
    one = state.counts.size - 1
    for s in range(one):
        _set_interval(channels, state, s)
    state.low[one] = 1
    state.high[one] = 1
    for c in range(state.limits.shape[0]):
        for t in range(channels.term_start[c], channels.term_start[c + 1]):
            _bound_term(channels, state, t)
        _sum_channel(channels, state, c)
    _refill(state)


@kernel
def set_counts_rejection(channels, readers, state, species, values):
    """Scheduled change: counts[species] = values at clock[TIME]. Refreshes every term that it touches."""
    old = _total(state)
    for k in range(species.size):
        s = species[k]
        state.counts[s] = values[k]
        if not state.low[s] <= values[k] <= state.high[s]:
            _set_interval(channels, state, s)
            for j in range(readers.term_start[s], readers.term_start[s + 1]):
                t = readers.term[j]
                _bound_term(channels, state, t)
                state.touched[readers.channel[t]] = True
    fits = True
    for c in range(state.touched.size):
        if state.touched[c]:
            state.touched[c] = False
            _sum_channel(channels, state, c)
            fits = _give_slots(state, c) and fits
    if not fits or is_sparse(state.urn):
        _refill(state)
    rescale_pending(state.clock, old, _total(state))


@kernel
def _term_of_gap(channels, state, c, share):
    """The term in whose gap `share`, beyond the sum of the lower bounds, falls below its propensity; or NONE.

    Each term owns as much of the interval as its bounds are apart, so that one term is evaluated, not the sum.
    """
    share -= state.sums[c, LOWER]
    for t in range(channels.term_start[c], channels.term_start[c + 1]):
        gap = state.term_gap[t]
        if share < gap:
            if share < term_value(channels, t, state.counts, state.counts) - state.term_lower[t]:
                return np.int64(t)
            return NONE
        share -= gap
    return NONE


@kernel
def _term_of_lower(channels, state, c, share):
    """The term in whose lower bound `share`, below the sum of the lower bounds, falls."""
    last = channels.term_start[c + 1] - 1
    for t in range(channels.term_start[c], last):
        if share < state.term_lower[t]:
            return np.int64(t)
        share -= state.term_lower[t]
    return np.int64(last)


@kernel
def advance_rejection(channels, readers, state, rng, t_stop, grid_time, grid_counts, slice_budget, event_limit):
    """Fire events up to and including t_stop, filling grid_counts[k] for each grid_time[k] <= t_stop.

    Returns REACHED_END, SLICE_END, EVENT_LIMIT, OVERFLOW or NEGATIVE.
    """
    counts, low, high, limits = state.counts, state.low, state.high, state.limits
    pair_species, pair_amount = readers.pair_species, readers.pair_amount
    urn, clock, tally = state.urn, state.clock, state.tally
    if is_overfull(urn):
        return OVERFLOW
    n_species = counts.size - 1
    count_firings = state.firings.size > 0
    more_changes = readers.more_species.size > 0
    n_events = tally[N_EVENTS]
    n_candidates = tally[N_CANDIDATES]
    # No more events than candidates: one comparison keeps both the slice and the event limit.
    pause = n_candidates + min(slice_budget, event_limit - n_events)
    time = clock[TIME]
    next_time = clock[NEXT_TIME]
    size = urn.size[0]
    mean_wait = _mean_wait(state)
    if np.isnan(next_time):
        next_time = time + rng.standard_exponential() * mean_wait
    k = tally[GRID_INDEX]
    on_grid = k < grid_time.size and grid_time[k] <= t_stop
    boundary = grid_time[k] if on_grid else t_stop
    status = REACHED_END
    while True:
        if not next_time <= boundary:
            if not on_grid:
                time = t_stop
                break
            for s in range(n_species):
                grid_counts[k, s] = counts[s]
            k += 1
            on_grid = k < grid_time.size and grid_time[k] <= t_stop
            boundary = grid_time[k] if on_grid else t_stop
            continue
        if n_candidates >= pause:
            status = EVENT_LIMIT if n_events >= event_limit else SLICE_END
            break
        n_candidates += 1
        time = next_time
        place = rng.random() * size
        slot = np.int64(place)
        c = urn.channel[np.uint32(slot)]
        share = (place - slot) * limits[c, BOUND]  # uniform on [0, bound), independent of the slot
        fires = share < limits[c, LOWER]
        t = NONE
        if fires:
            if count_firings:
                t = _term_of_lower(channels, state, c, share)
        else:
            t = _term_of_gap(channels, state, c, share)
            fires = t != NONE
        if fires:
            n_events += 1
            if count_firings:
                state.firings[channels.term_reaction[t]] += 1
            s0 = pair_species[c, 0]
            s1 = pair_species[c, 1]
            n0 = counts[s0] + pair_amount[c, 0]
            counts[s0] = n0
            n1 = counts[s1] + pair_amount[c, 1]
            counts[s1] = n1
            inside = low[s0] <= n0 and n0 <= high[s0] and low[s1] <= n1 and n1 <= high[s1]
            if more_changes:
                for j in range(readers.more_start[c], readers.more_start[c + 1]):
                    s = readers.more_species[j]
                    counts[s] += readers.more_amount[j]
                    inside = inside and low[s] <= counts[s] and counts[s] <= high[s]
            if not inside:
                status = _refresh_changed(channels, readers, state, c)
                size = urn.size[0]
                mean_wait = _mean_wait(state)
                if time + mean_wait == time:
                    status = OVERFLOW  # time would stand still: the network explodes
                if status != REACHED_END:
                    break
        next_time = time + rng.standard_exponential() * mean_wait
    clock[TIME] = time
    clock[NEXT_TIME] = next_time
    tally[N_EVENTS] = n_events
    tally[N_CANDIDATES] = n_candidates
    tally[GRID_INDEX] = k
    return status
