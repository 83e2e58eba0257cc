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

from .channels import channel_value, term_value
from .clock import rescale_pending
from .codes import (
    COUNT_LIMIT,
    EVENT_LIMIT,
    GRID_INDEX,
    N_CANDIDATES,
    N_EVENTS,
    N_REFRESHES,
    NEXT_TIME,
    OVERFLOW,
    REACHED_END,
    SLICE_END,
    TIME,
)
from .jit import kernel
from .urn import Urn, give_slots, is_overfull, is_sparse, refill


class RejectionState(NamedTuple):
    counts: np.ndarray  # int64[species + 1], the last always 1
    low: np.ndarray  # int64[species + 1], the bounds hold while low <= counts <= high
    high: np.ndarray  # int64[species + 1]
    lower: np.ndarray  # float64[channel] [1/s]
    upper: np.ndarray  # float64[channel] [1/s]
    bound: np.ndarray  # float64[channel], upper rounded up to whole slots [1/s]
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
        width = np.int64(2.0 + 2.0 * np.sqrt(n) + 0.02 * n)
    state.low[s] = max(n - width, 0)
    state.high[s] = min(n + width, COUNT_LIMIT)


@kernel
def _bound_channel(channels, state, c):
    state.upper[c] = channel_value(channels, c, state.high, state.low)
    state.lower[c] = channel_value(channels, c, state.low, state.high)


@kernel
def _refill(state):
    refill(state.urn, state.upper)
    for c in range(state.bound.size):
        state.bound[c] = state.urn.owned[c] * state.urn.quantum[0]


@kernel
def _give_slots(state, c):
    if give_slots(state.urn, c, state.upper[c]):
        state.bound[c] = state.urn.owned[c] * state.urn.quantum[0]
        return True
    return False


@kernel
def _refresh_species(channels, state, s):
    """The count of s left its interval: a new interval, and new bounds of every channel that reads s."""
    state.tally[N_REFRESHES] += 1
    _set_interval(channels, state, s)
    fits = True
    for k in range(channels.dependent_start[s], channels.dependent_start[s + 1]):
        c = channels.dependent_channel[k]
        _bound_channel(channels, state, c)
        fits = _give_slots(state, c) and fits
    if not fits or is_sparse(state.urn):
        _refill(state)


@kernel
def _total(state):
    return state.urn.size[0] * state.urn.quantum[0]


@kernel
def refresh_rejection(channels, state):
    """Build intervals, bounds and urn from the counts alone."""
    for s in range(state.counts.size):
        if s == state.counts.size - 1:
            state.low[s] = 1
            state.high[s] = 1
        else:
            _set_interval(channels, state, s)
    for c in range(state.upper.size):
        _bound_channel(channels, state, c)
    _refill(state)


@kernel
def set_counts_rejection(channels, state, species, values):
    """Scheduled change: counts[species] = values at clock[TIME]. Refreshes every channel that it touches."""
    old = _total(state)
    for k in range(species.size):
        s = species[k]
        state.counts[s] = values[k]
        if not state.low[s] <= values[k] <= state.high[s]:
            _set_interval(channels, state, s)
            for j in range(channels.dependent_start[s], channels.dependent_start[s + 1]):
                state.touched[channels.dependent_channel[j]] = True
    fits = True
    for c in range(state.touched.size):
        if state.touched[c]:
            state.touched[c] = False
            _bound_channel(channels, state, c)
            fits = _give_slots(state, c) and fits
    if not fits or is_sparse(state.urn):
        _refill(state)
    rescale_pending(state.clock, old, _total(state))


@kernel
def _count_firing(channels, state, c, left):
    """Credit the reaction of channel c in whose share of the propensity `left` falls."""
    last = channels.term_start[c + 1] - 1
    chosen = last
    for t in range(channels.term_start[c], last):
        value = term_value(channels, t, state.counts, state.counts)
        if left < value:
            chosen = t
            break
        left -= value
    state.firings[channels.term_reaction[chosen]] += 1


@kernel
def advance_rejection(channels, state, rng, t_stop, grid_time, grid_counts, slice_budget, event_limit):
    """Fire events up to and including t_stop, filling grid_counts[k] for each grid_time[k] <= t_stop.

    Returns REACHED_END, SLICE_END, EVENT_LIMIT or OVERFLOW.
    """
    counts, low, high = state.counts, state.low, state.high
    lower, bound, urn = state.lower, state.bound, state.urn
    clock, tally = state.clock, state.tally
    n_species = counts.size - 1
    n_events = tally[N_EVENTS]
    n_candidates = tally[N_CANDIDATES]
    pause = n_candidates + slice_budget
    count_firings = state.firings.size > 0
    time = clock[TIME]
    size = urn.size[0]
    mean_wait = 1.0 / _total(state)
    next_time = clock[NEXT_TIME]
    if np.isnan(next_time):
        next_time = time + rng.standard_exponential() * mean_wait
    k = tally[GRID_INDEX]
    on_grid = k < grid_time.size and grid_time[k] <= t_stop
    boundary = grid_time[k] if on_grid else t_stop
    if is_overfull(urn):
        return OVERFLOW
    status = REACHED_END
    while True:
        if not next_time <= boundary:
            if not on_grid:
                time = t_stop
                break
            grid_counts[k, :] = counts[:n_species]
            k += 1
            on_grid = k < grid_time.size and grid_time[k] <= t_stop
            boundary = grid_time[k] if on_grid else t_stop
            continue
        if n_events >= event_limit:
            status = EVENT_LIMIT
            break
        if n_candidates >= pause:
            status = SLICE_END
            break
        n_candidates += 1
        time = next_time
        place = rng.random() * size
        slot = np.int64(place)
        c = urn.channel[slot]
        share = (place - slot) * bound[c]  # uniform on [0, bound), independent of the slot
        if share < lower[c] or share < channel_value(channels, c, counts, counts):
            n_events += 1
            if count_firings:
                _count_firing(channels, state, c, share)
            for j in range(channels.change_start[c], channels.change_start[c + 1]):
                s = channels.change_species[j]
                n = counts[s] + channels.change_amount[j]
                counts[s] = n
                if n < low[s] or n > high[s]:
                    _refresh_species(channels, state, s)
                    if n > COUNT_LIMIT or is_overfull(urn):
                        status = OVERFLOW
                    size = urn.size[0]
                    mean_wait = 1.0 / _total(state)
            if status == OVERFLOW:
                break
        next_time = time + rng.standard_exponential() * mean_wait
    clock[TIME] = time
    clock[NEXT_TIME] = next_time
    tally[N_EVENTS] = n_events
    tally[N_CANDIDATES] = n_candidates
    tally[GRID_INDEX] = k
    return status
