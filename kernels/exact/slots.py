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

from ..codes import N_CANDIDATES, record_type
from ..linked import kernel

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


# Which channel owns how many slots: the urn of the heavy channels, and the one that the light channels share.
#
# `state` is a `bounds.RejectionState`; read here are the sums of each channel's upper bounds, written the urns and the
# bounds that their slots amount to. One holder more, behind the channels, stands in the heavy urn for all light ones.
#
# The work is bounded by credit. Each candidate earns some, moving slots spends it. A channel whose bound changes by
# more slots than there is credit for becomes loose: it gives its slots back and is drawn by its bound itself, from a
# list. So a species that comes and goes, and takes the largest bound with it, costs a few operations each time.
# Credit depends on the past alone, and slots change no propensity: the method stays exact.

MANY = 4096
SLOTS = 16
LEAST_SLOTS = 1024
"""About sixteen slots a channel keep the rounding of bounds to slots a small part of them."""
SAFE = 1e-12
"""Relative slack of running sums, far above what 64 updates can round away."""
_EARNED = 4
"""Credit of a candidate, in slots moved: about as long as the candidate itself takes."""
REFILLS = 16
"""Credit for so many refills is given at the start, and there is never more. Where bounds change slowly it does not run
out, and no channel becomes loose."""
FEW_SLOTS = 32
"""So many slots are moved without credit, in about the time in which the bounds of the channel were computed."""
_CLEARLY_HEAVY = 4.0
"""A light channel whose bound jumps to so many heavy slots becomes heavy; to one, if credit was short before."""
_MOST_COARSE = 16.0
"""If loose channels are drawn up to so many times as often as all slots, one random number decides all."""


def capacities(n_channels):
    """Room for the slots of the heavy and of the light urn: twice what is aimed at, and one for each channel that a
    quantum is rounded up for."""
    n = n_channels + 1
    capacity = 2 * max(LEAST_SLOTS, SLOTS * n) + n
    return capacity, (capacity if n_channels >= MANY else 0)


@kernel
def total_bound(state):
    """Rate of the candidates [1/s]."""
    return state.urns.urn[HEAVY].used * state.urns.urn[HEAVY].quantum + state.urns.spare[0].total


@kernel
def mean_wait(state):
    """Mean time to the next candidate; infinite when there is none."""
    return 1.0 / total_bound(state)


@kernel
def drawing(state):
    """How a channel is drawn: the length of the line on which a point falls, and where on it the loose channels begin
    behind the slots [slots].

    If they take nearly all of it, the place of the point among the slots would be known to few digits. Then the line is
    that of the bounds [1/s], the loose channels come first and begin at 0, and among the slots it is drawn anew.
    """
    size = np.float64(state.urns.urn[HEAVY].used)
    quantum, loose = state.urns.urn[HEAVY].quantum, state.urns.spare[0].total
    if loose == 0.0:
        return size, size
    if loose <= _MOST_COARSE * size * quantum:
        return size + loose / quantum, size
    return size * quantum + loose, 0.0


@kernel
def find_loose(state, share):
    """The loose channel in whose bound `share`, below the sum of their bounds, falls, and the share within it."""
    spare = state.urns.spare[0]
    k = 0
    c = np.int64(state.urns.loose[0])
    while share >= state.limits[c].bound and k + 1 < spare.n_loose:
        share -= state.limits[c].bound
        k += 1
        c = np.int64(state.urns.loose[k])
    spare.credit += k  # a long list pays for its end
    # Rounding may leave a share beyond the last bound; such a candidate is rejected, as any at or above the propensity.
    return c, share


@kernel
def refill_cost(state):
    return state.sums.size + state.urns.urn[HEAVY].target + state.urns.urn[LIGHT].target


@kernel
def light_bound(state):
    """What the light channels' slots add up to [1/s]."""
    return state.urns.urn[LIGHT].used * state.urns.urn[LIGHT].quantum


@kernel
def set_bound(state, c):
    """The effective bound of channel c is what its slots amount to: a little more than the sum of the upper ends."""
    u = np.int64(state.sums[c].place)
    if u == LOOSE:
        state.limits[c].bound = state.sums[c].upper * (1.0 + SAFE)
    else:
        state.limits[c].bound = state.urns.holders[c].owned * state.urns.urn[u].quantum


@kernel
def earn(state):
    """Credit for the candidates since it was last given."""
    spare = state.urns.spare[0]
    now = state.tally[N_CANDIDATES]
    spare.credit += _EARNED * (now - spare.credited)
    spare.credit = min(spare.credit, REFILLS * refill_cost(state))
    spare.credited = now


@kernel
def _move_slots(state, u, c, bound):
    """Slots of urn u for `bound`, if there is room and credit for them. Whether there was."""
    spare = state.urns.spare[0]
    moved = np.abs(np.ceil(bound / state.urns.urn[u].quantum) - state.urns.holders[c].owned)
    if moved == 0.0:
        return True
    if moved > FEW_SLOTS:
        if u == LIGHT and bound >= state.urns.urn[HEAVY].quantum * (1.0 if spare.is_short else _CLEARLY_HEAVY):
            return False
        earn(state)
        if not moved <= spare.credit:
            spare.is_short = True
            return False
    if not give_slots(state.urns, u, c, bound):
        return False
    spare.spent += np.int64(moved)
    if moved > FEW_SLOTS:
        spare.credit -= np.int64(moved)
    return True


@kernel
def _leave_urn(state, c):
    """Channel c gives its slots back. What is left in the bound of the light ones' stand-in rejects."""
    spare = state.urns.spare[0]
    owned = state.urns.holders[c].owned
    give_slots(state.urns, np.int64(state.sums[c].place), c, 0.0)
    spare.credit -= owned
    spare.spent += owned


@kernel
def _loosen(state, c):
    """Channel c becomes loose."""
    spare = state.urns.spare[0]
    _leave_urn(state, c)
    state.sums[c].place = LOOSE
    state.urns.loose[spare.n_loose] = c
    spare.n_loose += 1


@kernel
def _fit_light(state, c, bound):
    """Slots of a light channel. False if it can stay light no longer."""
    if not _move_slots(state, LIGHT, c, bound):
        return False
    set_bound(state, c)
    stand_in = state.sums.size - 1
    bound = light_bound(state)
    if bound <= state.limits[stand_in].bound <= 1.25 * bound + 2.0 * state.urns.urn[HEAVY].quantum:
        return True  # slots beyond the light ones reject
    if not _move_slots(state, HEAVY, stand_in, bound):
        return bound <= state.limits[stand_in].bound
    set_bound(state, stand_in)
    return True


@kernel
def fit_slots(state, c):
    """Slots of channel c for the present sum of its upper ends. False if a refill would do good: the channel has just
    become loose, or the bounds are beyond what a float64 holds."""
    bound = state.sums[c].upper * (1.0 + SAFE)
    if not bound < np.inf or is_overfull(state.urns, HEAVY):
        mark_overfull(state.urns, HEAVY)
        return False
    was_light = state.sums[c].place == LIGHT
    if was_light:
        if _fit_light(state, c, bound):
            return True
        _leave_urn(state, c)
        state.sums[c].place = HEAVY
    fits = True
    if state.sums[c].place == HEAVY:
        # A slot of the heavy urn for less than half of it would be rejected most of the time.
        fits = not (was_light and bound < 0.5 * state.urns.urn[HEAVY].quantum)
        fits = fits and _move_slots(state, HEAVY, c, bound)
        if not fits:
            _loosen(state, c)
    set_bound(state, c)
    return fits


@kernel
def sum_loose(state):
    """The sum of the bounds of the loose channels, afresh."""
    spare = state.urns.spare[0]
    total = 0.0
    for k in range(spare.n_loose):
        total += state.limits[state.urns.loose[k]].bound
    spare.total = total
    spare.credit += spare.n_loose  # a long list pays for its end
