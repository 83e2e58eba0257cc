"""Next reaction method: every channel has a pending time, and the earliest one fires.

After a firing, only what depends on the change is recomputed, and pending times continue at the new propensities. The
channels stand in an indexed binary heap by their next time, where a changed time is moved in a logarithmic number of
steps.

M. A. Gibson and J. Bruck, Efficient exact stochastic simulation of chemical systems with many species and many
channels, J. Phys. Chem. A 104 (2000) 1876-1889, doi:10.1021/jp993732q.
"""

from typing import NamedTuple

import numpy as np

from ..channels import evaluate_channel_laws, evaluate_laws, fires_trigger, open_window, term_value, value_now
from ..codes import (
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
from ..generator import exponential, uniform, words_at
from ..laws import TIME_VARIABLE, WINDOW_END, WINDOW_START
from ..linked import kernel, within
from ..replicates import (
    ADDRESS,
    PER_REPLICATE,
    begin_replicate,
    end_replicate,
    fault_of,
    fire,
    log_reaction,
    next_stop,
    record,
    within_log,
)

# The heap: `heap` lists channels, the earliest first; `position` is the inverse.


@kernel
def _place(heap, position, k, c):
    heap[k] = c
    position[c] = k


@within
def _rise(heap, position, key, c):
    k = np.int64(position[c])
    while k > 0:
        above = (k - 1) >> 1
        if not key[c] < key[heap[above]]:
            break
        _place(heap, position, k, np.int64(heap[above]))
        k = above
    _place(heap, position, k, c)


@within
def _sink(heap, position, key, c):
    k = np.int64(position[c])
    while True:
        below = 2 * k + 1
        if below >= heap.size:
            break
        if below + 1 < heap.size and key[heap[below + 1]] < key[heap[below]]:
            below += 1
        if not key[heap[below]] < key[c]:
            break
        _place(heap, position, k, np.int64(heap[below]))
        k = below
    _place(heap, position, k, c)


@within
def move(heap, position, key, c):
    """Restore the order after a new key of channel c; key is float64[channel], heap and position are int32[channel]."""
    # At most one of the two does anything: a key that rises past its parent is smaller than both of its children.
    _rise(heap, position, key, c)
    _sink(heap, position, key, c)


@kernel
def build(heap, position, key):
    """Order all channels, from any state of the arrays."""
    for c in range(heap.size):
        _place(heap, position, c, c)
    # From the last entry with children up to the top: the subtrees of an entry are in order when it sinks.
    for k in range(heap.size // 2 - 1, -1, -1):
        _sink(heap, position, key, np.int64(heap[k]))


# The method.


class NextReactionState(NamedTuple):
    counts: np.ndarray  # int64[species + 1], the last always 1
    clock: np.ndarray  # float64[CLOCK_SIZE]; NEXT_TIME is NaN until the first times are drawn
    tally: np.ndarray  # int64[TALLY_SIZE]
    propensity: np.ndarray  # float64[channel]
    next_time: np.ndarray  # float64[channel], infinite while the propensity is 0
    heap: np.ndarray  # int32[channel]
    position: np.ndarray  # int32[channel], of each channel in the heap
    firings: np.ndarray  # int64[reaction], or empty when firings are not counted


@kernel
def refresh_next_reaction(channels, laws, state):
    """Compute propensities from the counts; pending times are drawn later."""
    if laws is not None:
        _set_clock(laws, state.clock[TIME])
        open_window(channels, laws, state.counts, state.clock[TIME], state.tally)
        evaluate_laws(laws, state.counts)
    for c in range(state.propensity.size):
        state.propensity[c] = _checked(state, term_value(channels, laws, c, state.counts, state.counts))


@kernel
def _set_clock(laws, now):
    laws.variables[TIME_VARIABLE] = now
    laws.window[WINDOW_START] = now


@kernel
def _checked(state, value):
    if not value >= 0.0:
        state.tally[FAULT] = 1
    return value


@kernel
def _earliest(state):
    """When the next channel fires; infinite in a network without reactions."""
    return state.next_time[state.heap[0]] if state.heap.size else np.inf


@within
def _draw(state, c, now, words):
    """Draw a new wait of channel c from `now`; the caller restores the order of the heap."""
    state.next_time[c] = np.inf
    if state.propensity[c] > 0.0:
        state.next_time[c] = now + exponential(words) / state.propensity[c]


@within
def _update(channels, laws, state, c, now, words):
    """Update channel c, whose propensity may have changed at `now`.

    The rest of its pending time is a unit exponential over the old propensity. It continues at the new one (random time
    change), so that one number is drawn for each firing. After a propensity of 0, nothing was pending and a wait is
    drawn, since an exponential has no memory.
    """
    old = state.propensity[c]
    new = _checked(state, term_value(channels, laws, c, state.counts, state.counts))
    if new == old:
        return
    state.propensity[c] = new
    # An infinite time is one that was never drawn, and cannot be rescaled.
    if old > 0.0 and new > 0.0 and state.next_time[c] < np.inf:
        state.next_time[c] = now + (state.next_time[c] - now) * (old / new)
    else:
        _draw(state, c, now, words)
    move(state.heap, state.position, state.next_time, c)


@kernel
def set_counts_next_reaction(channels, laws, state, species, values, address):
    """Scheduled change: counts[species] = values at clock[TIME]; the generator's state is at `address`."""
    words = words_at(np.uint64(address))
    for k in range(species.size):
        state.counts[species[k]] = values[k]
    if laws is not None:
        _set_clock(laws, state.clock[TIME])
    if np.isnan(state.clock[NEXT_TIME]):
        refresh_next_reaction(channels, laws, state)
        return
    if laws is not None:
        evaluate_laws(laws, state.counts)
    for c in range(state.propensity.size):
        _update(channels, laws, state, c, state.clock[TIME], words)
    state.clock[NEXT_TIME] = _earliest(state)


@kernel
def _renew_window(channels, laws, state, words):
    """Begin the next window; pending times continue at the new bounds."""
    now = laws.window[WINDOW_END]
    state.clock[TIME] = now
    _set_clock(laws, now)
    open_window(channels, laws, state.counts, now, state.tally)
    evaluate_laws(laws, state.counts)
    for c in range(state.propensity.size):
        if laws.timed_channel[c]:
            _update(channels, laws, state, c, now, words)
    state.clock[NEXT_TIME] = _earliest(state)


@kernel
def _start(state, words):
    for c in range(state.propensity.size):
        _draw(state, c, state.clock[TIME], words)
    build(state.heap, state.position, state.next_time)
    state.clock[NEXT_TIME] = _earliest(state)


@kernel
def _advance(channels, laws, dependents, state, run, t_stop, budget, event_limit):
    """Fire events up to and including t_stop. Returns REACHED_END, SLICE_END, EVENT_LIMIT, TRIGGERED, BAD_PROPENSITY,
    OVERFLOW or NEGATIVE."""
    counts, clock, tally = state.counts, state.clock, state.tally
    words = words_at(np.uint64(run.place[ADDRESS]))
    pause = tally[N_CANDIDATES] + within_log(run, budget)
    boundary, is_point = next_stop(run, tally[GRID_INDEX], t_stop)
    if np.isnan(clock[NEXT_TIME]):
        _start(state, words)
    while True:
        # Invariant: propensities are those of the counts, or bounds of them until the window of time ends. The pending
        # time of each channel is exponential from now at its propensity, independently of the others, and the earliest
        # is on top of the heap.
        if tally[FAULT]:
            return BAD_PROPENSITY
        if laws is not None:
            if laws.window[WINDOW_END] < boundary and not clock[NEXT_TIME] <= laws.window[WINDOW_END]:
                _renew_window(channels, laws, state, words)
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
        c = np.int64(state.heap[0])
        now = clock[NEXT_TIME]
        if not state.propensity[c] < np.inf or now + 1.0 / state.propensity[c] == now:
            return OVERFLOW  # the next time step underflows: the network explodes
        clock[TIME] = now
        tally[N_CANDIDATES] += 1
        if laws is not None:
            _set_clock(laws, now)
            if laws.timed_channel.size and laws.timed_channel[c]:
                # Thinning: the propensity is a bound over the window; it fires with probability value now / bound.
                value = _checked(state, value_now(channels, laws, c, counts))
                if not uniform(words) * state.propensity[c] < value:
                    _draw(state, c, now, words)
                    move(state.heap, state.position, state.next_time, c)
                    clock[NEXT_TIME] = _earliest(state)
                    continue
        outside = fire(dependents, counts, c)
        tally[N_EVENTS] += 1
        if state.firings.size or run.log.size:
            reaction = channels.terms[c].reaction
            if state.firings.size:
                state.firings[reaction] += 1
            if run.log.size:
                log_reaction(run, now, reaction)
        if outside:
            status = fault_of(channels, counts, c)
            if status != REACHED_END:
                return status
        for j in range(dependents.start[c], dependents.start[c + 1]):
            other = np.int64(dependents.channel[j])
            if other != c:
                if laws is not None:
                    evaluate_channel_laws(channels, laws, other, counts)
                _update(channels, laws, state, other, now, words)
        if laws is not None:
            evaluate_channel_laws(channels, laws, c, counts)
        # The channel that fired has used up its time and draws a new one; the others retain the rest of theirs.
        state.propensity[c] = _checked(state, term_value(channels, laws, c, counts, counts))
        _draw(state, c, now, words)
        move(state.heap, state.position, state.next_time, c)
        clock[NEXT_TIME] = _earliest(state)
        if laws is not None:
            if laws.triggered.size and fires_trigger(channels, laws, c, counts):
                return TRIGGERED


@kernel
def _can_react(laws, state):
    for c in range(state.propensity.size):
        if state.propensity[c] > 0.0:
            return True
    if laws is not None:
        return laws.timed_terms.size > 0
    return False


@kernel
def run_next_reaction(channels, laws, dependents, state, run, t_stop, budget, event_limit):
    """Advance a simulation to t_stop, or run a batch of replicates; see `replicates` and `_advance`."""
    while begin_replicate(run):
        before = state.tally[N_CANDIDATES]
        status = _advance(channels, laws, dependents, state, run, t_stop, budget, event_limit)
        budget -= state.tally[N_CANDIDATES] - before + PER_REPLICATE
        reacts = _can_react(laws, state)
        if not end_replicate(run, state.clock, state.tally, state.firings, state.propensity[:0], status, reacts):
            return status
        if budget <= 0:
            return SLICE_END
    return REACHED_END
