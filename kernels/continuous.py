"""Variables of rate rules, V' = f(V, t, counts), which change continuously between reactions.

Exact methods simulate the piecewise deterministic Markov process (Davis). The path of the variables is integrated by
the explicit method of Dormand and Prince or, where it is stiff, by a Rosenbrock method, with a polynomial over each
step. The simulation takes this polynomial as the path: propensities are bounded over it and thinned by its values, and
changes of conditions are located on it. So everything except the path is exact, and the path meets the tolerances of
the steps. A step ends early where a reaction changes a count that a rate rule reads; the next step begins there, from
the value of the polynomial.

J. R. Dormand, P. J. Prince, J. Comput. Appl. Math. 6 (1980) 19-26, doi:10.1016/0771-050X(80)90013-3.
L. F. Shampine, Math. Comput. 46 (1986) 135-150, doi:10.1090/S0025-5718-1986-0815836-3 (interpolation).
E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, 2nd edition, Springer 1996, section IV.7 (RODAS).
M. H. A. Davis, J. R. Stat. Soc. B 46 (1984) 353-376, doi:10.1111/j.2517-6161.1984.tb01308.x (the process).
"""

from typing import NamedTuple

import numpy as np

from .laws import TIME_VARIABLE, law_value
from .linked import kernel

# A step of a stiff system: RODAS, of order 4 with an embedded solution of order 3, and its interpolation. The
# coefficients are those of the program RODAS of Hairer and Wanner; the Jacobian is made of differences.

_GAMMA = 0.25
_ROOT = 1.5e-8
"""Square root of the rounding of float64: increments of differences are this part of a value."""
# Rows of `slopes` behind the six stages.
_SLOPE, _BY_TIME, _FIRST = 6, 7, 8
N_ROWS = 9


@kernel
def slopes_of(laws, continuous, counts, t, row):
    """Write the slopes at the present variables and time t into a row of `slopes`."""
    first = continuous.first_program[0]
    laws.variables[TIME_VARIABLE] = t
    for j in range(continuous.place.size):
        continuous.slopes[row, j] = law_value(laws, first + j, counts)


@kernel
def _differentiate(laws, continuous, counts, t, h):
    """Differentiate the rate rules at time t and the present variables.

    Writes the slopes into the row `_FIRST`, -J + 1 / (gamma h) into `matrix`, and the derivative with respect to time
    into the row `_BY_TIME`.
    """
    n = continuous.place.size
    slopes, matrix, variables, place = continuous.slopes, continuous.matrix, laws.variables, continuous.place
    # One pass for the slopes, one for each variable and one for the time, so that `slopes_of` is compiled in once only.
    for j in range(-1, n + 1):
        value = change = 0.0
        later = t
        if 0 <= j < n:
            value = variables[place[j]]
            # The size of a variable near 0 is its change in the step.
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
    """LU decomposition with row exchanges, in place. Returns whether the matrix is regular."""
    n = pivot.size
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if np.abs(matrix[i, k]) > np.abs(matrix[p, k]):
                p = i
        pivot[k] = p
        if not np.abs(matrix[p, k]) > 0.0:  # also for NaN: the step is rejected, and a shorter one is tried
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
    """A step of length h from time t and `start`: sets the variables to those at its end.

    Returns the error over the tolerance, NaN if there is no value.
    """
    n = continuous.place.size
    slopes, start, place = continuous.slopes, continuous.start, continuous.place
    for i in range(n):
        laws.variables[place[i]] = start[i]
    _differentiate(laws, continuous, counts, t, h)
    if not _factor(continuous.matrix, continuous.pivot):
        return np.nan
    # The form of the program RODAS: no product of the Jacobian with a vector is left, and one matrix serves all stages.
    # `slopes[row]` becomes the solution of the linear system of stage `row`; later stages combine the earlier ones.
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
    # The last stage is the difference between the solutions of order 4 and 3, and so estimates the error of the latter.
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
    """Write the polynomial over the last step into `path`."""
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


# The path: steps of the method of Dormand and Prince or of RODAS, and the polynomial over the present step.

STAGES = 7
DEGREE = 4
"""Degree of the polynomial over a step."""

# Places in `numbers`.
BEGIN = 0
"""Time at which the present step begins [s]."""
LENGTH = 1
"""Length of the present step [s]."""
NEXT = 2
"""Length to try for the next step [s]; 0 before the first."""
CROSSING = 3
"""Time at which a condition changes in the present window of time, which ends there [s]; infinite if none does."""
STALE = 4
"""1 if the variables hold their present values, and the step is no longer valid."""
SLOPE_KNOWN = 5
"""1 if the last stage of the present step is the slope at its end."""
RELATIVE, ABSOLUTE = 6, 7
"""Tolerances of a step."""
N_UNSTABLE = 8
"""Number of recent steps limited by stability. After `_MANY_UNSTABLE`, `IS_STIFF` is 1 and all later steps are
implicit."""
IS_STIFF = 9
N_NUMBERS = 10

# The next step is a tenth shorter than one that would just have met the tolerance, since the error is estimated to
# leading order only. Its length changes by a bounded factor, since the estimate says nothing about other scales.
_SAFETY, _LEAST, _MOST = 0.9, 0.2, 5.0
_UNSTABLE = 3.25
"""Step length times the size of the Jacobian at which the explicit method is barely stable."""
_MANY_UNSTABLE = 15.0
_SLACK = 1e-14
"""Rounding of the polynomial, relative to the sizes of its terms; bounds are widened by it."""


class ContinuousPath(NamedTuple):
    """The variables of rate rules, in the order of the rules, and the present step of their path."""

    place: np.ndarray  # uint32[variable]: place in `Laws.variables`
    number: np.ndarray  # int64[place]: which variable a place holds, or -1
    first_program: np.ndarray  # int64[1]: program of the first rate rule; the others follow it
    restarts: np.ndarray  # bool[channel]: changes a count read by a rate rule, or by a condition with a variable
    conditions: np.ndarray  # uint32[...]: triggers that read a variable
    is_condition: np.ndarray  # bool[trigger]
    a: np.ndarray  # float64[7, 7]: stages; the last row is the end of the step
    c: np.ndarray  # float64[7]
    error: np.ndarray  # float64[7]
    interpolation: np.ndarray  # float64[7, DEGREE]: weight of each stage in each power
    stiff_a: np.ndarray  # float64[6, 5], of RODAS
    stiff_c: np.ndarray  # float64[6, 5]
    stiff_d: np.ndarray  # float64[2, 5]
    stiff_times: np.ndarray  # float64[2, 6]
    # Scratch.
    matrix: np.ndarray  # float64[variable, variable]
    pivot: np.ndarray  # int64[variable]
    last: np.ndarray  # float64[variable]: where the last stage but one was taken
    # State of one simulation, never shared.
    slopes: np.ndarray  # float64[N_ROWS, variable]
    start: np.ndarray  # float64[variable]: values at the beginning of the step
    scale: np.ndarray  # float64[variable]: largest size at the beginning of a step, at most 1: see `begin_step`
    path: np.ndarray  # float64[DEGREE + 1, variable]: coefficients, in powers of the elapsed share of the step
    numbers: np.ndarray  # float64[N_NUMBERS]
    rows: np.ndarray  # float64[point, variable]: values at recorded points


@kernel
def set_time(laws, continuous, t):
    """Set the variables to those at time t, within the present step. `continuous` is `laws.continuous`."""
    laws.variables[TIME_VARIABLE] = t
    # An argument, so that nothing behind it is compiled if it is None.
    if continuous is not None:
        if continuous.numbers[STALE] != 0.0:
            return
        # Horner's rule. The same operations at the same time give the same bits, so a propensity is thinned by exactly
        # the value that its bound encloses.
        part = (t - continuous.numbers[BEGIN]) / continuous.numbers[LENGTH]
        path = continuous.path
        for j in range(path.shape[1]):
            value = path[DEGREE, j]
            for p in range(DEGREE - 1, -1, -1):
                value = value * part + path[p, j]
            laws.variables[continuous.place[j]] = value


@kernel
def forget_path(laws, continuous, t):
    """End the path at time t, before something changes there: the variables take their values at t."""
    set_time(laws, continuous, t)
    if continuous is not None:
        continuous.numbers[STALE] = 1.0
        continuous.numbers[SLOPE_KNOWN] = 0.0


@kernel
def record_variables(laws, continuous, k, t):
    """Record the variables at time t in row k."""
    set_time(laws, continuous, t)
    if continuous is not None:
        for j in range(continuous.place.size):
            continuous.rows[k, j] = laws.variables[continuous.place[j]]


@kernel
def is_crossing(continuous, t):
    """Whether the window ended at t because a condition changes there. True once for each crossing."""
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
    """Variables and slopes at stage `row` of an explicit step of length h from t. The first stage is at t itself."""
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
    """Length of a first step, over which no variable changes by more than a hundredth of its size."""
    # The absolute tolerance keeps the size of a variable that starts at 0 above 0.
    h = np.inf
    for j in range(continuous.place.size):
        size = np.abs(continuous.start[j]) + continuous.numbers[ABSOLUTE] * continuous.scale[j]
        slope = np.abs(continuous.slopes[0, j])
        if slope > 0.0:
            h = min(h, 0.01 * size / slope)
    return min(h, 1.0) if h > 0.0 else 1e-6


@kernel
def _error(laws, continuous, h):
    """Estimated error of a step over the tolerance: the largest among the variables, NaN if one has no value."""
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
    """Make the next step, from time t and the variables there.

    Returns False if no step is short enough: the solution ends, or a rate rule has no value.
    """
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
        # The length is rounded to what the clock resolves far from time 0, and slopes are integrated over the rounded
        # length. A shorter step may be rounded to the one just rejected: then no step is short enough.
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
        growth = 1.0  # a step after a rejected one does not grow: what made it too long may continue
        numbers[NEXT] = h * (max(_LEAST, _SAFETY * error**order) if error < np.inf else _LEAST)
    numbers[NEXT] = min(h * (min(growth, _SAFETY * error**order) if error > 0.0 else growth), 1e300)
    numbers[BEGIN], numbers[LENGTH] = t, h
    numbers[STALE] = 0.0
    # The polynomial replaces the solution within the step: from here on, it is the path.
    if is_stiff:
        stiff_path(laws, continuous)  # none of the implicit stages is the slope at the end
        numbers[SLOPE_KNOWN] = 0.0
    else:
        _make_path(continuous, h)
        _watch_stability(laws, continuous, h)
        numbers[SLOPE_KNOWN] = 1.0 - numbers[IS_STIFF]
    set_time(laws, continuous, t)
    return True


@kernel
def _watch_stability(laws, continuous, h):
    """After an explicit step, with the variables at its end: switch to implicit steps if stability limited many of the
    last ones (Hairer and Wanner, section IV.2)."""
    numbers = continuous.numbers
    # The last two stages are both at the end of the step: their slopes differ by the Jacobian times their distance.
    top = 0.0
    bottom = 0.0
    for j in range(continuous.place.size):
        top += (continuous.slopes[STAGES - 1, j] - continuous.slopes[STAGES - 2, j]) ** 2
        bottom += (laws.variables[continuous.place[j]] - continuous.last[j]) ** 2
    # A step that is not limited by stability counts a quarter back, so that single ones do not decide.
    if h * h * top > _UNSTABLE * _UNSTABLE * bottom:
        numbers[N_UNSTABLE] += 1.0
        if numbers[N_UNSTABLE] >= _MANY_UNSTABLE:
            numbers[IS_STIFF] = 1.0
    else:
        numbers[N_UNSTABLE] = max(numbers[N_UNSTABLE] - 0.25, 0.0)


@kernel
def _make_path(continuous, h):
    """Write the polynomial over an explicit step into `path`."""
    for j in range(continuous.place.size):
        continuous.path[0, j] = continuous.start[j]
        for p in range(DEGREE):
            total = 0.0
            for i in range(STAGES):
                total += continuous.interpolation[i, p] * continuous.slopes[i, j]
            continuous.path[p + 1, j] = h * total


@kernel
def step_end(continuous):
    """Time at which the present step ends [s]."""
    return continuous.numbers[BEGIN] + continuous.numbers[LENGTH]


@kernel
def path_range(continuous, j, a, b):
    """Bounds of variable j over times from a to b within the present step."""
    # The coefficients of a polynomial in Bernstein form over [a, b] enclose its values there.
    path, numbers = continuous.path, continuous.numbers
    u = (a - numbers[BEGIN]) / numbers[LENGTH]
    w = max((b - numbers[BEGIN]) / numbers[LENGTH], u) - u
    c0, c1, c2, c3, c4 = path[0, j], path[1, j], path[2, j], path[3, j], path[4, j]
    # Rounding is bounded by the sizes of the terms. At the start of a path from 0 this bound is 0, so that the lower
    # bound is not negative there and a square root of the variable has bounds.
    v = u + w
    c = np.abs(c1), np.abs(c2), np.abs(c3), np.abs(c4)
    slack = _SLACK * (np.abs(c0) + u * (c[0] + u * (c[1] + u * (c[2] + u * c[3]))))
    most = _SLACK * (np.abs(c0) + v * (c[0] + v * (c[1] + v * (c[2] + v * c[3]))))
    # Shifted to u and scaled by w: d are the coefficients in s from 0 to 1, b those of the Bernstein form.
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
