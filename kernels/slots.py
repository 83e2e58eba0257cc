"""Which channel owns how many slots: the urn of the heavy channels, and the one that the light channels share.

`state` is a `bounds.RejectionState`; read here are the sums of each channel's upper bounds, written the urns and the
bounds that their slots amount to. One holder more, behind the channels, stands in the heavy urn for all light ones.

The work is bounded by credit. Each candidate earns some, and moving slots costs it. A channel whose bound changes by more
slots than there is credit for becomes loose (`loose`): it gives its slots back and is drawn by its bound itself. So a
species that comes and goes, and takes the largest bound with it, costs a few operations each time, instead of all slots.
"""

import numpy as np

from .codes import N_CANDIDATES
from .linked import kernel, within
from .urn import HEAVY, LIGHT, LOOSE, NONE, give_slots, is_overfull, is_sparse, mark_overfull, start_filling

MANY = 4096
_LIGHT = 0.5
"""Of so many channels or more, those with a bound below this part of the mean are light: they share an urn of their
own, so that the slots in constant use stay few and near."""
_MOST_EMPTY = 8
"""If fewer than one in so many channels have a positive bound, and credit was short before, the others do not count."""
_TOO_MUCH = 0.3
"""When the light ones have become this part of the whole, it is decided anew which are light; not too often."""
_SLOTS = 16
_LIGHT_SLOTS = 4
_LEAST_SLOTS = 1024
"""About sixteen slots a channel keep the rounding of bounds to slots a small part of them."""
SAFE = 1e-12
"""Relative slack of running sums, far above what 64 updates can round away."""
_EARNED = 4
"""Credit of a candidate, in slots moved: about as long as the candidate itself takes."""
_REFILLS = 16
"""Credit for so many refills is given at the start, and is the most there can be. Where the bounds change slowly it never
ends, and no channel becomes loose."""
_FEW_SLOTS = 32
"""So many slots are moved without credit: they take no longer than the bounds of the channel took."""
_MOST_COARSE = 16.0
_MOST_LOOSE = 8
"""With more loose channels than this all slots are handed out afresh as soon as there is credit."""


def capacities(n_channels):
    """Room for the slots of the heavy and of the light urn: twice what is aimed at, and one for each channel that a
    quantum is rounded up for."""
    n = n_channels + 1
    capacity = 2 * max(_LEAST_SLOTS, _SLOTS * n) + n
    return capacity, (capacity if n_channels >= MANY else 0)


@within
def total_bound(state):
    """Rate of the candidates [1/s]."""
    return state.urns.urn[HEAVY].used * state.urns.urn[HEAVY].quantum + state.urns.spare[0].total


@within
def mean_wait(state):
    """Mean time to the next candidate; infinite when there is none."""
    return 1.0 / total_bound(state)


@within
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
def refill_all(state):
    """Hand out all slots afresh: first which channels are light, then both urns. Loose stay those that have settled, if
    they are few and credit is not plenty."""
    urns, sums, holders, spare = state.urns, state.sums, state.urns.holders, state.urns.spare[0]
    urns.urn[HEAVY].refilled = state.tally[N_CANDIDATES]
    n = sums.size - 1
    n_loose = spare.n_settled
    if n_loose > _MOST_LOOSE or spare.credit > _REFILLS // 2 * _refill_cost(state):
        n_loose = 0
    for k in range(n_loose, spare.n_loose):
        sums[urns.loose[k]].place = HEAVY
    spare.n_loose = spare.n_settled = n_loose
    total = 0.0
    n_active = 0
    for c in range(n):
        if sums[c].place != LOOSE:
            total += sums[c].upper * (1.0 + SAFE)
            n_active += sums[c].upper > 0.0
    few = n < MANY
    # Slots for channels that are empty make those of the others small, and many to move.
    crowded = not spare.is_short or _MOST_EMPTY * n_active >= n
    mean = total / (n if crowded else max(n_active, MANY))
    n_heavy = n_light = 0
    heavy = 0.0
    light = 0.0
    for c in range(n):
        if sums[c].place == LOOSE:
            continue
        bound = sums[c].upper * (1.0 + SAFE)
        if few or bound >= _LIGHT * mean:
            sums[c].place = HEAVY
            n_heavy += 1
            heavy += bound
        else:
            sums[c].place = LIGHT
            n_light += crowded or bound > 0.0
            light += bound
    for c in range(n + 1):
        holders[c].owned = 0
        holders[c].head = NONE
    start_filling(urns, LIGHT, light, _LIGHT_SLOTS * max(n_light, 1))
    if not crowded and total < np.inf:
        # Those that are empty now may become as large as the largest light ones, and take no more than 32 slots then.
        urns.urn[LIGHT].quantum = max(urns.urn[LIGHT].quantum if light > 0.0 else 0.0, _LIGHT * mean / _FEW_SLOTS)
    for c in range(n):
        if sums[c].place == LIGHT:
            give_slots(urns, LIGHT, c, sums[c].upper * (1.0 + SAFE))
    light = light_bound(state)
    start_filling(urns, HEAVY, heavy + light, max(_LEAST_SLOTS, _SLOTS * n_heavy))
    for c in range(n + 1):
        if c == n:
            give_slots(urns, HEAVY, c, light)
        elif sums[c].place == HEAVY:
            give_slots(urns, HEAVY, c, sums[c].upper * (1.0 + SAFE))
        _set_bound(state, c)
    _sum_loose(state)
    spare.spent += _refill_cost(state)


@kernel
def _refill_cost(state):
    return state.sums.size + state.urns.urn[HEAVY].target + state.urns.urn[LIGHT].target


@kernel
def give_credit(state, n_refills):
    """Give credit for so many refills at least."""
    spare = state.urns.spare[0]
    spare.credit = max(spare.credit, n_refills * _refill_cost(state))
    spare.credited = state.tally[N_CANDIDATES]


@kernel
def start_slots(state):
    """Hand out slots for the first time, with no loose channels and full credit."""
    spare = state.urns.spare[0]
    for k in range(spare.n_loose):
        state.sums[state.urns.loose[k]].place = HEAVY
    spare.n_loose = spare.n_settled = 0
    spare.credit = 0
    spare.is_short = False
    refill_all(state)
    give_credit(state, _REFILLS)


@within
def light_bound(state):
    """What the light channels' slots add up to [1/s]."""
    return state.urns.urn[LIGHT].used * state.urns.urn[LIGHT].quantum


@within
def _set_bound(state, c):
    """The effective bound of channel c is what its slots amount to: a little more than the sum of the upper ends."""
    u = np.int64(state.sums[c].place)
    if u == LOOSE:
        state.limits[c].bound = state.sums[c].upper * (1.0 + SAFE)
    else:
        state.limits[c].bound = state.urns.holders[c].owned * state.urns.urn[u].quantum


@kernel
def _earn(state):
    """Credit for the candidates since it was last given."""
    spare = state.urns.spare[0]
    now = state.tally[N_CANDIDATES]
    spare.credit += _EARNED * (now - spare.credited)
    spare.credit = min(spare.credit, _REFILLS * _refill_cost(state))
    spare.credited = now


@within
def _move_slots(state, u, c, bound):
    """Slots of urn u for `bound`, if there is room and credit for them. Whether there was."""
    spare = state.urns.spare[0]
    moved = np.abs(np.ceil(bound / state.urns.urn[u].quantum) - state.urns.holders[c].owned)
    if moved == 0.0:
        return True
    if moved > _FEW_SLOTS:
        if u == LIGHT and bound >= state.urns.urn[HEAVY].quantum * (1.0 if spare.is_short else _LIGHT_SLOTS):
            return False
        _earn(state)
        if not moved <= spare.credit:
            spare.is_short = True
            return False
    if not give_slots(state.urns, u, c, bound):
        return False
    spare.spent += np.int64(moved)
    if moved > _FEW_SLOTS:
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
    _set_bound(state, c)
    stand_in = state.sums.size - 1
    bound = light_bound(state)
    if bound <= state.limits[stand_in].bound <= 1.25 * bound + 2.0 * state.urns.urn[HEAVY].quantum:
        return True  # slots beyond the light ones reject
    if not _move_slots(state, HEAVY, stand_in, bound):
        return bound <= state.limits[stand_in].bound
    _set_bound(state, stand_in)
    return True


@within
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
    _set_bound(state, c)
    return fits


@within
def _sum_loose(state):
    """The sum of the bounds of the loose channels, afresh."""
    spare = state.urns.spare[0]
    total = 0.0
    for k in range(spare.n_loose):
        total += state.limits[state.urns.loose[k]].bound
    spare.total = total
    spare.credit += spare.n_loose  # a long list pays for its end


@within
def _is_stale(state):
    """Which channels are light should be decided anew, and enough candidates have gone by to pay for it."""
    if state.tally[N_CANDIDATES] - state.urns.urn[HEAVY].refilled < 4 * (state.sums.size - 1):
        return False
    light = state.urns.urn[LIGHT]
    return light_bound(state) > _TOO_MUCH * total_bound(state) or light.used > 4 * light.target


@within
def refill_if_needed(state, fits):
    """After bounds have changed: hand out all slots afresh if some did not fit, or if they have become too few or
    unevenly used, and there is credit for it. What has become loose stays so otherwise."""
    spare = state.urns.spare[0]
    if not fits or spare.n_loose > _MOST_LOOSE or is_sparse(state.urns, HEAVY) or _is_stale(state):
        if _refill_on_credit(state):
            return
    spare.n_settled = spare.n_loose
    _sum_loose(state)


@kernel
def _refill_on_credit(state):
    """Hand out all slots afresh if there is credit. Whether there was; an overfull urn needs none."""
    spare = state.urns.spare[0]
    _earn(state)
    cost = _refill_cost(state)
    if spare.credit < cost and not is_overfull(state.urns, HEAVY):
        spare.is_short = True
        return False
    spare.credit -= cost
    refill_all(state)
    return True
