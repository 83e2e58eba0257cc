"""Channels, their terms, and the propensity of one in a given state: the arrays every exact method reads.

A channel is a set of reactions with the same net change. Each reaction is one term

    coefficient * x[first] * (x[second] - second_offset) * extra factors

where `x` ends, behind the species (and the pools of `families`), with an entry that is always 1, for reactions of
order 0 and 1. `2 A` is A * (A - 1): first = second = A, second_offset = 1. Orders above two and thresholds are extra
factors. A general rate law is an extra factor too, the only one of its term: a program of `laws`.
"""

from typing import NamedTuple

import numpy as np

from .codes import COUNT_LIMIT, FALLING, FAULT, LAW, NEGATIVE, OVERFLOW, REACHED_END, STEP
from .intervals import law_range
from .jit import inlined, kernel
from .laws import WINDOW_CANDIDATES, WINDOW_END, WINDOW_START, WINDOW_WIDTH, Laws, law_value, trigger_changed

_MOST_EXPECTED = 1000.0
"""Candidates of each law that reads the time, in a window of time, of which most would be rejected: more, and the
window is shortened. Windows that only follow the candidates of those before have some ten to a hundred for each such
law, so that none is shortened but before a pulse."""


class Channels(NamedTuple):
    """The compiled network. Ranges are given by their starts: term t of channel c has
    term_start[c] <= t < term_start[c + 1], and so on."""

    coefficient: np.ndarray  # float64[term], k * Omega**(1 - order) [1/s]
    first: np.ndarray  # uint32[term], a species, a pool, or the last entry, the constant 1
    second: np.ndarray  # uint32[term]
    second_offset: np.ndarray  # float64[term], 0 or 1
    extra_start: np.ndarray  # uint32[term + 1]
    extra_kind: np.ndarray  # uint32[extra], FALLING, STEP, RAMP or LAW
    extra_a: np.ndarray  # uint32[extra], a species, or the program of LAW
    extra_b: np.ndarray  # uint32[extra], a species, or the offset of FALLING
    term_start: np.ndarray  # uint32[channel + 1]
    term_reaction: np.ndarray  # uint32[term]
    change_start: np.ndarray  # uint32[channel + 1]
    change_species: np.ndarray  # uint32[change]
    change_amount: np.ndarray  # int64[change]
    varies: np.ndarray  # bool[species]: some channel changes the species
    laws: Laws
    law: np.ndarray  # float64[law], of one simulation: the value of each rate law when last looked at


class Readers(NamedTuple):
    """What has to be looked at after an event: the terms that read each species, and each channel's changes with
    two of them in fixed places, since most channels change one or two species."""

    term_start: np.ndarray  # uint32[species + 1]
    term: np.ndarray  # uint32[reader], ascending for each species
    channel: np.ndarray  # uint32[term]: the channel of each term
    pair_species: np.ndarray  # uint32[channel, 2]; the constant, with amount 0, where there is no change
    pair_amount: np.ndarray  # int64[channel, 2]
    more_start: np.ndarray  # uint32[channel + 1]: changes beyond two
    more_species: np.ndarray  # uint32[more]
    more_amount: np.ndarray  # int64[more]


@kernel
def term_value(channels, t, up, down):
    """Value of term t [1/s]: non-decreasing in the counts `up`, non-increasing in the counts `down`.

    With `up` and `down` the state itself it is the propensity; with upper and lower bounds of the state, an
    upper bound of it, and exchanged, a lower one. A general law has the value it was given last: to work it out
    here would make this function, which is called for every term, too long to be inlined.
    """
    # The counts first: a coefficient near the end of float64 times nothing is nothing.
    value = channels.coefficient[t] * (up[channels.first[t]] * (up[channels.second[t]] - channels.second_offset[t]))
    for e in range(channels.extra_start[t], channels.extra_start[t + 1]):
        a = channels.extra_a[e]
        b = channels.extra_b[e]
        kind = channels.extra_kind[e]
        if kind == FALLING:
            value *= up[a] - np.float64(b)
        elif kind == STEP:
            if not up[a] > down[b]:
                value = 0.0
        elif kind == LAW:
            value *= channels.law[a]
        else:
            value *= max(up[a] - down[b], 0)
    return value


@kernel
def channel_value(channels, c, up, down):
    """Sum of the terms of channel c [1/s]; see `term_value`."""
    total = 0.0
    for t in range(channels.term_start[c], channels.term_start[c + 1]):
        total += term_value(channels, t, up, down)
    return total


@kernel
def program_of(channels, t):
    """Program of term t if it is a general law, else -1."""
    e = channels.extra_start[t]
    if e < channels.extra_start[t + 1] and channels.extra_kind[e] == LAW:
        return np.int64(channels.extra_a[e])
    return -1


@kernel
def look_at_laws(channels, counts):
    """Set `law` of every rate law at `counts`: its value, or where it reads the time, a bound over the window."""
    laws = channels.laws
    for p in range(laws.first_trigger[0]):
        channels.law[p] = _limit(laws, p, counts)


@kernel
def look_at_channel(channels, c, counts):
    """Set `law` of the rate laws in channel c; see `look_at_laws`."""
    for t in range(channels.term_start[c], channels.term_start[c + 1]):
        p = program_of(channels, t)
        if p >= 0:
            channels.law[p] = _limit(channels.laws, p, counts)


@kernel
def _limit(laws, p, counts):
    if laws.reads_time[p]:
        low, high = window_range(laws, p, counts)
        return high
    return law_value(laws, p, counts)


@kernel
def window_range(laws, p, counts):
    """Bounds of a law that reads the time, at `counts` and from the start of the window to its end, which comes nearer
    until they are finite. A shorter window leaves the bounds of other laws valid."""
    window = laws.window
    low, high = law_range(laws, p, counts, counts)
    for _ in range(1100):
        if high < np.inf or not window[WINDOW_END] > np.nextafter(window[WINDOW_START], np.inf):
            break
        window[WINDOW_WIDTH] = 0.5 * (window[WINDOW_END] - window[WINDOW_START])
        window[WINDOW_END] = max(
            window[WINDOW_START] + window[WINDOW_WIDTH], np.nextafter(window[WINDOW_START], np.inf)
        )
        low, high = law_range(laws, p, counts, counts)
    return low, high


@kernel
def look_at_term(channels, t, counts, tally):
    """Set `law` of term t, if it is one, to its value now; a negative one is a fault."""
    p = program_of(channels, t)
    if p >= 0:
        channels.law[p] = law_value(channels.laws, p, counts)
        if not channels.law[p] >= 0.0:
            tally[FAULT] = 1


@kernel
def value_now(channels, c, counts):
    """Propensity of a channel of one term, a law that reads the time, now [1/s]."""
    t = channels.term_start[c]
    return channels.coefficient[t] * law_value(channels.laws, program_of(channels, t), counts)


@inlined
def _end_before_pulse(channels, t, counts):
    """Bound term t, a law that reads the time, over the window, which is halved as long as more than `_MOST_EXPECTED`
    candidates are expected in it of which most would be rejected. A shorter window leaves other bounds valid."""
    laws = channels.laws
    window = laws.window
    p = program_of(channels, t)
    low, high = window_range(laws, p, counts)
    for _ in range(1100):
        width = window[WINDOW_END] - window[WINDOW_START]
        if low >= 0.5 * high or not channels.coefficient[t] * high * width > _MOST_EXPECTED * laws.timed_terms.size:
            break
        shorter = window[WINDOW_START] + 0.5 * width
        if not window[WINDOW_START] < shorter < window[WINDOW_END]:
            break
        window[WINDOW_WIDTH] = 0.5 * width
        window[WINDOW_END] = shorter
        low, high = window_range(laws, p, counts)


@kernel
def open_window(channels, counts, now, n_candidates):
    """Let a new window of time begin at `now`, in which all that read the time are bounded.

    Its length follows the number of candidates in the last one: it may depend on the past alone. What the laws will do
    is no secret of the future, so that it may also end before a pulse: else every candidate up to there would be drawn
    at the height of the pulse, and rejected.
    """
    laws = channels.laws
    window = laws.window
    n_timed = laws.timed_terms.size
    if n_timed == 0:
        window[WINDOW_END] = np.inf
        return
    width = window[WINDOW_WIDTH]
    seen = n_candidates - window[WINDOW_CANDIDATES]
    if seen < 10 * n_timed:
        width = min(2.0 * width, 1e300)
    elif seen > 100 * n_timed:
        width *= 0.5
    window[WINDOW_START] = now
    window[WINDOW_CANDIDATES] = n_candidates
    window[WINDOW_WIDTH] = width
    window[WINDOW_END] = max(now + width, np.nextafter(now, np.inf))
    for j in range(n_timed):
        _end_before_pulse(channels, laws.timed_terms[j], counts)


@kernel
def fire(channels, c, counts):
    """Fire channel c once. Returns REACHED_END, or NEGATIVE or OVERFLOW for the first count out of range."""
    status = REACHED_END
    for k in range(channels.change_start[c], channels.change_start[c + 1]):
        s = channels.change_species[k]
        counts[s] += channels.change_amount[k]
        if status == REACHED_END:
            if counts[s] < 0:
                status = NEGATIVE
            elif counts[s] > COUNT_LIMIT:
                status = OVERFLOW
    return status


@kernel
def fires_trigger(channels, c, counts):
    """Whether what channel c changed may have changed the condition of an event."""
    for k in range(channels.change_start[c], channels.change_start[c + 1]):
        if trigger_changed(channels.laws, channels.change_species[k], counts):
            return True
    return False
