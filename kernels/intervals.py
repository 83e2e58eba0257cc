"""Bounds of programs over intervals of the counts and of the time, by interval arithmetic.

R. E. Moore, R. B. Kearfott, M. J. Cloud, Introduction to Interval Analysis, SIAM 2009. Laws need not be monotone. Where
nothing better is known an end is infinite, where a value may be NaN both are NaN, and the caller narrows the intervals.
"""

import math

import numpy as np

from .continuous import STALE, path_range
from .laws import (
    ABS,
    ADD,
    AND,
    ARCCOS,
    ARCCOSH,
    ARCSIN,
    ARCTANH,
    BOUNDS,
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
    unary,
)
from .linked import kernel, within

_ROUNDING = 1e-15
"""Slack, relative, of functions that are not rounded correctly and so are monotone only nearly."""


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
    """An end is infinite, and so the value may be."""
    return a == -np.inf or b == np.inf or a == np.inf or b == -np.inf


@kernel
def _corners(op, a, b, c, d):
    """Range of an operation that is monotone in each argument, over [a, b] x [c, d]."""
    # A function that is monotone in each argument has its extremes at corners of the box.
    p, q, r, s = binary(op, a, c), binary(op, a, d), binary(op, b, c), binary(op, b, d)
    if p != p or q != q or r != r or s != s:
        return np.nan, np.nan
    return min(min(p, q), min(r, s)), max(max(p, q), max(r, s))


@kernel
def _power(a, b, c, d):
    if a >= 0.0:
        if c == d:  # as in most laws: half the powers do
            p, s = binary(POWER, a, c), binary(POWER, b, c)
            if p != p or s != s:
                return np.nan, np.nan
            return _widened(min(p, s), max(p, s))
        low, high = _corners(POWER, a, b, c, d)
        return _widened(low, high)
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
    if not b - a < 2.0 * math.pi:
        return -1.0, 1.0
    low = max(min(unary(op, a), unary(op, b)) - _ROUNDING, -1.0)
    high = min(max(unary(op, a), unary(op, b)) + _ROUNDING, 1.0)
    # Far out, the place of a crest is known to some multiple of the rounding of the argument: 1e-14 is 45 times 2**-52.
    slack = 1e-14 * (1.0 + np.abs(a) + np.abs(b))
    shift = 0.0 if op == COS else 0.5 * math.pi  # of the crests; troughs lie half a turn on
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
    return _widened(unary(op, a), unary(op, b))  # the others increase


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
    first, second = (a > 0.0 or b < 0.0), (c > 0.0 or d < 0.0)  # certainly true
    maybe, maybe_second = (a != 0.0 or b != 0.0), (c != 0.0 or d != 0.0)
    if op == AND:
        return (1.0 if first and second else 0.0), (1.0 if maybe and maybe_second else 0.0)
    return (1.0 if first or second else 0.0), (1.0 if maybe or maybe_second else 0.0)


@within
def _variable_range(variables, continuous, window, a):
    """Bounds of a variable that is not the time, over the window."""
    if continuous is not None:
        j = continuous.number[a]
        if j >= 0 and continuous.numbers[STALE] == 0.0:
            return path_range(continuous, j, window[WINDOW_START], window[WINDOW_END])
    return variables[a], variables[a]


@kernel
def _execute_range(code, registers, variables, continuous, window, low, high, first, end):
    """Bounds of instructions first, ..., end - 1; as `laws.execute`."""
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
    """Lower and upper bound of program p over counts in [low, high] and times in the window."""
    first = laws.programs[p].body
    if not laws.ready[p] & BOUNDS:
        first = laws.programs[p].start
        laws.ready[p] |= BOUNDS
    end = laws.programs[p + 1].start
    _execute_range(laws.code, laws.registers, laws.variables, laws.continuous, laws.window, low, high, first, end)
    return laws.registers[1, laws.programs[p].result], laws.registers[2, laws.programs[p].result]
