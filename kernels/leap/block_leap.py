"""One leap of the channels of blocks: the trapezoidal rule, block after block, each with its inputs known.

A block is a set of species that act on each other. A channel fires a Poisson number with the propensity at the start of
the step, plus half the step times the change of its propensity over the step, linearised in the species of its block.
On linear networks, the mean and the stationary covariance are those of the master equation for any step, even if modes
are much faster than it. A pair of rails whose annihilation is much faster than the step is not linear: see
`fast_pairs`.

Trapezoidal leaping: Y. Cao, L. Petzold, Proc. FOSBE (2005) 149-152. The solution block by block is new here.
"""

import numpy as np

from ..channels import term_value
from ..codes import COUNT_LIMIT, OVERFLOW, REACHED_END
from ..generator import draw_poissons
from ..jit import inlined
from ..linked import kernel
from .family_leap import fire_often
from .fast_pairs import annihilate, settle_pair, show_average, show_counts
from .leap_state import RELAXATION, block_change, leap_value

# The equations of a block: with its inputs known, they are linear in the changes of its species.

_NEARLY_SINGULAR = 1e-6
"""Two equations whose determinant is smaller than this share of its terms are solved with pivoting."""
_LEAST_DIAGONAL = 0.5
"""Least diagonal of the matrix: autocatalytic growth that the step does not resolve is treated explicitly beyond it."""


@inlined
def _slope(channels, laws, slope, counts):
    """Derivative of the term of a row of `BlockPlan.slopes` by the count of its species."""
    t = slope.term
    if slope.plain:
        return channels.terms[t].coefficient * (counts[slope.other] - slope.offset)
    # A central difference: exact up to order two in the count, and finite at thresholds.
    s = slope.species
    counts[s] += 1
    change = term_value(channels, laws, t, counts, counts)
    counts[s] -= 2
    change -= term_value(channels, laws, t, counts, counts)
    counts[s] += 1
    return 0.5 * change


@inlined
def _expect(channels, laws, blocks, plan, state, e, tau):
    """Correct the firings drawn for entry e for changes of its propensity by other blocks. Returns expected firings."""
    c = blocks.entries[e].channel
    before = state.channels[c].value
    expected = before * tau
    if blocks.entries[e].moves:
        # Half of the step at the old propensity, half at the new one: the trapezoidal rule for the known changes.
        now = leap_value(channels, laws, plan, state, c)
        state.channels[c].value = now
        change = 0.5 * tau * (now - before)
        state.blocks.drawn[e] += change
        expected += change
    return expected


@inlined
def solve_pair(channels, laws, blocks, plan, state, b, tau):
    """Solve the equations of block b of one or two species, as most blocks are.

    `BlockState.solution` becomes the change of each species with the firings drawn, and with those expected. Returns
    the expected firings, and the sum of the relaxation rates of the species [1/s].
    """
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
        # Most entries read no species of this block, and do not change the matrix.
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
    # From the diagonal of the Jacobian: the matrix is 1 minus half a step times the Jacobian.
    relaxing = (abs(xx - 1.0) + abs(yy - 1.0)) / half
    # For a growing species, a diagonal of 1 - half a step times its rate would reach 0 in long steps: a pole.
    xx, yy = max(xx, _LEAST_DIAGONAL), max(yy, _LEAST_DIAGONAL)
    determinant = xx * yy - xy * yx
    # Cramer's rule, unless the determinant is a difference of nearly equal products.
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
    """As `solve_pair`, for a block of n species."""
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
    # The two columns behind the matrix are the right-hand sides: the firings drawn, and those expected.
    for i in range(n - 1, -1, -1):
        for side in range(n, n + 2):
            value = matrix[i, side]
            for k in range(i + 1, n):
                value -= matrix[i, k] * matrix[k, side]
            matrix[i, side] = value / matrix[i, i]
        state.blocks.solution[i].change = matrix[i, n]
        state.blocks.solution[i].expected = matrix[i, n + 1]


# The firings of a block, and the leap of all blocks.

_TURNS = 20
"""Rounds in which firings of a block can wait for missing molecules; then firings without molecules are dropped."""
_SMALL = 0.4
"""Smaller shares of the allowed change do not affect the next step, which grows by a factor of two at most."""


@inlined
def _fire(channels, laws, blocks, plan, state, e, wanted, rng):
    """Fire entry e a whole number of times, and carry fractions to the next step.

    Returns the number of firings, or -1 for an overflow. Where molecules are missing it returns 0, and
    `BlockState.drawn` becomes the number of firings that wait for them.
    """
    counts = state.counts
    entry = blocks.entries[e]
    c = entry.channel
    wanted += state.channels[c].carried
    if not wanted < COUNT_LIMIT:
        return np.int64(-1)
    # The nearest whole number, at least 0. The difference is carried on, not lost.
    firings = np.int64(np.floor(max(wanted, 0.0) + 0.5))
    # Rounding leaves at most half a firing. A larger debt is dropped, since nothing fires backwards, unless it is of
    # firings that a fast pair borrowed from later steps.
    state.channels[c].carried = max(wanted - firings, min(state.channels[c].carried, -0.5))
    state.blocks.drawn[e] = 0.0
    s, other = entry.first_species, entry.second_species
    x = counts[s] + entry.first_amount * firings
    y = counts[other] + entry.second_amount * firings
    if min(x, y) < 0:
        state.blocks.drawn[e] = firings
        return np.int64(0)
    # Two species that stay in range are set directly; `fire_often`, which is slower, checks what is available.
    if entry.more or state.firings.size or max(x, y) > COUNT_LIMIT:
        return fire_often(channels, laws, plan, state, np.int64(c), firings, rng) if firings > 0 else np.int64(0)
    counts[s] = x
    counts[other] = y
    return firings


@kernel
def _fire_waiting(channels, laws, blocks, plan, state, b, rng):
    """Fire what waits for molecules, which other channels of the block may have made in the meantime.

    Of two fast opposite conversions, only the difference may be available at a time. Returns the number of firings, or
    -1 for an overflow.
    """
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
            continue  # fires last, as often as the drawn count of the scarcer species requires
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
    # Propensities for the next step. Entries that read no species of this block are updated there, by `_expect`.
    for e in range(blocks.blocks[b].entry_start, blocks.blocks[b + 1].entry_start):
        if blocks.entries[e].slope_start < blocks.entries[e + 1].slope_start:
            c = blocks.entries[e].channel
            state.channels[c].value = leap_value(channels, laws, plan, state, c)
    return fired


@kernel
def leap_blocks(channels, laws, blocks, plan, state, tau, epsilon, rng):
    """Leap over tau in every block.

    Returns the status, the number of firings, and the largest expected change of a species relative to what `epsilon`
    allows.
    """
    firings = np.int64(0)
    largest = 0.0
    all_reacting = all_relaxing = 1e-300
    any_settled = False
    drawn, solution = state.blocks.drawn, state.blocks.solution
    # All numbers are drawn from the propensities at the start of the step, before any block changes a count.
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
        # Fire before the next block, which reads these counts: inputs of a block come before it, as far as loops allow.
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
