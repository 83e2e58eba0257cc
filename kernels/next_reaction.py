"""Next reaction method: every channel has its own next time, the earliest fires, and only what depends on the change
is computed anew, a pending time running on at the new propensity.

M. A. Gibson and J. Bruck, Efficient exact stochastic simulation of chemical systems with many species and many
channels, J. Phys. Chem. A 104 (2000) 1876-1889, doi:10.1021/jp993732q.
"""

from typing import NamedTuple

import numpy as np

from .channels import channel_value, fire, fires_trigger, look_at_channel, look_at_laws, open_window, value_now
from .codes import (
    BAD_PROPENSITY,
    EVENT_LIMIT,
    FAULT,
    GRID_INDEX,
    N_CANDIDATES,
    N_EVENTS,
    NEXT_TIME,
    OVERFLOW,
    REACHED_END,
    SLICE_END,
    TIME,
    TRIGGERED,
)
from .heap import build, move
from .jit import kernel
from .laws import TIME_VARIABLE, WINDOW_END, WINDOW_START


class NextReactionState(NamedTuple):
    counts: np.ndarray  # int64[species + 1], the last always 1
    clock: np.ndarray  # float64[CLOCK_SIZE]; NEXT_TIME is NaN until the first times are drawn
    tally: np.ndarray  # int64[TALLY_SIZE]
    propensity: np.ndarray  # float64[channel]
    next_time: np.ndarray  # float64[channel], infinite while the propensity is 0
    heap: np.ndarray  # int32[channel]
    position: np.ndarray  # int32[channel], of each channel in the heap
    dependent_start: np.ndarray  # uint32[channel + 1]
    dependent: np.ndarray  # uint32[dependence]: channels whose propensity the firing of a channel can change
    firings: np.ndarray  # int64[reaction], or empty when firings are not counted


@kernel
def refresh_next_reaction(channels, state):
    """Propensities from the counts; no times yet."""
    _look_at_clock(channels, state, state.clock[TIME])
    open_window(channels, state.counts, state.clock[TIME], state.tally[N_CANDIDATES])
    look_at_laws(channels, state.counts)
    for c in range(state.propensity.size):
        state.propensity[c] = _checked(state, channel_value(channels, c, state.counts, state.counts))


@kernel
def _look_at_clock(channels, state, now):
    channels.laws.variables[TIME_VARIABLE] = now
    channels.laws.window[WINDOW_START] = now


@kernel
def _checked(state, value):
    if not value >= 0.0:
        state.tally[FAULT] = 1
    return value


@kernel
def _earliest(state):
    return state.next_time[state.heap[0]] if state.heap.size else np.inf


@kernel
def _draw(state, c, now, rng):
    state.next_time[c] = np.inf
    if state.propensity[c] > 0.0:
        state.next_time[c] = now + rng.standard_exponential() / state.propensity[c]


@kernel
def _update(channels, state, c, now, rng):
    """The propensity of c may have changed at `now`. With none before, the wait is drawn: it has no memory."""
    old = state.propensity[c]
    new = _checked(state, channel_value(channels, c, state.counts, state.counts))
    if new == old:
        return
    state.propensity[c] = new
    if old > 0.0 and new > 0.0 and state.next_time[c] < np.inf:
        state.next_time[c] = now + (state.next_time[c] - now) * (old / new)
    else:
        _draw(state, c, now, rng)
    move(state.heap, state.position, state.next_time, c)


@kernel
def set_counts_next_reaction(channels, state, species, values, rng):
    """Scheduled change: counts[species] = values at clock[TIME]."""
    for k in range(species.size):
        state.counts[species[k]] = values[k]
    _look_at_clock(channels, state, state.clock[TIME])
    if np.isnan(state.clock[NEXT_TIME]):
        refresh_next_reaction(channels, state)
        return
    look_at_laws(channels, state.counts)
    for c in range(state.propensity.size):
        _update(channels, state, c, state.clock[TIME], rng)
    state.clock[NEXT_TIME] = _earliest(state)


@kernel
def _renew_window(channels, state, rng):
    """The window is over: the next begins, and pending times run on at the new bounds."""
    now = channels.laws.window[WINDOW_END]
    state.clock[TIME] = now
    _look_at_clock(channels, state, now)
    open_window(channels, state.counts, now, state.tally[N_CANDIDATES])
    look_at_laws(channels, state.counts)
    for c in range(state.propensity.size):
        if channels.laws.timed_channel[c]:
            _update(channels, state, c, now, rng)
    state.clock[NEXT_TIME] = _earliest(state)


@kernel
def _start(state, rng):
    for c in range(state.propensity.size):
        _draw(state, c, state.clock[TIME], rng)
    build(state.heap, state.position, state.next_time)
    state.clock[NEXT_TIME] = _earliest(state)


@kernel
def advance_next_reaction(channels, state, rng, t_stop, grid_time, grid_counts, slice_budget, event_limit):
    """Fire events up to and including t_stop, filling grid_counts[k] for each grid_time[k] <= t_stop.

    Returns REACHED_END, SLICE_END, EVENT_LIMIT, TRIGGERED, BAD_PROPENSITY, OVERFLOW or NEGATIVE.
    """
    counts, clock, tally = state.counts, state.clock, state.tally
    laws = channels.laws
    timed = laws.timed_channel
    has_laws = channels.law.size > 0
    pause = tally[N_CANDIDATES] + slice_budget
    if np.isnan(clock[NEXT_TIME]):
        _start(state, rng)
    while True:
        if tally[FAULT]:
            return BAD_PROPENSITY
        k = tally[GRID_INDEX]
        on_grid = k < grid_time.size and grid_time[k] <= t_stop
        boundary = grid_time[k] if on_grid else t_stop
        if laws.window[WINDOW_END] < boundary and not clock[NEXT_TIME] <= laws.window[WINDOW_END]:
            _renew_window(channels, state, rng)
            continue
        if not clock[NEXT_TIME] <= boundary:
            if not on_grid:
                clock[TIME] = t_stop
                return REACHED_END
            for s in range(counts.size - 1):
                grid_counts[k, s] = counts[s]
            tally[GRID_INDEX] = k + 1
            continue
        if tally[N_EVENTS] >= event_limit:
            return EVENT_LIMIT
        if tally[N_CANDIDATES] >= pause:
            return SLICE_END
        c = state.heap[0]
        now = clock[NEXT_TIME]
        if not state.propensity[c] < np.inf or now + 1.0 / state.propensity[c] == now:
            return OVERFLOW  # time would stand still: the network explodes
        clock[TIME] = now
        if has_laws:
            _look_at_clock(channels, state, now)
        tally[N_CANDIDATES] += 1
        if timed.size and timed[c]:
            value = _checked(state, value_now(channels, c, counts))
            if not rng.random() * state.propensity[c] < value:
                _draw(state, c, now, rng)
                move(state.heap, state.position, state.next_time, c)
                clock[NEXT_TIME] = _earliest(state)
                continue
        status = fire(channels, c, counts)
        tally[N_EVENTS] += 1
        if state.firings.size:
            state.firings[channels.term_reaction[channels.term_start[c]]] += 1
        if status != REACHED_END:
            return status
        for j in range(state.dependent_start[c], state.dependent_start[c + 1]):
            if state.dependent[j] != c:
                if has_laws:
                    look_at_channel(channels, state.dependent[j], counts)
                _update(channels, state, state.dependent[j], now, rng)
        if has_laws:
            look_at_channel(channels, c, counts)
        state.propensity[c] = _checked(state, channel_value(channels, c, counts, counts))
        _draw(state, c, now, rng)
        move(state.heap, state.position, state.next_time, c)
        clock[NEXT_TIME] = _earliest(state)
        if laws.triggered.size and fires_trigger(channels, c, counts):
            return TRIGGERED
