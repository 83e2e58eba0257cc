"""Channels, their terms and their propensities, with general laws and windows of time: what every exact method reads.

A channel is a set of reactions with the same net change. Each reaction is one term

    coefficient * x[first] * (x[second] - second_offset) * extra factors

where `x` ends, behind the species (and the pools of `exact.families`), with an entry that is always 1, for reactions of
order 0 and 1. `2 A` is A * (A - 1): first = second = A, second_offset = 1. Orders above two and thresholds are extra
factors. A general rate law is an extra factor too, the only one of its term: a program of `laws`.
"""

from typing import NamedTuple

import numpy as np

from .codes import FALLING, FAULT, LAW, N_CANDIDATES, NO_CROSSING, NO_SOLUTION, RAMP, STEP, record_type
from .continuous import CROSSING, STALE, begin_step, set_time, step_end
from .interval_bounds import law_range, next_crossing
from .jit import inlined
from .laws import (
    WINDOW_CANDIDATES,
    WINDOW_END,
    WINDOW_START,
    WINDOW_WIDTH,
    law_value,
    law_value_of_counts,
    trigger_changed,
)
from .linked import kernel, within

_MOST_EXPECTED = 1000.0
"""Candidates of each law that reads the time in one window of time, if most of them would be rejected. With more, the
window is shortened. Without a pulse, a window has about ten to a hundred candidates for each such law, and is not
shortened."""


_MOST_HALVINGS = 1101
"""More than it takes to shorten any window to one step of float64."""


TERM = record_type(
    coefficient=np.float64,  # k * Omega**(1 - order) [1/s]
    second_offset=np.float64,  # 0 or 1
    first=np.uint32,  # a species, a pool, or the last entry, the constant 1
    second=np.uint32,
    extra_start=np.uint32,
    reaction=np.uint32,
)
EXTRA = record_type(
    kind=np.uint32,  # FALLING, STEP, RAMP or LAW
    a=np.uint32,  # a species, or the program of LAW
    b=np.uint32,  # a species, or the offset of FALLING
)
RANGE = record_type(term_start=np.uint32, change_start=np.uint32)
CHANGE = record_type(amount=np.int64, species=np.uint32)
PAIR = record_type(
    amount=np.int64,  # the first change of a channel; the constant, with amount 0, where there is none
    other_amount=np.int64,  # the second
    species=np.uint32,
    other=np.uint32,
    more_start=np.uint32,  # changes beyond two
)


class Channels(NamedTuple):
    """The compiled network, with one array for each axis, since every array that a kernel takes lengthens compilation.

    Ranges are given by their starts: term t belongs to channel c if
    ranges[c].term_start <= t < ranges[c + 1].term_start. Hence there is one more entry behind the last.
    """

    terms: np.ndarray  # TERM[term + 1]
    extras: np.ndarray  # EXTRA[extra]
    ranges: np.ndarray  # RANGE[channel + 1]
    changes: np.ndarray  # CHANGE[change]


class Readers(NamedTuple):
    """What must be updated after an event: the terms that read each species, and the changes of each channel.

    Two changes of a channel have fixed places, since most channels change one or two species.
    """

    term_start: np.ndarray  # uint32[species + 1]
    term: np.ndarray  # uint32[reader], ascending for each species
    channel: np.ndarray  # uint32[term]: the channel of each term
    pairs: np.ndarray  # PAIR[channel + 1]
    more: np.ndarray  # CHANGE[more]


@within
def term_value(channels, laws, t, up, down):
    """Value of term t [1/s]: non-decreasing in the counts `up`, non-increasing in the counts `down`.

    With `up` and `down` the state itself it is the propensity; with upper and lower bounds of the state, an
    upper bound of it, and exchanged, a lower one. The value of a general law is the last one stored in `Laws.value`:
    evaluating it here would make this function, which is called for every term, too long to be inlined.

    Here and in all kernels, `laws` are the `Laws` of the network, or None if it has neither general laws nor events.
    With None, numba leaves out all code behind `if laws is not None`, which saves compilation.
    """
    # The counts are multiplied first: the product of a coefficient near the end of float64 and 0 must be 0.
    pair = up[channels.terms[t].first] * (up[channels.terms[t].second] - channels.terms[t].second_offset)
    value = channels.terms[t].coefficient * pair
    if not channels.extras.size:
        return value
    for e in range(channels.terms[t].extra_start, channels.terms[t + 1].extra_start):
        a = channels.extras[e].a
        b = channels.extras[e].b
        kind = channels.extras[e].kind
        if kind == FALLING:
            value *= up[a] - np.float64(b)
        elif kind == STEP:
            # The second count lowers a threshold factor: so it takes the opposite end, and the bound holds.
            if not up[a] > down[b]:
                value = 0.0
        elif kind == RAMP:
            value *= max(up[a] - down[b], 0)
        elif laws is not None:  # LAW
            value *= laws.value[a]
    return value


@within
def channel_value(channels, laws, c, up, down):
    """Sum of the terms of channel c [1/s]; see `term_value`."""
    total = 0.0
    for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
        total += term_value(channels, laws, t, up, down)
    return total


@within
def program_of(channels, t):
    """Program of term t if it is a general law, else -1."""
    e = channels.terms[t].extra_start
    if e < channels.terms[t + 1].extra_start and channels.extras[e].kind == LAW:
        return np.int64(channels.extras[e].a)
    return -1


@kernel
def evaluate_laws(laws, counts):
    """Set `Laws.value` of every rate law at `counts`: its value or, if it reads the time, its bound over the window."""
    for p in range(laws.first_trigger[0]):
        laws.value[p] = _limit(laws, laws.timed, p, counts)


@within
def evaluate_channel_laws(channels, laws, c, counts):
    """Set `Laws.value` of the rate laws in channel c; see `evaluate_laws`."""
    for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
        p = program_of(channels, t)
        if p >= 0:
            laws.value[p] = _limit(laws, laws.timed, p, counts)


@within
def _limit(laws, timed, p, counts):
    if timed is not None:  # an argument, so that nothing behind it is compiled if it is None
        if laws.reads_time[p]:
            low, high = window_range(laws, p, counts)
            return high
    return law_value_of_counts(laws, p, counts)


@kernel
def window_range(laws, p, counts):
    """Bounds of a law that reads the time, at `counts` and over the window, which is halved until they are finite.

    A shorter window leaves the bounds of other laws valid.
    """
    window = laws.window
    low, high = -np.inf, np.inf
    for _ in range(_MOST_HALVINGS):
        # Counts rest within the window, so only the time ranges over an interval.
        low, high = law_range(laws, p, counts, counts)
        if high < np.inf or not window[WINDOW_END] > np.nextafter(window[WINDOW_START], np.inf):
            break
        window[WINDOW_WIDTH] = 0.5 * (window[WINDOW_END] - window[WINDOW_START])
        window[WINDOW_END] = max(
            window[WINDOW_START] + window[WINDOW_WIDTH], np.nextafter(window[WINDOW_START], np.inf)
        )
    return low, high


@kernel
def evaluate_term_law(channels, laws, t, counts, tally):
    """If term t is a rate law, set its `Laws.value` to its present value; a negative one is a fault."""
    p = program_of(channels, t)
    if p >= 0:
        laws.value[p] = law_value_of_counts(laws, p, counts)
        if not laws.value[p] >= 0.0:
            tally[FAULT] = 1


@kernel
def value_now(channels, laws, c, counts):
    """Present propensity of a channel whose only term is a law that reads the time [1/s]."""
    t = channels.ranges[c].term_start
    return channels.terms[t].coefficient * law_value(laws, program_of(channels, t), counts)


@inlined
def _end_before_pulse(channels, laws, t, counts):
    """Bound term t, a law that reads the time, over the window.

    The window is halved as long as more than `_MOST_EXPECTED` candidates are expected in it and most of them would be
    rejected. A shorter window leaves other bounds valid.
    """
    window = laws.window
    p = program_of(channels, t)
    low, high = window_range(laws, p, counts)
    for _ in range(_MOST_HALVINGS):
        width = window[WINDOW_END] - window[WINDOW_START]
        most = _MOST_EXPECTED * laws.timed_terms.size
        # With a lower bound of at least half the upper one, at most half of the candidates are rejected.
        if low >= 0.5 * high or not channels.terms[t].coefficient * high * width > most:
            break
        shorter = window[WINDOW_START] + 0.5 * width
        if not window[WINDOW_START] < shorter < window[WINDOW_END]:
            break
        window[WINDOW_WIDTH] = 0.5 * width
        window[WINDOW_END] = shorter
        low, high = window_range(laws, p, counts)


@kernel
def open_window(channels, laws, counts, now, tally):
    """Let a new window of time begin at `now`, and bound everything that reads the time over it.

    The length of a window follows the number of candidates in the last one, so it depends on the past alone. It may
    also end before a pulse, since the laws are known in advance; otherwise every candidate before the pulse would be
    drawn at the height of the pulse and rejected. With rate rules, a window also ends with the step of `continuous`,
    and where a condition changes that reads a variable of a rate rule.
    """
    set_time(laws, laws.continuous, now)
    _open(channels, laws, laws.timed, laws.continuous, counts, now, tally)


@kernel
def restart_path(channels, laws, continuous, counts, now, tally):
    """With rate rules, restart the window and the path in it at `now`. `continuous` is `laws.continuous`."""
    if continuous is not None:
        open_window(channels, laws, counts, now, tally)


@within
def _open(channels, laws, timed, continuous, counts, now, tally):
    window = laws.window
    n_timed = laws.timed_terms.size
    latest = np.inf
    if continuous is not None:
        # A step is used to its end, by several windows if need be: a window may be shorter, but never reaches over it.
        if continuous.numbers[STALE] != 0.0 or not now < step_end(continuous):
            if not begin_step(laws, continuous, counts, now):
                tally[FAULT] = NO_SOLUTION
                window[WINDOW_START] = window[WINDOW_END] = now
                return
        latest = step_end(continuous)
    if n_timed == 0:
        window[WINDOW_START], window[WINDOW_END] = now, latest
    elif timed is not None:
        n_candidates = tally[N_CANDIDATES]
        width = window[WINDOW_WIDTH]
        seen = n_candidates - window[WINDOW_CANDIDATES]
        # With 10 to 100 candidates for each law, a window costs little next to its candidates, and bounds stay tight.
        few = 10
        if continuous is not None:
            few = 100  # a step of the rate rules takes as long as many candidates
        if seen < few * n_timed:
            width = min(2.0 * width, 1e300)
        elif seen > 10 * few * n_timed:
            width *= 0.5
        window[WINDOW_START] = now
        window[WINDOW_CANDIDATES] = n_candidates
        window[WINDOW_WIDTH] = width
        window[WINDOW_END] = min(max(now + width, np.nextafter(now, np.inf)), latest)
        for j in range(n_timed):
            _end_before_pulse(channels, laws, laws.timed_terms[j], counts)
    if continuous is not None:
        _end_at_crossing(laws, continuous, counts, tally)


@kernel
def _end_at_crossing(laws, continuous, counts, tally):
    """Let the window end at the first change of a condition that reads a variable of a rate rule."""
    continuous.numbers[CROSSING] = np.inf
    for j in range(continuous.conditions.size):
        p = laws.first_trigger[0] + np.int64(continuous.conditions[j])
        crossing = next_crossing(laws, p, counts, laws.window[WINDOW_START], laws.window[WINDOW_END])
        if np.isnan(crossing):
            tally[FAULT] = NO_CROSSING
        elif crossing <= laws.window[WINDOW_END]:
            laws.window[WINDOW_END] = continuous.numbers[CROSSING] = crossing


@kernel
def fires_trigger(channels, laws, c, counts):
    """Whether the firing of channel c may have changed the condition of an event."""
    for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
        if trigger_changed(laws, channels.changes[k].species, counts):
            return True
    return False
