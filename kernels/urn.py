"""Urns of equal slots: a channel is drawn in constant time, with probability proportional to its slots.

Each slot stands for the same amount of propensity, the quantum. A channel whose upper propensity bound is `b` owns
ceil(b / quantum) slots, so its effective bound is a whole number of quanta; the excess is rejected like any other slack
of a bound, and the method stays exact. Slots of a channel form a doubly linked list, so that adding or removing one
costs a few memory accesses whatever the number of channels.

There are two urns, which share the arrays: see `slots`. A channel has slots in one of them, or none if it is loose:
then it is drawn by its bound itself, from a list.
"""

from typing import NamedTuple

import numpy as np

from .linked import kernel
from .records import record_type

NONE = -1
HEAVY, LIGHT, LOOSE = np.int64(0), np.int64(1), np.int64(2)
"""The urns, by number; and the place of a channel without slots."""

LINK = record_type(
    following=np.int32,  # next slot of the same channel, or NONE
    preceding=np.int32,
)
HOLDER = record_type(
    owned=np.int64,  # slots of the channel
    head=np.int32,  # one of them, the first of the list, or NONE
)
URN = record_type(
    quantum=np.float64,  # propensity of a slot [1/s]; infinite in an urn that is overfull
    first=np.int64,  # its slots begin here
    capacity=np.int64,  # and are so many,
    used=np.int64,  # of which the first `used` are in use
    target=np.int64,  # slots aimed at when the quantum is chosen
    refilled=np.int64,  # the candidate at which all slots were handed out afresh
)
SPARE = record_type(
    n_loose=np.int64,  # loose channels
    n_settled=np.int64,  # those at the start of the list that were loose before this refresh
    total=np.float64,  # sum of their bounds [1/s]
    credit=np.int64,  # slots that may be moved
    is_short=np.bool_,  # credit was too small once
    credited=np.int64,  # the candidate up to which credit was given
    spent=np.int64,  # work so far: slots moved, and channels and slots of refills
)


class Urns(NamedTuple):
    urn: np.ndarray  # URN[2]
    owner: np.ndarray  # uint32[slot]: the channel of each slot in use; alone, since every candidate looks up one
    links: np.ndarray  # LINK[slot]
    holders: np.ndarray  # HOLDER[channel + 1]
    spare: np.ndarray  # SPARE[1]
    loose: np.ndarray  # uint32[channel]: the loose channels


@kernel
def is_overfull(urns, u):
    """The bounds add up to more than a float64 holds; urn u is empty and of no use."""
    return urns.urn[u].quantum == np.inf


@kernel
def mark_overfull(urns, u):
    """Say so: the simulation stops before it draws again."""
    urns.urn[u].quantum = np.inf
    urns.urn[u].used = 0


@kernel
def give_slots(urns, u, c, bound):
    """Let channel c own enough slots of urn u for `bound` [1/s]. False, with nothing done, if they do not fit."""
    urn, owner, links, holders = urns.urn[u], urns.owner, urns.links, urns.holders
    owned = holders[c].owned
    wanted = np.ceil(bound / urn.quantum)
    # Written so that a bound that is infinite or not a number does not fit either.
    if is_overfull(urns, u) or not urn.used - owned + wanted <= urn.capacity:
        return False
    n_wanted = np.int64(wanted)
    for _ in range(owned, n_wanted):
        # The first slot that is free becomes the head of the list.
        slot = urn.first + urn.used
        head = holders[c].head
        owner[slot] = c
        links[slot].following = head
        links[slot].preceding = NONE
        if head != NONE:
            links[head].preceding = slot
        holders[c].head = slot
        urn.used += 1
    for _ in range(n_wanted, owned):
        # The head of the list becomes a hole, and the last slot in use moves into it: slots in use have no gaps.
        hole = holders[c].head
        after = links[hole].following
        holders[c].head = after
        if after != NONE:
            links[after].preceding = NONE
        urn.used -= 1
        last = urn.first + urn.used
        if hole == last:
            continue
        mover = owner[last]
        after = links[last].following
        before = links[last].preceding
        owner[hole] = mover
        links[hole].following = after
        links[hole].preceding = before
        if after != NONE:
            links[after].preceding = hole
        if before != NONE:
            links[before].following = hole
        else:
            holders[mover].head = hole
    holders[c].owned = n_wanted
    return True


@kernel
def is_sparse(urns, u):
    """So few slots are in use that a finer quantum would waste less."""
    return 0 < urns.urn[u].used < urns.urn[u].target // 4


@kernel
def start_filling(urns, u, total, target):
    """Choose the quantum for bounds that add up to `total` [1/s], in about `target` slots, all of which become free.

    The caller has taken the slots away from their holders.
    """
    urn = urns.urn[u]
    urn.used = 0
    urn.target = target
    if not total < np.inf:
        urn.quantum = np.inf
    else:
        urn.quantum = total / target if total > 0.0 else 1.0
