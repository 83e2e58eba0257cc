"""Ranges of programs by interval arithmetic, and the times at which conditions change, located by such ranges.

A range encloses all values over intervals of the counts and of the time; laws need not be monotone. An end without a
better bound is infinite. Where a value may be NaN, both ends are NaN, and the caller narrows the intervals.

R. E. Moore, R. B. Kearfott, M. J. Cloud, Introduction to Interval Analysis, SIAM 2009.
"""

import math
from typing import NamedTuple

import numpy as np

from .continuous import STALE, path_range, set_time
from .laws import (
    ABS,
    ADD,
    AND,
    ARCCOS,
    ARCCOSH,
    ARCSIN,
    ARCTANH,
    CEIL,
    COS,
    COSH,
    COUNT,
    DIVIDE,
    EQUAL,
    EXPREL,
    FACTORIAL,
    FLOOR,
    LESS,
    LESS_OR_EQUAL,
    LN,
    LOG10,
    MAX,
    MIN,
    MULTIPLY,
    NEGATIVE_OF,
    NOT,
    OR,
    POWER,
    QUOTIENT,
    RANGES,
    SELECT,
    SIN,
    SQRT,
    TAN,
    TIME_VARIABLE,
    VARIABLE,
    WINDOW_END,
    WINDOW_START,
    binary,
    is_binary,
    law_value,
    unary,
)
from .linked import kernel, within

_ROUNDING = 1e-15
"""Relative slack for functions that are not rounded correctly, and so are only nearly monotone."""


@kernel
def _widened(low, high):
    if low > -np.inf:
        low -= _ROUNDING * np.abs(low)
    if high < np.inf:
        high += _ROUNDING * np.abs(high)
    return low, high


@kernel
def _holds_zero(a, b):
    return a <= 0.0 <= b


@kernel
def _is_infinite(a, b):
    """Whether an end, and so possibly the value, is infinite."""
    return a == -np.inf or b == np.inf or a == np.inf or b == -np.inf


@kernel
def _corners(op, a, b, c, d):
    """Range of an operation that is monotone in each argument, over [a, b] x [c, d]."""
    # A function that is monotone in each argument has its extremes at the corners of the box.
    p, q, r, s = binary(op, a, c), binary(op, a, d), binary(op, b, c), binary(op, b, d)
    # Comparison with itself detects NaN without a call.
    if p != p or q != q or r != r or s != s:
        return np.nan, np.nan
    return min(min(p, q), min(r, s)), max(max(p, q), max(r, s))


@kernel
def _power(a, b, c, d):
    if a >= 0.0:
        if c == d:  # as in most laws: two powers suffice instead of four
            p, s = binary(POWER, a, c), binary(POWER, b, c)
            if p != p or s != s:
                return np.nan, np.nan
            return _widened(min(p, s), max(p, s))
        low, high = _corners(POWER, a, b, c, d)
        return _widened(low, high)
    # A negative base has real powers for whole exponents only.
    if c == d and c == np.floor(c) and np.abs(c) < 1e9:
        if c < 0.0 and b >= 0.0:
            return -np.inf, np.inf  # a pole inside
        low, high = _corners(POWER, a, b, c, c)
        if c != 0.0 and c % 2.0 == 0.0 and b > 0.0:
            low = 0.0  # an even power of numbers on both sides of 0
        return _widened(low, high)
    return np.nan, np.nan


@kernel
def _wave(op, a, b):
    """Range of sine or cosine over [a, b]."""
    # A whole turn contains a crest and a trough.
    if not b - a < 2.0 * math.pi:
        return -1.0, 1.0
    low = max(min(unary(op, a), unary(op, b)) - _ROUNDING, -1.0)
    high = min(max(unary(op, a), unary(op, b)) + _ROUNDING, 1.0)
    # Far from 0, a crest is located only up to the rounding of the argument; 1e-14 is 45 times 2**-52.
    slack = 1e-14 * (1.0 + np.abs(a) + np.abs(b))
    shift = 0.0 if op == COS else 0.5 * math.pi  # of the crests; troughs lie half a turn further
    crest = 2.0 * math.pi * np.ceil((a - slack - shift) / (2.0 * math.pi)) + shift
    trough = 2.0 * math.pi * np.ceil((a - slack - shift - math.pi) / (2.0 * math.pi)) + shift + math.pi
    return (-1.0 if trough <= b + slack else low), (1.0 if crest <= b + slack else high)


@kernel
def _leaves_domain(op, a, b):
    """Whether a function of one argument may be NaN on [a, b]."""
    if op in (LN, LOG10, SQRT, FACTORIAL):
        return a < 0.0
    if op in (SIN, COS, TAN):
        return _is_infinite(a, b)
    if op in (ARCSIN, ARCCOS, ARCTANH):
        return a < -1.0 or b > 1.0
    return op == ARCCOSH and a < 1.0


@kernel
def _unary_range(op, a, b):
    if a != a or b != b:
        return (0.0, 1.0) if op == NOT else (np.nan, np.nan)
    if a == b:
        value = unary(op, a)
        return value, value
    if _leaves_domain(op, a, b):
        return np.nan, np.nan
    if op == NEGATIVE_OF:
        return -b, -a
    if op == NOT:
        return 0.0, (1.0 if _holds_zero(a, b) else 0.0)
    if op == EXPREL:
        return _widened(unary(op, b), unary(op, a))
    if op in (ABS, COSH):
        low, high = _widened(min(unary(op, a), unary(op, b)), max(unary(op, a), unary(op, b)))
        return (unary(op, 0.0) if _holds_zero(a, b) else low), high
    if op in (SIN, COS):
        return _wave(op, a, b)
    if op == TAN:
        # Different branches at the two ends, or an end close to a pole, mean a pole inside. The slack covers rounding.
        slack = 1e-9 + 1e-15 * (np.abs(a) + np.abs(b))
        if np.floor((a - slack) / math.pi + 0.5) != np.floor((b + slack) / math.pi + 0.5):
            return -np.inf, np.inf
        return _widened(np.tan(a), np.tan(b))
    if op in (FLOOR, CEIL):
        return unary(op, a), unary(op, b)
    if op == FACTORIAL and not a >= 1.0:
        return 0.0, max(1.0, unary(op, b)) * (1.0 + _ROUNDING)
    if op == ARCCOS:
        return _widened(np.arccos(b), np.arccos(a))
    return _widened(unary(op, a), unary(op, b))  # all others increase


@kernel
def _binary_range(op, a, b, c, d):
    unknown = a != a or b != b or c != c or d != d
    if LESS <= op <= OR:
        return (0.0, 1.0) if unknown else _truth_range(op, a, b, c, d)
    if unknown:
        return np.nan, np.nan
    if a == b and c == d and op != POWER:
        value = binary(op, a, c)
        return value, value
    # Boxes in which the value may be NaN have a range of NaN: inf - inf, 0 * inf, 0 / 0 and inf / inf.
    if op == ADD:
        if (a == -np.inf and d == np.inf) or (b == np.inf and c == -np.inf):
            return np.nan, np.nan
        return a + c, b + d
    if op == MULTIPLY:
        if (_holds_zero(a, b) and _is_infinite(c, d)) or (_holds_zero(c, d) and _is_infinite(a, b)):
            return np.nan, np.nan
        return _corners(op, a, b, c, d)
    if op == POWER:
        return _power(a, b, c, d)
    if op in (MIN, MAX):
        return binary(op, a, c), binary(op, b, d)
    # DIVIDE, QUOTIENT and REMAINDER: 0 / 0 and infinite / infinite may be NaN
    if (_holds_zero(a, b) and _holds_zero(c, d)) or (_is_infinite(a, b) and _is_infinite(c, d)):
        return np.nan, np.nan
    if op == DIVIDE:
        return (-np.inf, np.inf) if _holds_zero(c, d) else _corners(op, a, b, c, d)
    if _holds_zero(c, d) or _is_infinite(a, b) or _is_infinite(c, d):
        return np.nan, np.nan
    if op == QUOTIENT:
        return _corners(op, a, b, c, d)
    # REMAINDER has the sign of the dividend and is smaller than the divisor.
    size = max(np.abs(c), np.abs(d))
    slack = _ROUNDING * (np.abs(a) + np.abs(b))
    if c == d and np.trunc(a / c) == np.trunc(b / c):
        return min(binary(op, a, c), binary(op, b, c)), max(binary(op, a, c), binary(op, b, c))
    return (-slack if a >= 0.0 else -size - slack), (slack if b <= 0.0 else size + slack)


@kernel
def _truth_range(op, a, b, c, d):
    if op == LESS:
        return (1.0 if b < c else 0.0), (0.0 if a >= d else 1.0)
    if op == LESS_OR_EQUAL:
        return (1.0 if b <= c else 0.0), (0.0 if a > d else 1.0)
    if op == EQUAL:
        return (1.0 if a == b and c == d and a == c else 0.0), (0.0 if a > d or b < c else 1.0)
    # A condition is true if it is not 0, so an interval without 0 is certainly true.
    first, second = (a > 0.0 or b < 0.0), (c > 0.0 or d < 0.0)  # certainly true
    maybe, maybe_second = (a != 0.0 or b != 0.0), (c != 0.0 or d != 0.0)
    if op == AND:
        return (1.0 if first and second else 0.0), (1.0 if maybe and maybe_second else 0.0)
    return (1.0 if first or second else 0.0), (1.0 if maybe or maybe_second else 0.0)


@within
def _variable_range(variables, continuous, window, a):
    """Range of a variable other than the time, over the window."""
    if continuous is not None:
        j = continuous.number[a]
        if j >= 0 and continuous.numbers[STALE] == 0.0:
            return path_range(continuous, j, window[WINDOW_START], window[WINDOW_END])
    return variables[a], variables[a]


@kernel
def _execute_range(code, registers, variables, continuous, window, low, high, first, end):
    """Compute the ranges of instructions first, ..., end - 1; as `laws.execute`."""
    lows, highs = registers[1], registers[2]
    for k in range(first, end):
        op = code[k].op
        target = code[k].target
        a = code[k].a
        b = code[k].b
        if op == COUNT:
            lows[target] = low[a]
            highs[target] = high[a]
        elif op == VARIABLE:
            if a == TIME_VARIABLE:
                lows[target] = window[WINDOW_START]
                highs[target] = window[WINDOW_END]
            else:
                lows[target], highs[target] = _variable_range(variables, continuous, window, a)
        elif is_binary(op):
            lows[target], highs[target] = _binary_range(op, lows[a], highs[a], lows[b], highs[b])
        elif op == SELECT:
            c = code[k].c
            never = lows[b] == 0.0 and highs[b] == 0.0
            always = lows[b] > 0.0 or highs[b] < 0.0
            # With an undecided condition, the range is the hull of both branches.
            if never:
                lows[target] = lows[c]
                highs[target] = highs[c]
            elif always:
                lows[target] = lows[a]
                highs[target] = highs[a]
            else:
                lows[target] = binary(MIN, lows[a], lows[c])
                highs[target] = binary(MAX, highs[a], highs[c])
        else:
            lows[target], highs[target] = _unary_range(op, lows[a], highs[a])


@kernel
def law_range(laws, p, low, high):
    """Lower and upper end of the range of program p over counts in [low, high] and times in the window."""
    first = laws.programs[p].body
    if not laws.ready[p] & RANGES:
        first = laws.programs[p].start
        laws.ready[p] |= RANGES
    end = laws.programs[p + 1].start
    _execute_range(laws.code, laws.registers, laws.variables, laws.continuous, laws.window, low, high, first, end)
    return laws.registers[1, laws.programs[p].result], laws.registers[2, laws.programs[p].result]


# The next change of a condition that reads the time or a variable of a rate rule, by ranges over pieces of time.

_FINE_STEPS = 5_000
_MOST_STEPS = 1_000_000
_RESOLUTION = 1e-13
"""After `_FINE_STEPS` at full resolution without a decision, the resolution is this part of the time, or of 1."""


@kernel
def _bisected(laws, p, counts, a, b, before):
    """Locate the change of condition p between a, where it is `before`, and b, where it is not, to one float64 step."""
    # Invariant: the condition is `before` at a, and not at b.
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
    """The first time from t on at which condition p differs from `before` by more than the rounding of the path.

    There, rounding cannot change it back. The time is exact to a few steps of float64; t itself if there is none.
    """
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
    """The first time in (start, end] at which condition p differs from its value at `start`, with counts unchanged.

    Infinite if there is none, NaN if it cannot be located. With rate rules, `end` lies within the present step of
    `continuous`. Time is divided into pieces until the condition is certainly unchanged on each, except for one step of
    float64. Near a zero of a function with rounding errors, such as a sine, this may take long: then the values at the
    ends decide on pieces of relative length 1e-13.
    """
    saved = laws.variables[TIME_VARIABLE], laws.window[WINDOW_START], laws.window[WINDOW_END]
    set_time(laws, laws.continuous, start)
    before = law_value(laws, p, counts) != 0.0
    crossing = np.inf
    a, step, n = start, end - start, 0
    while a < end:
        n += 1
        if n > _MOST_STEPS:
            crossing = np.nan
            break
        b = min(a + step, end)
        if not b > a:
            b = np.nextafter(a, np.inf)
        laws.window[WINDOW_START] = a
        laws.window[WINDOW_END] = b
        low, high = law_range(laws, p, counts, counts)
        # A condition that is certainly true, or certainly false, on all of [a, b] does not change there. Otherwise the
        # piece is halved, down to one step of float64.
        same = (low > 0.0 or high < 0.0) if before else (low == 0.0 and high == 0.0)
        shortest = np.nextafter(a, np.inf)
        if n > _FINE_STEPS:
            shortest = max(shortest, a + _RESOLUTION * max(1.0, np.abs(a)))
        if not same and b > shortest:
            step = max(0.5 * (b - a), shortest - a)
            continue
        set_time(laws, laws.continuous, b)
        # The piece is as short as resolution allows: now the value at its end decides.
        if not same and (law_value(laws, p, counts) != 0.0) != before:
            crossing = _bisected(laws, p, counts, a, b, before)
            if laws.continuous is not None:
                crossing = _surely_changed(laws, p, counts, crossing, end, before)
            break
        a = b
        step = 2.0 * step
    set_time(laws, laws.continuous, saved[0])
    laws.window[WINDOW_START], laws.window[WINDOW_END] = saved[1], saved[2]
    return crossing


# Changes of conditions of events while the state moves along a path, by enclosures over pieces of a step.
#
# The path of a step is a polynomial. Over a piece, a value leaves the range of its two ends by no more than its second
# derivative allows, so `law_range` decides whether a condition certainly stays as it was. Pieces are halved
# until it does, or until one step of float64 is left. So no change is missed, however briefly a condition is true. The
# exception is a search of more than `_FINE_STEPS_ON_PATH`: a state at rest on a threshold, up to rounding, is certainly
# on neither side. There the values at pieces of a `_COARSE`-th of the step decide.

_FINE_STEPS_ON_PATH = 2_000
_COARSE = 256.0


class ConditionPath(NamedTuple):
    """The state over one step as Chebyshev polynomials on [-1, 1]: the entries that move and that conditions read."""

    place: np.ndarray  # int64[place]: entries of the state
    base: np.ndarray  # float64[place]: values at the start of the step, where the polynomials are 0 up to rounding
    coefficient: np.ndarray  # float64[degree + 1, place]
    bend: np.ndarray  # float64[place]: bound of the second time derivative, over 8
    here: np.ndarray  # float64[state]: the state, and scratch
    low: np.ndarray  # float64[state]
    high: np.ndarray  # float64[state]
    ends: np.ndarray  # float64[2, place]: scratch


@kernel
def bound_bend(path, seconds):
    """Fill `bend` for a step of this length [s]: the second derivative of T_k is at most k^2 (k^2 - 1) / 3."""
    for j in range(path.place.size):
        total = 0.0
        for k in range(2, path.coefficient.shape[0]):
            total += np.abs(path.coefficient[k, j]) * (k * k * (k * k - 1.0) / 3.0)
        path.bend[j] = 0.125 * total * (2.0 / seconds) ** 2


@kernel
def on_path(path, u, out):
    """Write the values at u in [-1, 1] into out float64[place], by Clenshaw's recurrence."""
    last = path.coefficient.shape[0] - 1
    for j in range(path.place.size):
        ahead = 0.0
        farther = 0.0
        for k in range(last, 0, -1):
            ahead, farther = 2.0 * u * ahead - farther + path.coefficient[k, j], ahead
        out[j] = path.base[j] + (u * ahead - farther + path.coefficient[0, j])


@kernel
def _value_at(laws, p, path, start, end, t, row):
    """Value of condition p at time t; writes the state there into a row of `ends`."""
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
        # Invariant: on (since, a] the condition is certainly `before`.
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
            # Bisection, with the condition `before` at a and not at b.
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
        step = 2.0 * step  # pieces may grow again while the condition is certainly the same
        for j in range(path.place.size):
            path.ends[0, j] = path.ends[1, j]
    return np.inf


@kernel
def first_change(laws, watched, triggered, path, start, end, since):
    """The first time in (since, end] at which a condition in `watched` int64[...] differs from `triggered`
    int8[condition]; infinite if there is none. `path` is that of the step from start to end."""
    saved = laws.variables[TIME_VARIABLE], laws.window[WINDOW_START], laws.window[WINDOW_END]
    for s in range(path.here.size):
        path.low[s] = path.high[s] = path.here[s]
    earliest = np.inf
    # Each search ends at the earliest change so far: later ones cannot be the first.
    for k in watched:
        p = laws.first_trigger[0] + k
        earliest = min(earliest, _change_of(laws, p, triggered[k] != 0, path, start, end, since, min(earliest, end)))
    laws.variables[TIME_VARIABLE], laws.window[WINDOW_START], laws.window[WINDOW_END] = saved
    return earliest


@kernel
def is_changed(laws, watched, triggered, t, state):
    """Whether one of the conditions differs from `triggered` at time t and `state` float64[...]."""
    saved = laws.variables[TIME_VARIABLE]
    laws.variables[TIME_VARIABLE] = t
    changed = False
    for k in watched:
        if (law_value(laws, laws.first_trigger[0] + k, state) != 0.0) != (triggered[k] != 0):
            changed = True
    laws.variables[TIME_VARIABLE] = saved
    return changed
