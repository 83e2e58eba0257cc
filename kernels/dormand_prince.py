"""The explicit Runge-Kutta method of order 8 with steps that adapt, DOP853, for the rate equations.

All errors are the largest over the species, so that the tolerances hold for each; the absolute ones are an array,
float64[species]. The coefficients come from outside, as scipy has them.

E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, 2nd edition, Springer 1993: sections
II.4 (step size), II.5 (error of DOP853), II.6 (interpolation); II, 2nd edition 1996, section IV.2 (stiffness).
"""

from typing import NamedTuple

import numpy as np

from .codes import REACHED_END, SLICE_END
from .jit import kernel
from .laws import TIME_VARIABLE
from .rate_equations import derivative

FAILED = -1
"""No step that time can tell from 0 is short enough: the solution ends, or a law has no value."""

STAGES = 12
_STIFF = 6.1
"""Step times the size of the derivative's slope, where the method is hardly stable any more."""
_SAFETY, _LEAST, _MOST = 0.9, 0.2, 10.0

# Places in `numbers` and `tally`.
NOW, BEFORE, STEP, ORIGIN = 0, 1, 2, 3
N_STEPS, N_EVALUATIONS, N_STIFF = 0, 1, 2
N_TALLY = 3


class RungeKutta(NamedTuple):
    """One integration. Time counts from its beginning, which is at `numbers[ORIGIN]` for the laws."""

    a: np.ndarray  # float64[16, 16]: stages, the derivative at the end of the step in row 12, three for interpolation
    c: np.ndarray  # float64[16]
    error_5: np.ndarray  # float64[13]
    error_3: np.ndarray  # float64[13]
    d: np.ndarray  # float64[4, 16]: interpolation
    k: np.ndarray  # float64[16, species]: derivatives at the stages, of the last step
    y: np.ndarray  # float64[species] [molecules]
    y_old: np.ndarray  # float64[species]: at the beginning of the last step
    work: np.ndarray  # float64[species]
    floor: np.ndarray  # float64[species]: least values that laws read, see `_evaluate`
    least: np.ndarray  # float64[species]: least values so far
    path: np.ndarray  # float64[7, species]: polynomial of the last step
    numbers: np.ndarray  # float64[4]: time now, at the last step's beginning, size of the next step, origin
    tally: np.ndarray  # int64[N_TALLY]


@kernel
def start(channels, laws, x, rk, rtol, atol, t_end):
    """Derivative at the beginning, and a first step size (section II.4)."""
    n = rk.y.size
    _evaluate(channels, laws, x, rk, rk.y, 0.0, 0)
    size = 0.0
    speed = 0.0
    for i in range(n):
        scale = atol[i] + rtol * np.abs(rk.y[i])
        size = max(size, np.abs(rk.y[i]) / scale)
        speed = max(speed, np.abs(rk.k[0, i]) / scale)
    h = 1e-6 if size < 1e-5 or speed < 1e-5 else 0.01 * size / speed
    h = min(h, t_end)
    for i in range(n):
        rk.work[i] = rk.y[i] + h * rk.k[0, i]
    _evaluate(channels, laws, x, rk, rk.work, h, 1)
    bend = 0.0
    for i in range(n):
        scale = atol[i] + rtol * np.abs(rk.y[i])
        bend = max(bend, np.abs(rk.k[1, i] - rk.k[0, i]) / (scale * h))
    fastest = max(speed, bend)
    second = max(1e-6, 1e-3 * h) if fastest <= 1e-15 else (0.01 / fastest) ** 0.125
    rk.numbers[STEP] = min(100.0 * h, second)


@kernel
def _evaluate(channels, laws, x, rk, y, t, row):
    """Derivative at `y` and t into a row of k."""
    for i in range(y.size):
        x[i] = y[i]
    if laws is not None and laws.value.size:  # laws of counts may have no value below 0
        for i in range(y.size):
            x[i] = max(x[i], rk.floor[i])
        laws.variables[TIME_VARIABLE] = rk.numbers[ORIGIN] + t
    derivative(channels, laws, x, rk.k[row])
    rk.tally[N_EVALUATIONS] += 1


@kernel
def combine(rk, h, row):
    """work = y_old + h sum_j a[row, j] k[j]."""
    for i in range(rk.work.size):
        rk.work[i] = rk.y_old[i]
    for j in range(row):
        weight = h * rk.a[row, j]
        if weight != 0.0:
            for i in range(rk.work.size):
                rk.work[i] += weight * rk.k[j, i]


@kernel
def _error(rk, h, rtol, atol):
    """Estimated error of a step from y_old to work over the tolerance, the largest of the species; NaN if one is."""
    fifth = 0.0
    third = 0.0
    for i in range(rk.work.size):
        scale = atol[i] + rtol * max(np.abs(rk.y_old[i]), np.abs(rk.work[i]))
        five = 0.0
        three = 0.0
        for j in range(STAGES + 1):
            five += rk.error_5[j] * rk.k[j, i]
            three += rk.error_3[j] * rk.k[j, i]
        five = np.abs(five) / scale
        three = np.abs(three) / scale
        if five > fifth or five != five:
            fifth = five
        if three > third or three != three:
            third = three
    below = fifth * fifth + 0.01 * third * third
    if below == 0.0:  # no error, or one whose square is below float64
        return 0.0
    return h * fifth * fifth / np.sqrt(below)


@kernel
def _is_stiff(rk, h):
    """Whether the step is limited by stability: by the slope between the last stage and the end, both at t + h.

    Called when `y` still holds the last stage, and `work` the end of the step.
    """
    top = 0.0
    bottom = 0.0
    for i in range(rk.work.size):
        top += (rk.k[STAGES, i] - rk.k[STAGES - 1, i]) ** 2
        bottom += (rk.work[i] - rk.y[i]) ** 2
    return h * h * top > _STIFF * _STIFF * bottom


@kernel
def _try_step(channels, laws, x, rk, h, rtol, atol):
    """A step of length h from y_old into `work`, its last stage into `y`; returns the error over the tolerance."""
    t = rk.numbers[NOW]
    for s in range(1, STAGES):
        combine(rk, h, s)
        _evaluate(channels, laws, x, rk, rk.work, t + rk.c[s] * h, s)
    for i in range(rk.y.size):
        rk.y[i] = rk.work[i]
    combine(rk, h, STAGES)
    _evaluate(channels, laws, x, rk, rk.work, t + h, STAGES)
    return _error(rk, h, rtol, atol)


@kernel
def advance(channels, laws, x, rk, rtol, atol, until, t_end, most_steps):
    """Steps until the time is `until` or later; none goes beyond t_end.

    Returns REACHED_END, SLICE_END after `most_steps`, or FAILED, with the state before the step that failed.
    """
    numbers, tally = rk.numbers, rk.tally
    n = rk.y.size
    steps = 0
    while numbers[NOW] < until:
        if steps == most_steps:
            return SLICE_END
        for i in range(n):
            rk.y_old[i] = rk.y[i]
            if tally[N_STEPS] > 0:
                rk.k[0, i] = rk.k[STAGES, i]
        rejected = False
        while True:
            left = t_end - numbers[NOW]
            h = min(numbers[STEP], left)
            if h < 4.0 * np.spacing(numbers[NOW]) and h < left:
                for i in range(n):
                    rk.y[i] = rk.y_old[i]
                    rk.k[STAGES, i] = rk.k[0, i]
                return FAILED
            error = _try_step(channels, laws, x, rk, h, rtol, atol)
            if error < 1.0:
                break
            rejected = True
            numbers[STEP] = h * (max(_LEAST, _SAFETY * error**-0.125) if error < np.inf else _LEAST)
        if _is_stiff(rk, h):
            tally[N_STIFF] += 1
        most = 1.0 if rejected else _MOST
        numbers[STEP] = h * (min(most, _SAFETY * error**-0.125) if error > 0.0 else most)
        numbers[BEFORE] = numbers[NOW]
        numbers[NOW] = t_end if h == left else numbers[NOW] + h
        for i in range(n):
            rk.y[i] = rk.work[i]
            rk.least[i] = min(rk.least[i], rk.y[i])
        steps += 1
        tally[N_STEPS] += 1
    return REACHED_END


@kernel
def make_path(channels, laws, x, rk):
    """Polynomial of order 7 over the last step into `path`."""
    h = rk.numbers[NOW] - rk.numbers[BEFORE]
    for s in range(STAGES + 1, 16):
        combine(rk, h, s)
        _evaluate(channels, laws, x, rk, rk.work, rk.numbers[BEFORE] + rk.c[s] * h, s)
    for i in range(rk.y.size):
        rise = rk.y[i] - rk.y_old[i]
        rk.path[0, i] = rise
        rk.path[1, i] = h * rk.k[0, i] - rise
        rk.path[2, i] = 2.0 * rise - h * (rk.k[STAGES, i] + rk.k[0, i])
        for p in range(4):
            total = 0.0
            for j in range(16):
                total += rk.d[p, j] * rk.k[j, i]
            rk.path[3 + p, i] = h * total


@kernel
def on_path(rk, times, out):
    """States at times float64[time] of the last step into out float64[time, species], from `path`."""
    for k in range(times.size):
        u = (times[k] - rk.numbers[BEFORE]) / (rk.numbers[NOW] - rk.numbers[BEFORE])
        for i in range(out.shape[1]):
            value = 0.0
            for p in range(6, -1, -1):
                value = (value + rk.path[p, i]) * (u if p % 2 == 0 else 1.0 - u)
            out[k, i] = rk.y_old[i] + value
