"""Direct method: all propensities afresh at each event, one reaction a channel, a linear search.

The plain reference that the other exact methods are tested against; it keeps no sums and no bounds.

D. T. Gillespie, Exact stochastic simulation of coupled chemical reactions, J. Phys. Chem. 81 (1977) 2340-2361,
doi:10.1021/j100540a008.
"""

from typing import NamedTuple

import numpy as np

from .channels import channel_value, fire, fires_trigger, look_at_laws, open_window, value_now
from .clock import rescale_pending
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
from .jit import kernel
from .laws import TIME_VARIABLE, WINDOW_END, WINDOW_START


class DirectState(NamedTuple):
    counts: np.ndarray  # int64[species + 1], the last always 1
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    propensity: np.ndarray  # float64[channel]
    total: np.ndarray  # float64[1]
    firings: np.ndarray  # int64[reaction], or empty when firings are not counted


@kernel
def refresh_direct(channels, state):
    """Compute every propensity from the counts; of channels that read the time, a bound over the rest of the window."""
    channels.laws.variables[TIME_VARIABLE] = state.clock[TIME]
    channels.laws.window[WINDOW_START] = state.clock[TIME]
    if channels.law.size:
        look_at_laws(channels, state.counts)
    total = 0.0
    for c in range(state.propensity.size):
        value = channel_value(channels, c, state.counts, state.counts)
        if not value >= 0.0:
            state.tally[FAULT] = 1
        state.propensity[c] = value
        total += value
    state.total[0] = total


@kernel
def start_direct(channels, state):
    open_window(channels, state.counts, state.clock[TIME], state.tally[N_CANDIDATES])
    refresh_direct(channels, state)


@kernel
def _renew_window(channels, state):
    """The window is over: the next begins, and what is left of the pending time runs on at the new bounds."""
    old = state.total[0]
    state.clock[TIME] = channels.laws.window[WINDOW_END]
    start_direct(channels, state)
    rescale_pending(state.clock, old, state.total[0])


@kernel
def set_counts_direct(channels, state, species, values):
    """Scheduled change: counts[species] = values at clock[TIME]."""
    old = state.total[0]
    for k in range(species.size):
        state.counts[species[k]] = values[k]
    refresh_direct(channels, state)
    rescale_pending(state.clock, old, state.total[0])


@kernel
def advance_direct(channels, state, rng, t_stop, grid_time, grid_counts, slice_budget, event_limit):
    """Fire events up to and including t_stop, filling grid_counts[k] for each grid_time[k] <= t_stop.

    Returns REACHED_END, SLICE_END, EVENT_LIMIT, TRIGGERED, BAD_PROPENSITY, OVERFLOW or NEGATIVE.
    """
    counts, clock, tally, propensity = state.counts, state.clock, state.tally, state.propensity
    laws = channels.laws
    timed = laws.timed_channel
    n_species = counts.size - 1
    n_channels = propensity.size
    pause = tally[N_CANDIDATES] + slice_budget
    while True:
        if tally[FAULT]:
            return BAD_PROPENSITY
        if not state.total[0] < np.inf:
            return OVERFLOW
        if np.isnan(clock[NEXT_TIME]):
            clock[NEXT_TIME] = clock[TIME] + rng.standard_exponential() / state.total[0]
        if clock[TIME] + 1.0 / state.total[0] == clock[TIME]:
            return OVERFLOW  # time would stand still: the network explodes
        k = tally[GRID_INDEX]
        on_grid = k < grid_time.size and grid_time[k] <= t_stop
        boundary = grid_time[k] if on_grid else t_stop
        if laws.window[WINDOW_END] < boundary and not clock[NEXT_TIME] <= laws.window[WINDOW_END]:
            _renew_window(channels, state)
            continue
        if not clock[NEXT_TIME] <= boundary:
            if not on_grid:
                clock[TIME] = t_stop
                return REACHED_END
            for s in range(n_species):
                grid_counts[k, s] = counts[s]
            tally[GRID_INDEX] = k + 1
            continue
        if tally[N_EVENTS] >= event_limit:
            return EVENT_LIMIT
        if tally[N_CANDIDATES] >= pause:
            return SLICE_END
        clock[TIME] = clock[NEXT_TIME]
        left = rng.random() * state.total[0]
        chosen = -1
        for c in range(n_channels):
            if propensity[c] > 0.0:
                chosen = c  # the last possible one, should rounding carry `left` past the end
                if left < propensity[c]:
                    break
                left -= propensity[c]
        tally[N_CANDIDATES] += 1
        if timed.size and timed[chosen]:
            laws.variables[TIME_VARIABLE] = clock[TIME]
            value = value_now(channels, chosen, counts)
            if not value >= 0.0:
                tally[FAULT] = 1
            if not rng.random() * propensity[chosen] < value:
                clock[NEXT_TIME] = clock[TIME] + rng.standard_exponential() / state.total[0]
                continue
        status = fire(channels, chosen, counts)
        tally[N_EVENTS] += 1
        if state.firings.size:
            state.firings[channels.term_reaction[channels.term_start[chosen]]] += 1
        if status != REACHED_END:
            return status
        refresh_direct(channels, state)
        clock[NEXT_TIME] = clock[TIME] + rng.standard_exponential() / state.total[0]
        if laws.triggered.size and fires_trigger(channels, chosen, counts):
            return TRIGGERED
