"""A step of implicit Euler in one block, by Newton's method: for blocks without a closed form, see `implicit_steps`."""

import numpy as np

from .implicit_state import MOST_PARTS, known, make
from .jit import inlined
from .linked import kernel

_ROUNDS = 30
"""Newton's method converges in fewer, or not at all."""
_PRECISION = 1e-13
_ROUNDING = 1e-12


@inlined
def solve_many(channels, plan, state, b, step):
    """A GENERAL block, by Newton's method; where that does not converge, the part of the step is halved. Returns the
    number of parts."""
    x, before = state.x, state.before
    start = np.int64(plan.blocks[b].species_start)
    n = np.int64(plan.blocks[b + 1].species_start) - start
    for j in range(plan.blocks[b].item_start, plan.blocks[b + 1].item_start):
        state.value[j] = known(channels, plan, state, j)
    left, part = step, step
    parts = 0
    while left > 0.0:
        for i in range(n):
            before[i] = x[plan.species[start + i]]
        if _newton(plan, state, b, n, part):
            make(plan, state, b, part)
            parts += 1
            left = left - part if part < left * (1.0 - _ROUNDING) else 0.0
            part = min(part, left)
        else:
            for i in range(n):
                x[plan.species[start + i]] = before[i]
            part *= 0.5
            if part * MOST_PARTS < step:
                return 0
    return parts


@kernel
def _newton(plan, state, b, n, part):
    """Solve the equations of block b for a part of a step. False if there was no convergence to values >= 0."""
    x, matrix = state.x, state.matrix
    start = np.int64(plan.blocks[b].species_start)
    for _ in range(_ROUNDS):
        _linearise(plan, state, b, n, part)
        if not _eliminate(matrix, n):
            return False
        scale = change = 0.0
        for i in range(n):
            s = plan.species[start + i]
            x[s] += matrix[i, n]
            scale = max(scale, abs(x[s]))
            change = max(change, abs(matrix[i, n]))
        if not scale < np.inf:
            return False
        if change <= _PRECISION * scale:
            for i in range(n):
                s = plan.species[start + i]
                if x[s] < -_ROUNDING * scale:
                    return False
                x[s] = max(x[s], 0.0)
            return True
    return False


@inlined
def _linearise(plan, state, b, n, part):
    """The matrix of derivatives of the equations of block b, and in column n what they lack."""
    x, matrix = state.x, state.matrix
    start = np.int64(plan.blocks[b].species_start)
    for i in range(n):
        for j in range(n):
            matrix[i, j] = 0.0
        matrix[i, i] = 1.0
        matrix[i, n] = state.before[i] - x[plan.species[start + i]]
    row = np.int64(plan.blocks[b].dense_start)
    for j in range(plan.blocks[b].item_start, plan.blocks[b + 1].item_start):
        item = plan.items[j]
        rate = by_first = by_second = part * state.value[j]
        first, second = np.int64(item.place), np.int64(item.other_place)
        if item.degree > 0:
            y = x[plan.species[start + first]]
            rate *= y
            by_second *= y
        if item.degree > 1:
            y = x[plan.species[start + second]]
            rate *= y
            by_first *= y
        for i in range(n):
            amount = plan.amount[row + i]
            if amount != 0.0:
                matrix[i, n] += amount * rate
                if item.degree > 0:
                    matrix[i, first] -= amount * by_first
                if item.degree > 1:
                    matrix[i, second] -= amount * by_second
        row += n


@inlined
def _eliminate(matrix, n):
    """Solve n equations with their right side in column n, by elimination with pivots. False if they are singular."""
    for i in range(n):
        pivot = i
        for j in range(i + 1, n):
            if abs(matrix[j, i]) > abs(matrix[pivot, i]):
                pivot = j
        if not abs(matrix[pivot, i]) > 0.0:
            return False
        if pivot != i:
            for k in range(i, n + 1):
                matrix[i, k], matrix[pivot, k] = matrix[pivot, k], matrix[i, k]
        for j in range(i + 1, n):
            factor = matrix[j, i] / matrix[i, i]
            if factor != 0.0:
                for k in range(i + 1, n + 1):
                    matrix[j, k] -= factor * matrix[i, k]
    for i in range(n - 1, -1, -1):
        value = matrix[i, n]
        for k in range(i + 1, n):
            value -= matrix[i, k] * matrix[k, n]
        matrix[i, n] = value / matrix[i, i]
    return True
