"""Bringing the propensities of a leap up to date: all of them, after a change that no reaction made, or some."""

import numpy as np

from .channels import look_at_laws
from .codes import FAULT, TIME
from .crowd import sum_crowd
from .family_leap import sum_families
from .jit import kernel
from .laws import TIME_VARIABLE
from .leap_state import CROWD_STALE, NEXT_STEP, leap_value


@kernel
def look_at(channels, laws, list_of_channels, plan, state):
    """Bring the propensities of channels up to date."""
    for k in range(list_of_channels.size):
        c = list_of_channels[k]
        value = leap_value(channels, laws, plan, state, c)
        state.value[c] = value
        if not value >= 0.0:
            state.tally[FAULT] = 1


@kernel
def _sum_kept(channels, plan, state):
    """Add up the kept terms afresh; of a sparse input most are passed over."""
    for k in range(plan.kept_channel.size):
        state.kept_sum[plan.kept_channel[k]] = 0.0
    for k in range(plan.kept_species.size):
        x = state.counts[plan.kept_species[k]]
        if x:
            for j in range(plan.kept_start[k], plan.kept_start[k + 1]):
                pair = np.float64(x) * state.counts[plan.kept_other[j]]
                state.kept_sum[plan.kept_sum_of[j]] += channels.terms[plan.kept_term[j]].coefficient * pair
    for k in range(plan.kept_channel.size):
        state.kept_before[plan.kept_channel[k]] = state.kept_sum[plan.kept_channel[k]]


@kernel
def _refresh(channels, laws, families, plan, state, crowd_too):
    if laws is not None:
        laws.variables[TIME_VARIABLE] = state.clock[TIME]
        look_at_laws(laws, state.counts)
    _sum_kept(channels, plan, state)
    look_at(channels, laws, plan.explicit, plan, state)
    look_at(channels, laws, plan.entry_channel, plan, state)
    if crowd_too:
        state.ledger[CROWD_STALE] = 1.0
        sum_crowd(channels, plan, state)
    sum_families(channels, families, state, True)
    state.ledger[NEXT_STEP] = 0.0


@kernel
def refresh_leap(channels, laws, families, plan, state):
    """Compute everything from the counts: at the start, and after a change of whatever no reaction made."""
    for f in range(state.even.size):
        state.even[f] = True
        for m in range(families.member_start[f], families.member_start[f + 1]):
            state.even[f] = state.even[f] and families.share[m] >= 1.0
    _refresh(channels, laws, families, plan, state, True)


@kernel
def set_counts_leap(channels, laws, families, plan, state, species, values):
    """Scheduled change: counts[species] = values at clock[TIME]."""
    crowd_too = False
    for k in range(species.size):
        s = species[k]
        crowd_too = crowd_too or plan.in_crowd[s]
        state.counts[s] = values[k]
    _refresh(channels, laws, families, plan, state, crowd_too)


@kernel
def total_propensity(families, plan, state, of_crowd):
    """Propensity of anything [1/s], with that of the crowd given."""
    value = state.value
    total = of_crowd
    for k in range(plan.explicit.size):
        total += value[plan.explicit[k]]
    for k in range(plan.entry_channel.size):
        total += value[plan.entry_channel[k]]
    for f in range(families.pools.shape[0]):
        total += value[families.first_channel[0] + f]
    return total
