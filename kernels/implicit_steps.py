"""Steps of implicit Euler on mass-action rate equations, block of species after block.

With net changes nu_c and rates a_c of the channels c, the species s of a block get x_s, the solution of

    x_s = x_s(before) + h sum_c nu_cs a_c(x)        [molecules], h the step [s]

in which the species of blocks solved earlier in the step have their new values, those of later ones their old values.
What one channel consumes is in one block, and what it makes is in the same block or a later one. So each channel has
one flux a step, which leaves consumed and made amounts in balance: linear invariants hold, up to rounding. In a state
where all rates balance, every block is solved by its values before: rest is exact, whatever the step.

Solutions are closed forms for blocks of one species, of two rails that annihilate each other, and of two species
with linear kinetics; other blocks take Newton's method. The step of a block is divided where a species of it would
grow by more than `_GROWTH` of itself in a step, as the equations then have no positive solution, and where Newton's
method does not converge to one. Rates are those of `rate_equations`; thresholds have their values at the start of the
solution of the block.
"""

import numpy as np

from .codes import GRID_INDEX, N_CANDIDATES, OVERFLOW, REACHED_END, SLICE_END, TIME
from .implicit_newton import solve_many
from .implicit_state import GENERAL, MOST_PARTS, ONE, RAILS, known, make
from .jit import inlined, kernel

_GROWTH = 0.5
"""The largest growth of a species in a part of a step, as a share of it."""
_ROUNDING_OF_TIME = 1e-9
"""Steps are longer than asked for by no more than this share of theirs: late times have few digits left."""


@inlined
def _root(a, b, c):
    """The root >= 0 of a x^2 + b x = c, without cancellation; a and c >= 0, and b > 0 where a is 0."""
    r = np.sqrt(b * b + 4.0 * a * c)
    if b > 0.0:
        return 2.0 * c / (b + r)
    return (r - b) / (2.0 * a)


@inlined
def _parts(growth):
    """Into how many parts a step is divided in which a species grows by `growth` of itself; 0: too many."""
    if not growth > _GROWTH:
        return 1
    return np.int64(np.ceil(growth / _GROWTH)) if growth < _GROWTH * MOST_PARTS else 0


@inlined
def _solve_one(channels, plan, state, b, step):
    """A block of one species: c + (grow - lose) x - square x^2. Returns the number of parts."""
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
    """A block of two species, RAILS or LINEAR. Returns the number of parts."""
    x = state.x
    start = plan.blocks[b].species_start
    p, m = plan.species[start], plan.species[start + 1]
    make_p = make_m = together = 0.0
    pp = pm = mp = mm = 0.0  # rates of change in proportion: pm is that of p by m
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
                # a p - b m is the difference of what is there and made, as both lose as much to each other.
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
    """One step [s] of all blocks. False if a block has no solution."""
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
    """Take steps of at most `longest` [s] up to t_stop, and no more than `budget`. Steps end at recorded times and at
    t_stop; those before one are equally long. Returns REACHED_END, SLICE_END or OVERFLOW."""
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
