"""The state of the rejection method: intervals around the counts, and bounds of the propensities over them.

Each species has an interval around its count. While the count stays inside, the bounds of every term that reads it
hold, and so do their sums over the terms of a channel. When the count leaves, only the terms that read it are bounded
again. A wide interval costs rejected candidates, a narrow one renewals; widths adapt to what the path has cost so far.
They depend on the past of the path alone, so that the method stays exact.
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

# Widths of intervals.

_PATIENCE = 10
_HELD = 32
"""Work, in candidates, for which an interval stays narrow the first time: as much as its width had cost before."""
_MOST_DOUBLINGS = 10
"""It stays narrow for up to 2**10 times as much; then an occasional trial of a wide one costs next to nothing."""

INTERVAL = record_type(
    width=np.int64,  # half the interval when it is set
    renewed=np.int64,  # the candidate at which it was last set
    held=np.int64,  # renewals for which it still stays narrow
    level=np.int64,  # the last narrow turn took 2**level times the least work
    since=np.int64,  # the event at which the present turn, narrow or free, began
    lasted=np.int64,  # events during the last narrow turn
)


@kernel
def set_interval(state, s):
    """Set the interval of species s around its count, by the present width."""
    n = state.counts[s]
    width = state.intervals[s].width
    state.low[s] = max(n - width, 0)
    state.high[s] = min(n + width, COUNT_LIMIT)


@kernel
def work_of(readers, s):
    """Work of refreshing species s, in candidates."""
    return 2 + np.int64(readers.term_start[s + 1]) - np.int64(readers.term_start[s])


@kernel
def adapt_width(readers, state, s):
    """Widen the interval of a species that left it soon; narrow it for one that stayed long.

    Bounds are as tight as the work of renewing them allows. If every species stays for `_PATIENCE` times the number of
    species times the work of its renewal, counted in candidates, renewals take one part in `_PATIENCE` of the time.
    """
    work = work_of(readers, s)
    now = state.tally[N_CANDIDATES]
    interval = state.intervals[s]
    # Half the width, or twice the width up to the standard deviation of a Poisson number with this mean.
    if now - interval.renewed > _PATIENCE * state.intervals.size * work:
        interval.width >>= 1
    else:
        interval.width = min(2 * interval.width + 1, np.int64(1.0 + np.sqrt(state.counts[s])))
    if interval.held > 0:
        # A quarter of the count: bounds within a quarter of the propensity, and exact up to a count of 3. So a narrow
        # interval never contains both 0 and 1, between which a reaction is impossible or possible.
        interval.width = min(interval.width, state.counts[s] >> 2)
        interval.held -= 1
        if interval.held == 0:
            interval.lasted = state.tally[N_EVENTS] - interval.since
            interval.since = state.tally[N_EVENTS]
    interval.renewed = now


@kernel
def hold(readers, state, s):
    """Hold the interval of species s narrow for a while: too many candidates were rejected while it was wide.

    Narrow and wide turns alternate. The first narrow turn costs as much as the wide one before it. If it lasted for
    more events at that cost, the next narrow turn is twice as long, otherwise half as long. So the cheaper width
    prevails.
    """
    interval = state.intervals[s]
    interval.width = 0
    interval.renewed = state.tally[N_CANDIDATES]
    if interval.held > 0:
        return
    # The free turn has just ended. Both turns cost about the same, so the one with more events was cheaper per event.
    free = state.tally[N_EVENTS] - interval.since
    if interval.lasted >> interval.level > free:
        interval.level = min(interval.level + 1, _MOST_DOUBLINGS)
    elif interval.level > 0:
        interval.level -= 1
    interval.held = (1 + _HELD // work_of(readers, s)) << interval.level
    interval.since = state.tally[N_EVENTS]


@kernel
def relative_width(state, s):
    """Width of the interval of species s, relative to its count."""
    return (state.high[s] - state.low[s]) / (state.counts[s] + 1.0)


# Bounds of propensities over the intervals, term by term, and their sums by channel.

_NARROWED = 0.25
"""Among the species that a term reads, those with at least this share of the largest relative width are narrowed."""
_MOST_UPDATES = 64
"""Running sums over the terms of a channel are recomputed after so many updates. Each update rounds by at most 2**-53
of the sum, so that all together stay far below `SAFE`."""
GAP_GROUP = 5
"""Gaps are also summed in groups of 2**GAP_GROUP terms: a channel of a thousand terms is searched in forty steps."""


TERM_BOUNDS = record_type(
    lower=np.float64,  # value at the lower ends [1/s]
    gap=np.float64,  # value at the upper ends minus `lower` [1/s]
)
LIMITS = record_type(
    lower=np.float64,  # a share of the bound below this fires without evaluating a term [1/s]
    bound=np.float64,  # rate at which the channel is drawn: its slots, at least the sum of the upper ends [1/s]
)
SUMS = record_type(
    lower=np.float64,  # running sum of `lower` over the terms [1/s]
    upper=np.float64,  # running sum of `lower` + `gap` [1/s]
    summed=np.float64,  # `upper` when last recomputed
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
    group_gap: np.ndarray  # float64[group] [1/s]: sum of the gaps of terms g << GAP_GROUP to (g + 1) << GAP_GROUP
    limits: np.ndarray  # LIMITS[channel + 1]; the last is of all light channels together
    sums: np.ndarray  # SUMS[channel + 1]; the last is not used
    urns: Urns
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    firings: np.ndarray  # int64[reaction], or empty when firings are not counted


@kernel
def is_group_end(t):
    """Whether a group ends before term t, so that the next begins with it."""
    return t & ((1 << GAP_GROUP) - 1) == 0


@kernel
def _bound_law(laws, state, p):
    """Bounds of a general law.

    Where the intervals allow a negative or unbounded value, those of the species it reads shrink to the counts, which
    leaves all other bounds valid. So a negative propensity is a fault only at counts that are reached. A count outside
    its interval has just changed: it will be refreshed later, and this law with it.
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
    """Bound one term over the intervals. Returns the changes of its lower and upper bound."""
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
    state.group_gap[t >> GAP_GROUP] += gap - old_gap
    return lower - old_lower, upper - (old_lower + old_gap)


@within
def sum_channel(channels, state, c):
    """Recompute the sums over the terms of channel c, and over the groups that lie within it."""
    lower = 0.0
    upper = 0.0
    group = 0.0
    for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
        gap = state.terms[t].gap
        lower += state.terms[t].lower
        upper += state.terms[t].lower + gap
        group += gap
        if is_group_end(t + 1):
            state.group_gap[t >> GAP_GROUP] = group  # wrong, but never read, for a group that began in another channel
            group = 0.0
    sums = state.sums[c]
    sums.lower = lower
    sums.upper = upper
    sums.summed = upper
    sums.updates = 0
    state.limits[c].lower = lower * (1.0 - SAFE)


@kernel
def _shift_channel(channels, state, c, lower_change, upper_change):
    """Add changes to the sums of channel c, or recompute them before rounding can matter.

    They are recomputed after `_MOST_UPDATES`, or when a sum has shrunk so far that rounding from when it was large is
    no longer small relative to it.
    """
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
    """Set a new interval for s, and new bounds of every term that reads it."""
    state.tally[N_REFRESHES] += 1
    set_interval(state, s)
    fits = True
    k = readers.term_start[s]
    end = readers.term_start[s + 1]
    state.tally[N_BOUNDED] += np.int64(end) - np.int64(k)
    # The terms that read s are ascending, so those of one channel are neighbours: each channel is fitted once.
    while k < end:
        c = np.int64(readers.channel[readers.term[k]])
        lower_change = 0.0
        upper_change = 0.0
        changed = False
        while k < end and readers.channel[readers.term[k]] == c:
            lower, upper = bound_term(channels, laws, state, np.int64(readers.term[k]))
            lower_change += lower
            upper_change += upper
            changed = changed or lower != 0.0 or upper != 0.0  # NaN counts as a change
            k += 1
        if changed:  # most terms stay at 0, since their other species is absent
            _shift_channel(channels, state, c, lower_change, upper_change)
            fits = fit_slots(state, c) and fits
    refill_if_needed(state, fits)


@within
def refresh_if_outside(channels, laws, readers, state, s):
    """Refresh species s if its count left its interval. Returns REACHED_END, OVERFLOW or NEGATIVE."""
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
    """The k-th species that term t reads, with repetitions, or -1 behind the last."""
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
    if k & 1 and channels.extras[e].kind != FALLING:  # the b of FALLING is an offset, not a species
        return np.int64(channels.extras[e].b)
    return np.int64(channels.extras[e].a)


@kernel
def _refresh_now_and_then(channels, laws, readers, state, s):
    """`_refresh_species` as a call, where speed does not matter: inlining it again would compile it again."""
    _refresh_species(channels, laws, readers, state, s)


@kernel
def tighten(channels, laws, readers, state, t):
    """Narrow the intervals of the species that term t reads to one count, and hold them narrow for a while.

    Returns the work, in candidates. Intervals with a much smaller relative width than the widest stay as they are:
    narrowing an abundant species that many terms read would cost much and help little.
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
    """Refresh every species changed by channel c whose count left its interval.

    Returns REACHED_END, OVERFLOW or NEGATIVE.
    """
    for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
        status = refresh_if_outside(channels, laws, readers, state, np.int64(channels.changes[k].species))
        if status != REACHED_END:
            return status
    return REACHED_END


@kernel
def bound_all(channels, laws, state):
    """Bound every term over the present intervals, and sum the bounds by channel."""
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
    # All intervals start at a width of 0, with exact bounds, and widen as they are left.
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
