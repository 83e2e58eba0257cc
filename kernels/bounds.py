"""Bounds of propensities over intervals of the counts, kept term by term: the state of the rejection method.

Each species has an interval around its count. While the count stays there, the bounds of every term that reads it
hold, and so do their sums over the terms of a channel; when it leaves, only the terms that read it are computed anew.
"""

from typing import NamedTuple

import numpy as np

from .channels import open_window, program_of, term_value, window_range
from .codes import COUNT_LIMIT, FALLING, FAULT, N_CANDIDATES, N_REFRESHES, NEGATIVE, OVERFLOW, REACHED_END, TIME
from .families import sum_pools
from .intervals import law_range
from .laws import TIME_VARIABLE, WINDOW_START, law_value
from .linked import kernel
from .slots import BOUND, LOWER, SAFE, fit_slots, refill_all, refill_if_needed
from .urn import Urn, is_overfull, mark_overfull

_PATIENCE = 10
_MOST_UPDATES = 64
"""Running sums over the terms of a channel are made afresh after so many updates."""
BLOCK = 5
"""Gaps are also summed in blocks of 2**BLOCK terms: a channel of a thousand terms is searched in forty steps."""


class RejectionState(NamedTuple):
    counts: np.ndarray  # int64[species + pools + 1], the last always 1
    low: np.ndarray  # int64, like counts: bounds hold while low <= counts <= high
    high: np.ndarray  # int64, like counts
    width: np.ndarray  # int64, like counts: half the interval when it is set
    renewed: np.ndarray  # int64, like counts: the candidate at which it was last set
    term_lower: np.ndarray  # float64[term] [1/s], value at the lower ends
    term_gap: np.ndarray  # float64[term] [1/s], value at the upper ends less that
    block_gap: np.ndarray  # float64[block] [1/s], sum of the gaps of terms block << BLOCK to (block + 1) << BLOCK
    limits: np.ndarray  # float64[channel + 1, 2] [1/s]: sum of term_lower, and the effective upper bound
    sums: np.ndarray  # float64[channel, 2] [1/s]: running sums of term_lower and of term_lower + term_gap
    summed: np.ndarray  # float64[channel]: the second sum when last made afresh
    updates: np.ndarray  # int64[channel]: updates since then
    touched: np.ndarray  # bool[channel], scratch of scheduled changes
    urn: Urn  # of the heavy channels, and one more that stands for all light ones
    light_urn: Urn  # of the light channels
    light: np.ndarray  # bool[channel]: in which of the two
    bounds: np.ndarray  # float64[channel + 1], scratch
    refilled: np.ndarray  # int64[1]: the candidate at which this was last decided
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    firings: np.ndarray  # int64[reaction], or empty when firings are not counted


@kernel
def is_block_end(t):
    return t & ((1 << BLOCK) - 1) == 0


@kernel
def set_interval(state, s):
    n = state.counts[s]
    state.low[s] = max(n - state.width[s], 0)
    state.high[s] = min(n + state.width[s], COUNT_LIMIT)


@kernel
def _adapt_width(readers, state, s):
    """Widen the interval of a species that left it soon, narrow it for one that stayed long.

    Bounds are as tight as the work of renewing them allows: if every species stays for `_PATIENCE` times the number of
    species times its own work, counted in candidates, renewals take a `_PATIENCE`th of the time.
    """
    work = 2 + np.int64(readers.term_start[s + 1]) - np.int64(readers.term_start[s])
    now = state.tally[N_CANDIDATES]
    if now - state.renewed[s] > _PATIENCE * state.width.size * work:
        state.width[s] >>= 1
    else:
        state.width[s] = min(2 * state.width[s] + 1, np.int64(1.0 + np.sqrt(state.counts[s])))
    state.renewed[s] = now


@kernel
def _bound_law(laws, state, p):
    """Bounds of a general law. Where the intervals allow a negative or unbounded value, those of the species it reads
    shrink to the counts, which leaves all other bounds valid: a negative propensity is found when it is met.

    A count outside its interval has just changed: its turn to be refreshed, and this law with it, is still to come.
    """
    laws.window[WINDOW_START] = laws.variables[TIME_VARIABLE]
    lower, upper = law_range(laws, p, state.low, state.high)
    if lower >= 0.0 and upper < np.inf:
        return lower, upper
    for j in range(laws.read_start[p], laws.read_start[p + 1]):
        s = laws.read[j]
        if state.low[s] <= state.counts[s] <= state.high[s]:
            state.low[s] = state.counts[s]
            state.high[s] = state.counts[s]
    value = law_value(laws, p, state.counts)
    if not value >= 0.0:
        state.tally[FAULT] = 1
        return 0.0, 0.0
    if not laws.reads_time[p]:
        return value, value
    lower, upper = window_range(laws, p, state.counts)
    if not upper < np.inf:
        return 0.0, np.inf
    return (lower if lower >= 0.0 else 0.0), max(upper, value)


@kernel
def bound_term(channels, laws, state, t):
    """Bounds of one term from the intervals; returns the changes of its lower and of its upper bound."""
    if laws is not None:
        p = program_of(channels, t)
        if p >= 0:
            lower, upper = _bound_law(laws, state, p)
            return _set_bounds(state, t, lower * channels.terms[t].coefficient, upper * channels.terms[t].coefficient)
    lower = term_value(channels, laws, t, state.low, state.high)
    upper = term_value(channels, laws, t, state.high, state.low)
    return _set_bounds(state, t, lower, upper)


@kernel
def _set_bounds(state, t, lower, upper):
    old_lower = state.term_lower[t]
    old_gap = state.term_gap[t]
    gap = upper - lower
    state.term_lower[t] = lower
    state.term_gap[t] = gap
    state.block_gap[t >> BLOCK] += gap - old_gap
    return lower - old_lower, upper - (old_lower + old_gap)


@kernel
def sum_channel(channels, state, c):
    """Sums over the terms of channel c, and over its whole blocks, afresh."""
    lower = 0.0
    upper = 0.0
    block = 0.0
    for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
        gap = state.term_gap[t]
        lower += state.term_lower[t]
        upper += state.term_lower[t] + gap
        block += gap
        if is_block_end(t + 1):
            state.block_gap[t >> BLOCK] = block  # of no use, and not used, where the block began in another channel
            block = 0.0
    state.sums[c, LOWER] = lower
    state.sums[c, BOUND] = upper
    state.summed[c] = upper
    state.updates[c] = 0
    state.limits[c, LOWER] = lower * (1.0 - SAFE)


@kernel
def _shift_channel(channels, state, c, lower_change, upper_change):
    """Add changes to the sums of channel c, or make them afresh before rounding can matter."""
    upper = state.sums[c, BOUND] + upper_change
    state.updates[c] += 1
    if state.updates[c] > _MOST_UPDATES or not 0.5 * state.summed[c] <= upper <= 2.0 * state.summed[c]:
        sum_channel(channels, state, c)
        return
    lower = state.sums[c, LOWER] + lower_change
    if not lower >= 0.05 * upper:
        sum_channel(channels, state, c)
        return
    state.sums[c, LOWER] = lower
    state.sums[c, BOUND] = upper
    state.limits[c, LOWER] = lower * (1.0 - SAFE)


@kernel
def _refresh_species(channels, laws, readers, state, s):
    """A new interval for s, and new bounds of every term that reads it."""
    state.tally[N_REFRESHES] += 1
    set_interval(state, s)
    fits = True
    k = readers.term_start[s]
    end = readers.term_start[s + 1]
    while k < end:
        c = readers.channel[readers.term[k]]
        lower_change = 0.0
        upper_change = 0.0
        while k < end and readers.channel[readers.term[k]] == c:
            lower, upper = bound_term(channels, laws, state, readers.term[k])
            lower_change += lower
            upper_change += upper
            k += 1
        _shift_channel(channels, state, c, lower_change, upper_change)
        fits = fit_slots(state, c) and fits
    refill_if_needed(state, fits)


@kernel
def refresh_if_outside(channels, laws, readers, state, s):
    """Refresh species s if its count left its interval: REACHED_END, OVERFLOW or NEGATIVE."""
    n = state.counts[s]
    if n < state.low[s] or n > state.high[s]:
        if n < 0:
            return NEGATIVE
        _adapt_width(readers, state, s)
        _refresh_species(channels, laws, readers, state, s)
        if n > COUNT_LIMIT or is_overfull(state.urn):
            return OVERFLOW
    return REACHED_END


@kernel
def _read_by(channels, laws, t, k):
    """The k-th species that term t reads, of `_n_read`, repetitions among them."""
    if laws is not None:
        p = program_of(channels, t)
        if p >= 0:
            return laws.read[laws.read_start[p] + np.uint32(k)]
    if k == 0:
        return channels.terms[t].first
    if k == 1:
        return channels.terms[t].second
    e = channels.terms[t].extra_start + np.uint32((k - 2) >> 1)
    if k & 1 and channels.extras[e].kind != FALLING:
        return channels.extras[e].b
    return channels.extras[e].a


@kernel
def _n_read(channels, laws, t):
    if laws is not None:
        p = program_of(channels, t)
        if p >= 0:
            return np.int64(laws.read_start[p + 1]) - np.int64(laws.read_start[p])
    return 2 + 2 * (np.int64(channels.terms[t + 1].extra_start) - np.int64(channels.terms[t].extra_start))


@kernel
def tighten(channels, laws, readers, state, c):
    """Make the bounds of channel c exact, by intervals of one count for all that its terms read."""
    for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
        for k in range(_n_read(channels, laws, t)):
            s = _read_by(channels, laws, t, k)
            if state.low[s] < state.high[s]:
                state.width[s] = 0
                state.renewed[s] = state.tally[N_CANDIDATES]
                _refresh_species(channels, laws, readers, state, s)


@kernel
def refresh_changed(channels, laws, readers, state, c):
    """Refresh every species changed by channel c whose count left its interval: REACHED_END, OVERFLOW or NEGATIVE."""
    for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
        status = refresh_if_outside(channels, laws, readers, state, channels.changes[k].species)
        if status != REACHED_END:
            return status
    return REACHED_END


@kernel
def bound_all(channels, laws, state):
    """Bound every term over the present intervals, and sum them up by channel."""
    for c in range(state.light.size):
        for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
            bound_term(channels, laws, state, t)
        sum_channel(channels, state, c)


@kernel
def refresh_rejection(channels, laws, families, state):
    """Build pools, intervals, bounds and urn from the counts of the species alone."""
    fits = True
    if families is not None:
        fits = sum_pools(families, state.counts)
    if laws is not None:
        laws.variables[TIME_VARIABLE] = state.clock[TIME]
        open_window(channels, laws, state.counts, state.clock[TIME], state.tally[N_CANDIDATES])
    one = state.counts.size - 1
    for s in range(one):
        state.width[s] = 0
        state.renewed[s] = state.tally[N_CANDIDATES]
        set_interval(state, s)
    state.low[one] = 1
    state.high[one] = 1
    bound_all(channels, laws, state)
    refill_all(state)
    if not fits:
        mark_overfull(state.urn)
