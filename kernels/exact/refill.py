"""All slots handed out afresh: which channels are heavy and which light, and how much propensity a slot stands for.

`state` is a `bounds.RejectionState`. A refill takes time in proportion to the channels and slots. It happens when slots
no longer fit or too few are left, and there is credit for it (`slots`).
"""

import numpy as np

from ..codes import N_CANDIDATES
from ..linked import kernel
from .slots import (
    FEW_SLOTS,
    HEAVY,
    LEAST_SLOTS,
    LIGHT,
    LOOSE,
    MANY,
    NONE,
    REFILLS,
    SAFE,
    SLOTS,
    earn,
    give_slots,
    is_overfull,
    is_sparse,
    light_bound,
    refill_cost,
    set_bound,
    start_filling,
    sum_loose,
    total_bound,
)

_LIGHT = 0.5
"""Of so many channels or more, those with a bound below this part of the mean are light: they share an urn of their
own, so that the slots in constant use stay few and near."""
_MOST_EMPTY = 8
"""If fewer than one in so many channels have a positive bound, and credit was short before, the others do not count."""
_TOO_MUCH = 0.3
"""When the light ones have become this part of the whole, it is decided anew which are light; not too often."""
_LIGHT_SLOTS = 4
"""Mean number of slots of a light channel when they are handed out."""
_MOST_LOOSE = 8
"""With more loose channels than this all slots are handed out afresh as soon as there is credit: a list of eight is
searched about as fast as a random number is drawn."""


@kernel
def refill_all(state):
    """Hand out all slots afresh: first which channels are light, then both urns. Loose stay those that have settled, if
    they are few and credit is not plenty."""
    urns, sums, holders, spare = state.urns, state.sums, state.urns.holders, state.urns.spare[0]
    urns.urn[HEAVY].refilled = state.tally[N_CANDIDATES]
    n = sums.size - 1
    n_loose = spare.n_settled
    if n_loose > _MOST_LOOSE or spare.credit > REFILLS // 2 * refill_cost(state):
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
    if not crowded and 0.0 < total < np.inf:
        # Those that are empty now may become as large as the largest light ones, and take no more than 32 slots then.
        urns.urn[LIGHT].quantum = max(urns.urn[LIGHT].quantum if light > 0.0 else 0.0, _LIGHT * mean / FEW_SLOTS)
    for c in range(n):
        if sums[c].place == LIGHT:
            give_slots(urns, LIGHT, c, sums[c].upper * (1.0 + SAFE))
    light = light_bound(state)
    start_filling(urns, HEAVY, heavy + light, max(LEAST_SLOTS, SLOTS * n_heavy))
    for c in range(n + 1):
        if c == n:
            give_slots(urns, HEAVY, c, light)
        elif sums[c].place == HEAVY:
            give_slots(urns, HEAVY, c, sums[c].upper * (1.0 + SAFE))
        set_bound(state, c)
    sum_loose(state)
    spare.spent += refill_cost(state)


@kernel
def give_credit(state, n_refills):
    """Give credit for so many refills at least."""
    earn(state)
    state.urns.spare[0].credit = max(state.urns.spare[0].credit, n_refills * refill_cost(state))


@kernel
def start_slots(state):
    """Hand out slots for the first time, with no loose channels and full credit."""
    spare = state.urns.spare[0]
    for k in range(spare.n_loose):
        state.sums[state.urns.loose[k]].place = HEAVY
    spare.n_loose = spare.n_settled = 0
    spare.credit = 0
    spare.credited = state.tally[N_CANDIDATES]
    spare.is_short = False
    refill_all(state)
    give_credit(state, REFILLS)


@kernel
def _is_stale(state):
    """Which channels are light should be decided anew, and enough candidates have gone by to pay for it."""
    if state.tally[N_CANDIDATES] - state.urns.urn[HEAVY].refilled < 4 * (state.sums.size - 1):
        return False
    light = state.urns.urn[LIGHT]
    return light_bound(state) > _TOO_MUCH * total_bound(state) or light.used > 4 * light.target


@kernel
def refill_if_needed(state, fits):
    """After bounds have changed: hand out all slots afresh if some did not fit, or if they have become too few or
    unevenly used, and there is credit for it. What has become loose stays so otherwise."""
    spare = state.urns.spare[0]
    if not fits or spare.n_loose > _MOST_LOOSE or is_sparse(state.urns, HEAVY) or _is_stale(state):
        if _refill_on_credit(state):
            return
    spare.n_settled = spare.n_loose
    sum_loose(state)


@kernel
def improve_slots(state):
    """Hand out all slots afresh if they have become too few, and there is credit: what is rejected earns it."""
    if is_sparse(state.urns, HEAVY):
        _refill_on_credit(state)


@kernel
def _refill_on_credit(state):
    """Hand out all slots afresh if there is credit. Whether there was; an overfull urn needs none."""
    spare = state.urns.spare[0]
    earn(state)
    cost = refill_cost(state)
    if spare.credit < cost and not is_overfull(state.urns, HEAVY):
        spare.is_short = True
        return False
    spare.credit -= cost
    refill_all(state)
    return True
