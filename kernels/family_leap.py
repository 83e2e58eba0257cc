"""The firings of product families in a leap.

Few firings are one total, and pick row and column one by one; many are a number for each row, which picks columns, or
where it expects more than a share of the columns that are not empty, a number for each of these, passed over in order.
A total that is a Poisson number, split by shares, is a Poisson number for each: the law is the same each time, and the
cost that of the firings, at most that of the members.
"""

import numpy as np

from .counting import draw_poisson
from .crowd import change_slow
from .families import find, sum_pool
from .jit import inlined, kernel

_SPARSE = 0.2
"""A row that expects fewer firings than so many times its columns picks the column of each firing."""


@kernel
def sum_families(channels, families, state, constant_too):
    """Count pools afresh, with running sums, those that do not vary only if asked, and set the propensity of every
    family."""
    counts = state.counts
    first = families.first_pool[0]
    for p in range(families.pool_varies.size):
        if constant_too or families.pool_varies[p]:
            counts[first + p] = sum_pool(families, counts, p)
            _note_filled(families, state, p)
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


@kernel
def _note_filled(families, state, p):
    """List the members of pool p that are there."""
    n = 0
    start = np.int64(families.pool_start[p])
    for k in range(start, families.pool_start[p + 1]):
        if state.counts[families.pool_species[k]]:
            state.filled[start + n] = k
            n += 1
    state.n_filled[p] = n


@inlined
def _fire_row(channels, families, plan, state, f, i, each, rng):
    """Fire row i of family f, each molecule of a column at `each` firings expected. Returns the number of firings."""
    running = families.running
    pool = families.pools[f, 1]
    start = np.int64(families.pool_start[pool])
    end = np.int64(families.pool_start[pool + 1])
    first = np.int64(families.member_start[f]) + i * (end - start) - start
    total = running[end - 1]
    n_filled = state.n_filled[pool]
    fired = 0
    if each * total < _SPARSE * n_filled:
        for _ in range(draw_poisson(rng, each * total)):
            m = first + find(running, start, end, np.int64(rng.random() * total))
            share = families.share[m]
            if share >= 1.0 or rng.random() < share:
                fire_family(channels, families, plan, state, m, 1)
                fired += 1
        return fired
    for k in range(start, start + n_filled):
        j = np.int64(state.filled[k])
        m = first + j
        n = draw_poisson(rng, each * families.share[m] * state.counts[families.pool_species[j]])
        if n:
            fire_family(channels, families, plan, state, m, n)
            fired += n
    return fired


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
    rate = channels.coefficient[channels.term_start[families.first_channel[0] + f]]
    fired = 0
    first = np.int64(plan.row_start[f])
    for i in range(np.int64(plan.row_start[f + 1]) - first):
        each = rate * state.exposure[first + i]
        state.exposure[first + i] = 0.0
        if each > 0.0:
            fired += _fire_row(channels, families, plan, state, f, i, each, rng)
    return fired


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
