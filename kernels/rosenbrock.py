"""A step of a stiff system of rate rules: RODAS, of order 4 with a solution of order 3 inside, and its interpolation.

Used by `continuous`, whose arrays it takes. The Jacobian is made of differences.

E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, 2nd edition, Springer 1996, section IV.7; the
coefficients are those of their program RODAS.
"""

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
