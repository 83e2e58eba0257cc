"""Many firings at once, in a leap: of one channel, of the crowd, and of product families.

The points of a Poisson process of rate 1 along the cumulative sum of expected firings are Poisson numbers of each
member. So a member that does not fire costs no random number.
"""

import math

import numpy as np

from ..channels import term_value
from ..codes import COUNT_LIMIT
from ..exact.families import find, sum_pool
from ..generator import draw_binomial, draw_poisson
from ..jit import inlined
from ..linked import kernel
from .leap_state import CLIPPED, CROWD_STALE, CROWD_TOTAL, OVERFULL, leap_value


@kernel
def _count_reactions(channels, laws, plan, state, c, n, rng):
    """Record n firings of channel c, distributed over its reactions by their propensities.

    This is a multinomial number, reaction after reaction: given those before, each has a binomial number of the rest.
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
    """Fire channel c up to n times, as often as there are molecules.

    Returns the number of firings, or -1 if a count would exceed the largest.
    """
    counts = state.counts
    # The number is limited by the scarcest reactant, so no count becomes negative.
    there = n
    for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
        amount = channels.changes[k].amount
        if channels.changes[k].species >= plan.n_species:
            break  # pools, behind the species, are summed again later and limit nothing
        # The slow division is made only where there may be too few molecules.
        if amount < 0 and np.float64(-amount) * there >= counts[channels.changes[k].species]:
            there = min(there, counts[channels.changes[k].species] // -amount)
    if there < n:
        state.ledger[CLIPPED] += n - there
    if there > 0 and state.firings.size:
        # Before the counts change, since the propensities of the reactions refer to them.
        _count_reactions(channels, laws, plan, state, c, there, rng)
    fits = True
    for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
        s = channels.changes[k].species
        if s >= plan.n_species:
            break
        counts[s] += channels.changes[k].amount * there
        fits = fits and counts[s] <= COUNT_LIMIT
    return there if fits else -1


# The crowd of a leap: many pairs of species that can annihilate, few of which do in a step, visited in order. A pair
# costs reading two counts, and no random number unless it fires.

_OFTEN_IN_CROWD = 0.5
"""For a member that expects more firings, a separate number is drawn."""


@inlined
def _pair_value(channels, plan, state, m):
    """Propensity of member m now [1/s]."""
    t = plan.slow.crowd[m]
    # In float64, since the product of two counts may exceed int64.
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
    """The member in whose part of the propensity of the crowd `left` falls; after rounding past the end, the last that
    can fire, or -1."""
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
    """Change the count of a species that families and the crowd change, and the running sums that read it."""
    counts = state.counts
    counts[s] += amount
    if counts[s] > COUNT_LIMIT:
        state.ledger[OVERFULL] = 1.0
    # A term of a running sum is linear in the species, since squares are excluded. So its change does not depend on
    # the count before.
    readers = plan.slow.readers
    for k in range(plan.slow.species[s].reader_start, plan.slow.species[s + 1].reader_start):
        change = np.float64(amount) * counts[readers[k].other]
        state.channels[readers[k].channel].kept_sum += channels.terms[readers[k].term].coefficient * change
    state.ledger[CROWD_STALE] = 1.0


@inlined
def fire_member(channels, plan, state, m, n):
    """Let n molecules of each species of pair m react."""
    t = plan.slow.crowd[m]
    change_slow(channels, plan, state, channels.terms[t].first, -n)
    change_slow(channels, plan, state, channels.terms[t].second, -n)
    if state.firings.size:
        state.firings[channels.terms[t].reaction] += n


@kernel
def leap_crowd(channels, plan, state, tau, rng):
    """Fire the crowd over tau. Returns the number of firings.

    In a pair that fires often, each molecule of the scarcer species reacts independently, with a binomial number.
    """
    total = 0.0
    fired = 0
    until = rng.standard_exponential()
    for m in range(plan.slow.crowd.size):
        value = _pair_value(channels, plan, state, m)
        total += value
        mean = value * tau
        n = np.int64(0)
        if mean <= _OFTEN_IN_CROWD:
            # `until` is the distance to the next point, which lies in the piece of this member if it becomes negative.
            until -= mean
            if until >= 0.0:
                continue
            while until < 0.0:
                n += 1
                until += rng.standard_exponential()
        t = plan.slow.crowd[m]
        # The present counts: pairs before this one may have consumed molecules.
        there = min(state.counts[channels.terms[t].first], state.counts[channels.terms[t].second])
        if mean > _OFTEN_IN_CROWD:
            # The pair may use up the scarcer species within the step, and a Poisson number would exceed its count.
            n = draw_binomial(rng, there, -math.expm1(-mean / there))
        elif n > there:
            state.ledger[CLIPPED] += n - there
            n = there
        fire_member(channels, plan, state, m, n)
        fired += n
    state.ledger[CROWD_TOTAL] = total  # of the counts before these firings, which change it little
    return fired


# The firings of product families in a leap.
#
# Few firings are drawn as one total, and each then picks its row and column: a Poisson number split by shares is a
# Poisson number for each share. For many firings, the rows and the columns that are not empty are visited in order, and
# firings are the points of the Poisson process, unless a member expects so many that a number is drawn for it. The law
# is the same in all cases.

_OFTEN = 0.5
"""For a member that expects more firings, a separate number is drawn."""


@kernel
def count_pool(families, state, p):
    """Sum pool p again, with cumulative counts, and list its members that are not 0."""
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
    """Sum the pools that vary again, and set the propensity of every family."""
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
    """Fire row i of family f, with `each` expected firings for each molecule of a column.

    `until` is the distance to the next point of the Poisson process. Returns the number of firings and the new `until`.
    """
    running = families.running
    pool = families.pools[f, 1]
    start = np.int64(families.pool_start[pool])
    end = np.int64(families.pool_start[pool + 1])
    fired = np.int64(0)
    # Shortcut where no point of the process lies in this row, and no member is drawn separately.
    if state.slow.even[f] and each * running[end - 1] <= min(until, _OFTEN):
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
            # Every point that lies in the piece of this member is a firing.
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
    """Add the counts of the rows of family f, times tau, to the exposure by which the family fires later."""
    rows = families.pools[f, 0]
    start = families.pool_start[rows]
    first = plan.slow.families[f].row_start
    for i in range(families.pool_start[rows + 1] - start):
        state.slow.exposure[first + i] += tau * state.counts[families.pool_species[start + i]]


@kernel
def leap_exposed(channels, families, plan, state, f, rng):
    """Fire family f by the exposure of its rows, and reset the exposure. Returns the number of firings."""
    rate = channels.terms[channels.ranges[plan.first_family + f].term_start].coefficient
    fired = np.int64(0)
    first = np.int64(plan.slow.families[f].row_start)
    until = rng.standard_exponential()
    for i in range(np.int64(plan.slow.families[f + 1].row_start) - first):
        each = rate * state.slow.exposure[first + i]
        state.slow.exposure[first + i] = 0.0
        if each > 0.0:  # an input of 0 costs this comparison only
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
    # From two firings a row on, visiting all rows is cheaper than two searches for each firing.
    if value * tau >= 2 * (end - start):
        expose(families, plan, state, f, tau)
        return leap_exposed(channels, families, plan, state, f, rng)
    first = np.int64(families.pool_start[columns])
    last = np.int64(families.pool_start[columns + 1])
    fired = np.int64(0)
    for _ in range(draw_poisson(rng, value * tau)):
        i = find(running, start, end, np.int64(rng.random() * running[end - 1])) - start
        j = find(running, first, last, np.int64(rng.random() * running[last - 1])) - first
        m = np.int64(families.member_start[f]) + i * (last - first) + j
        # Drawn as if all members had the largest rate constant, and accepted by the share of the member.
        share = families.share[m]
        if share >= 1.0 or rng.random() < share:
            fire_family(channels, families, plan, state, m, np.int64(1))
            fired += 1
    return fired
