"""Urns of equal slots: a channel is drawn in constant time, with probability proportional to its slots.

Each slot stands for the same amount of propensity, the quantum. A channel with the upper propensity bound `b` has
ceil(b / quantum) slots, so its effective bound is a whole number of quanta. The excess is rejected like any other slack
of a bound, and the method stays exact. The slots of a channel form a doubly linked list, so that adding or removing one
costs a few memory accesses, whatever the number of channels.

There are two urns, one for the heavy channels and one that the light channels share; both use the same arrays. One more
holder, behind the channels, represents all light channels in the heavy urn. A channel has slots in one urn, or none if
it is loose: then it is drawn by its bound from a list.
"""

from typing import NamedTuple

import numpy as np

from ..codes import N_CANDIDATES, record_type
from ..linked import kernel

# One urn: slots and their holders.

NONE = -1
HEAVY, LIGHT, LOOSE = np.int64(0), np.int64(1), np.int64(2)
"""Numbers of the urns, and the place of a channel without slots."""

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
    first=np.int64,  # first slot of the urn
    capacity=np.int64,  # number of its slots
    used=np.int64,  # number of slots in use, from the first on without gaps
    target=np.int64,  # slots aimed at when the quantum is chosen
    refilled=np.int64,  # the candidate of the last refill
)
SPARE = record_type(
    n_loose=np.int64,  # loose channels
    n_settled=np.int64,  # those at the start of the list that were loose before this refresh
    total=np.float64,  # sum of their bounds [1/s]
    credit=np.int64,  # slots that may be moved
    is_short=np.bool_,  # credit was too small once
    credited=np.int64,  # the candidate up to which credit was given
    spent=np.int64,  # work so far: slots moved, plus channels and slots of refills
)


class Urns(NamedTuple):
    urn: np.ndarray  # URN[2]
    owner: np.ndarray  # uint32[slot]: channel of each slot in use; a separate array, since every candidate reads it
    links: np.ndarray  # LINK[slot]
    holders: np.ndarray  # HOLDER[channel + 1]
    spare: np.ndarray  # SPARE[1]
    loose: np.ndarray  # uint32[channel]: the loose channels


@kernel
def is_overfull(urns, u):
    """Whether the bounds add up to more than a float64 holds; urn u is then empty and unusable."""
    return urns.urn[u].quantum == np.inf


@kernel
def mark_overfull(urns, u):
    """Mark urn u as overfull: the simulation stops before it draws again."""
    urns.urn[u].quantum = np.inf
    urns.urn[u].used = 0


@kernel
def give_slots(urns, u, c, bound):
    """Give channel c as many slots of urn u as `bound` [1/s] needs. False, with nothing done, if they do not fit."""
    urn, owner, links, holders = urns.urn[u], urns.owner, urns.links, urns.holders
    owned = holders[c].owned
    wanted = np.ceil(bound / urn.quantum)
    # Written such that a bound that is infinite or NaN does not fit either.
    if is_overfull(urns, u) or not urn.used - owned + wanted <= urn.capacity:
        return False
    n_wanted = np.int64(wanted)
    for _ in range(owned, n_wanted):
        # The first free slot becomes the head of the list.
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
    """Whether so few slots are in use that a finer quantum would reject less."""
    return 0 < urns.urn[u].used < urns.urn[u].target // 4


@kernel
def start_filling(urns, u, total, target):
    """Choose the quantum for bounds that add up to `total` [1/s], in about `target` slots, and free all slots.

    The caller has already reset the holders.
    """
    urn = urns.urn[u]
    urn.used = 0
    urn.target = target
    if not total < np.inf:
        urn.quantum = np.inf
    else:
        urn.quantum = total / target if total > 0.0 else 1.0


# Slots for the present bounds: how many each channel has, in which urn, and whether it is loose.
#
# `state` is a `bounds.RejectionState`. The code below reads the sums of the upper bounds of each channel; it writes the
# urns and the effective bounds given by their slots.
#
# The work is bounded by credit: each candidate earns credit, and moving slots spends it. A channel whose bound changes
# by more slots than there is credit for becomes loose: it returns its slots and is drawn by its bound from a list. So a
# species that comes and goes, and takes the largest bound with it, costs a few operations each time. Credit depends on
# the past alone, and slots change no propensity, so the method stays exact.

MANY = 4096
SLOTS = 16
LEAST_SLOTS = 1024
"""With about sixteen slots a channel, rounding bounds to slots adds little to them."""
SAFE = 1e-12
"""Relative slack of running sums, far above what 64 updates can round away."""
_EARNED = 4
"""Credit of a candidate, in slots moved: they take about as long as the candidate itself."""
REFILLS = 16
"""Initial credit, in refills, and also its maximum. Where bounds change slowly, credit does not run out, and no channel
becomes loose."""
FEW_SLOTS = 32
"""Up to so many slots move without credit, in about the time that computing the bounds of the channel took."""
_CLEARLY_HEAVY = 4.0
"""A light channel becomes heavy if its bound jumps to so many heavy slots, or to one if credit was short before."""
_MOST_COARSE = 16.0
"""Up to this ratio of the bounds of loose channels to those of all slots, one random number draws from both."""


def capacities(n_channels):
    """Capacities of the heavy and of the light urn: twice the target, plus one slot a channel for rounding up."""
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
    """The line from which a channel is drawn: its length, and where the loose channels begin behind the slots [slots].

    If the loose channels take nearly all of it, the place of a point among the slots would have few digits left. Then
    the line measures bounds [1/s], the loose channels come first and begin at 0, and a slot is drawn separately.
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
    """The loose channel in whose bound `share`, below the sum of these bounds, falls; and the share within it."""
    spare = state.urns.spare[0]
    k = 0
    c = np.int64(state.urns.loose[0])
    while share >= state.limits[c].bound and k + 1 < spare.n_loose:
        share -= state.limits[c].bound
        k += 1
        c = np.int64(state.urns.loose[k])
    spare.credit += k  # searching a long list earns credit for the refill that ends it
    # Rounding may leave a share beyond the last bound; such a candidate is rejected, as any at or above the propensity.
    return c, share


@kernel
def refill_cost(state):
    return state.sums.size + state.urns.urn[HEAVY].target + state.urns.urn[LIGHT].target


@kernel
def light_bound(state):
    """Sum of the effective bounds of the light channels [1/s]."""
    return state.urns.urn[LIGHT].used * state.urns.urn[LIGHT].quantum


@kernel
def set_bound(state, c):
    """Set the effective bound of channel c to that of its slots: slightly more than the sum of its upper bounds."""
    u = np.int64(state.sums[c].place)
    if u == LOOSE:
        state.limits[c].bound = state.sums[c].upper * (1.0 + SAFE)
    else:
        state.limits[c].bound = state.urns.holders[c].owned * state.urns.urn[u].quantum


@kernel
def earn(state):
    """Add the credit of all candidates since the last call."""
    spare = state.urns.spare[0]
    now = state.tally[N_CANDIDATES]
    spare.credit += _EARNED * (now - spare.credited)
    spare.credit = min(spare.credit, REFILLS * refill_cost(state))
    spare.credited = now


@kernel
def _move_slots(state, u, c, bound):
    """Give channel c the slots of urn u for `bound` if there is room and credit. Returns whether there was."""
    spare = state.urns.spare[0]
    # A few slots may always move. More are paid from credit, which bounds the work for each candidate on average.
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
    """Return the slots of channel c. For a light one, the excess bound of the representative is rejected."""
    spare = state.urns.spare[0]
    owned = state.urns.holders[c].owned
    give_slots(state.urns, np.int64(state.sums[c].place), c, 0.0)
    spare.credit -= owned
    spare.spent += owned


@kernel
def _loosen(state, c):
    """Make channel c loose."""
    spare = state.urns.spare[0]
    _leave_urn(state, c)
    state.sums[c].place = LOOSE
    state.urns.loose[spare.n_loose] = c
    spare.n_loose += 1


@kernel
def _fit_light(state, c, bound):
    """Fit the slots of a light channel. False if it cannot stay light."""
    # The representative must cover all light slots. It is adjusted when they exceed it, or are much fewer.
    if not _move_slots(state, LIGHT, c, bound):
        return False
    set_bound(state, c)
    representative = state.sums.size - 1
    bound = light_bound(state)
    if bound <= state.limits[representative].bound <= 1.25 * bound + 2.0 * state.urns.urn[HEAVY].quantum:
        return True  # the excess over the light slots is rejected
    if not _move_slots(state, HEAVY, representative, bound):
        return bound <= state.limits[representative].bound
    set_bound(state, representative)
    return True


@kernel
def fit_slots(state, c):
    """Fit the slots of channel c to the present sum of its upper bounds.

    Returns False if a refill would help: the channel has just become loose, or the bounds exceed float64.
    """
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
        # A bound below half a heavy slot would be rejected most of the time.
        fits = not (was_light and bound < 0.5 * state.urns.urn[HEAVY].quantum)
        fits = fits and _move_slots(state, HEAVY, c, bound)
        if not fits:
            _loosen(state, c)
    set_bound(state, c)
    return fits


@kernel
def sum_loose(state):
    """Recompute the sum of the bounds of the loose channels."""
    spare = state.urns.spare[0]
    total = 0.0
    for k in range(spare.n_loose):
        total += state.limits[state.urns.loose[k]].bound
    spare.total = total
    spare.credit += spare.n_loose  # summing a long list earns credit for the refill that ends it
