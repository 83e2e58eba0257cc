"""The crowd of a leap: many channels of one term each, of which few can fire; their firings are drawn as one total.

Members that can fire stand in a list. A firing picks one of them by its propensity, with a trial against the largest:
the cost is that of the firings, not of the members.
"""

import numpy as np

from .channels import term_value
from .codes import COUNT_LIMIT
from .counting import draw_poisson
from .jit import kernel
from .leap_state import CLIPPED, CROWD_BOUND, CROWD_TOTAL, N_ACTIVE


@kernel
def refresh_crowd(channels, plan, state):
    """Look at every member."""
    ledger = state.ledger
    ledger[N_ACTIVE] = 0
    ledger[CROWD_TOTAL] = 0.0
    ledger[CROWD_BOUND] = 0.0
    for m in range(plan.crowd.size):
        state.member_value[m] = 0.0
        state.active_place[m] = -1
        _look(channels, plan, state, m)


@kernel
def _look(channels, plan, state, m):
    """Bring the value of member m up to date, and the list of those that can fire."""
    ledger = state.ledger
    value = term_value(channels, channels.term_start[plan.crowd[m]], state.counts, state.counts)
    ledger[CROWD_TOTAL] += value - state.member_value[m]
    state.member_value[m] = value
    ledger[CROWD_BOUND] = max(ledger[CROWD_BOUND], value)
    place = state.active_place[m]
    n = np.int64(ledger[N_ACTIVE])
    if value > 0.0 and place < 0:
        state.active[n] = m
        state.active_place[m] = n
        ledger[N_ACTIVE] = n + 1
    elif value <= 0.0 and place >= 0:
        last = state.active[n - 1]
        state.active[place] = last
        state.active_place[last] = place
        state.active_place[m] = -1
        ledger[N_ACTIVE] = n - 1
        if n == 1:
            ledger[CROWD_TOTAL] = 0.0
            ledger[CROWD_BOUND] = 0.0


@kernel
def pick_member(state, rng):
    """A member, by its propensity when last looked at."""
    n = state.ledger[N_ACTIVE]
    bound = state.ledger[CROWD_BOUND]
    while True:
        place = rng.random() * n
        m = state.active[np.int64(place)]
        if (place - np.floor(place)) * bound < state.member_value[m]:
            return m


@kernel
def change_slow(channels, plan, state, s, amount):
    """Change the count of a species that families and the crowd change, and the sums kept of it."""
    counts = state.counts
    counts[s] += amount
    for k in range(plan.reader_start[s], plan.reader_start[s + 1]):
        t = plan.reader_term[k]
        other = channels.second[t] if channels.first[t] == s else channels.first[t]
        state.value[plan.term_channel[t]] += channels.coefficient[t] * (amount * counts[other])
    if not state.is_touched[s]:
        state.is_touched[s] = True
        state.touched[state.n_touched[0]] = s
        state.n_touched[0] += 1


@kernel
def leap_crowd(channels, plan, state, tau, rng):
    """Fire the crowd over tau, by the propensities at the start of the step. Returns the number of firings."""
    if state.ledger[N_ACTIVE] == 0:
        return 0
    counts = state.counts
    fired = 0
    for _ in range(draw_poisson(rng, state.ledger[CROWD_TOTAL] * tau)):
        c = plan.crowd[pick_member(state, rng)]
        there = True
        for k in range(channels.change_start[c], channels.change_start[c + 1]):
            there = there and counts[channels.change_species[k]] + channels.change_amount[k] >= 0
        if not there:
            state.ledger[CLIPPED] += 1
            continue
        for k in range(channels.change_start[c], channels.change_start[c + 1]):
            change_slow(channels, plan, state, channels.change_species[k], channels.change_amount[k])
        if state.firings.size:
            state.firings[channels.term_reaction[channels.term_start[c]]] += 1
        fired += 1
    return fired


@kernel
def settle_touched(channels, plan, state):
    """Look again at the members that read what changed in this step. False if a count is beyond the largest."""
    fits = True
    for k in range(state.n_touched[0]):
        s = state.touched[k]
        state.is_touched[s] = False
        fits = fits and state.counts[s] <= COUNT_LIMIT
        for j in range(plan.member_start[s], plan.member_start[s + 1]):
            _look(channels, plan, state, plan.member[j])
    state.n_touched[0] = 0
    return fits
