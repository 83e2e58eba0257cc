"""Which channel owns how many slots: the urn of the heavy channels, and the one that the light channels share.

`state` is a `bounds.RejectionState`; read here are the sums of each channel's upper bounds, written the urns and the
bounds that their slots amount to. One holder more, behind the channels, stands in the heavy urn for all light ones.
"""

import numpy as np

from .codes import N_CANDIDATES
from .linked import kernel
from .urn import HEAVY, LIGHT, NONE, give_slots, is_sparse, start_filling

MANY = 4096
_LIGHT = 0.5
"""Of so many channels or more, those with a bound below this part of the mean are light: they share an urn of their
own, so that the slots in constant use stay few and near."""
_TOO_MUCH = 0.3
"""When the light ones have become this part of the whole, it is decided anew which are light; not too often."""
_SLOTS = 16
_LIGHT_SLOTS = 4
_LEAST_SLOTS = 1024
"""About sixteen slots a channel keep the rounding of bounds to slots a small part of them."""
SAFE = 1e-12
"""Relative slack of running sums, far above what 64 updates can round away."""


def capacities(n_channels):
    """Room for the slots of the heavy and of the light urn: twice what is aimed at, and one for each channel that a
    quantum is rounded up for."""
    n = n_channels + 1
    capacity = 2 * max(_LEAST_SLOTS, _SLOTS * n) + n
    return capacity, (capacity if n_channels >= MANY else 0)


@kernel
def total_bound(state):
    """Rate of the candidates [1/s]."""
    return state.urns.urn[HEAVY].used * state.urns.urn[HEAVY].quantum


@kernel
def mean_wait(state):
    """Mean time to the next candidate; infinite when there is none."""
    return 1.0 / total_bound(state)


@kernel
def refill_all(state):
    """Hand out all slots afresh: first which channels are light, then both urns."""
    urns, sums, holders = state.urns, state.sums, state.urns.holders
    urns.urn[HEAVY].refilled = state.tally[N_CANDIDATES]
    n = sums.size - 1
    total = 0.0
    for c in range(n):
        total += sums[c].upper * (1.0 + SAFE)
    few = n < MANY
    mean = total / n
    n_light = 0
    heavy = 0.0
    light = 0.0
    for c in range(n):
        bound = sums[c].upper * (1.0 + SAFE)
        is_light = not (few or bound >= _LIGHT * mean)
        sums[c].light = is_light
        if is_light:
            n_light += 1
            light += bound
        else:
            heavy += bound
    for c in range(n + 1):
        holders[c].owned = 0
        holders[c].head = NONE
    start_filling(urns, LIGHT, light, _LIGHT_SLOTS * max(n_light, 1))
    for c in range(n):
        if sums[c].light:
            give_slots(urns, LIGHT, c, sums[c].upper * (1.0 + SAFE))
    light = light_bound(state)
    start_filling(urns, HEAVY, heavy + light, max(_LEAST_SLOTS, _SLOTS * (n - n_light)))
    for c in range(n + 1):
        if c == n:
            give_slots(urns, HEAVY, c, light)
        elif not sums[c].light:
            give_slots(urns, HEAVY, c, sums[c].upper * (1.0 + SAFE))
        _set_bound(state, c)


@kernel
def light_bound(state):
    """What the light channels' slots add up to [1/s]."""
    return state.urns.urn[LIGHT].used * state.urns.urn[LIGHT].quantum


@kernel
def _set_bound(state, c):
    """The effective bound of channel c is what its slots amount to: a little more than the sum of the upper ends."""
    u = LIGHT if state.sums[c].light else HEAVY
    state.limits[c].bound = state.urns.holders[c].owned * state.urns.urn[u].quantum


@kernel
def fit_slots(state, c):
    """Slots of channel c for the present sum of its upper ends. False if they do not fit."""
    bound = state.sums[c].upper * (1.0 + SAFE)
    if state.sums[c].light:
        if not give_slots(state.urns, LIGHT, c, bound):
            return False
        _set_bound(state, c)
        c = np.int64(state.sums.size - 1)
        bound = light_bound(state)
        if bound <= state.limits[c].bound <= 1.25 * bound + 2.0 * state.urns.urn[HEAVY].quantum:
            return True  # slots beyond the light ones reject
    if not give_slots(state.urns, HEAVY, c, bound):
        return False
    _set_bound(state, c)
    return True


@kernel
def _is_stale(state):
    """Which channels are light should be decided anew, and enough candidates have gone by to pay for it."""
    if state.tally[N_CANDIDATES] - state.urns.urn[HEAVY].refilled < 4 * (state.sums.size - 1):
        return False
    light = state.urns.urn[LIGHT]
    return light_bound(state) > _TOO_MUCH * total_bound(state) or light.used > 4 * light.target


@kernel
def refill_if_needed(state, fits):
    """Hand out all slots afresh if some did not fit, or if they have become too few or unevenly used."""
    if not fits or is_sparse(state.urns, HEAVY) or _is_stale(state):
        refill_all(state)
