"""When a condition that reads the time, or what rate rules change, next changes, by bounds over pieces of time."""

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
