"""Bringing the propensities of a leap up to date: all of them, after a change that no reaction made, or some."""

from .channels import look_at_laws, term_value
from .codes import FAULT, TIME
from .crowd import refresh_crowd
from .family_leap import sum_families
from .jit import kernel
from .laws import TIME_VARIABLE
from .leap_state import CROWD_TOTAL, NEXT_STEP, leap_value


@kernel
def look_at(channels, list_of_channels, plan, state):
    """Bring the propensities of channels up to date."""
    for k in range(list_of_channels.size):
        c = list_of_channels[k]
        value = leap_value(channels, plan, state, c)
        state.value[c] = value
        if not value >= 0.0:
            state.tally[FAULT] = 1


@kernel
def refresh_leap(channels, families, plan, state):
    """Compute everything from the counts: at the start, and after a change that no reaction made."""
    channels.laws.variables[TIME_VARIABLE] = state.clock[TIME]
    look_at_laws(channels, state.counts)
    for c in range(state.kept_sum.size):
        state.kept_sum[c] = 0.0
    for k in range(plan.kept_term.size):
        t = plan.kept_term[k]
        state.kept_sum[plan.term_channel[t]] += term_value(channels, t, state.counts, state.counts)
    look_at(channels, plan.explicit, plan, state)
    look_at(channels, plan.entry_channel, plan, state)
    refresh_crowd(channels, plan, state)
    sum_families(channels, families, state, True)
    for c in range(state.kept_sum.size):
        state.kept_before[c] = state.kept_sum[c]
    state.ledger[NEXT_STEP] = 0.0


@kernel
def set_counts_leap(channels, families, plan, state, species, values):
    """Scheduled change: counts[species] = values at clock[TIME]."""
    for k in range(species.size):
        state.counts[species[k]] = values[k]
    refresh_leap(channels, families, plan, state)


@kernel
def total_propensity(families, plan, state):
    """Propensity of anything [1/s]."""
    value = state.value
    total = state.ledger[CROWD_TOTAL]
    for k in range(plan.explicit.size):
        total += value[plan.explicit[k]]
    for k in range(plan.entry_channel.size):
        total += value[plan.entry_channel[k]]
    for f in range(families.pools.shape[0]):
        total += value[families.first_channel[0] + f]
    return total
