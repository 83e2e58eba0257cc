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
def _slope(channels, laws, slope, counts):
    """Derivative of the term of a row of `BlockPlan.slopes` by the count of its species."""
    t = slope.term
    if slope.plain:
        return channels.terms[t].coefficient * (counts[slope.other] - slope.offset)
    # The quotient of differences around the count: exact up to the second order, and finite at thresholds.
    s = slope.species
    counts[s] += 1
    change = term_value(channels, laws, t, counts, counts)
    counts[s] -= 2
    change -= term_value(channels, laws, t, counts, counts)
    counts[s] += 1
    return 0.5 * change


@inlined
def _expect(channels, laws, blocks, plan, state, e, tau):
    """Add to the firings drawn for entry e what other blocks have changed in its propensity. Returns the firings
    expected."""
    c = blocks.entries[e].channel
    before = state.channels[c].value
    expected = before * tau
    if blocks.entries[e].moves:
        # Half of the step at the propensity before, half at the one after: the rule for what is known already.
        now = leap_value(channels, laws, plan, state, c)
        state.channels[c].value = now
        change = 0.5 * tau * (now - before)
        state.blocks.drawn[e] += change
        expected += change
    return expected


@inlined
def solve_pair(channels, laws, blocks, plan, state, b, tau):
    """Solve the equations of block b of one species, or of two, as most are: `BlockState.solution` becomes the
    change of each with the firings drawn, and that expected. Returns the expected firings, and the sum of the rates
    at which the species relax [1/s]."""
    half = 0.5 * tau
    solution = state.blocks.solution
    xx, xy, yx, yy = 1.0, 0.0, 0.0, 1.0
    x = y = 0.0
    mean_x = mean_y = 0.0
    reacting = 0.0
    row = np.int64(blocks.blocks[b].dense_start)
    for e in range(blocks.blocks[b].entry_start, blocks.blocks[b + 1].entry_start):
        firings = _expect(channels, laws, blocks, plan, state, e, tau)
        reacting += firings
        amount_x, amount_y = blocks.amount[row], blocks.amount[row + 1]
        x += amount_x * state.blocks.drawn[e]
        y += amount_y * state.blocks.drawn[e]
        mean_x += amount_x * firings
        mean_y += amount_y * firings
        # Most entries read no species of their own block, and leave the matrix alone.
        if blocks.entries[e].slope_start < blocks.entries[e + 1].slope_start:
            slope_x = slope_y = 0.0
            for j in range(blocks.entries[e].slope_start, blocks.entries[e + 1].slope_start):
                slope = half * _slope(channels, laws, blocks.slopes[j], state.counts)
                if blocks.slopes[j].place:
                    slope_y += slope
                else:
                    slope_x += slope
            state.blocks.slope[row], state.blocks.slope[row + 1] = slope_x, slope_y
            xx -= amount_x * slope_x
            xy -= amount_x * slope_y
            yx -= amount_y * slope_x
            yy -= amount_y * slope_y
        row += 2
    # From the diagonal of the Jacobian, of which half a step is taken from 1 in the matrix.
    relaxing = (abs(xx - 1.0) + abs(yy - 1.0)) / half
    # A diagonal of 1 - half a step times a rate of growth would pass 0 in long steps, and the change its pole.
    xx, yy = max(xx, _LEAST_DIAGONAL), max(yy, _LEAST_DIAGONAL)
    determinant = xx * yy - xy * yx
    # Cramer's rule, as long as the determinant is no difference of nearly equal products.
    if abs(determinant) > _NEARLY_SINGULAR * (abs(xx * yy) + abs(xy * yx)):
        inverse = 1.0 / determinant
        solution[0].change, solution[1].change = inverse * (yy * x - xy * y), inverse * (xx * y - yx * x)
        solution[0].expected = inverse * (yy * mean_x - xy * mean_y)
        solution[1].expected = inverse * (xx * mean_y - yx * mean_x)
    else:
        matrix = state.blocks.matrix
        matrix[0, 0], matrix[0, 1], matrix[0, 2], matrix[0, 3] = xx, xy, x, mean_x
        matrix[1, 0], matrix[1, 1], matrix[1, 2], matrix[1, 3] = yx, yy, y, mean_y
        _eliminate(state, 2)
    return reacting, relaxing


@inlined
def solve_block(channels, laws, blocks, plan, state, b, n, tau):
    """The same for a block of n species."""
    matrix = state.blocks.matrix
    half = 0.5 * tau
    reacting = relaxing = 0.0
    for i in range(n):
        for j in range(n + 2):
            matrix[i, j] = 0.0
        matrix[i, i] = 1.0
    row = np.int64(blocks.blocks[b].dense_start)
    for e in range(blocks.blocks[b].entry_start, blocks.blocks[b + 1].entry_start):
        firings = _expect(channels, laws, blocks, plan, state, e, tau)
        reacting += firings
        for i in range(n):
            state.blocks.slope[row + i] = 0.0
        for j in range(blocks.entries[e].slope_start, blocks.entries[e + 1].slope_start):
            place = np.int64(blocks.slopes[j].place)
            state.blocks.slope[row + place] += half * _slope(channels, laws, blocks.slopes[j], state.counts)
        for i in range(n):
            amount = blocks.amount[row + i]
            if amount != 0.0:
                matrix[i, n] += amount * state.blocks.drawn[e]
                matrix[i, n + 1] += amount * firings
                for j in range(n):
                    matrix[i, j] -= amount * state.blocks.slope[row + j]
        row += n
    for i in range(n):
        relaxing += abs(matrix[i, i] - 1.0) / half
        matrix[i, i] = max(matrix[i, i], _LEAST_DIAGONAL)
    _eliminate(state, n)
    return reacting, relaxing


@inlined
def _eliminate(state, n):
    """Solve the n equations in `BlockState.matrix` for both right-hand sides, by elimination with pivots."""
    matrix = state.blocks.matrix
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
    # Two right-hand sides, in the columns behind the matrix: the firings drawn, and those expected.
    for i in range(n - 1, -1, -1):
        for side in range(n, n + 2):
            value = matrix[i, side]
            for k in range(i + 1, n):
                value -= matrix[i, k] * matrix[k, side]
            matrix[i, side] = value / matrix[i, i]
        state.blocks.solution[i].change = matrix[i, n]
        state.blocks.solution[i].expected = matrix[i, n + 1]
