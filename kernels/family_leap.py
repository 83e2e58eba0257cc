"""The firings of product families in a leap.

Few firings are one total, and pick row and column one by one; many are a number for each row, which picks columns, or
where it is larger than they are many is split over them by conditional binomials. The law is the same each time, and
the cost that of the firings, at most that of the members.
"""

import numpy as np

from .counting import draw_binomial, draw_poisson
from .crowd import change_slow
from .families import find, sum_pool
from .jit import inlined, kernel


@kernel
def sum_families(channels, families, state, constant_too):
    """Count pools afresh, with running sums, those that do not vary only if asked, and set the propensity of every
    family."""
    counts = state.counts
    first = families.first_pool[0]
    for p in range(families.pool_varies.size):
        if constant_too or families.pool_varies[p]:
            counts[first + p] = sum_pool(families, counts, p)
    for f in range(families.pools.shape[0]):
        c = families.first_channel[0] + f
        product = counts[first + families.pools[f, 0]] * np.float64(counts[first + families.pools[f, 1]])
        state.value[c] = channels.coefficient[channels.term_start[c]] * product


@inlined
def fire_family(channels, families, plan, state, m, n):
    """Fire member m of the families n times."""
    change_slow(channels, plan, state, families.species[m], families.amount[m] * n)
    if state.firings.size:
        state.firings[families.reaction[m]] += n


@inlined
def _fire_columns(channels, families, plan, state, f, i, n, rng):
    """Distribute n firings of row i of family f over the columns. Returns how many were kept."""
    running = families.running
    pool = families.pools[f, 1]
    start = np.int64(families.pool_start[pool])
    end = np.int64(families.pool_start[pool + 1])
    first = np.int64(families.member_start[f]) + i * (end - start)
    total = running[end - 1]
    kept = 0
    if n < end - start:
        for _ in range(n):
            j = find(running, start, end, np.int64(rng.random() * total)) - start
            share = families.share[first + j]
            if share >= 1.0 or rng.random() < share:
                fire_family(channels, families, plan, state, first + j, 1)
                kept += 1
        return kept
    left = n
    rest = total
    below = np.int64(0)
    for j in range(start, end):
        here = running[j] - below
        below = running[j]
        if here == 0:
            continue
        drawn = left if here >= rest else draw_binomial(rng, left, here / rest)
        left -= drawn
        rest -= here
        drawn = draw_binomial(rng, drawn, families.share[first + j - start])
        if drawn:
            fire_family(channels, families, plan, state, first + j - start, drawn)
            kept += drawn
        if left == 0:
            break
    return kept


@kernel
def expose(families, plan, state, f, tau):
    """Add the counts of the rows of family f over tau to what the family fires by later."""
    rows = families.pools[f, 0]
    start = families.pool_start[rows]
    first = plan.row_start[f]
    for i in range(families.pool_start[rows + 1] - start):
        state.exposure[first + i] += tau * state.counts[families.pool_species[start + i]]


@kernel
def leap_exposed(channels, families, plan, state, f, rng):
    """Fire family f by what its rows were exposed to, and forget that. Returns the number of firings."""
    columns = families.pools[f, 1]
    total = np.float64(families.running[np.int64(families.pool_start[columns + 1]) - 1])
    rate = channels.coefficient[channels.term_start[families.first_channel[0] + f]] * total
    kept = 0
    first = np.int64(plan.row_start[f])
    for i in range(np.int64(plan.row_start[f + 1]) - first):
        n = draw_poisson(rng, rate * state.exposure[first + i])
        state.exposure[first + i] = 0.0
        if n:
            kept += _fire_columns(channels, families, plan, state, f, i, n, rng)
    return kept


@kernel
def leap_family(channels, families, plan, state, f, tau, rng):
    """Fire family f over tau. Returns the number of firings."""
    running = families.running
    value = state.value[families.first_channel[0] + f]
    if not value > 0.0:
        return 0
    rows = families.pools[f, 0]
    columns = families.pools[f, 1]
    start = np.int64(families.pool_start[rows])
    end = np.int64(families.pool_start[rows + 1])
    if value * tau >= 2 * (end - start):
        expose(families, plan, state, f, tau)
        return leap_exposed(channels, families, plan, state, f, rng)
    first = np.int64(families.pool_start[columns])
    last = np.int64(families.pool_start[columns + 1])
    kept = 0
    for _ in range(draw_poisson(rng, value * tau)):
        i = find(running, start, end, np.int64(rng.random() * running[end - 1])) - start
        j = find(running, first, last, np.int64(rng.random() * running[last - 1])) - first
        m = np.int64(families.member_start[f]) + i * (last - first) + j
        share = families.share[m]
        if share >= 1.0 or rng.random() < share:
            fire_family(channels, families, plan, state, m, 1)
            kept += 1
    return kept
