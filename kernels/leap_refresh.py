"""Bringing the propensities of a leap up to date: all of them, after a change that no reaction made, or some."""

import numpy as np

from .codes import FAULT, TIME
from .crowd import crowd_propensity, sum_crowd
from .family_leap import count_pool, sum_families
from .jit import inlined
from .laws import TIME_VARIABLE, law_value
from .leap_state import CROWD_STALE, NEXT_STEP, OVERFULL, leap_value
from .linked import kernel


@kernel
def look_again(channels, laws, families, plan, state, n):
    """Bring up to date what firings have changed: the first n channels of `plan.fires`, and the families, but not the
    crowd, which is only looked at when it is used. False if a slow count is beyond the largest."""
    if laws is not None:
        # Their values themselves, not bounds over a window of time: no law reads the time here, see `TauLeap.refuse`.
        for p in range(laws.first_trigger[0]):
            laws.value[p] = law_value(laws, p, state.counts)
    for k in range(n):
        c = plan.fires[k]
        value = leap_value(channels, laws, plan, state, c)
        state.channels[c].value = value
        if not value >= 0.0:  # NaN, too
            state.tally[FAULT] = 1
    if families is not None:
        sum_families(channels, families, plan, state)
    return state.ledger[OVERFULL] == 0.0


@kernel
def _sum_kept(channels, plan, state):
    """Add up the kept terms afresh; of a sparse input most are passed over."""
    slow = plan.slow
    for k in range(slow.kept_channel.size):
        state.channels[slow.kept_channel[k]].kept_sum = 0.0
    for k in range(slow.summed.size - 1):
        # No weight where possible: an input that is 0 saves the whole range.
        x = state.counts[slow.summed[k].species]
        if x:
            for j in range(slow.summed[k].start, slow.summed[k + 1].start):
                pair = np.float64(x) * state.counts[slow.kept[j].other]
                state.channels[slow.kept[j].channel].kept_sum += channels.terms[slow.kept[j].term].coefficient * pair
    for k in range(slow.kept_channel.size):
        c = slow.kept_channel[k]
        state.channels[c].kept_before = state.channels[c].kept_sum


@inlined
def _note_even(families, state):
    """Note which families have members that are all as fast: of these no firing is drawn in vain."""
    for f in range(state.slow.even.size):
        state.slow.even[f] = True
        for m in range(families.member_start[f], families.member_start[f + 1]):
            state.slow.even[f] = state.slow.even[f] and families.share[m] >= 1.0


@kernel
def refresh_leap(channels, laws, families, plan, state, species, values, rates_too):
    """Set counts[species] = values at clock[TIME], and compute everything from the counts: at the start, and after a
    change that no reaction made. With `rates_too` also what follows from rate constants."""
    for k in range(species.size):
        state.counts[species[k]] = values[k]
    if laws is not None:
        laws.variables[TIME_VARIABLE] = state.clock[TIME]
    if families is not None:
        if rates_too:
            _note_even(families, state)
        _sum_kept(channels, plan, state)
        # Constant pools change here alone: the members of an input.
        for p in range(families.pool_varies.size):
            if not families.pool_varies[p]:
                count_pool(families, state, p)
    look_again(channels, laws, families, plan, state, plan.fires.size)
    if families is not None:
        # To pass over the whole crowd takes long where there are many weights, and few scheduled changes set any.
        crowd_too = rates_too
        for k in range(species.size):
            crowd_too = crowd_too or plan.slow.species[species[k]].in_crowd
        if crowd_too:
            state.ledger[CROWD_STALE] = 1.0
            sum_crowd(channels, plan, state)
    state.ledger[NEXT_STEP] = 0.0  # what the last step was says nothing about the state that is now


@kernel
def total_propensity(plan, state, of_crowd):
    """Propensity of anything [1/s], with that of the crowd given."""
    total = of_crowd
    for k in range(plan.fires.size):
        total += state.channels[plan.fires[k]].value
    for c in range(plan.first_family, state.channels.size):
        total += state.channels[c].value
    return total


@kernel
def can_react_leap(channels, families, plan, state):
    """Whether any propensity is positive."""
    crowd = 0.0
    if families is not None:
        crowd = crowd_propensity(channels, plan, state)
    return total_propensity(plan, state, crowd) > 0.0
