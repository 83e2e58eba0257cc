"""Product families: many reactions u_i + v_j -> u_i + v_j + w_ij as one channel.

With rate constants k_ij at most k, a family is the channel of propensity k / Omega * (sum u)(sum v). Member i is drawn
in proportion to u, j in proportion to v, and the firing is accepted with probability k_ij / k. This is exactly the law
of the single reactions, at the cost of the sums. Each sum is a *pool*: a separate count behind the species in the
state. Every event that changes a member changes the pool, too, so the other kernels treat a pool like a species.
"""

from typing import NamedTuple

import numpy as np

from ..codes import COUNT_LIMIT
from ..generator import uniform
from ..linked import kernel


class Families(NamedTuple):
    """Member (i, j) of family f is entry member_start[f] + i * (size of the column pool) + j."""

    first_channel: np.ndarray  # int64[1]: family f is channel first_channel + f; the others come before
    pools: np.ndarray  # uint32[family, 2]: pool of the rows, pool of the columns
    member_start: np.ndarray  # uint32[family + 1]
    species: np.ndarray  # uint32[member]: the one species that the reaction changes
    amount: np.ndarray  # int64[member]
    reaction: np.ndarray  # uint32[member]
    share: np.ndarray  # float64[member]: rate constant over the largest of the family
    first_pool: np.ndarray  # int64[1]: place of pool 0 in the state
    pool_start: np.ndarray  # uint32[pool + 1]
    pool_species: np.ndarray  # uint32[pool member]
    pool_varies: np.ndarray  # bool[pool]: whether a reaction changes a member
    running: np.ndarray  # int64[pool member]: cumulative counts, of pools that do not vary


@kernel
def sum_pool(families, counts, p):
    """Count of pool p, limited to just above the largest count; also writes its cumulative counts."""
    # The limit avoids an overflow of int64, while a sum beyond the largest count still shows.
    total = np.int64(0)
    for k in range(families.pool_start[p], families.pool_start[p + 1]):
        total = min(total + counts[families.pool_species[k]], COUNT_LIMIT + 1)
        families.running[k] = total
    return total


@kernel
def sum_pools(families, counts):
    """Set every pool of the state from its members. Returns False if one exceeds the largest count."""
    fits = True
    for p in range(families.pool_varies.size):
        total = sum_pool(families, counts, p)
        counts[families.first_pool[0] + p] = total
        fits = fits and total <= COUNT_LIMIT
    return fits


@kernel
def find(running, start, end, left):
    """Binary search in cumulative counts: the member from start to end - 1 in whose part `left` lies."""
    low = start
    high = end - 1
    while low < high:
        middle = (low + high) >> 1
        if running[middle] > left:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def _pick(families, counts, p, words):
    """Draw a member of pool p in proportion to its count; returns its number within the pool."""
    start = np.int64(families.pool_start[p])
    end = np.int64(families.pool_start[p + 1])
    # Uniform on the molecules of the pool, counted from 0; the member that holds this one.
    left = np.int64(uniform(words) * counts[families.first_pool[0] + p])
    if not families.pool_varies[p]:
        return find(families.running, start, end, left) - start
    for k in range(start, end - 1):
        left -= counts[families.pool_species[k]]
        if left < 0:
            return k - start
    return end - 1 - start


@kernel
def draw_member(families, counts, f, words):
    """Draw a member of family f by u_i v_j and accept it by its share of the largest rate constant; -1 if rejected."""
    columns = families.pools[f, 1]
    width = np.int64(families.pool_start[columns + 1]) - np.int64(families.pool_start[columns])
    i = _pick(families, counts, families.pools[f, 0], words)
    j = _pick(families, counts, columns, words)
    m = np.int64(families.member_start[f]) + i * width + j
    # The channel has the propensity of u times v at the largest rate constant. Member (i, j) is drawn with probability
    # u_i v_j / (u v) and accepted with k_ij / k_max, and so fires at its exact propensity k_ij u_i v_j.
    share = families.share[m]
    if share < 1.0 and not uniform(words) < share:
        return -1
    return m


@kernel
def family_can_fire(families, counts, f):
    """Whether any member of family f has a positive propensity."""
    rows = families.pools[f, 0]
    columns = families.pools[f, 1]
    m = families.member_start[f]
    for i in range(families.pool_start[rows], families.pool_start[rows + 1]):
        for j in range(families.pool_start[columns], families.pool_start[columns + 1]):
            if families.share[m] > 0.0 and counts[families.pool_species[i]] and counts[families.pool_species[j]]:
                return True
            m += 1
    return False
