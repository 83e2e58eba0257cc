"""When a condition that reads the time, or what rate rules change, next changes, by bounds over pieces of time."""

from typing import NamedTuple

import numpy as np

from .continuous import set_time
from .intervals import law_range
from .laws import TIME_VARIABLE, WINDOW_END, WINDOW_START, law_value
from .linked import kernel

_FINE_STEPS = 5_000
_MOST_STEPS = 1_000_000
_RESOLUTION = 1e-13
"""Where so many steps to the last digit do not tell, the resolution becomes this part of the time, or of 1."""


@kernel
def _bisected(laws, p, counts, a, b, before):
    """The change of condition p between a, where it is `before`, and b, where it is not, to one step of float64."""
    while b > np.nextafter(a, np.inf):
        middle = a + 0.5 * (b - a)
        if not a < middle < b:
            break
        set_time(laws, laws.continuous, middle)
        if (law_value(laws, p, counts) != 0.0) == before:
            a = middle
        else:
            b = middle
    return b


@kernel
def _surely_changed(laws, p, counts, t, end, before):
    """The first time from t on, to a few steps of float64, at which condition p is not what it was `before` by more
    than the rounding of the path: there it does not change back for no other reason. t itself where there is none."""
    step = np.nextafter(t, np.inf) - t
    later = t
    while later <= end and step <= _RESOLUTION * max(1.0, np.abs(t)) * 100.0:
        laws.window[WINDOW_START] = laws.window[WINDOW_END] = later
        low, high = law_range(laws, p, counts, counts)
        if (low == 0.0 and high == 0.0) if before else (low > 0.0 or high < 0.0):
            return later
        later = t + step
        step = 2.0 * step
    return t


@kernel
def next_crossing(laws, p, counts, start, end):
    """The first time in (start, end] at which program p, a condition, is not what it is at `start`, counts unchanged;
    infinite if there is none, NaN if it cannot be told.

    With rate rules `end` lies within the present step of `continuous`. Times are cut into pieces until on each the
    condition is surely what it was; what is left at the end is one step of float64. Near a zero of a function that is
    known to some digits only, such as a sine, that may go on for long: then values at the ends decide on pieces of
    relative length 1e-13.
    """
    kept = laws.variables[TIME_VARIABLE], laws.window[WINDOW_START], laws.window[WINDOW_END]
    set_time(laws, laws.continuous, start)
    before = law_value(laws, p, counts) != 0.0
    found = np.inf
    a, step, n = start, end - start, 0
    while a < end:
        n += 1
        if n > _MOST_STEPS:
            found = np.nan
            break
        b = min(a + step, end)
        if not b > a:
            b = np.nextafter(a, np.inf)
        laws.window[WINDOW_START] = a
        laws.window[WINDOW_END] = b
        low, high = law_range(laws, p, counts, counts)
        # Surely true, or surely false, on all of [a, b]: no change there. Else the piece is halved until it is short.
        same = (low > 0.0 or high < 0.0) if before else (low == 0.0 and high == 0.0)
        shortest = np.nextafter(a, np.inf)
        if n > _FINE_STEPS:
            shortest = max(shortest, a + _RESOLUTION * max(1.0, np.abs(a)))
        if not same and b > shortest:
            step = max(0.5 * (b - a), shortest - a)
            continue
        set_time(laws, laws.continuous, b)
        if not same and (law_value(laws, p, counts) != 0.0) != before:
            found = _bisected(laws, p, counts, a, b, before)
            if laws.continuous is not None:
                found = _surely_changed(laws, p, counts, found, end, before)
            break
        a = b
        step = 2.0 * step
    set_time(laws, laws.continuous, kept[0])
    laws.window[WINDOW_START], laws.window[WINDOW_END] = kept[1], kept[2]
    return found


# When conditions of events change while the state moves along a path: enclosures over pieces of a step.
#
# The path of a step is a polynomial. Over a piece of it no value leaves the range of its two ends by more than the
# bound of the second derivative allows, so that interval arithmetic (`intervals`) says whether a condition surely stays
# as it was. Pieces are halved until it does, or until one step of float64 is left. So no change is missed however
# briefly a condition is true, but where it goes on for `_FINE_STEPS`: a state that rests at a threshold, to rounding,
# is on neither side of it for sure. There the values at pieces of a `_COARSE`-th of the step decide.

_FINE_STEPS_ON_PATH = 2_000
_COARSE = 256.0


class Path(NamedTuple):
    """The state over one step, in what moves and conditions read: a value, and Chebyshev polynomials from -1 to 1."""

    place: np.ndarray  # int64[place]: in the state
    base: np.ndarray  # float64[place]: at the start of the step; there the polynomials are 0, nearly
    coefficient: np.ndarray  # float64[degree + 1, place]
    bend: np.ndarray  # float64[place]: bound of the second derivative by time, over 8
    here: np.ndarray  # float64[state]: the state, and scratch
    low: np.ndarray  # float64[state]
    high: np.ndarray  # float64[state]
    ends: np.ndarray  # float64[2, place]: scratch


@kernel
def bound_bend(path, seconds):
    """Fill `bend` for a step of so many seconds: the second derivative of T_k is at most k^2 (k^2 - 1) / 3."""
    for j in range(path.place.size):
        total = 0.0
        for k in range(2, path.coefficient.shape[0]):
            total += np.abs(path.coefficient[k, j]) * (k * k * (k * k - 1.0) / 3.0)
        path.bend[j] = 0.125 * total * (2.0 / seconds) ** 2


@kernel
def on_path(path, u, out):
    """Values at u from -1 to 1 into out float64[place], by Clenshaw's recurrence."""
    last = path.coefficient.shape[0] - 1
    for j in range(path.place.size):
        ahead = 0.0
        farther = 0.0
        for k in range(last, 0, -1):
            ahead, farther = 2.0 * u * ahead - farther + path.coefficient[k, j], ahead
        out[j] = path.base[j] + (u * ahead - farther + path.coefficient[0, j])


@kernel
def _value_at(laws, p, path, start, end, t, row):
    """Value of condition p at time t, the state there into a row of `ends`."""
    on_path(path, 2.0 * ((t - start) / (end - start)) - 1.0, path.ends[row])
    for j in range(path.place.size):
        path.here[path.place[j]] = path.ends[row, j]
    laws.variables[TIME_VARIABLE] = t
    return law_value(laws, p, path.here)


@kernel
def _change_of(laws, p, before, path, start, end, since, until):
    """The first time in (since, until] at which condition p is not `before`; infinite if there is none."""
    a, step, n = since, until - since, 0
    _value_at(laws, p, path, start, end, a, 0)
    while a < until:
        # What holds here: on (since, a] the condition is surely `before`.
        n += 1
        b = min(a + step, until)
        if not b > a:  # the step is below the resolution of the clock
            b = np.nextafter(a, np.inf)
        value = _value_at(laws, p, path, start, end, b, 1)
        for j in range(path.place.size):
            # Between its ends a function leaves the chord by at most (b - a)^2 / 8 times its second derivative.
            beyond = path.bend[j] * (b - a) ** 2
            path.low[path.place[j]] = min(path.ends[0, j], path.ends[1, j]) - beyond
            path.high[path.place[j]] = max(path.ends[0, j], path.ends[1, j]) + beyond
        laws.window[WINDOW_START] = a
        laws.window[WINDOW_END] = b
        low, high = law_range(laws, p, path.low, path.high)
        same = (low > 0.0 or high < 0.0) if before else (low == 0.0 and high == 0.0)
        shortest = np.nextafter(a, np.inf)
        if n > _FINE_STEPS_ON_PATH:
            shortest = max(shortest, a + (end - start) / _COARSE)
        if not same and b > shortest:
            step = max(0.5 * (b - a), shortest - a)
            continue
        if not same and (value != 0.0) != before:
            while b > np.nextafter(a, np.inf):
                middle = a + 0.5 * (b - a)
                if not a < middle < b:
                    break
                if (_value_at(laws, p, path, start, end, middle, 1) != 0.0) == before:
                    a = middle
                else:
                    b = middle
            return b
        a = b
        step = 2.0 * step  # as far as it is surely the same, pieces may grow again
        for j in range(path.place.size):
            path.ends[0, j] = path.ends[1, j]
    return np.inf


@kernel
def first_change(laws, watched, triggered, path, start, end, since):
    """The first time in (since, end] at which one of the conditions `watched` int64[...] is not what `triggered`
    int8[condition] says; infinite if there is none. `path` is that of the step from start to end."""
    kept = laws.variables[TIME_VARIABLE], laws.window[WINDOW_START], laws.window[WINDOW_END]
    for s in range(path.here.size):
        path.low[s] = path.high[s] = path.here[s]
    found = np.inf
    for k in watched:
        p = laws.first_trigger[0] + k
        found = min(found, _change_of(laws, p, triggered[k] != 0, path, start, end, since, min(found, end)))
    laws.variables[TIME_VARIABLE], laws.window[WINDOW_START], laws.window[WINDOW_END] = kept
    return found


@kernel
def is_changed(laws, watched, triggered, t, state):
    """Whether one of the conditions is not what `triggered` says at time t and `state` float64[...]."""
    kept = laws.variables[TIME_VARIABLE]
    laws.variables[TIME_VARIABLE] = t
    found = False
    for k in watched:
        if (law_value(laws, laws.first_trigger[0] + k, state) != 0.0) != (triggered[k] != 0):
            found = True
    laws.variables[TIME_VARIABLE] = kept
    return found
