"""Direct method: all propensities afresh at each event, one reaction a channel, a linear search.

The plain reference that the other exact methods are tested against; it keeps no sums and no bounds.

D. T. Gillespie, Exact stochastic simulation of coupled chemical reactions, J. Phys. Chem. 81 (1977) 2340-2361,
doi:10.1021/j100540a008.
"""

from typing import NamedTuple

import numpy as np

from .channels import channel_value, fire
from .clock import rescale_pending
from .codes import (
    EVENT_LIMIT,
    GRID_INDEX,
    N_CANDIDATES,
    N_EVENTS,
    NEXT_TIME,
    OVERFLOW,
    REACHED_END,
    SLICE_END,
    TIME,
)
from .jit import kernel


class DirectState(NamedTuple):
    counts: np.ndarray  # int64[species + 1], the last always 1
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    propensity: np.ndarray  # float64[channel]
    total: np.ndarray  # float64[1]
    firings: np.ndarray  # int64[reaction], or empty when firings are not counted


@kernel
def refresh_direct(channels, state):
    """Compute every propensity from the counts."""
    total = 0.0
    for c in range(state.propensity.size):
        value = channel_value(channels, c, state.counts, state.counts)
        state.propensity[c] = value
        total += value
    state.total[0] = total


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

    Returns REACHED_END, SLICE_END, EVENT_LIMIT, OVERFLOW or NEGATIVE.
    """
    counts, clock, tally, propensity = state.counts, state.clock, state.tally, state.propensity
    n_species = counts.size - 1
    n_channels = propensity.size
    pause = tally[N_CANDIDATES] + slice_budget
    if np.isnan(clock[NEXT_TIME]):
        clock[NEXT_TIME] = clock[TIME] + rng.standard_exponential() / state.total[0]
    while True:
        if not state.total[0] < np.inf:
            return OVERFLOW
        if clock[TIME] + 1.0 / state.total[0] == clock[TIME]:
            return OVERFLOW  # time would stand still: the network explodes
        k = tally[GRID_INDEX]
        on_grid = k < grid_time.size and grid_time[k] <= t_stop
        boundary = grid_time[k] if on_grid else t_stop
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
        status = fire(channels, chosen, counts)
        tally[N_EVENTS] += 1
        tally[N_CANDIDATES] += 1
        if state.firings.size:
            state.firings[channels.term_reaction[channels.term_start[chosen]]] += 1
        if status != REACHED_END:
            return status
        refresh_direct(channels, state)
        clock[NEXT_TIME] = clock[TIME] + rng.standard_exponential() / state.total[0]
