"""The firings of product families in a leap.

Few firings are one total, and pick row and column one by one: a total that is a Poisson number, split by shares, is a
Poisson number for each. Of many, rows and the columns that are not empty are passed over in order, and the points of a
Poisson process of rate 1 along the sum of what members expect are their firings, unless a member expects so many that a
number is drawn for it. The law is the same each time.
"""

import numpy as np

from .counting import draw_poisson
from .crowd import change_slow
from .families import find, sum_pool
from .jit import inlined
from .linked import kernel

_OFTEN = 0.5
"""What expects more firings has a number of its own drawn."""


@kernel
def count_pool(families, state, p):
    """Count pool p afresh, with running sums, and list its members that are there."""
    state.counts[families.first_pool[0] + p] = sum_pool(families, state.counts, p)
    n = 0
    start = np.int64(families.pool_start[p])
    for k in range(start, families.pool_start[p + 1]):
        if state.counts[families.pool_species[k]]:
            state.slow.filled[start + n] = k
            n += 1
    state.slow.n_filled[p] = n


@kernel
def sum_families(channels, families, plan, state):
    """Count the pools that vary afresh, and set the propensity of every family."""
    counts = state.counts
    first = families.first_pool[0]
    for p in range(families.pool_varies.size):
        if families.pool_varies[p]:
            count_pool(families, state, p)
    for f in range(families.pools.shape[0]):
        c = plan.first_family + f
        product = counts[first + families.pools[f, 0]] * np.float64(counts[first + families.pools[f, 1]])
        state.channels[c].value = channels.terms[channels.ranges[c].term_start].coefficient * product


@inlined
def fire_family(channels, families, plan, state, m, n):
    """Fire member m of the families n times."""
    change_slow(channels, plan, state, families.species[m], families.amount[m] * n)
    if state.firings.size:
        state.firings[families.reaction[m]] += n


@inlined
def _fire_row(channels, families, plan, state, f, i, each, until, rng):
    """Fire row i of family f, each molecule of a column at `each` firings expected. Returns the number of firings, and
    how far the next point is of the Poisson process along what members expect, now `until`."""
    running = families.running
    pool = families.pools[f, 1]
    start = np.int64(families.pool_start[pool])
    end = np.int64(families.pool_start[pool + 1])
    fired = np.int64(0)
    if state.slow.even[f] and each * running[end - 1] <= min(until, _OFTEN):  # no member is drawn alone, and none fires
        return fired, until - each * running[end - 1]
    first = np.int64(families.member_start[f]) + i * (end - start) - start
    for k in range(start, start + state.slow.n_filled[pool]):
        j = np.int64(state.slow.filled[k])
        mean = each * state.counts[families.pool_species[j]]
        if not state.slow.even[f]:
            mean *= families.share[first + j]
        n = np.int64(0)
        if mean > _OFTEN:
            n = draw_poisson(rng, mean)
        else:
            # The next point may lie in the piece of this member, and others behind it: each is a firing.
            until -= mean
            while until < 0.0:
                n += 1
                until += rng.standard_exponential()
        if n:
            fire_family(channels, families, plan, state, first + j, n)
            fired += n
    return fired, until


@kernel
def expose(families, plan, state, f, tau):
    """Add the counts of the rows of family f over tau to what the family fires by later."""
    rows = families.pools[f, 0]
    start = families.pool_start[rows]
    first = plan.slow.families[f].row_start
    for i in range(families.pool_start[rows + 1] - start):
        state.slow.exposure[first + i] += tau * state.counts[families.pool_species[start + i]]


@kernel
def leap_exposed(channels, families, plan, state, f, rng):
    """Fire family f by what its rows were exposed to, and forget that. Returns the number of firings."""
    rate = channels.terms[channels.ranges[plan.first_family + f].term_start].coefficient
    fired = np.int64(0)
    first = np.int64(plan.slow.families[f].row_start)
    until = rng.standard_exponential()
    for i in range(np.int64(plan.slow.families[f + 1].row_start) - first):
        each = rate * state.slow.exposure[first + i]
        state.slow.exposure[first + i] = 0.0
        if each > 0.0:  # an input of 0 costs no more than this
            n, until = _fire_row(channels, families, plan, state, f, i, each, until, rng)
            fired += n
    return fired


@kernel
def leap_family(channels, families, plan, state, f, tau, rng):
    """Fire family f over tau. Returns the number of firings."""
    running = families.running
    value = state.channels[plan.first_family + f].value
    if not value > 0.0:
        return np.int64(0)
    rows = families.pools[f, 0]
    columns = families.pools[f, 1]
    start = np.int64(families.pool_start[rows])
    end = np.int64(families.pool_start[rows + 1])
    # Two firings a row, or more: to pass over the rows costs less than to search for both members each time.
    if value * tau >= 2 * (end - start):
        expose(families, plan, state, f, tau)
        return leap_exposed(channels, families, plan, state, f, rng)
    first = np.int64(families.pool_start[columns])
    last = np.int64(families.pool_start[columns + 1])
    kept = np.int64(0)
    for _ in range(draw_poisson(rng, value * tau)):
        i = find(running, start, end, np.int64(rng.random() * running[end - 1])) - start
        j = find(running, first, last, np.int64(rng.random() * running[last - 1])) - first
        m = np.int64(families.member_start[f]) + i * (last - first) + j
        # Drawn as if all members were as fast as the fastest; one is that only with the probability of its share.
        share = families.share[m]
        if share >= 1.0 or rng.random() < share:
            fire_family(channels, families, plan, state, m, np.int64(1))
            kept += 1
    return kept
