"""The equations of one block in one leap: with what acts on it known, linear in the changes of its own species."""

import numpy as np

from .channels import term_value
from .jit import inlined
from .leap_state import leap_value

_NEARLY_SINGULAR = 1e-6
"""Two equations whose determinant is smaller than this share of its terms are solved by pivoting."""
_LEAST_DIAGONAL = 0.5
"""Where a species grows by itself faster than the step resolves, its growth is followed explicitly."""


@inlined
def _slope(channels, laws, plan, j, counts):
    """Derivative of the term of slope j by the count of its species."""
    t = plan.slope_term[j]
    if plan.slope_plain[j]:
        return channels.terms[t].coefficient * (counts[plan.slope_other[j]] - plan.slope_offset[j])
    s = plan.slope_species[j]
    counts[s] += 1
    slope = term_value(channels, laws, t, counts, counts)
    counts[s] -= 2
    slope -= term_value(channels, laws, t, counts, counts)
    counts[s] += 1
    return 0.5 * slope


@inlined
def _expect(channels, laws, plan, state, e, tau):
    """Add to the firings drawn for entry e what other blocks have changed in its propensity. Returns the firings
    expected."""
    c = plan.entry_channel[e]
    before = state.value[c]
    expected = before * tau
    if plan.entry_moves[e]:
        now = leap_value(channels, laws, plan, state, c)
        state.value[c] = now
        change = 0.5 * tau * (now - before)
        state.drawn[e] += change
        expected += change
    return expected


@inlined
def solve_pair(channels, laws, plan, state, b, tau):
    """Solve the equations of block b of one species, or of two, as most are: `state.change` becomes the change of each
    with the firings drawn, and `state.expected` that expected. Returns the expected firings, and the sum of the rates
    at which the species relax [1/s]."""
    half = 0.5 * tau
    xx, xy, yx, yy = 1.0, 0.0, 0.0, 1.0
    x = y = 0.0
    mean_x = mean_y = 0.0
    reacting = 0.0
    row = np.int64(plan.dense_start[b])
    for e in range(plan.entry_start[b], plan.entry_start[b + 1]):
        firings = _expect(channels, laws, plan, state, e, tau)
        reacting += firings
        amount_x, amount_y = plan.amount[row], plan.amount[row + 1]
        x += amount_x * state.drawn[e]
        y += amount_y * state.drawn[e]
        mean_x += amount_x * firings
        mean_y += amount_y * firings
        if plan.slope_start[e] < plan.slope_start[e + 1]:
            slope_x = slope_y = 0.0
            for j in range(plan.slope_start[e], plan.slope_start[e + 1]):
                slope = half * _slope(channels, laws, plan, j, state.counts)
                if plan.slope_place[j]:
                    slope_y += slope
                else:
                    slope_x += slope
            state.slope[row], state.slope[row + 1] = slope_x, slope_y
            xx -= amount_x * slope_x
            xy -= amount_x * slope_y
            yx -= amount_y * slope_x
            yy -= amount_y * slope_y
        row += 2
    relaxing = (abs(xx - 1.0) + abs(yy - 1.0)) / half
    xx, yy = max(xx, _LEAST_DIAGONAL), max(yy, _LEAST_DIAGONAL)
    determinant = xx * yy - xy * yx
    if abs(determinant) > _NEARLY_SINGULAR * (abs(xx * yy) + abs(xy * yx)):
        inverse = 1.0 / determinant
        state.change[0], state.change[1] = inverse * (yy * x - xy * y), inverse * (xx * y - yx * x)
        state.expected[0] = inverse * (yy * mean_x - xy * mean_y)
        state.expected[1] = inverse * (xx * mean_y - yx * mean_x)
    else:
        matrix = state.matrix
        matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3] = xx, xy, x, mean_x
        matrix[1, 0], matrix[1, 1], matrix[1, 2], matrix[1, 3] = yx, yy, y, mean_y
        _eliminate(state, 2)
    return reacting, relaxing


@inlined
def solve_block(channels, laws, plan, state, b, n, tau):
    """The same for a block of n species."""
    matrix = state.matrix
    half = 0.5 * tau
    reacting = relaxing = 0.0
    for i in range(n):
        for j in range(n + 2):
            matrix[i, j] = 0.0
        matrix[i, i] = 1.0
    row = np.int64(plan.dense_start[b])
    for e in range(plan.entry_start[b], plan.entry_start[b + 1]):
        firings = _expect(channels, laws, plan, state, e, tau)
        reacting += firings
        for i in range(n):
            state.slope[row + i] = 0.0
        for j in range(plan.slope_start[e], plan.slope_start[e + 1]):
            state.slope[row + np.int64(plan.slope_place[j])] += half * _slope(channels, laws, plan, j, state.counts)
        for i in range(n):
            amount = plan.amount[row + i]
            if amount != 0.0:
                matrix[i, n] += amount * state.drawn[e]
                matrix[i, n + 1] += amount * firings
                for j in range(n):
                    matrix[i, j] -= amount * state.slope[row + j]
        row += n
    for i in range(n):
        relaxing += abs(matrix[i, i] - 1.0) / half
        matrix[i, i] = max(matrix[i, i], _LEAST_DIAGONAL)
    _eliminate(state, n)
    return reacting, relaxing


@inlined
def _eliminate(state, n):
    """Solve the n equations in `state.matrix` for both right-hand sides, by elimination with pivots."""
    matrix = state.matrix
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
        state.change[i], state.expected[i] = matrix[i, n], matrix[i, n + 1]
