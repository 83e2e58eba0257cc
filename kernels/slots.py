"""Which channel owns how many slots: the urn of the heavy channels, and the one that the light channels share.

`state` is a `bounds.RejectionState`; read here are the sums of each channel's upper bounds, written the urns and the
bounds that their slots amount to.
"""

import numpy as np

from .codes import N_CANDIDATES
from .linked import kernel
from .urn import give_slots, is_sparse, refill

LOWER, BOUND = 0, 1
"""Columns of `limits`; of `sums`, with the sum of the upper ends in the place of the bound."""
_MANY = 4096
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


@kernel
def total_bound(state):
    return state.urn.size[0] * state.urn.quantum[0]


@kernel
def mean_wait(state):
    """Mean time to the next candidate; infinite when there is none."""
    return 1.0 / total_bound(state)


@kernel
def refill_all(state):
    """Hand out all slots afresh: first which channels are light, then both urns."""
    bounds = state.bounds
    state.refilled[0] = state.tally[N_CANDIDATES]
    n = state.light.size
    total = 0.0
    for c in range(n):
        total += state.sums[c, BOUND] * (1.0 + SAFE)
    few = n < _MANY
    mean = total / n
    n_light = 0
    for c in range(n):
        bound = state.sums[c, BOUND] * (1.0 + SAFE)
        state.light[c] = not (few or bound >= _LIGHT * mean)
        n_light += state.light[c]
        bounds[c] = bound if state.light[c] else 0.0
    bounds[n] = 0.0
    state.light_urn.target[0] = _LIGHT_SLOTS * max(n_light, 1)
    refill(state.light_urn, bounds)
    bounds[n] = light_bound(state)
    for c in range(n):
        bounds[c] = 0.0 if state.light[c] else state.sums[c, BOUND] * (1.0 + SAFE)
    state.urn.target[0] = max(_LEAST_SLOTS, _SLOTS * (n - n_light))
    refill(state.urn, bounds)
    for c in range(n + 1):
        _set_bound(state, c)


@kernel
def light_bound(state):
    """What the light channels' slots add up to [1/s]."""
    return state.light_urn.size[0] * state.light_urn.quantum[0]


@kernel
def _set_bound(state, c):
    urn = state.light_urn if c < state.light.size and state.light[c] else state.urn
    state.limits[c, BOUND] = urn.owned[c] * urn.quantum[0]


@kernel
def fit_slots(state, c):
    bound = state.sums[c, BOUND] * (1.0 + SAFE)
    if state.light[c]:
        if not give_slots(state.light_urn, c, bound):
            return False
        _set_bound(state, c)
        c = np.int64(state.light.size)
        bound = light_bound(state)
        if bound <= state.limits[c, BOUND] <= 1.25 * bound + 2.0 * state.urn.quantum[0]:
            return True  # slots beyond the light ones reject
    if not give_slots(state.urn, c, bound):
        return False
    _set_bound(state, c)
    return True


@kernel
def _is_stale(state):
    """Which channels are light should be decided anew, and enough candidates have gone by to pay for it."""
    if state.tally[N_CANDIDATES] - state.refilled[0] < 4 * state.light.size:
        return False
    urn = state.light_urn
    return light_bound(state) > _TOO_MUCH * total_bound(state) or urn.size[0] > 4 * urn.target[0]


@kernel
def refill_if_needed(state, fits):
    if not fits or is_sparse(state.urn) or _is_stale(state):
        refill_all(state)
