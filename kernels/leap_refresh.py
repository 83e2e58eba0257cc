"""Bringing the propensities of a leap up to date: all of them, after a change that no reaction made, or some."""

from .channels import channel_value, look_at_laws
from .codes import FAULT, TIME
from .crowd import refresh_crowd
from .family_leap import sum_families
from .jit import kernel
from .laws import TIME_VARIABLE
from .leap_state import CROWD_TOTAL, NEXT_STEP


@kernel
def look_at(channels, list_of_channels, plan, state):
    """Bring the propensities of channels up to date, but of sums that are kept."""
    for k in range(list_of_channels.size):
        c = list_of_channels[k]
        if not plan.kept[c]:
            value = channel_value(channels, c, state.counts, state.counts)
            state.value[c] = value
            if not value >= 0.0:
                state.tally[FAULT] = 1


@kernel
def refresh_leap(channels, families, plan, state):
    """Compute everything from the counts: at the start, and after a change that no reaction made."""
    channels.laws.variables[TIME_VARIABLE] = state.clock[TIME]
    look_at_laws(channels, state.counts)
    look_at(channels, plan.explicit, plan, state)
    look_at(channels, plan.entry_channel, plan, state)
    for c in range(plan.kept.size):
        if plan.kept[c]:
            state.value[c] = channel_value(channels, c, state.counts, state.counts)
    refresh_crowd(channels, plan, state)
    sum_families(channels, families, state)
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
