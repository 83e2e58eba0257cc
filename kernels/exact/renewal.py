"""Renewal of bounds apart from reactions: at scheduled changes and events, and at the end of a window of time."""

import numpy as np

from ..channels import open_window, program_of, restart_path
from ..codes import TIME
from ..continuous import forget_path, set_time
from ..laws import WINDOW_END
from ..linked import kernel
from ..replicates import rescale_pending
from .bounds import bound_all, bound_term, set_interval, sum_channel
from .families import sum_pools
from .refill import give_credit, refill_all, refill_if_needed
from .slots import HEAVY, fit_slots, is_overfull, mark_overfull, total_bound

_REFILLS = 4
"""A scheduled change visits every channel, so it may move slots and refill at about the same cost."""


@kernel
def _enclose(channels, laws, readers, state, s):
    """Renew the interval of s if its count is outside, and the bounds of its readers; mark their channels `touched`."""
    if state.low[s] <= state.counts[s] <= state.high[s]:
        return
    set_interval(state, s)
    for j in range(readers.term_start[s], readers.term_start[s + 1]):
        t = np.int64(readers.term[j])
        if laws is not None:
            if program_of(channels, t) >= 0:
                continue  # all laws are bounded again at the end, since variables may have changed, too
        bound_term(channels, laws, state, t)
        state.sums[readers.channel[t]].touched = True


@kernel
def set_counts_rejection(channels, laws, readers, families, state, species, values):
    """Scheduled change: counts[species] = values at clock[TIME]. Refreshes every pool and term that it touches."""
    old = total_bound(state)
    if laws is not None:
        forget_path(laws, laws.continuous, state.clock[TIME])
    for k in range(species.size):
        state.counts[species[k]] = values[k]
    if laws is not None:
        restart_path(channels, laws, laws.continuous, state.counts, state.clock[TIME], state.tally)
    for k in range(species.size):
        _enclose(channels, laws, readers, state, np.int64(species[k]))
    # Pools are sums of counts just set, so they change, too.
    pools_fit = True
    if families is not None:
        pools_fit = sum_pools(families, state.counts)
        for p in range(families.pool_varies.size):
            _enclose(channels, laws, readers, state, families.first_pool[0] + p)
    if laws is not None:
        _rebound(channels, laws, readers, state, laws.terms)
    give_credit(state, _REFILLS)
    fits = True
    for c in range(state.sums.size - 1):
        fits = _fit_touched(channels, state, c) and fits
    refill_if_needed(state, fits)
    if not pools_fit:
        mark_overfull(state.urns, HEAVY)
    rescale_pending(state.clock, old, total_bound(state))


@kernel
def set_coefficients_rejection(channels, laws, state):
    """Renew bounds and slots over the same intervals, after the coefficients changed at clock[TIME]."""
    old = total_bound(state)
    if laws is not None:
        set_time(laws, laws.continuous, state.clock[TIME])
    # Counts and intervals stay; every bound is proportional to a coefficient, so all slots are assigned again.
    bound_all(channels, laws, state)
    overfull = is_overfull(state.urns, HEAVY)
    refill_all(state)
    give_credit(state, 1)
    if overfull:
        mark_overfull(state.urns, HEAVY)
    rescale_pending(state.clock, old, total_bound(state))


@kernel
def _rebound(channels, laws, readers, state, terms):
    """Bound the general laws of these terms again."""
    for j in range(terms.size):
        bound_term(channels, laws, state, np.int64(terms[j]))
        state.sums[readers.channel[terms[j]]].touched = True


@kernel
def _fit_touched(channels, state, c):
    """Update sums and slots of channel c if its bounds have changed. Returns whether its slots fit."""
    if not state.sums[c].touched:
        return True
    state.sums[c].touched = False
    sum_channel(channels, state, c)
    return fit_slots(state, c)


@kernel
def renew_window_rejection(channels, laws, readers, state):
    """Begin the next window of time, with new bounds of the laws that read the time; the pending time continues."""
    old = total_bound(state)
    state.clock[TIME] = laws.window[WINDOW_END]
    _open_next(channels, laws, readers, state)
    rescale_pending(state.clock, old, total_bound(state))


@kernel
def restart_window_rejection(channels, laws, readers, state):
    """Restart the path and the window after a reaction at clock[TIME] changed a count that a rate rule reads.

    The caller draws the pending time afterwards.
    """
    forget_path(laws, laws.continuous, state.clock[TIME])
    _open_next(channels, laws, readers, state)


@kernel
def _open_next(channels, laws, readers, state):
    open_window(channels, laws, state.counts, state.clock[TIME], state.tally)
    _rebound(channels, laws, readers, state, laws.timed_terms)
    fits = True
    for j in range(laws.timed_terms.size):
        fits = _fit_touched(channels, state, np.int64(readers.channel[laws.timed_terms[j]])) and fits
    refill_if_needed(state, fits)
