"""Bounds of propensities over intervals of the counts, kept term by term: the state of the rejection method.

Each species has an interval around its count. While the count stays there, the bounds of every term that reads it
hold, and so do their sums over the terms of a channel; when it leaves, only the terms that read it are computed anew.
"""

from typing import NamedTuple

import numpy as np

from .channels import term_value
from .clock import rescale_pending
from .codes import COUNT_LIMIT, N_REFRESHES, NEGATIVE, OVERFLOW, REACHED_END
from .jit import kernel
from .urn import Urn, give_slots, is_overfull, is_sparse, refill

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
def refresh_changed(channels, readers, state, c):
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
def total_bound(state):
    return state.urn.size[0] * state.urn.quantum[0]


@kernel
def mean_wait(state):
    """Mean time to the next candidate; infinite when there is none."""
    return 1.0 / total_bound(state)


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
    old = total_bound(state)
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
    rescale_pending(state.clock, old, total_bound(state))
