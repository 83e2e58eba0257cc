"""How wide the interval of each species is: as wide as pays, by what the path has cost so far.

A wide interval costs candidates that are rejected, a narrow one renewals. The rules read the past of the path alone, so
that the method stays exact.
"""

import numpy as np

from .codes import COUNT_LIMIT, N_CANDIDATES, N_EVENTS
from .linked import kernel
from .records import record_type

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
