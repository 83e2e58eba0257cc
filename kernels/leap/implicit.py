"""Implicit Euler steps for mass-action rate equations, one block of species after another.

With net changes nu_c and rates a_c of the channels c, the species s of a block get x_s, the solution of

    x_s = x_s(before) + h sum_c nu_cs a_c(x)        [molecules], h the step [s]

in which the species of blocks solved earlier in the step have their new values, those of later blocks their old values.
A channel consumes species of one block only, and makes species of the same block or later ones. So each channel has one
flux a step, with balanced consumption and production: linear invariants hold, up to rounding. In a state where all
rates balance, every block is solved by its values before, so equilibria are exact for any step.

Blocks of one species, of two rails that annihilate each other, and of two species with linear kinetics have solutions
in closed form; other blocks take Newton's method. The step of a block is divided where one of its species would grow by
more than `_GROWTH` of itself in a step, as the equations then have no positive solution, and where Newton's method does
not converge to one. Rates are those of `limits.derivatives`; thresholds have their values at the start of the solution
of the block.
"""

from typing import NamedTuple

import numpy as np

from ..codes import GRID_INDEX, N_CANDIDATES, OVERFLOW, REACHED_END, SLICE_END, STEP, TIME, record_type
from ..jit import inlined
from ..linked import kernel

# The plan, made once from the compiled network, and the state of a simulation.

ONE, RAILS, LINEAR, GENERAL = 0, 1, 2, 3
"""Kinds of blocks: one species; two that annihilate each other; two with linear kinetics; all others."""
MOST_PARTS = 2**20
"""Largest number of parts of a divided step."""

IMPLICIT_BLOCK = record_type(
    kind=np.int64,
    species_start=np.uint32,  # into `ImplicitPlan.species`
    item_start=np.uint32,  # into `ImplicitPlan.items`
    dense_start=np.uint32,  # into `ImplicitPlan.amount`, of a GENERAL block: a row for each item
    made_start=np.uint32,  # into `ImplicitPlan.made`
)
ITEM = record_type(
    amount=np.float64,  # change of the first species of the block by a firing of the item's channel
    other_amount=np.float64,  # that of the second
    term=np.uint32,
    known=np.uint32,  # a factor from outside the block, or the constant 1
    other_known=np.uint32,
    degree=np.uint32,  # number of factors of the block: 0, 1 or 2
    place=np.uint32,  # the first of them in the block
    other_place=np.uint32,  # the second
)
MADE = record_type(
    amount=np.float64,  # change of a species outside the block by a firing of the item's channel
    species=np.uint32,
    item=np.uint32,
)


class ImplicitPlan(NamedTuple):
    """The blocks in the order in which they are solved. Ranges are given by their starts."""

    blocks: np.ndarray  # BLOCK[block + 1]
    species: np.ndarray  # uint32[...]
    items: np.ndarray  # ITEM[...]: a term of a channel in its block
    amount: np.ndarray  # float64[...]
    made: np.ndarray  # MADE[...]


class ImplicitState(NamedTuple):
    x: np.ndarray  # float64[species + 1] [molecules], the last always 1
    coefficient: np.ndarray  # float64[item]: coefficients of the terms, copied in order at the start of a call
    value: np.ndarray  # float64[item]: known factor of a term
    before: np.ndarray  # float64[largest block]: values at the start of a part of a step
    matrix: np.ndarray  # float64[largest block, largest block + 1]
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    divided: np.ndarray  # int64[1]: solutions of blocks that took several parts


@inlined
def known(channels, plan, state, j):
    """Known factor of the term of item j [1/s, or per molecules of the block]: its coefficient times the factors from
    outside the block."""
    item, x = plan.items[j], state.x
    value = state.coefficient[j] * (x[item.known] * x[item.other_known])
    if channels.extras.size:
        for e in range(channels.terms[item.term].extra_start, channels.terms[item.term + 1].extra_start):
            a = channels.extras[e].a
            b = channels.extras[e].b
            if channels.extras[e].kind == STEP:
                if not x[a] > x[b]:
                    value = 0.0
            else:  # RAMP
                value *= max(x[a] - x[b], 0.0)
    return value


@inlined
def make(plan, state, b, part):
    """Add to other blocks what the channels of block b produce there in a part of a step [s]."""
    x = state.x
    start = plan.blocks[b].species_start
    for k in range(plan.blocks[b].made_start, plan.blocks[b + 1].made_start):
        j = plan.made[k].item
        flux = part * state.value[j]
        if plan.items[j].degree > 0:
            flux *= x[plan.species[start + plan.items[j].place]]
        if plan.items[j].degree > 1:
            flux *= x[plan.species[start + plan.items[j].other_place]]
        x[plan.made[k].species] += plan.made[k].amount * flux


# A step of a block without a closed form, by Newton's method.

_ROUNDS = 30
"""Newton's method converges in fewer rounds, or not at all."""
_PRECISION = 1e-13
"""Relative change at which Newton's method has converged."""
_ROUNDING = 1e-12
"""Values between this share of the largest one, below 0, and 0 are rounding."""


@inlined
def solve_many(channels, plan, state, b, step):
    """Solve a GENERAL block by Newton's method, with halved parts of the step where it does not converge.

    Returns the number of parts, 0 if there are too many.
    """
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
            # Shorter parts make the equations more nearly linear, up to the limit of `MOST_PARTS`.
            part *= 0.5
            if part * MOST_PARTS < step:
                return 0
    return parts


@kernel
def _newton(plan, state, b, n, part):
    """Solve the equations of block b for a part of a step. Returns whether it converged to values >= 0."""
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
    """Fill in the matrix of derivatives of the equations of block b, and their residuals in column n."""
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
    """Solve n equations with right-hand side in column n, by elimination with pivots. False if they are singular."""
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


# Blocks with closed forms, and steps of all blocks.

_GROWTH = 0.5
"""Largest growth of a species in a part of a step, as a share of its amount."""
_ROUNDING_OF_TIME = 1e-9
"""Steps exceed the requested length by no more than this share, since late times have few digits left."""


@inlined
def _root(a, b, c):
    """The root >= 0 of a x^2 + b x = c, without cancellation; a and c >= 0, and b > 0 where a is 0."""
    r = np.sqrt(b * b + 4.0 * a * c)
    if b > 0.0:
        return 2.0 * c / (b + r)
    return (r - b) / (2.0 * a)


@inlined
def _parts(growth):
    """Number of parts of a step in which a species grows by `growth` of its amount; 0 if there are too many."""
    if not growth > _GROWTH:
        return 1
    return np.int64(np.ceil(growth / _GROWTH)) if growth < _GROWTH * MOST_PARTS else 0


@inlined
def _solve_one(channels, plan, state, b, step):
    """Solve a block of one species, x' = constant + (grow - lose) x - square x^2. Returns the number of parts."""
    x = state.x
    s = plan.species[plan.blocks[b].species_start]
    constant = grow = lose = square = 0.0
    makes = plan.blocks[b].made_start < plan.blocks[b + 1].made_start
    for j in range(plan.blocks[b].item_start, plan.blocks[b + 1].item_start):
        value = known(channels, plan, state, j)
        if makes:
            state.value[j] = value
        value *= plan.items[j].amount
        degree = plan.items[j].degree
        if degree == 0:
            constant += value
        elif degree == 1:
            if value > 0.0:
                grow += value
            else:
                lose -= value
        else:
            square -= value
    # Autocatalytic growth only: with losses the equation has a positive root for any step.
    parts = _parts(step * (grow - lose))
    if parts == 0:
        return parts
    part = step if parts == 1 else step / parts
    slope = 1.0 + part * (lose - grow)
    for _ in range(parts):
        total = x[s] + part * constant
        x[s] = total / slope if square == 0.0 else _root(part * square, slope, total)
        if makes:
            make(plan, state, b, part)
    return parts


@inlined
def _solve_two(channels, plan, state, b, step):
    """Solve a block of two species, RAILS or LINEAR. Returns the number of parts."""
    x = state.x
    start = plan.blocks[b].species_start
    p, m = plan.species[start], plan.species[start + 1]
    make_p = make_m = together = 0.0
    pp = pm = mp = mm = 0.0  # linear rate constants: pm is that of p by m
    makes = plan.blocks[b].made_start < plan.blocks[b + 1].made_start
    for j in range(plan.blocks[b].item_start, plan.blocks[b + 1].item_start):
        value = known(channels, plan, state, j)
        if makes:
            state.value[j] = value
        degree = plan.items[j].degree
        if degree == 0:
            make_p += plan.items[j].amount * value
            make_m += plan.items[j].other_amount * value
        elif degree == 1:
            if plan.items[j].place == 0:
                pp += plan.items[j].amount * value
                mp += plan.items[j].other_amount * value
            else:
                pm += plan.items[j].amount * value
                mm += plan.items[j].other_amount * value
        else:
            together += value
    # With column sums of at least 1 - _GROWTH, and no entry off the diagonal above 0, the matrix has an inverse >= 0.
    parts = _parts(step * max(max(pp, mm), max(pp + mp, mm + pm)))
    if parts == 0:
        return parts
    part = step if parts == 1 else step / parts
    a, b_ = 1.0 - part * pp, 1.0 - part * mm
    k = part * together
    for _ in range(parts):
        total_p, total_m = x[p] + part * make_p, x[m] + part * make_m
        if plan.blocks[b].kind == RAILS:
            if k > 0.0:
                # Annihilation takes as much from p as from m, so a p - b m is known: the difference of the totals.
                difference = total_p - total_m
                x[p] = _root(k * a / b_, a - k * difference / b_, total_p)
                x[m] = _root(k * b_ / a, b_ + k * difference / a, total_m)
            else:
                x[p], x[m] = total_p / a, total_m / b_
        else:
            determinant = a * b_ - (part * pm) * (part * mp)
            x[p] = (b_ * total_p + part * pm * total_m) / determinant
            x[m] = (a * total_m + part * mp * total_p) / determinant
        if makes:
            make(plan, state, b, part)
    return parts


@kernel
def _one_step(channels, plan, state, step):
    """Make one step [s] of all blocks. Returns False if a block has no solution."""
    for b in range(plan.blocks.size - 1):
        kind = plan.blocks[b].kind
        if kind == ONE:
            parts = _solve_one(channels, plan, state, b, step)
        elif kind == GENERAL:
            parts = solve_many(channels, plan, state, b, step)
        else:
            parts = _solve_two(channels, plan, state, b, step)
        if parts != 1:
            if parts == 0:
                return False
            state.divided[0] += 1
    return True


@kernel
def run_implicit(channels, plan, state, grid_time, rows, longest, t_stop, budget):
    """Make at most `budget` steps of at most `longest` [s] up to t_stop.

    Steps end at recorded times and at t_stop; those before one of these are equally long. Returns REACHED_END,
    SLICE_END or OVERFLOW.
    """
    clock, tally, x = state.clock, state.tally, state.x
    pause = tally[N_CANDIDATES] + budget
    for j in range(plan.items.size):
        state.coefficient[j] = channels.terms[plan.items[j].term].coefficient
    while True:
        k = tally[GRID_INDEX]
        is_point = k < grid_time.size and grid_time[k] <= t_stop
        boundary = grid_time[k] if is_point else t_stop
        if not clock[TIME] < boundary:
            if not is_point:
                return REACHED_END
            for s in range(rows.shape[1]):
                rows[k, s] = x[s]
            tally[GRID_INDEX] += 1
            continue
        if tally[N_CANDIDATES] >= pause:
            return SLICE_END
        rest = boundary - clock[TIME]
        n_left = np.ceil(rest / longest * (1.0 - _ROUNDING_OF_TIME))
        step = rest / n_left if n_left > 1.0 else rest
        if not clock[TIME] + step > clock[TIME] or not _one_step(channels, plan, state, step):
            return OVERFLOW
        tally[N_CANDIDATES] += 1
        clock[TIME] = boundary if n_left <= 1.0 else clock[TIME] + step
