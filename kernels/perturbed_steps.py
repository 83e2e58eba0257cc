"""Steps of DOP853 for `perturbed`, all columns with the same ones, and the largest differences on the way.

Equal steps make the errors of the columns equal to first order in eps, so that differences are as exact relative to eps
as solutions are. Within a step the differences follow its polynomial of order 7, looked at in equal parts, with a
parabola through the three largest values. Where not all stages are on the same side of all steps of the equations there
is no such polynomial: its error is not looked at when a step is accepted. Such a step is short, and taken as straight.
The method and its coefficients: see `dormand_prince`.
"""

from typing import NamedTuple

import numpy as np

from .codes import REACHED_END
from .dormand_prince import FAILED, STAGES, combine
from .jit import kernel
from .perturbed import BOUND, N_SIZES, VARIATION, WIDTH, derivative, saltation

_SAFETY, _LEAST, _MOST = 0.9, 0.2, 5.0
SLACK, FLOOR = 1e-3, 1e-5
"""A difference over eps beyond (1 + SLACK) times the bound and FLOOR is a violation: numerical errors are below."""


class Stepper(NamedTuple):
    """One integration."""

    a: np.ndarray  # float64[16, 16], as in `dormand_prince.RungeKutta`
    error_5: np.ndarray  # float64[13]
    error_3: np.ndarray  # float64[13]
    d: np.ndarray  # float64[4, 16]
    k: np.ndarray  # float64[16, n]: derivatives at the stages
    y: np.ndarray  # float64[n], flat as in `perturbed`
    y_old: np.ndarray  # float64[n]
    work: np.ndarray  # float64[n]
    path: np.ndarray  # float64[7, n]: polynomial of the last step
    points: np.ndarray  # float64[part + 1, n]: states within the last step
    relative: np.ndarray  # float64[column]: tolerances
    absolute: np.ndarray  # float64[column]
    switches: np.ndarray  # int64[16]: `Perturbed.switches` at the stages
    step: np.ndarray  # float64[1]: size of the next step [s]
    tally: np.ndarray  # int64[2]: steps, switches of the reference


class Largest(NamedTuple):
    """Of each quantity, a species or the difference of two."""

    plus: np.ndarray  # int64[quantity]
    minus: np.ndarray  # int64[quantity], the row of the constant 1 of which there is no difference if there is none
    error: np.ndarray  # float64[quantity, K]: sup |x_eps - x| / eps
    variation: np.ndarray  # float64[quantity]: sup |u|
    bound: np.ndarray  # float64[quantity, K]: sup of the bound over eps
    ratio: np.ndarray  # float64[quantity, K]: largest share of the bound that was reached where it is above FLOOR
    violations: np.ndarray  # int64[quantity, K]: points beyond the bound


@kernel
def _copy(source, target):
    for i in range(target.size):
        target[i] = source[i]


@kernel
def _evaluate(p, s, y, row):
    """Derivative at `y` into a row of k."""
    derivative(p, y, s.k[row])
    s.switches[row] = p.switches[0]


@kernel
def _add_up(s, weights, n, out):
    """out = sum_j weights[j] k[j] over the first n stages."""
    out[:] = 0.0
    for j in range(n):
        weight = weights[j]
        if weight != 0.0:
            for i in range(out.size):
                out[i] += weight * s.k[j, i]


@kernel
def _error(s, h):
    """Estimated error over the tolerance, the largest of all; NaN if one is."""
    five, three = s.path[0], s.path[1]
    _add_up(s, s.error_5, STAGES + 1, five)
    _add_up(s, s.error_3, STAGES + 1, three)
    fifth = 0.0
    third = 0.0
    for row in range(s.work.size // WIDTH):
        for column in range(WIDTH):
            i = row * WIDTH + column
            scale = s.absolute[column] + s.relative[column] * max(np.abs(s.y_old[i]), np.abs(s.work[i]))
            error = np.abs(five[i]) / scale
            if error > fifth or error != error:
                fifth = error
            error = np.abs(three[i]) / scale
            if error > third or error != error:
                third = error
    below = fifth * fifth + 0.01 * third * third
    return 0.0 if below == 0.0 else h * fifth * fifth / np.sqrt(below)


@kernel
def _is_smooth(s):
    """Whether nothing switched between the stages."""
    same = True
    for row in range(1, 16):
        same = same and s.switches[row] == s.switches[0]
    return same


@kernel
def _points(p, s, h):
    """States within the last step into `points`, its beginning and end included."""
    for row in range(STAGES + 1, 16):
        combine(s, h, row)
        _evaluate(p, s, s.work, row)
    last = s.points.shape[0] - 1
    if not _is_smooth(s):
        for m in range(last + 1):
            for i in range(s.y.size):
                s.points[m, i] = s.y_old[i] + m / last * (s.y[i] - s.y_old[i])
        return
    for q in range(4):
        _add_up(s, s.d[q], 16, s.path[3 + q])
        for i in range(s.y.size):
            s.path[3 + q, i] *= h
    for i in range(s.y.size):
        rise = s.y[i] - s.y_old[i]
        s.path[0, i] = rise
        s.path[1, i] = h * s.k[0, i] - rise
        s.path[2, i] = 2.0 * rise - h * (s.k[STAGES, i] + s.k[0, i])
    for m in range(last + 1):
        u = m / last
        point = s.points[m]
        point[:] = 0.0
        for q in range(6, -1, -1):
            factor = u if q % 2 == 0 else 1.0 - u
            for i in range(point.size):
                point[i] = (point[i] + s.path[q, i]) * factor
        for i in range(point.size):
            point[i] += s.y_old[i]


@kernel
def _value(s, m, plus, minus, column):
    return s.points[m, plus + column] - s.points[m, minus + column]


@kernel
def _top(before, here, after):
    """Largest of three values at equal distances, by the parabola through them where the middle one is largest."""
    bend = before - 2.0 * here + after
    if here >= before and here >= after and bend < 0.0:
        return here - (after - before) ** 2 / (8.0 * bend)
    return max(before, max(here, after))


@kernel
def _look(p, s, largest):
    """Take the points of the last step into account."""
    last = s.points.shape[0] - 1
    for q in range(largest.plus.size):
        plus, minus = largest.plus[q] * WIDTH, largest.minus[q] * WIDTH
        for m in range(1, last):
            top = _top(
                np.abs(_value(s, m - 1, plus, minus, VARIATION)),
                np.abs(_value(s, m, plus, minus, VARIATION)),
                np.abs(_value(s, m + 1, plus, minus, VARIATION)),
            )
            largest.variation[q] = max(largest.variation[q], top)
        for k in range(N_SIZES):
            before = 0.0
            here = 0.0
            for m in range(last + 1):
                now = _value(s, m, plus, minus, 1 + k) - _value(s, m, plus, minus, 0)
                now = np.abs(now) / p.size[1 + k]
                if m > 1:
                    largest.error[q, k] = max(largest.error[q, k], _top(before, here, now))
                before = here
                here = now
                e = s.points[m, plus + BOUND + k] + s.points[m, minus + BOUND + k]
                largest.bound[q, k] = max(largest.bound[q, k], e)
                if e > FLOOR:
                    largest.ratio[q, k] = max(largest.ratio[q, k], now / e)
                if not now <= (1.0 + SLACK) * e + FLOOR:
                    largest.violations[q, k] += 1


@kernel
def advance(p, s, largest, duration):
    """Integrate for `duration` [s] from y. Returns REACHED_END or FAILED."""
    time = 0.0
    fresh = True
    while time < duration:
        _copy(s.y, s.y_old)
        if fresh:
            _evaluate(p, s, s.y, 0)
        else:
            _copy(s.k[STAGES], s.k[0])
            s.switches[0] = s.switches[STAGES]
        rejected = False
        while True:
            left = duration - time
            h = min(s.step[0], left)
            if h < 1e-13 and h < left:
                return FAILED
            for stage in range(1, STAGES):
                combine(s, h, stage)
                _evaluate(p, s, s.work, stage)
            combine(s, h, STAGES)
            _evaluate(p, s, s.work, STAGES)
            error = _error(s, h)
            if error < 1.0:
                break
            rejected = True
            s.step[0] = h * (max(_LEAST, _SAFETY * error**-0.125) if error < np.inf else _LEAST)
        most = 1.0 if rejected else _MOST
        longer = h * (min(most, _SAFETY * error**-0.125) if error > 0.0 else most)
        if h < left or rejected or longer < s.step[0]:
            s.step[0] = longer
        time = duration if h == left else time + h
        _copy(s.work, s.y)
        s.tally[0] += 1
        _points(p, s, h)
        _look(p, s, largest)
        switched = saltation(p, s.y, s.y_old, s.k[STAGES])
        s.tally[1] += switched
        fresh = switched > 0
    return REACHED_END
