"""The crowd of a leap: many pairs of species that annihilate, of which few do so; passed over in order.

The points of a Poisson process of rate 1 along the sum of what the pairs expect fall to each as a Poisson number, so
that a pair costs two counts and no random number unless it fires.
"""

import math

import numpy as np

from .codes import COUNT_LIMIT
from .counting import draw_binomial
from .jit import inlined
from .leap_state import CLIPPED, CROWD_STALE, CROWD_TOTAL, OVERFULL
from .linked import kernel

_OFTEN = 0.5
"""What expects more firings has a number of its own drawn."""


@inlined
def _pair_value(channels, plan, state, m):
    """Propensity of member m now [1/s]."""
    t = plan.slow.crowd[m]
    # The product of two counts may pass the largest int64.
    pair = np.float64(state.counts[channels.terms[t].first]) * state.counts[channels.terms[t].second]
    return channels.terms[t].coefficient * pair


@kernel
def crowd_propensity(channels, plan, state):
    """Propensity of the crowd now [1/s]."""
    total = 0.0
    for m in range(plan.slow.crowd.size):
        total += _pair_value(channels, plan, state, m)
    return total


@kernel
def sum_crowd(channels, plan, state):
    """Bring the propensity of the crowd up to date, if it may have changed."""
    if state.ledger[CROWD_STALE] > 0.0:
        state.ledger[CROWD_TOTAL] = crowd_propensity(channels, plan, state)
        state.ledger[CROWD_STALE] = 0.0


@kernel
def pick_member(channels, plan, state, left):
    """The member that holds `left` of the propensity of the crowd; where rounding carried that past the end, the last
    that can fire, or -1."""
    chosen = np.int64(-1)
    for m in range(plan.slow.crowd.size):
        value = _pair_value(channels, plan, state, m)
        if value > 0.0:
            chosen = np.int64(m)
            left -= value
            if left < 0.0:
                break
    return chosen


@inlined
def change_slow(channels, plan, state, s, amount):
    """Change the count of a species that families and the crowd change, and the sums kept of it."""
    counts = state.counts
    counts[s] += amount
    if counts[s] > COUNT_LIMIT:
        state.ledger[OVERFULL] = 1.0
    # A kept term is linear in the species, as a square is none: its change needs no look at the count before.
    readers = plan.slow.readers
    for k in range(plan.slow.species[s].reader_start, plan.slow.species[s + 1].reader_start):
        change = np.float64(amount) * counts[readers[k].other]
        state.channels[readers[k].channel].kept_sum += channels.terms[readers[k].term].coefficient * change
    state.ledger[CROWD_STALE] = 1.0


@inlined
def fire_member(channels, plan, state, m, n):
    """Let n molecules of each of the pair m react."""
    t = plan.slow.crowd[m]
    change_slow(channels, plan, state, channels.terms[t].first, -n)
    change_slow(channels, plan, state, channels.terms[t].second, -n)
    if state.firings.size:
        state.firings[channels.terms[t].reaction] += n


@kernel
def leap_crowd(channels, plan, state, tau, rng):
    """Fire the crowd over tau. Of a pair that fires often each molecule of the fewer reacts, or not, by its own
    propensity. Returns the number of firings."""
    total = 0.0
    fired = 0
    until = rng.standard_exponential()
    for m in range(plan.slow.crowd.size):
        value = _pair_value(channels, plan, state, m)
        total += value
        mean = value * tau
        n = np.int64(0)
        if mean <= _OFTEN:
            # `until` is how far the next point is; it lies in the piece of this member if that becomes negative.
            until -= mean
            if until >= 0.0:
                continue
            while until < 0.0:
                n += 1
                until += rng.standard_exponential()
        t = plan.slow.crowd[m]
        # The counts are those now: pairs before this one may have taken of them.
        there = min(state.counts[channels.terms[t].first], state.counts[channels.terms[t].second])
        if mean > _OFTEN:
            # Of so many the pair may use up the fewer within the step, which a Poisson number would pass.
            n = draw_binomial(rng, there, -math.expm1(-mean / there))
        elif n > there:
            state.ledger[CLIPPED] += n - there
            n = there
        fire_member(channels, plan, state, m, n)
        fired += n
    state.ledger[CROWD_TOTAL] = total  # before what fired now, which is little
    return fired
