"""How wide the interval of each species is: as wide as pays, by what the path has cost so far.

A wide interval costs candidates that are rejected, a narrow one renewals. The rules read the past of the path alone, so
that the method stays exact.
"""

from typing import NamedTuple

import numpy as np

from ..channels import open_window, program_of, term_value, window_range
from ..codes import (
    COUNT_LIMIT,
    FALLING,
    FAULT,
    N_BOUNDED,
    N_CANDIDATES,
    N_EVENTS,
    N_REFRESHES,
    NEGATIVE,
    OVERFLOW,
    REACHED_END,
    TIME,
    record_type,
)
from ..interval_bounds import law_range
from ..laws import TIME_VARIABLE, WINDOW_START, law_value
from ..linked import kernel, within
from .families import sum_pools
from .refill import refill_if_needed, start_slots
from .slots import HEAVY, SAFE, Urns, fit_slots, is_overfull, mark_overfull

_PATIENCE = 10
_HELD = 32
"""Work, in candidates, for which an interval is kept narrow the first time: what its width had cost before."""
_MOST_DOUBLINGS = 10
"""It is kept narrow for up to 2**10 times as much: then trying a wide one now and then costs nearly nothing."""

INTERVAL = record_type(
    width=np.int64,  # half the interval when it is set
    renewed=np.int64,  # the candidate at which it was last set
    held=np.int64,  # renewals for which it is still kept narrow
    level=np.int64,  # the last time it was kept narrow for 2**level times the least work
    since=np.int64,  # the event since which it has been kept narrow, or free
    lasted=np.int64,  # events for which it was kept narrow the last time
)


@kernel
def set_interval(state, s):
    """The interval of species s around its count, by the present width."""
    n = state.counts[s]
    width = state.intervals[s].width
    state.low[s] = max(n - width, 0)
    state.high[s] = min(n + width, COUNT_LIMIT)


@kernel
def work_of(readers, s):
    """Work of refreshing species s, about that of so many candidates."""
    return 2 + np.int64(readers.term_start[s + 1]) - np.int64(readers.term_start[s])


@kernel
def adapt_width(readers, state, s):
    """Widen the interval of a species that left it soon, narrow it for one that stayed long.

    Bounds are as tight as the work of renewing them allows: if every species stays for `_PATIENCE` times the number of
    species times its own work, counted in candidates, renewals take a `_PATIENCE`th of the time.
    """
    work = work_of(readers, s)
    now = state.tally[N_CANDIDATES]
    interval = state.intervals[s]
    if now - interval.renewed > _PATIENCE * state.intervals.size * work:
        interval.width >>= 1
    else:
        interval.width = min(2 * interval.width + 1, np.int64(1.0 + np.sqrt(state.counts[s])))
    if interval.held > 0:
        # Bounds within a quarter of the propensity, and exact up to a count of 3: never wide enough to hold 0 and 1.
        interval.width = min(interval.width, state.counts[s] >> 2)
        interval.held -= 1
        if interval.held == 0:
            interval.lasted = state.tally[N_EVENTS] - interval.since
            interval.since = state.tally[N_EVENTS]
    interval.renewed = now


@kernel
def hold(readers, state, s):
    """Keep the interval of species s narrow for a while: too many candidates were rejected while it was wide.

    Narrow and wide take turns. The first turn of a narrow interval costs what the wide one cost before. If it lasted
    for more events at that cost, the next narrow turn is twice as long, otherwise half as long. So the cheaper way
    prevails.
    """
    interval = state.intervals[s]
    interval.width = 0
    interval.renewed = state.tally[N_CANDIDATES]
    if interval.held > 0:
        return
    free = state.tally[N_EVENTS] - interval.since
    if interval.lasted >> interval.level > free:
        interval.level = min(interval.level + 1, _MOST_DOUBLINGS)
    elif interval.level > 0:
        interval.level -= 1
    interval.held = (1 + _HELD // work_of(readers, s)) << interval.level
    interval.since = state.tally[N_EVENTS]


@kernel
def relative_width(state, s):
    """How wide the interval of species s is for its count."""
    return (state.high[s] - state.low[s]) / (state.counts[s] + 1.0)


# Bounds of propensities over intervals of the counts, kept term by term: the state of the rejection method.
#
# Each species has an interval around its count. While the count stays there, the bounds of every term that reads it
# hold, and so do their sums over the terms of a channel; when it leaves, only the terms that read it are computed anew.

_NARROWED = 0.25
"""Of what a term reads, intervals are narrowed that are at least this part as wide, for their counts, as the widest."""
_MOST_UPDATES = 64
"""Running sums over the terms of a channel are made afresh after so many updates: each rounds by 2**-53 of the sum at
most, and all together stay far below `SAFE`."""
BLOCK = 5
"""Gaps are also summed in blocks of 2**BLOCK terms: a channel of a thousand terms is searched in forty steps."""


TERM_BOUNDS = record_type(
    lower=np.float64,  # value at the lower ends [1/s]
    gap=np.float64,  # value at the upper ends less that [1/s]
)
LIMITS = record_type(
    lower=np.float64,  # below this part of the bound a candidate fires without a look at its terms [1/s]
    bound=np.float64,  # what the channel is drawn by: its slots, at least the sum of the upper ends [1/s]
)
SUMS = record_type(
    lower=np.float64,  # running sum of `lower` over the terms [1/s]
    upper=np.float64,  # running sum of `lower` + `gap` [1/s]
    summed=np.float64,  # the second sum when last made afresh
    updates=np.int64,  # updates since then
    touched=np.bool_,  # scratch of scheduled changes
    place=np.int8,  # which urn it has slots in, HEAVY or LIGHT; or LOOSE
)


class RejectionState(NamedTuple):
    counts: np.ndarray  # int64[species + pools + 1], the last always 1
    low: np.ndarray  # int64, like counts: bounds hold while low <= counts <= high
    high: np.ndarray  # int64, like counts
    intervals: np.ndarray  # INTERVAL, like counts
    terms: np.ndarray  # TERM_BOUNDS[term]
    block_gap: np.ndarray  # float64[block] [1/s], sum of the gaps of terms block << BLOCK to (block + 1) << BLOCK
    limits: np.ndarray  # LIMITS[channel + 1]; the last is of all light channels together
    sums: np.ndarray  # SUMS[channel + 1]; the last is not used
    urns: Urns
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    firings: np.ndarray  # int64[reaction], or empty when firings are not counted


@kernel
def is_block_end(t):
    """Whether a block ends before term t, and so another begins with it."""
    return t & ((1 << BLOCK) - 1) == 0


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
    bounds = state.terms[t]
    old_lower = bounds.lower
    old_gap = bounds.gap
    gap = upper - lower
    bounds.lower = lower
    bounds.gap = gap
    state.block_gap[t >> BLOCK] += gap - old_gap
    return lower - old_lower, upper - (old_lower + old_gap)


@within
def sum_channel(channels, state, c):
    """Sums over the terms of channel c, and over its whole blocks, afresh."""
    lower = 0.0
    upper = 0.0
    block = 0.0
    for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
        gap = state.terms[t].gap
        lower += state.terms[t].lower
        upper += state.terms[t].lower + gap
        block += gap
        if is_block_end(t + 1):
            state.block_gap[t >> BLOCK] = block  # of no use, and not used, where the block began in another channel
            block = 0.0
    sums = state.sums[c]
    sums.lower = lower
    sums.upper = upper
    sums.summed = upper
    sums.updates = 0
    state.limits[c].lower = lower * (1.0 - SAFE)


@kernel
def _shift_channel(channels, state, c, lower_change, upper_change):
    """Add changes to the sums of channel c, or make them afresh before rounding can matter: after so many updates, or
    when a sum has shrunk so far that what it was rounded by when large is no small part of it."""
    sums = state.sums[c]
    upper = sums.upper + upper_change
    lower = sums.lower + lower_change
    sums.updates += 1
    fresh = sums.updates > _MOST_UPDATES or not 0.5 * sums.summed <= upper <= 2.0 * sums.summed
    if fresh or not lower >= 0.05 * upper:
        sum_channel(channels, state, c)
        return
    sums.lower = lower
    sums.upper = upper
    state.limits[c].lower = lower * (1.0 - SAFE)


@within
def _refresh_species(channels, laws, readers, state, s):
    """A new interval for s, and new bounds of every term that reads it."""
    state.tally[N_REFRESHES] += 1
    set_interval(state, s)
    fits = True
    k = readers.term_start[s]
    end = readers.term_start[s + 1]
    state.tally[N_BOUNDED] += np.int64(end) - np.int64(k)
    while k < end:
        c = np.int64(readers.channel[readers.term[k]])
        lower_change = 0.0
        upper_change = 0.0
        changed = False
        while k < end and readers.channel[readers.term[k]] == c:
            lower, upper = bound_term(channels, laws, state, np.int64(readers.term[k]))
            lower_change += lower
            upper_change += upper
            changed = changed or lower != 0.0 or upper != 0.0  # not a number is a change, too
            k += 1
        if changed:  # of most terms the other species is not there
            _shift_channel(channels, state, c, lower_change, upper_change)
            fits = fit_slots(state, c) and fits
    refill_if_needed(state, fits)


@within
def refresh_if_outside(channels, laws, readers, state, s):
    """Refresh species s if its count left its interval: REACHED_END, OVERFLOW or NEGATIVE."""
    n = state.counts[s]
    if n < state.low[s] or n > state.high[s]:
        if n < 0:
            return NEGATIVE
        adapt_width(readers, state, s)
        _refresh_species(channels, laws, readers, state, s)
        if n > COUNT_LIMIT or is_overfull(state.urns, HEAVY):
            return OVERFLOW
    return REACHED_END


@kernel
def _read_by(channels, laws, t, k):
    """The k-th species that term t reads, repetitions among them, or -1 behind the last."""
    if laws is not None:
        p = program_of(channels, t)
        if p >= 0:
            j = np.int64(laws.read_start[p]) + k
            return np.int64(laws.read[j]) if j < laws.read_start[p + 1] else -1
    if k == 0:
        return np.int64(channels.terms[t].first)
    if k == 1:
        return np.int64(channels.terms[t].second)
    e = np.int64(channels.terms[t].extra_start) + ((k - 2) >> 1)
    if e >= channels.terms[t + 1].extra_start:
        return -1
    if k & 1 and channels.extras[e].kind != FALLING:  # the b of FALLING is no species
        return np.int64(channels.extras[e].b)
    return np.int64(channels.extras[e].a)


@kernel
def _refresh_now_and_then(channels, laws, readers, state, s):
    """`_refresh_species` where calls do not matter: put in place there, it would be compiled once more."""
    _refresh_species(channels, laws, readers, state, s)


@kernel
def tighten(channels, laws, readers, state, t):
    """Narrow the intervals of what term t reads to one count, and keep them narrow for a while. Returns the work, in
    candidates.

    Intervals far less wide for their counts than the widest stay: narrowing a species of which there is plenty, and
    which many terms read, would cost much and help little.
    """
    widest = 0.0
    k = 0
    s = _read_by(channels, laws, t, k)
    while s >= 0:
        widest = max(widest, relative_width(state, s))
        k += 1
        s = _read_by(channels, laws, t, k)
    work = np.int64(0)
    k = 0
    s = _read_by(channels, laws, t, k)
    while s >= 0:
        if state.low[s] < state.high[s] and relative_width(state, s) >= _NARROWED * widest:
            hold(readers, state, s)
            _refresh_now_and_then(channels, laws, readers, state, s)
            work += work_of(readers, s)
        k += 1
        s = _read_by(channels, laws, t, k)
    return work


@kernel
def refresh_changed(channels, laws, readers, state, c):
    """Refresh every species changed by channel c whose count left its interval: REACHED_END, OVERFLOW or NEGATIVE."""
    for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
        status = refresh_if_outside(channels, laws, readers, state, np.int64(channels.changes[k].species))
        if status != REACHED_END:
            return status
    return REACHED_END


@kernel
def bound_all(channels, laws, state):
    """Bound every term over the present intervals, and sum them up by channel."""
    for c in range(state.sums.size - 1):
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
        open_window(channels, laws, state.counts, state.clock[TIME], state.tally)
    one = state.counts.size - 1
    for s in range(one):
        state.intervals[s].width = 0
        state.intervals[s].renewed = state.tally[N_CANDIDATES]
        state.intervals[s].held = state.intervals[s].level = state.intervals[s].lasted = 0
        state.intervals[s].since = state.tally[N_EVENTS]
        set_interval(state, s)
    state.low[one] = 1
    state.high[one] = 1
    bound_all(channels, laws, state)
    start_slots(state)
    if not fits:
        mark_overfull(state.urns, HEAVY)
