"""The slow channels of a leap, families with constant columns and the crowd, firing for several steps at once.

How long they may wait follows how much the sums over weights changed the last time.
"""

import numpy as np

from .crowd import leap_crowd
from .family_leap import leap_exposed
from .jit import kernel
from .leap_state import WINDOW, WINDOW_LENGTH

_SHARE = 1.0
"""The sums over weights may change by so much of epsilon in the meantime."""


@kernel
def fire_slow(channels, families, plan, state, epsilon, rng):
    """Fire what has waited. Returns the number of firings."""
    ledger = state.ledger
    fired = 0
    for f in range(plan.waits.size):
        if plan.waits[f]:
            fired += leap_exposed(channels, families, plan, state, f, rng)
    fired += leap_crowd(channels, plan, state, ledger[WINDOW], rng)
    largest = 0.0
    for k in range(plan.kept_channel.size):
        c = plan.kept_channel[k]
        before = state.kept_before[c]
        change = abs(state.kept_sum[c] - before)
        if change > 0.0:
            largest = max(largest, change / before if before > 0.0 else np.inf)
        state.kept_before[c] = state.kept_sum[c]
    growth = min(2.0, max(0.2, 0.9 * _SHARE * epsilon / largest)) if largest > 0.0 else 2.0
    ledger[WINDOW_LENGTH] = growth * ledger[WINDOW]
    ledger[WINDOW] = 0.0
    return fired
