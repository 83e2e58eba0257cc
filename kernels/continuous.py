"""A step of a stiff system of rate rules: RODAS, of order 4 with a solution of order 3 inside, and its interpolation.

Used by `continuous`, whose arrays it takes. The Jacobian is made of differences.

E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, 2nd edition, Springer 1996, section IV.7; the
coefficients are those of their program RODAS.
"""

from typing import NamedTuple

import numpy as np

from .laws import TIME_VARIABLE, law_value
from .linked import kernel

_GAMMA = 0.25
_ROOT = 1.5e-8
"""Root of the rounding of float64: differences are this part of a value."""
# Places in `slopes`: the six stages stand before them.
_SLOPE, _BY_TIME, _FIRST = 6, 7, 8
N_ROWS = 9


@kernel
def slopes_of(laws, continuous, counts, t, row):
    """Slopes at the variables as they are and time t into a row of `slopes`."""
    first = continuous.first_program[0]
    laws.variables[TIME_VARIABLE] = t
    for j in range(continuous.place.size):
        continuous.slopes[row, j] = law_value(laws, first + j, counts)


@kernel
def _differentiate(laws, continuous, counts, t, h):
    """Slopes at t and the variables there into the row `_FIRST`, -J + 1 / (gamma h) into `matrix`, and the derivative
    by the time into the row `_BY_TIME`."""
    n = continuous.place.size
    slopes, matrix, variables, place = continuous.slopes, continuous.matrix, laws.variables, continuous.place
    # One pass for the slopes themselves, one for each variable, and one for the time: each call is compiled by itself.
    for j in range(-1, n + 1):
        value = change = 0.0
        later = t
        if 0 <= j < n:
            value = variables[place[j]]
            # Of a variable near 0 the size is what it changes by in the step.
            size = max(np.abs(value), h * np.abs(slopes[_FIRST, j]))
            variables[place[j]] = value + _ROOT * max(size, 1e-5 * continuous.scale[j])
            change = variables[place[j]] - value
        elif j == n:
            later = t + _ROOT * max(np.abs(t), h)
            change = later - t
        row = _FIRST if j < 0 else _SLOPE
        slopes_of(laws, continuous, counts, later, row)
        if j < 0:
            continue
        for i in range(n):
            slope = (slopes[_SLOPE, i] - slopes[_FIRST, i]) / change
            if j == n:
                slopes[_BY_TIME, i] = slope
            else:
                matrix[i, j] = -slope
        if j < n:
            matrix[j, j] += 1.0 / (_GAMMA * h)
            variables[place[j]] = value


@kernel
def _factor(matrix, pivot):
    """LU with row exchanges, in place. Whether the matrix is regular."""
    n = pivot.size
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if np.abs(matrix[i, k]) > np.abs(matrix[p, k]):
                p = i
        pivot[k] = p
        if not np.abs(matrix[p, k]) > 0.0:  # NaN is none either: the step is rejected, and a shorter one tried
            return False
        if p != k:
            for j in range(n):
                matrix[k, j], matrix[p, j] = matrix[p, j], matrix[k, j]
        for i in range(k + 1, n):
            matrix[i, k] /= matrix[k, k]
            for j in range(k + 1, n):
                matrix[i, j] -= matrix[i, k] * matrix[k, j]
    return True


@kernel
def _solve(matrix, pivot, x):
    n = pivot.size
    for k in range(n):
        p = pivot[k]
        x[k], x[p] = x[p], x[k]
    for i in range(n):
        for j in range(i):
            x[i] -= matrix[i, j] * x[j]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            x[i] -= matrix[i, j] * x[j]
        x[i] /= matrix[i, i]


@kernel
def stiff_step(laws, continuous, counts, t, h, relative, absolute):
    """A step of length h from t and `start`. The variables become those at its end; returns the error over the
    tolerance, NaN if there is no value."""
    n = continuous.place.size
    slopes, start, place = continuous.slopes, continuous.start, continuous.place
    for i in range(n):
        laws.variables[place[i]] = start[i]
    _differentiate(laws, continuous, counts, t, h)
    if not _factor(continuous.matrix, continuous.pivot):
        return np.nan
    # In the form of the program RODAS: no product of the Jacobian and a vector is left, one matrix serves all stages.
    for row in range(6):
        for i in range(n):
            if row < 5:
                total = start[i]
                for k in range(row):
                    total += continuous.stiff_a[row, k] * slopes[k, i]
                laws.variables[place[i]] = total
            else:  # the solution of order 3
                laws.variables[place[i]] += slopes[4, i]
        slopes_of(laws, continuous, counts, t + continuous.stiff_times[0, row] * h, _SLOPE)
        for i in range(n):
            total = slopes[_SLOPE, i] + h * continuous.stiff_times[1, row] * slopes[_BY_TIME, i]
            for k in range(row):
                total += continuous.stiff_c[row, k] / h * slopes[k, i]
            slopes[row, i] = total
        _solve(continuous.matrix, continuous.pivot, slopes[row])
    # The last stage is what the solution of order 4 adds to that of order 3: it is the error of the latter.
    largest = 0.0
    for i in range(n):
        laws.variables[place[i]] += slopes[5, i]
        end = laws.variables[place[i]]
        size = max(np.abs(start[i]), np.abs(end))
        error = np.abs(slopes[5, i]) / (absolute * continuous.scale[i] + relative * size)
        if error > largest or error != error:
            largest = error
    return largest


@kernel
def stiff_path(laws, continuous):
    """The polynomial over the step that was just made, into `path`."""
    for i in range(continuous.place.size):
        third = 0.0
        fourth = 0.0
        for k in range(5):
            third += continuous.stiff_d[0, k] * continuous.slopes[k, i]
            fourth += continuous.stiff_d[1, k] * continuous.slopes[k, i]
        start = continuous.start[i]
        continuous.path[0, i] = start
        continuous.path[1, i] = laws.variables[continuous.place[i]] - start + third
        continuous.path[2, i] = fourth - third
        continuous.path[3, i] = -fourth
        continuous.path[4, i] = 0.0


# Variables that rate rules change between reactions: V' = f(V, t, counts), beside molecules.
#
# Exact methods simulate the piecewise deterministic Markov process. The path of the variables is integrated by steps of
# the method of Dormand and Prince, or of a Rosenbrock method where it is stiff, with a polynomial over each step. The
# polynomial is what the simulation takes for the path: propensities are bounded over it, thinned by its values, and
# conditions are solved on it. So all but the path itself is exact, and the path holds to the tolerances of the steps. A
# step ends early where a reaction changes a count that a rate rule reads; the next begins there, from the value of the
# polynomial.
#
# J. R. Dormand, P. J. Prince, J. Comput. Appl. Math. 6 (1980) 19-26, doi:10.1016/0771-050X(80)90013-3; L. F. Shampine,
# Math. Comput. 46 (1986) 135-150, doi:10.1090/S0025-5718-1986-0815836-3 (interpolation); M. H. A. Davis, J. R. Stat.
# Soc. B 46 (1984) 353-376, doi:10.1111/j.2517-6161.1984.tb01308.x (the process).

STAGES = 7
DEGREE = 4
"""Of the polynomial."""

# Places in `numbers`.
BEGIN = 0
"""Time at which the present step begins [s]."""
LENGTH = 1
"""Of the present step [s]."""
NEXT = 2
"""Length to try for the next step [s]; 0 if none was made yet."""
CROSSING = 3
"""Time at which a condition changes in the present window of time, which ends there [s]; infinite if none does."""
STALE = 4
"""1 if the variables hold the values of the present time, and the step is no longer of use."""
SLOPE_KNOWN = 5
"""1 if the last stage of the present step is the slope at its end."""
RELATIVE, ABSOLUTE = 6, 7
"""Tolerances of a step."""
N_UNSTABLE = 8
"""How many of the last steps were limited by stability; once many were, `IS_STIFF` is 1 and all others are implicit."""
IS_STIFF = 9
N_NUMBERS = 10

# A step is followed by one that would have just met the tolerance, a tenth shorter, since the estimate of the error is
# of leading order; and not by one of another scale, on which it says nothing.
_SAFETY, _LEAST, _MOST = 0.9, 0.2, 5.0
_UNSTABLE = 3.25
"""Step times the size of the derivative's slope, where the explicit method is hardly stable any more."""
_MANY_UNSTABLE = 15.0
_SLACK = 1e-14
"""Rounding of the polynomial, relative to the sizes of its terms: bounds are wider by it."""


class Continuous(NamedTuple):
    """The variables that rate rules change, in the order of the rules."""

    place: np.ndarray  # uint32[variable]: place in `Laws.variables`
    number: np.ndarray  # int64[place]: which variable a place holds, or -1
    first_program: np.ndarray  # int64[1]: program of the first rate rule; the others follow it
    restarts: np.ndarray  # bool[channel]: changes a count that a rate rule reads, or a condition beside a variable
    conditions: np.ndarray  # uint32[...]: triggers that read a variable
    is_condition: np.ndarray  # bool[trigger]
    a: np.ndarray  # float64[7, 7]: stages; the last row is the end of the step
    c: np.ndarray  # float64[7]
    error: np.ndarray  # float64[7]
    interpolation: np.ndarray  # float64[7, DEGREE]: weight of each stage in each power
    stiff_a: np.ndarray  # float64[6, 5], see `rosenbrock`
    stiff_c: np.ndarray  # float64[6, 5]
    stiff_d: np.ndarray  # float64[2, 5]
    stiff_times: np.ndarray  # float64[2, 6]
    # Scratch.
    matrix: np.ndarray  # float64[variable, variable]
    pivot: np.ndarray  # int64[variable]
    last: np.ndarray  # float64[variable]: where the last stage but one was taken
    # State of one simulation; each has its own.
    slopes: np.ndarray  # float64[rosenbrock.N_ROWS, variable]
    start: np.ndarray  # float64[variable]: values at the beginning of the step
    scale: np.ndarray  # float64[variable]: largest size at the beginning of a step, at most 1: see `begin_step`
    path: np.ndarray  # float64[DEGREE + 1, variable]: coefficients of the powers of the part of the step that is over
    numbers: np.ndarray  # float64[N_NUMBERS]
    rows: np.ndarray  # float64[point, variable]: values at recorded points


@kernel
def set_time(laws, continuous, t):
    """Let the variables be those at time t, within the present step. `continuous` is `laws.continuous`."""
    laws.variables[TIME_VARIABLE] = t
    # An argument, so that nothing behind it is compiled if it is None.
    if continuous is not None:
        if continuous.numbers[STALE] != 0.0:
            return
        # Horner's rule: the same operations at the same time give the same bits, so that a propensity is thinned by the
        # very value that its bound encloses.
        part = (t - continuous.numbers[BEGIN]) / continuous.numbers[LENGTH]
        path = continuous.path
        for j in range(path.shape[1]):
            value = path[DEGREE, j]
            for p in range(DEGREE - 1, -1, -1):
                value = value * part + path[p, j]
            laws.variables[continuous.place[j]] = value


@kernel
def forget_path(laws, continuous, t):
    """Before something changes at time t: the variables get their values there, and the path ends."""
    set_time(laws, continuous, t)
    if continuous is not None:
        continuous.numbers[STALE] = 1.0
        continuous.numbers[SLOPE_KNOWN] = 0.0


@kernel
def record_variables(laws, continuous, k, t):
    """Record the variables at time t as those of point k."""
    set_time(laws, continuous, t)
    if continuous is not None:
        for j in range(continuous.place.size):
            continuous.rows[k, j] = laws.variables[continuous.place[j]]


@kernel
def is_crossing(continuous, t):
    """Whether the window ended at t because a condition changes there. It is told once."""
    if continuous is not None:
        if continuous.numbers[CROSSING] == t:
            continuous.numbers[CROSSING] = np.inf
            return True
    return False


@kernel
def restarts(continuous, c):
    """Whether the firing of channel c ends the path."""
    if continuous is not None:
        return continuous.restarts[c]
    return False


@kernel
def _stage(laws, continuous, counts, t, h, row):
    """Variables at the stage `row` of an explicit step of length h from t, and the slopes there. Of the first stage
    they are those at t."""
    for j in range(continuous.place.size):
        total = 0.0
        for i in range(row):
            total += continuous.a[row, i] * continuous.slopes[i, j]
        laws.variables[continuous.place[j]] = continuous.start[j] + h * total
        if row == STAGES - 2:
            continuous.last[j] = continuous.start[j] + h * total
    slopes_of(laws, continuous, counts, t + continuous.c[row] * h, row)


@kernel
def _first_length(continuous):
    """A first step, over which no variable changes by more than a hundredth of its size."""
    h = np.inf
    for j in range(continuous.place.size):
        size = np.abs(continuous.start[j]) + continuous.numbers[ABSOLUTE] * continuous.scale[j]
        slope = np.abs(continuous.slopes[0, j])
        if slope > 0.0:
            h = min(h, 0.01 * size / slope)
    return min(h, 1.0) if h > 0.0 else 1e-6


@kernel
def _error(laws, continuous, h):
    """Estimated error of a step over the tolerance, the largest of the variables; NaN if one has no value."""
    largest = 0.0
    for j in range(continuous.place.size):
        total = 0.0
        for i in range(STAGES):
            total += continuous.error[i] * continuous.slopes[i, j]
        end = laws.variables[continuous.place[j]]
        size = max(np.abs(continuous.start[j]), np.abs(end))
        absolute = continuous.numbers[ABSOLUTE] * continuous.scale[j]
        error = np.abs(h * total) / (absolute + continuous.numbers[RELATIVE] * size)
        if error > largest or error != error or end != end:
            largest = error if end == end else np.nan
    return largest


@kernel
def begin_step(laws, continuous, counts, t):
    """Make the next step, from time t and the variables there. False if no step is short enough: the solution ends, or
    a rate rule has no value."""
    numbers = continuous.numbers
    n = continuous.place.size
    for j in range(n):
        continuous.start[j] = laws.variables[continuous.place[j]]
        # The absolute tolerance is a part of this: a volume of 1e-15 litres is followed as well as one of 1.
        continuous.scale[j] = min(max(continuous.scale[j], np.abs(continuous.start[j])), 1.0)
    is_stiff = numbers[IS_STIFF] != 0.0
    # The last stage of an explicit step is the first of the next, unless something changed in between.
    first = 0
    if numbers[SLOPE_KNOWN] != 0.0:
        for j in range(n):
            continuous.slopes[0, j] = continuous.slopes[STAGES - 1, j]
        first = 1
    growth = _MOST
    # The estimates of the error are of order 5 and 4 in the length of the step.
    order = -0.25 if is_stiff else -0.2
    is_first = numbers[NEXT] == 0.0  # a length that falls to 0 is not the same: no step is short enough
    tried = np.inf
    while True:
        # The length is the one that the clock can tell: far from time 0 it is rounded, and the slopes go on for it. A
        # shorter one may be rounded to that which was rejected: then there is none.
        h = (t + numbers[NEXT]) - t
        if not (is_first or 0.0 < h < tried):
            numbers[STALE] = 1.0
            for j in range(n):
                laws.variables[continuous.place[j]] = continuous.start[j]
            laws.variables[TIME_VARIABLE] = t
            return False
        if is_stiff:
            error = stiff_step(laws, continuous, counts, t, h, numbers[RELATIVE], numbers[ABSOLUTE])
        else:
            for row in range(first, STAGES):
                _stage(laws, continuous, counts, t, h, row)
                if row == 0 and is_first:  # no step was made yet
                    h = (t + _first_length(continuous)) - t
            is_first = False
            first = 1
            error = _error(laws, continuous, h)
        if error <= 1.0:
            break
        tried = h
        growth = 1.0  # behind a rejected step none grows: what made it too long may go on
        numbers[NEXT] = h * (max(_LEAST, _SAFETY * error**order) if error < np.inf else _LEAST)
    numbers[NEXT] = min(h * (min(growth, _SAFETY * error**order) if error > 0.0 else growth), 1e300)
    numbers[BEGIN], numbers[LENGTH] = t, h
    numbers[STALE] = 0.0
    if is_stiff:
        stiff_path(laws, continuous)  # its slopes are of the implicit stages: none is the slope at the end
        numbers[SLOPE_KNOWN] = 0.0
    else:
        _make_path(continuous, h)
        _watch_stability(laws, continuous, h)
        numbers[SLOPE_KNOWN] = 1.0 - numbers[IS_STIFF]
    set_time(laws, continuous, t)
    return True


@kernel
def _watch_stability(laws, continuous, h):
    """After an explicit step, with the variables at its end: go on with implicit ones if stability limited many of the
    last (Hairer, Norsett and Wanner, section IV.2)."""
    numbers = continuous.numbers
    # The last two stages are both at the end of the step: their slopes differ by the Jacobian times their distance.
    top = 0.0
    bottom = 0.0
    for j in range(continuous.place.size):
        top += (continuous.slopes[STAGES - 1, j] - continuous.slopes[STAGES - 2, j]) ** 2
        bottom += (laws.variables[continuous.place[j]] - continuous.last[j]) ** 2
    if h * h * top > _UNSTABLE * _UNSTABLE * bottom:
        numbers[N_UNSTABLE] += 1.0
        if numbers[N_UNSTABLE] >= _MANY_UNSTABLE:
            numbers[IS_STIFF] = 1.0
    else:
        numbers[N_UNSTABLE] = max(numbers[N_UNSTABLE] - 0.25, 0.0)


@kernel
def _make_path(continuous, h):
    """The polynomial over an explicit step, into `path`."""
    for j in range(continuous.place.size):
        continuous.path[0, j] = continuous.start[j]
        for p in range(DEGREE):
            total = 0.0
            for i in range(STAGES):
                total += continuous.interpolation[i, p] * continuous.slopes[i, j]
            continuous.path[p + 1, j] = h * total


@kernel
def step_end(continuous):
    """When the present step is over [s]."""
    return continuous.numbers[BEGIN] + continuous.numbers[LENGTH]


@kernel
def path_range(continuous, j, a, b):
    """Bounds of variable j over times from a to b within the present step."""
    # In Bernstein's form over [a, b], the coefficients of a polynomial enclose it.
    path, numbers = continuous.path, continuous.numbers
    u = (a - numbers[BEGIN]) / numbers[LENGTH]
    w = max((b - numbers[BEGIN]) / numbers[LENGTH], u) - u
    c0, c1, c2, c3, c4 = path[0, j], path[1, j], path[2, j], path[3, j], path[4, j]
    # What rounding can change is a part of the sizes of the terms: at the start of a path from 0 it is nothing, so that
    # a root of the variable has bounds there.
    v = u + w
    c = np.abs(c1), np.abs(c2), np.abs(c3), np.abs(c4)
    slack = _SLACK * (np.abs(c0) + u * (c[0] + u * (c[1] + u * (c[2] + u * c[3]))))
    most = _SLACK * (np.abs(c0) + v * (c[0] + v * (c[1] + v * (c[2] + v * c[3]))))
    # Moved to u and stretched by w: the polynomial in s from 0 to 1 with coefficients d, then those of Bernstein.
    d0 = c0 + u * (c1 + u * (c2 + u * (c3 + u * c4)))
    d1 = w * (c1 + u * (2.0 * c2 + u * (3.0 * c3 + u * 4.0 * c4)))
    d2 = w * w * (c2 + u * (3.0 * c3 + u * 6.0 * c4))
    d3 = w * w * w * (c3 + u * 4.0 * c4)
    d4 = w * w * w * w * c4
    b1 = d0 + d1 / 4.0
    b2 = d0 + d1 / 2.0 + d2 / 6.0
    b3 = d0 + 0.75 * d1 + d2 / 2.0 + d3 / 4.0
    b4 = d0 + d1 + d2 + d3 + d4
    low = min(d0 - slack, min(min(b1, b2), min(b3, b4)) - most)
    high = max(d0 + slack, max(max(b1, b2), max(b3, b4)) + most)
    return low, high
