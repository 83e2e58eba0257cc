"""Firing one channel many times at once."""

import numpy as np

from .channels import term_value
from .codes import COUNT_LIMIT
from .counting import draw_binomial
from .jit import inlined
from .leap_state import CLIPPED, leap_value
from .linked import kernel


@kernel
def _count_reactions(channels, laws, plan, state, c, n, rng):
    """Note n firings of channel c, distributed over its reactions by their propensities.

    A multinomial number, reaction after reaction: given those before, each has a binomial number of what is left.
    """
    rest = leap_value(channels, laws, plan, state, c)
    end = channels.ranges[c + 1].term_start
    for t in range(channels.ranges[c].term_start, end):
        here = n
        if t + 1 < end and rest > 0.0:
            value = term_value(channels, laws, np.uint32(t), state.counts, state.counts)
            here = draw_binomial(rng, n, value / rest)
            rest -= value
        state.firings[channels.terms[t].reaction] += here
        n -= here


@inlined
def fire_often(channels, laws, plan, state, c, n, rng):
    """Fire channel c up to n times, as often as there are molecules for. Returns how often, or -1 where a count would
    pass the largest."""
    counts = state.counts
    there = n
    for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
        amount = channels.changes[k].amount
        if channels.changes[k].species >= plan.n_species:
            break  # the sums of pools, behind the species: they are summed afresh, and limit nothing
        # The division, which is slow, only where there may be too few molecules.
        if amount < 0 and np.float64(-amount) * there >= counts[channels.changes[k].species]:
            there = min(there, counts[channels.changes[k].species] // -amount)
    if there < n:
        state.ledger[CLIPPED] += n - there
    if there > 0 and state.firings.size:
        # By the counts before they change, which the propensities of the reactions belong to.
        _count_reactions(channels, laws, plan, state, c, there, rng)
    fits = True
    for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
        s = channels.changes[k].species
        if s >= plan.n_species:
            break
        counts[s] += channels.changes[k].amount * there
        fits = fits and counts[s] <= COUNT_LIMIT
    return there if fits else -1
