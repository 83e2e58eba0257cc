"""An urn of equal slots: a channel is drawn in constant time, with probability proportional to its slots.

Each slot stands for the same amount of propensity, the quantum. A channel whose upper propensity bound is `b`
owns ceil(b / quantum) slots, so its effective bound is a whole number of quanta; the excess is rejected like
any other slack of a bound, and the method stays exact. Slots of a channel form a doubly linked list, so that
adding or removing one costs a few memory accesses whatever the number of channels.
"""

from typing import NamedTuple

import numpy as np

from .linked import kernel

NONE = -1


class Urn(NamedTuple):
    channel: np.ndarray  # uint32[capacity]: owner of each slot in use
    following: np.ndarray  # int32[capacity]: next slot of the same channel
    preceding: np.ndarray  # int32[capacity]
    head: np.ndarray  # int32[channel]: a slot of the channel, or NONE
    owned: np.ndarray  # int64[channel]: slots of the channel
    size: np.ndarray  # int64[1]: slots in use, the first `size`
    quantum: np.ndarray  # float64[1]: propensity of a slot [1/s]
    target: np.ndarray  # int64[1]: slots aimed at when the quantum is chosen


@kernel
def _push(urn, c):
    slot = urn.size[0]
    top = urn.head[c]
    urn.channel[slot] = c
    urn.following[slot] = top
    urn.preceding[slot] = NONE
    if top != NONE:
        urn.preceding[top] = slot
    urn.head[c] = slot
    urn.size[0] = slot + 1


@kernel
def _pop(urn, c):
    hole = urn.head[c]
    after = urn.following[hole]
    urn.head[c] = after
    if after != NONE:
        urn.preceding[after] = NONE
    last = urn.size[0] - 1
    urn.size[0] = last
    if hole == last:
        return
    mover = urn.channel[last]
    after = urn.following[last]
    before = urn.preceding[last]
    urn.channel[hole] = mover
    urn.following[hole] = after
    urn.preceding[hole] = before
    if after != NONE:
        urn.preceding[after] = hole
    if before != NONE:
        urn.following[before] = hole
    else:
        urn.head[mover] = hole


@kernel
def is_overfull(urn):
    """The bounds add up to more than a float64 holds; the urn is empty and of no use."""
    return urn.quantum[0] == np.inf


@kernel
def mark_overfull(urn):
    """Say so: the simulation stops before it draws again."""
    urn.quantum[0] = np.inf
    urn.size[0] = 0


@kernel
def give_slots(urn, c, bound):
    """Let channel c own enough slots for `bound` [1/s]. False, with nothing done, if they do not fit."""
    wanted = np.ceil(bound / urn.quantum[0])
    # Written so that a bound that is infinite or not a number does not fit either.
    if is_overfull(urn) or not urn.size[0] - urn.owned[c] + wanted <= urn.channel.size:
        return False
    n_wanted = np.int64(wanted)
    for _ in range(urn.owned[c], n_wanted):
        _push(urn, c)
    for _ in range(n_wanted, urn.owned[c]):
        _pop(urn, c)
    urn.owned[c] = n_wanted
    return True


@kernel
def is_sparse(urn):
    """So few slots are in use that a finer quantum would waste less."""
    return 0 < urn.size[0] < urn.target[0] // 4


@kernel
def refill(urn, bounds):
    """Choose the quantum anew for `bounds` float64[channel] and hand out all slots afresh."""
    total = 0.0
    for c in range(bounds.size):
        total += bounds[c]
        urn.head[c] = NONE
        urn.owned[c] = 0
    urn.size[0] = 0
    if not total < np.inf:
        urn.quantum[0] = np.inf
        return
    urn.quantum[0] = total / urn.target[0] if total > 0.0 else 1.0
    for c in range(bounds.size):
        give_slots(urn, c, bounds[c])
