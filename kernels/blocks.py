"""One leap of the channels of blocks: the trapezoidal rule, block after block, each solved with what acts on it known.

A channel fires a Poisson number with the propensity at the start of the step, plus half the step times the change of
its propensity over the step, linearised in the species of its own block. On linear networks the mean and the stationary
covariance are those of the master equation whatever the step, also where modes are much faster than it.

Trapezoidal leaping: Y. Cao, L. Petzold, Proc. FOSBE (2005) 149-152; the solution block by block is ours.
"""

import numpy as np

from .channels import term_value
from .codes import COUNT_LIMIT, OVERFLOW, REACHED_END
from .counting import draw_poisson
from .jit import inlined, kernel
from .leap_firings import fire_often
from .leap_state import RELAXATION, leap_value
from .step_size import block_change

_NEARLY_SINGULAR = 1e-6
"""Two equations whose determinant is smaller than this share of its terms are solved by pivoting."""
_SMALL = 0.4
"""A smaller part of the change that is allowed makes no difference to the next step, which grows by two at most."""
_LEAST_DIAGONAL = 0.5
"""Where a species grows by itself faster than the step resolves, its growth is followed explicitly."""


@inlined
def _term_slope(channels, t, s, counts):
    """Derivative of term t by the count of species s, which it reads."""
    if channels.extra_start[t] == channels.extra_start[t + 1]:
        first = channels.first[t]
        second = channels.second[t]
        slope = 0.0
        if first == s:
            slope += counts[second] - channels.second_offset[t]
        if second == s:
            slope += counts[first]
        return channels.coefficient[t] * slope
    counts[s] += 1
    slope = term_value(channels, t, counts, counts)
    counts[s] -= 2
    slope -= term_value(channels, t, counts, counts)
    counts[s] += 1
    return 0.5 * slope


@kernel
def _solve(matrix, n):
    """Solve the n equations in `matrix` float64[n, n + 2] for both right-hand sides, which are overwritten."""
    if n == 1:
        inverse = 1.0 / matrix[0, 0]
        matrix[0, 1] *= inverse
        matrix[0, 2] *= inverse
        return
    if n == 2:  # a pair of rails, as most blocks are
        a, b, c, d = matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1]
        determinant = a * d - b * c
        if abs(determinant) > _NEARLY_SINGULAR * (abs(a * d) + abs(b * c)):
            inverse = 1.0 / determinant
            for side in range(2, 4):
                x, y = matrix[0, side], matrix[1, side]
                matrix[0, side] = inverse * (d * x - b * y)
                matrix[1, side] = inverse * (a * y - c * x)
            return
    for i in range(n):
        pivot = i
        for j in range(i + 1, n):
            if abs(matrix[j, i]) > abs(matrix[pivot, i]):
                pivot = j
        if pivot != i:
            for k in range(i, n + 2):
                matrix[i, k], matrix[pivot, k] = matrix[pivot, k], matrix[i, k]
        for j in range(i + 1, n):
            factor = matrix[j, i] / matrix[i, i]
            for k in range(i + 1, n + 2):
                matrix[j, k] -= factor * matrix[i, k]
    for i in range(n - 1, -1, -1):
        for side in range(n, n + 2):
            value = matrix[i, side]
            for k in range(i + 1, n):
                value -= matrix[i, k] * matrix[k, side]
            matrix[i, side] = value / matrix[i, i]


@inlined
def _draw_block(channels, plan, state, b, tau, rng):
    """Draw the firings of block b and solve its equations; in the last column those of the expected change. Returns
    the number of species, and their expected firings and these times how fast the species relax."""
    counts, value, matrix = state.counts, state.value, state.matrix
    half = 0.5 * tau
    reacting = 0.0
    relaxing = 0.0
    n = np.int64(plan.block_start[b + 1]) - np.int64(plan.block_start[b])
    for i in range(n):
        for j in range(n + 2):
            matrix[i, j] = 0.0
        matrix[i, i] = 1.0
    for e in range(plan.entry_start[b], plan.entry_start[b + 1]):
        c = plan.entry_channel[e]
        expected = value[c] * tau
        firings = np.float64(draw_poisson(rng, expected))
        if plan.entry_moves[e]:
            now = leap_value(channels, plan, state, c)
            firings += half * (now - value[c])
            expected += half * (now - value[c])
            value[c] = now
        state.drawn[e] = firings
        reacting += expected
        for j in range(plan.slope_start[e], plan.slope_start[e + 1]):
            state.slope[j] = _term_slope(channels, plan.slope_term[j], plan.slope_species[j], counts)
        for k in range(channels.change_start[c], channels.change_start[c + 1]):
            s = channels.change_species[k]
            if plan.block_of[s] == b:
                i = plan.place[s]
                amount = channels.change_amount[k]
                matrix[i, n] += amount * firings
                matrix[i, n + 1] += amount * expected
                for j in range(plan.slope_start[e], plan.slope_start[e + 1]):
                    matrix[i, plan.place[plan.slope_species[j]]] -= half * amount * state.slope[j]
    for i in range(n):
        relaxing += abs(matrix[i, i] - 1.0)
        matrix[i, i] = max(matrix[i, i], _LEAST_DIAGONAL)
    _solve(matrix, n)
    return n, reacting, relaxing * reacting / (half * n)


@inlined
def _fire_block(channels, plan, state, b, n, tau, rng):
    """Fire the channels of block b whole times; parts are carried on, and what is not there does not react."""
    matrix = state.matrix
    status = REACHED_END
    total = 0
    for e in range(plan.entry_start[b], plan.entry_start[b + 1]):
        c = plan.entry_channel[e]
        wanted = state.drawn[e] + state.carried[c]
        for j in range(plan.slope_start[e], plan.slope_start[e + 1]):
            wanted += 0.5 * tau * state.slope[j] * matrix[plan.place[plan.slope_species[j]], n]
        if not wanted < COUNT_LIMIT:
            status = OVERFLOW
            break
        firings = np.int64(np.floor(max(wanted, 0.0) + 0.5))
        state.carried[c] = max(wanted - firings, -0.5)
        if firings > 0:
            firings = fire_often(channels, plan, state, c, firings, rng)
            if firings < 0:
                status = OVERFLOW
                break
            total += firings
    for e in range(plan.entry_start[b], plan.entry_start[b + 1]):
        if plan.slope_start[e] < plan.slope_start[e + 1]:
            c = plan.entry_channel[e]
            state.value[c] = leap_value(channels, plan, state, c)
    return status, total


@kernel
def leap_blocks(channels, plan, state, tau, epsilon, rng):
    """Leap over tau in every block. Returns the status, the number of firings, and the largest expected change of a
    species as a multiple of what `epsilon` allows."""
    counts, matrix = state.counts, state.matrix
    firings = 0
    largest = 0.0
    reacting = 1e-300
    relaxing = 1e-300
    for b in range(plan.block_start.size - 1):
        n, more, faster = _draw_block(channels, plan, state, b, tau, rng)
        reacting += more
        relaxing += faster
        for i in range(n):
            s = plan.block_species[plan.block_start[b] + i]
            change = abs(matrix[i, n + 1])
            if change > _SMALL * (epsilon * counts[s] + 10.0):
                largest = max(largest, change / block_change(epsilon, counts[s]))
        status, fired = _fire_block(channels, plan, state, b, n, tau, rng)
        firings += fired
        if status != REACHED_END:
            return status, firings, largest
    state.ledger[RELAXATION] = relaxing / reacting
    return REACHED_END, firings, largest
