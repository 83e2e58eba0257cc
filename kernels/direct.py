"""Direct method: the next reaction is found by a linear search through all propensities, one reaction a channel.

The plain reference that the other exact methods are tested against. After a reaction only the propensities are computed
anew that can have changed, each from the counts, and all are added up afresh in their order: no sum is carried over from
the last reaction, so there is no rounding that could pile up.

D. T. Gillespie, Exact stochastic simulation of coupled chemical reactions, J. Phys. Chem. 81 (1977) 2340-2361,
doi:10.1021/j100540a008.
"""

from typing import NamedTuple

import numpy as np

from .channels import channel_value, fire, fires_trigger, look_at_channel, look_at_laws, open_window, value_now
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
from .laws import TIME_VARIABLE, WINDOW_END, WINDOW_START
from .linked import kernel
from .replicates import PER_REPLICATE, begin_replicate, end_replicate, log_reaction, next_stop, record, within_log


class DirectState(NamedTuple):
    counts: np.ndarray  # int64[species + 1], the last always 1
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    propensity: np.ndarray  # float64[channel]
    total: np.ndarray  # float64[1]
    firings: np.ndarray  # int64[reaction], or empty when firings are not counted


class Dependents(NamedTuple):
    """Channels whose propensity the firing of a channel can change."""

    start: np.ndarray  # uint32[channel + 1]
    channel: np.ndarray  # uint32[dependence], ascending for each


@kernel
def _compute(channels, laws, state, c):
    """Propensity of channel c from the counts; of one that reads the time, a bound over the rest of the window."""
    value = channel_value(channels, laws, c, state.counts, state.counts)
    if not value >= 0.0:
        state.tally[FAULT] = 1
    state.propensity[c] = value


@kernel
def _sum(propensity):
    # In one fixed order: the same counts give the same sum, to the last bit, whatever happened before.
    total = 0.0
    for c in range(propensity.size):
        total += propensity[c]
    return total


@kernel
def refresh_direct(channels, laws, state):
    """Compute every propensity from the counts."""
    if laws is not None:
        laws.variables[TIME_VARIABLE] = state.clock[TIME]
        laws.window[WINDOW_START] = state.clock[TIME]
        look_at_laws(laws, state.counts)
    for c in range(state.propensity.size):
        _compute(channels, laws, state, c)
    state.total[0] = _sum(state.propensity)


@kernel
def start_direct(channels, laws, state):
    """Begin at the counts and the time of the state."""
    if laws is not None:
        open_window(channels, laws, state.counts, state.clock[TIME], state.tally[N_CANDIDATES])
    refresh_direct(channels, laws, state)


@kernel
def _renew_window(channels, laws, state):
    """The window is over: the next begins, and what is left of the pending time runs on at the new bounds."""
    old = state.total[0]
    state.clock[TIME] = laws.window[WINDOW_END]
    start_direct(channels, laws, state)
    rescale_pending(state.clock, old, state.total[0])


@kernel
def set_counts_direct(channels, laws, state, species, values):
    """Scheduled change: counts[species] = values at clock[TIME]."""
    old = state.total[0]
    for k in range(species.size):
        state.counts[species[k]] = values[k]
    refresh_direct(channels, laws, state)
    rescale_pending(state.clock, old, state.total[0])


@kernel
def _refresh_dependents(channels, laws, dependents, state, c):
    """Compute what the firing of channel c can have changed."""
    if laws is not None:
        laws.variables[TIME_VARIABLE] = state.clock[TIME]
        if laws.timed_terms.size:  # what is left of the window got shorter, and all bounds over it with it
            refresh_direct(channels, laws, state)
            return
    for j in range(dependents.start[c], dependents.start[c + 1]):
        if laws is not None:
            look_at_channel(channels, laws, dependents.channel[j], state.counts)
        _compute(channels, laws, state, dependents.channel[j])
    state.total[0] = _sum(state.propensity)


@kernel
def _choose(propensity, left):
    """The channel in whose propensity `left`, a part of the total, falls."""
    chosen = -1
    for c in range(propensity.size):
        if propensity[c] > 0.0:
            chosen = c  # the last possible one, should rounding carry `left` past the end
            if left < propensity[c]:
                break
            left -= propensity[c]
    return chosen


@kernel
def _advance(channels, laws, dependents, state, rng, run, t_stop, budget, event_limit):
    """Fire events up to and including t_stop. Returns REACHED_END, SLICE_END, EVENT_LIMIT, TRIGGERED, BAD_PROPENSITY,
    OVERFLOW or NEGATIVE."""
    counts, clock, tally = state.counts, state.clock, state.tally
    pause = tally[N_CANDIDATES] + within_log(run, budget)
    boundary, is_point = next_stop(run, tally[GRID_INDEX], t_stop)
    while True:
        # What holds here: propensities and their sum are those of the counts, and the next reaction is due at
        # clock[NEXT_TIME], exponential from clock[TIME] at the rate of the sum; NaN if it has not been drawn.
        total = state.total[0]
        if tally[FAULT]:
            return BAD_PROPENSITY
        if not total < np.inf:
            return OVERFLOW
        if np.isnan(clock[NEXT_TIME]):
            clock[NEXT_TIME] = clock[TIME] + rng.standard_exponential() / total
        if clock[TIME] + 1.0 / total == clock[TIME]:
            return OVERFLOW  # time would stand still: the network explodes
        if laws is not None:
            if laws.window[WINDOW_END] < boundary and not clock[NEXT_TIME] <= laws.window[WINDOW_END]:
                _renew_window(channels, laws, state)
                continue
        if not clock[NEXT_TIME] <= boundary:
            if not is_point:
                clock[TIME] = t_stop
                return REACHED_END
            record(run, tally[GRID_INDEX], counts)
            tally[GRID_INDEX] += 1
            boundary, is_point = next_stop(run, tally[GRID_INDEX], t_stop)
            continue
        if tally[N_EVENTS] >= event_limit:
            return EVENT_LIMIT
        if tally[N_CANDIDATES] >= pause:
            return SLICE_END
        clock[TIME] = clock[NEXT_TIME]
        chosen = _choose(state.propensity, rng.random() * total)
        tally[N_CANDIDATES] += 1
        if laws is not None:
            if laws.timed_channel.size and laws.timed_channel[chosen]:
                # Thinning: its propensity is a bound over the window, and it fires by the share of its value now.
                laws.variables[TIME_VARIABLE] = clock[TIME]
                value = value_now(channels, laws, chosen, counts)
                if not value >= 0.0:
                    tally[FAULT] = 1
                if not rng.random() * state.propensity[chosen] < value:
                    clock[NEXT_TIME] = clock[TIME] + rng.standard_exponential() / total
                    continue
        status = fire(channels, chosen, counts)
        tally[N_EVENTS] += 1
        if state.firings.size or run.log.size:
            reaction = channels.terms[channels.ranges[chosen].term_start].reaction
            if state.firings.size:
                state.firings[reaction] += 1
            if run.log.size:
                log_reaction(run, clock[TIME], reaction)
        if status != REACHED_END:
            return status
        _refresh_dependents(channels, laws, dependents, state, chosen)
        clock[NEXT_TIME] = clock[TIME] + rng.standard_exponential() / state.total[0]
        if laws is not None:
            if laws.triggered.size and fires_trigger(channels, laws, chosen, counts):
                return TRIGGERED


@kernel
def run_direct(channels, laws, dependents, state, rng, run, t_stop, budget, event_limit):
    """Carry a simulation on to t_stop, or run a block of replicates; see `replicates` and `_advance`."""
    while begin_replicate(run, rng):
        before = state.tally[N_CANDIDATES]
        status = _advance(channels, laws, dependents, state, rng, run, t_stop, budget, event_limit)
        budget -= state.tally[N_CANDIDATES] - before + PER_REPLICATE
        reacts = state.total[0] > 0.0
        if laws is not None:
            reacts = reacts or laws.timed_terms.size > 0
        if not end_replicate(run, state.clock, state.tally, state.firings, state.total[:0], status, reacts):
            return status
        if budget <= 0:
            return SLICE_END
    return REACHED_END
