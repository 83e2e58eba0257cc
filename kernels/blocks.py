"""One leap of the channels of blocks: the trapezoidal rule, block after block, each solved with what acts on it known.

A channel fires a Poisson number with the propensity at the start of the step, plus half the step times the change of
its propensity over the step, linearised in the species of its own block. On linear networks the mean and the stationary
covariance are those of the master equation whatever the step, also where modes are much faster than it.

Trapezoidal leaping: Y. Cao, L. Petzold, Proc. FOSBE (2005) 149-152; the solution block by block is ours.
"""

import numpy as np

from .block_equations import solve_block, solve_pair
from .codes import COUNT_LIMIT, OVERFLOW, REACHED_END
from .counting import draw_poissons
from .jit import inlined, kernel
from .leap_firings import fire_often
from .leap_state import RELAXATION, leap_value
from .step_size import block_change

_SMALL = 0.4
"""A smaller part of the change that is allowed makes no difference to the next step, which grows by two at most."""


@inlined
def _fire(channels, laws, plan, state, e, wanted, rng):
    """Fire entry e a whole number of times; parts are carried on, and what is not there does not react. Returns the
    number of firings, or -1 for an overflow."""
    counts = state.counts
    c = plan.entry_channel[e]
    wanted += state.carried[c]
    if not wanted < COUNT_LIMIT:
        return np.int64(-1)
    firings = np.int64(np.floor(max(wanted, 0.0) + 0.5))
    state.carried[c] = max(wanted - firings, -0.5)
    s, other = plan.fire_species[e, 0], plan.fire_species[e, 1]
    x = counts[s] + plan.fire_amount[e, 0] * firings
    y = counts[other] + plan.fire_amount[e, 1] * firings
    if plan.fire_more[e] or state.firings.size or min(x, y) < 0 or max(x, y) > COUNT_LIMIT:
        return fire_often(channels, laws, plan, state, c, firings, rng) if firings > 0 else np.int64(0)
    counts[s] = x
    counts[other] = y
    return firings


@inlined
def _fire_block(channels, laws, plan, state, b, n, rng):
    """Fire the channels of block b of n species. Returns the number of firings, or -1 for an overflow."""
    fired = np.int64(0)
    width = max(2, n)
    row = np.int64(plan.dense_start[b])
    for e in range(plan.entry_start[b], plan.entry_start[b + 1]):
        wanted = state.drawn[e] + state.slope[row] * state.change[0] + state.slope[row + 1] * state.change[1]
        for i in range(2, n):
            wanted += state.slope[row + i] * state.change[i]
        firings = _fire(channels, laws, plan, state, e, wanted, rng)
        if firings < 0:
            return firings
        fired += firings
        row += width
    for e in range(plan.entry_start[b], plan.entry_start[b + 1]):
        if plan.slope_start[e] < plan.slope_start[e + 1]:
            c = plan.entry_channel[e]
            state.value[c] = leap_value(channels, laws, plan, state, c)
    return fired


@kernel
def leap_blocks(channels, laws, plan, state, tau, epsilon, rng):
    """Leap over tau in every block. Returns the status, the number of firings, and the largest expected change of a
    species as a multiple of what `epsilon` allows."""
    firings = 0
    largest = 0.0
    all_reacting = all_relaxing = 1e-300
    for e in range(plan.entry_channel.size):
        state.drawn[e] = state.value[plan.entry_channel[e]] * tau
    draw_poissons(rng, state.drawn)
    for b in range(plan.block_start.size - 1):
        start = np.int64(plan.block_start[b])
        n = np.int64(plan.block_start[b + 1]) - start
        if n <= 2:
            reacting, relaxing = solve_pair(channels, laws, plan, state, b, tau)
        else:
            reacting, relaxing = solve_block(channels, laws, plan, state, b, n, tau)
        all_reacting += reacting
        all_relaxing += relaxing * reacting / n
        for i in range(n):
            x = state.counts[plan.block_species[start + i]]
            change = abs(state.expected[i])
            if change > _SMALL * (epsilon * x + 10.0):
                largest = max(largest, change / block_change(epsilon, x))
        fired = _fire_block(channels, laws, plan, state, b, n, rng)
        if fired < 0:
            return OVERFLOW, firings, largest
        firings += fired
    state.ledger[RELAXATION] = all_relaxing / all_reacting
    return REACHED_END, firings, largest
