"""The slow channels of a leap, families with constant columns and the crowd, firing for several steps at once.

How long they may wait follows how much the sums over weights changed the last time.
"""

import numpy as np

from .crowd import leap_crowd
from .family_leap import leap_exposed
from .leap_state import WINDOW, WINDOW_LENGTH
from .linked import kernel

_SHARE = 1.0
"""The sums over weights may change by so much of epsilon in the meantime, so that what waits is not felt."""


@kernel
def fire_slow(channels, families, plan, state, epsilon, rng):
    """Fire what has waited. Returns the number of firings."""
    ledger = state.ledger
    fired = np.int64(0)
    largest = 0.0
    if families is not None:
        for f in range(families.pools.shape[0]):
            if plan.slow.families[f].waits:
                fired += leap_exposed(channels, families, plan, state, f, rng)
        fired += leap_crowd(channels, plan, state, ledger[WINDOW], rng)
        for k in range(plan.slow.kept_channel.size):
            c = plan.slow.kept_channel[k]
            before = state.channels[c].kept_before
            change = abs(state.channels[c].kept_sum - before)
            if change > 0.0:
                largest = max(largest, change / before if before > 0.0 else np.inf)
            state.channels[c].kept_before = state.channels[c].kept_sum
    else:
        rng.standard_exponential()  # as an empty crowd would, so that a seed gives what it always gave
    # The change over a window is about proportional to its length: aim at 0.9 of what is allowed, in bounded strides.
    growth = min(2.0, max(0.2, 0.9 * _SHARE * epsilon / largest)) if largest > 0.0 else 2.0
    ledger[WINDOW_LENGTH] = growth * ledger[WINDOW]
    ledger[WINDOW] = 0.0
    return fired
