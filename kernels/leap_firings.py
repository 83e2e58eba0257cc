"""Firing one channel many times at once."""

import numpy as np

from .channels import term_value
from .codes import COUNT_LIMIT
from .counting import draw_binomial
from .jit import inlined, kernel
from .leap_state import CLIPPED, leap_value


@kernel
def _count_reactions(channels, plan, state, c, n, rng):
    """Note n firings of channel c, distributed over its reactions by their propensities."""
    rest = leap_value(channels, plan, state, c)
    end = channels.term_start[c + 1]
    for t in range(channels.term_start[c], end):
        here = n
        if t + 1 < end and rest > 0.0:
            value = term_value(channels, t, state.counts, state.counts)
            here = draw_binomial(rng, n, value / rest)
            rest -= value
        state.firings[channels.term_reaction[t]] += here
        n -= here


@inlined
def fire_often(channels, plan, state, c, n, rng):
    """Fire channel c up to n times, as often as there are molecules for. Returns how often, or -1 where a count would
    pass the largest."""
    counts = state.counts
    there = n
    for k in range(channels.change_start[c], channels.change_start[c + 1]):
        amount = channels.change_amount[k]
        # The division, which is slow, only where there may be too few molecules.
        if amount < 0 and np.float64(-amount) * there >= counts[channels.change_species[k]]:
            there = min(there, counts[channels.change_species[k]] // -amount)
    if there < n:
        state.ledger[CLIPPED] += n - there
    if there > 0 and state.firings.size:
        _count_reactions(channels, plan, state, c, there, rng)
    fits = True
    for k in range(channels.change_start[c], channels.change_start[c + 1]):
        s = channels.change_species[k]
        counts[s] += channels.change_amount[k] * there
        fits = fits and counts[s] <= COUNT_LIMIT
    return there if fits else -1
