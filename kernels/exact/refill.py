"""Refills: all slots are assigned again, with a new choice of heavy and light channels and of the quantum.

`state` is a `bounds.RejectionState`. A refill takes time in proportion to the number of channels and slots. It happens
when slots no longer fit or too few are in use, and there is credit for it (see `slots`).
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
"""In a network of `MANY` channels or more, those with a bound below this part of the mean are light: they share a
separate urn, so that the slots in constant use are few and stay in the cache."""
_MOST_EMPTY = 8
"""If fewer than one in so many channels have a positive bound, and credit was short, the mean ignores the others."""
_TOO_MUCH = 0.3
"""When the light channels make up this part of the total bound, the choice of light channels is renewed."""
_LIGHT_SLOTS = 4
"""Mean number of slots of a light channel after a refill."""
_MOST_LOOSE = 8
"""With more loose channels than this, a refill happens as soon as there is credit: a list of eight is searched about as
fast as a random number is drawn."""


@kernel
def refill_all(state):
    """Assign all slots again: first decide which channels are light, then fill both urns.

    Channels that were loose before stay loose if they are few and credit is not ample.
    """
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
    # With few channels one urn is enough, and all are heavy.
    few = n < MANY
    # Slots for channels with a bound of 0 would make the quantum small, and more slots would have to move.
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
        # Channels with a bound of 0 may grow to that of the largest light ones, and should then take at most 32 slots.
        urns.urn[LIGHT].quantum = max(urns.urn[LIGHT].quantum if light > 0.0 else 0.0, _LIGHT * mean / FEW_SLOTS)
    for c in range(n):
        if sums[c].place == LIGHT:
            give_slots(urns, LIGHT, c, sums[c].upper * (1.0 + SAFE))
    # The heavy urn is filled last, since the representative needs the total bound of the light urn.
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
    """Raise the credit to at least that of so many refills."""
    earn(state)
    state.urns.spare[0].credit = max(state.urns.spare[0].credit, n_refills * refill_cost(state))


@kernel
def start_slots(state):
    """Assign slots for the first time, with no loose channels and full credit."""
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
    """Whether the choice of light channels is outdated, and enough candidates have passed to pay for a new one."""
    if state.tally[N_CANDIDATES] - state.urns.urn[HEAVY].refilled < 4 * (state.sums.size - 1):
        return False
    light = state.urns.urn[LIGHT]
    return light_bound(state) > _TOO_MUCH * total_bound(state) or light.used > 4 * light.target


@kernel
def refill_if_needed(state, fits):
    """After bounds have changed, refill if slots did not fit, are too few or badly distributed, and there is credit.

    Without a refill, channels that became loose stay loose.
    """
    spare = state.urns.spare[0]
    if not fits or spare.n_loose > _MOST_LOOSE or is_sparse(state.urns, HEAVY) or _is_stale(state):
        if _refill_on_credit(state):
            return
    spare.n_settled = spare.n_loose
    sum_loose(state)


@kernel
def improve_slots(state):
    """Refill if slots have become too few and there is credit, which rejected candidates earn as well."""
    if is_sparse(state.urns, HEAVY):
        _refill_on_credit(state)


@kernel
def _refill_on_credit(state):
    """Refill if there is credit; an overfull urn needs none. Returns whether it did."""
    spare = state.urns.spare[0]
    earn(state)
    cost = refill_cost(state)
    if spare.credit < cost and not is_overfull(state.urns, HEAVY):
        spare.is_short = True
        return False
    spare.credit -= cost
    refill_all(state)
    return True
