"""The equations of one block in one leap: with what acts on it known, linear in the changes of its own species."""

import numpy as np

from ..channels import term_value
from ..codes import COUNT_LIMIT, OVERFLOW, REACHED_END
from ..generator import draw_poissons
from ..jit import inlined
from ..linked import kernel
from .family_leap import fire_often
from .fast_pairs import annihilate, settle_pair, show_average, show_counts
from .leap_state import RELAXATION, block_change, leap_value

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


# One leap of the channels of blocks: the trapezoidal rule, block after block, each solved with what acts on it known.
#
# A channel fires a Poisson number with the propensity at the start of the step, plus half the step times the change of
# its propensity over the step, linearised in the species of its own block. On linear networks the mean and the
# stationary covariance are those of the master equation whatever the step, also where modes are much faster than it. A
# pair of rails whose annihilation is much faster than the step is no linear network: see `fast_pairs`.
#
# Trapezoidal leaping: Y. Cao, L. Petzold, Proc. FOSBE (2005) 149-152; the solution block by block is ours.

_TURNS = 20
"""Times that what waits for molecules in a block gets its turn; what is not there then does not react."""
_SMALL = 0.4
"""A smaller part of the change that is allowed makes no difference to the next step, which grows by two at most."""


@inlined
def _fire(channels, laws, blocks, plan, state, e, wanted, rng):
    """Fire entry e a whole number of times; parts are carried on. Returns the number of firings, or -1 for an overflow;
    where molecules are missing, 0, and `BlockState.drawn` becomes the number of firings that wait for them."""
    counts = state.counts
    entry = blocks.entries[e]
    c = entry.channel
    wanted += state.channels[c].carried
    if not wanted < COUNT_LIMIT:
        return np.int64(-1)
    # The nearest whole number, never below none; what it differs by is not lost.
    firings = np.int64(np.floor(max(wanted, 0.0) + 0.5))
    # Rounding leaves half a firing at most; what is below that is dropped, as nothing fires backwards.
    # Only firings that a fast pair borrowed from this step are owed for longer.
    state.channels[c].carried = max(wanted - firings, min(state.channels[c].carried, -0.5))
    state.blocks.drawn[e] = 0.0
    s, other = entry.first_species, entry.second_species
    x = counts[s] + entry.first_amount * firings
    y = counts[other] + entry.second_amount * firings
    if min(x, y) < 0:
        state.blocks.drawn[e] = firings
        return np.int64(0)
    # Two species that stay in range are set at once; else the slower way, which sees what is there.
    if entry.more or state.firings.size or max(x, y) > COUNT_LIMIT:
        return fire_often(channels, laws, plan, state, np.int64(c), firings, rng) if firings > 0 else np.int64(0)
    counts[s] = x
    counts[other] = y
    return firings


@kernel
def _fire_waiting(channels, laws, blocks, plan, state, b, rng):
    """Fire what waits for molecules, which others of the block may have made: of two conversions that are fast only the
    difference may be there to react. Returns the number of firings, or -1 for an overflow."""
    fired = np.int64(0)
    for turn in range(_TURNS):
        left = False
        for e in range(blocks.blocks[b].entry_start, blocks.blocks[b + 1].entry_start):
            n = np.int64(state.blocks.drawn[e])
            if n == 0:
                continue
            entry = blocks.entries[e]
            there = n
            if turn + 1 < _TURNS:
                if entry.first_amount < 0:
                    there = min(there, state.counts[entry.first_species] // -entry.first_amount)
                if entry.second_amount < 0:
                    there = min(there, state.counts[entry.second_species] // -entry.second_amount)
            state.blocks.drawn[e] = n - there
            left = left or there < n
            if there > 0:
                firings = fire_often(channels, laws, plan, state, np.int64(entry.channel), there, rng)
                if firings < 0:
                    return firings
                fired += firings
        if not left:
            break
    return fired


@inlined
def _fire_block(channels, laws, blocks, plan, state, b, n, rng, settled):
    """Fire the channels of block b of n species. Returns the number of firings, or -1 for an overflow."""
    fired = np.int64(0)
    waits = False
    width = max(2, n)
    slope, solution = state.blocks.slope, state.blocks.solution
    row = np.int64(blocks.blocks[b].dense_start)
    for e in range(blocks.blocks[b].entry_start, blocks.blocks[b + 1].entry_start):
        wanted = state.blocks.drawn[e] + slope[row] * solution[0].change + slope[row + 1] * solution[1].change
        for i in range(2, n):
            wanted += slope[row + i] * solution[i].change
        row += width
        if settled and e == blocks.blocks[b].annihilation:
            state.blocks.drawn[e] = 0.0
            continue  # fires last, as often as the drawn count of the scarcer species needs
        firings = _fire(channels, laws, blocks, plan, state, e, wanted, rng)
        if firings < 0:
            return firings
        fired += firings
        waits = waits or state.blocks.drawn[e] > 0.0
    if waits:
        firings = _fire_waiting(channels, laws, blocks, plan, state, b, rng)
        if firings < 0:
            return firings
        fired += firings
    if settled:
        firings = annihilate(channels, laws, blocks, plan, state, b, rng)
        if firings < 0:
            return firings
        fired += firings
    # For the next step; what reads no species of its block is looked at there, if others may have changed it.
    for e in range(blocks.blocks[b].entry_start, blocks.blocks[b + 1].entry_start):
        if blocks.entries[e].slope_start < blocks.entries[e + 1].slope_start:
            c = blocks.entries[e].channel
            state.channels[c].value = leap_value(channels, laws, plan, state, c)
    return fired


@kernel
def leap_blocks(channels, laws, blocks, plan, state, tau, epsilon, rng):
    """Leap over tau in every block. Returns the status, the number of firings, and the largest expected change of a
    species as a multiple of what `epsilon` allows."""
    firings = np.int64(0)
    largest = 0.0
    all_reacting = all_relaxing = 1e-300
    any_settled = False
    drawn, solution = state.blocks.drawn, state.blocks.solution
    # All numbers from the propensities at the start of the step, before any block changes a count.
    for e in range(drawn.size):
        drawn[e] = state.channels[blocks.entries[e].channel].value * tau
    draw_poissons(rng, drawn)
    for b in range(blocks.blocks.size - 1):
        start = np.int64(blocks.blocks[b].species_start)
        n = np.int64(blocks.blocks[b + 1].species_start) - start
        settled, scarce, shrink, hidden = False, 0.0, 1.0, 0.0
        if n <= 2:
            reacting, relaxing = solve_pair(channels, laws, blocks, plan, state, b, tau)
            if blocks.blocks[b].pair:
                settled, scarce, shrink, slow, hidden = settle_pair(channels, blocks, state, b, tau, rng)
                if settled:
                    relaxing = min(relaxing, slow)
        else:
            reacting, relaxing = solve_block(channels, laws, blocks, plan, state, b, n, tau)
        all_reacting += reacting
        all_relaxing += relaxing * reacting / n  # the mean rate of its species, weighted by its firings
        for i in range(n):
            x = state.counts[blocks.species[start + i]]
            if settled:
                x = np.int64(hidden)
            change = abs(solution[i].expected)
            if change > _SMALL * (epsilon * x + 10.0):
                largest = max(largest, change / block_change(epsilon, x))
        # Before the next block, which sees these counts: what acts on a block comes before it, where loops allow.
        fired = _fire_block(channels, laws, blocks, plan, state, b, n, rng, settled)
        if fired < 0:
            return OVERFLOW, firings, largest
        firings += fired
        if settled:
            show_average(blocks, state, b, scarce, shrink, rng)
            any_settled = True
    if any_settled:
        show_counts(blocks, state)
    state.ledger[RELAXATION] = all_relaxing / all_reacting
    return REACHED_END, firings, largest
