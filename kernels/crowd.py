"""The crowd of a leap: many channels of one term each, of which few can fire; their firings are drawn as one total.

Members that can fire stand in bins, one for each power of two of their propensity, so that picking one takes at most
two trials on average (composition and rejection; A. Slepoy, A. P. Thompson, S. J. Plimpton, J. Chem. Phys. 128 (2008)
205101). The cost is that of the firings, not of the members.
"""

import math

import numpy as np

from .channels import term_value
from .codes import COUNT_LIMIT
from .counting import draw_binomial, draw_poisson
from .jit import inlined, kernel
from .leap_state import CLIPPED, CROWD_TOTAL, N_BINS


@kernel
def refresh_crowd(channels, plan, state):
    """Look at every member."""
    for b in range(N_BINS):
        state.bin_size[b] = 0
        state.bin_total[b] = 0.0
    for m in range(plan.crowd.size):
        state.member_value[m] = 0.0
        value = term_value(channels, channels.term_start[plan.crowd[m]], state.counts, state.counts)
        if value > 0.0:
            _move(plan, state, m, value)
    _add_up(state)


@inlined
def _add_up(state):
    """The propensity of the crowd, from its bins: an empty bin has exactly none, whatever rounding does."""
    total = 0.0
    for b in range(N_BINS):
        total += state.bin_total[b]
    state.ledger[CROWD_TOTAL] = total


@inlined
def _bin(plan, value):
    """Bin of a propensity: bin b holds those from 2^b to 2^(b + 1) times the least of one pair, the last all above."""
    return min(max(math.frexp(value / plan.least[0])[1] - 1, 0), N_BINS - 1)


@inlined
def _move(plan, state, m, value):
    """Give member m a new propensity."""
    old = state.member_value[m]
    if value == old:
        return
    state.member_value[m] = value
    before = _bin(plan, old) if old > 0.0 else -1
    after = _bin(plan, value) if value > 0.0 else -1
    if before == after:
        if after >= 0:
            state.bin_total[after] += value - old
        return
    if before >= 0:
        n = state.bin_size[before] - 1
        last = state.bins[before, n]
        place = state.bin_place[m]
        state.bins[before, place] = last
        state.bin_place[last] = place
        state.bin_size[before] = n
        state.bin_total[before] = state.bin_total[before] - old if n else 0.0
    if after >= 0:
        n = state.bin_size[after]
        state.bins[after, n] = m
        state.bin_place[m] = n
        state.bin_size[after] = n + 1
        state.bin_total[after] += value


@kernel
def pick_member(bins, bin_size, bin_total, member_value, least, rng):
    """A member, by its propensity when last looked at."""
    total = 0.0
    for b in range(N_BINS):
        total += bin_total[b]
    while True:
        left = rng.random() * total
        chosen = 0
        for b in range(N_BINS - 1, -1, -1):
            if bin_size[b]:
                chosen = b
                if left < bin_total[b]:
                    break
                left -= bin_total[b]
        bound = least * 2.0 ** (chosen + 1)
        for _ in range(64):
            place = rng.random() * bin_size[chosen]
            m = bins[chosen, np.int64(place)]
            if (place - np.floor(place)) * bound < member_value[m]:
                return np.int64(m)


@inlined
def change_slow(channels, plan, state, s, amount):
    """Change the count of a species that families and the crowd change, and the sums kept of it."""
    counts = state.counts
    counts[s] += amount
    for k in range(plan.reader_start[s], plan.reader_start[s + 1]):
        change = np.float64(amount) * counts[plan.reader_other[k]]
        state.kept_sum[plan.reader_channel[k]] += channels.coefficient[plan.reader_term[k]] * change
    if not state.is_touched[s]:
        state.is_touched[s] = True
        state.touched[state.n_touched[0]] = s
        state.n_touched[0] += 1


@inlined
def fire_member(channels, plan, state, c, n):
    """Fire channel c of the crowd n times."""
    for k in range(channels.change_start[c], channels.change_start[c + 1]):
        change_slow(channels, plan, state, channels.change_species[k], channels.change_amount[k] * n)
    if state.firings.size:
        state.firings[channels.term_reaction[channels.term_start[c]]] += n


@kernel
def _leap_each(channels, plan, state, tau, rng):
    """The same, member by member: each of the molecules that are there reacts, or not, by its own propensity."""
    counts = state.counts
    fired = 0
    for b in range(N_BINS):
        for j in range(state.bin_size[b]):
            m = state.bins[b, j]
            c = plan.crowd[m]
            there = np.int64(COUNT_LIMIT)
            for k in range(channels.change_start[c], channels.change_start[c + 1]):
                amount = channels.change_amount[k]
                if amount < 0:
                    count = counts[channels.change_species[k]]
                    there = min(there, count if amount == -1 else count // -amount)  # a division takes longer
            n = draw_binomial(rng, there, -math.expm1(-state.member_value[m] * tau / max(there, 1)))
            if n == 0:
                continue
            fire_member(channels, plan, state, c, n)
            fired += n
    return fired


@kernel
def leap_crowd(channels, plan, state, tau, rng):
    """Fire the crowd over tau, by the propensities at the start of the step. Returns the number of firings."""
    n_active = 0
    for b in range(N_BINS):
        n_active += state.bin_size[b]
    if state.ledger[CROWD_TOTAL] * tau > 0.5 * n_active:
        return _leap_each(channels, plan, state, tau, rng)
    counts = state.counts
    least = plan.least[0]
    fired = 0
    for _ in range(draw_poisson(rng, state.ledger[CROWD_TOTAL] * tau)):
        m = pick_member(state.bins, state.bin_size, state.bin_total, state.member_value, least, rng)
        c = plan.crowd[m]
        there = True
        for k in range(channels.change_start[c], channels.change_start[c + 1]):
            there = there and counts[channels.change_species[k]] + channels.change_amount[k] >= 0
        if not there:
            state.ledger[CLIPPED] += 1
            continue
        fire_member(channels, plan, state, c, 1)
        fired += 1
    return fired


@kernel
def settle_touched(channels, plan, state):
    """Look again at the members that read what changed in this step. False if a count is beyond the largest."""
    counts = state.counts
    fits = True
    for k in range(state.n_touched[0]):
        s = state.touched[k]
        state.is_touched[s] = False
        fits = fits and counts[s] <= COUNT_LIMIT
        for j in range(plan.member_start[s], plan.member_start[s + 1]):
            m = plan.member[j]
            value = term_value(channels, channels.term_start[plan.crowd[m]], counts, counts)
            _move(plan, state, m, value)
    if state.n_touched[0] and plan.crowd.size:
        _add_up(state)
    state.n_touched[0] = 0
    return fits
