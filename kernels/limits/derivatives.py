"""Rate equations, their Jacobian, which part of them can move, and their solution by DOP853.

The rate equations are the limit of large Omega of the counts: dx/dt with x real-valued [molecules]. With x = Omega c
the falling factorials of a propensity become powers, n (n - 1) ... -> x^nu, and the rest of a term is as in
`kernels.channels`: its coefficient contains Omega**(1 - order). So x' = Omega F(x / Omega), where F are the mass-action
rate equations. Kernels read the `Channels` of a structure without product families, and x with the constant 1 behind
the species. A general law may be negative here: unlike a propensity, a rate can be that of a reverse reaction.

T. G. Kurtz, Solutions of ordinary differential equations as limits of pure jump Markov processes, J. Appl. Probab. 7
(1970) 49-58, doi:10.2307/3212147.
"""

from typing import NamedTuple

import numpy as np

from ..codes import FALLING, LAW, RAMP, REACHED_END, SLICE_END, STEP
from ..laws import TIME_VARIABLE, law_value
from ..linked import kernel

# Which part of a network can move: a species that is 0 and that nothing produces stays 0, and so do terms that need it.


@kernel
def mark_live(channels, x, species, terms):
    """Mark the species that are or may become nonzero, bool[species + 1], and the terms that may, bool[term].

    `x` float64[species + 1] is the state. A term needs all the species of its product; general laws and factors of
    thresholds are taken as nonzero. The network is visited until nothing new is marked.
    """
    for s in range(species.size):
        species[s] = x[s] != 0.0
    terms[:] = False
    is_new = True
    while is_new:
        is_new = False
        for c in range(channels.ranges.size - 1):
            for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
                if terms[t] or not _can_be(channels, t, species):
                    continue
                terms[t] = True
                is_new = True
                for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
                    species[channels.changes[k].species] = True


@kernel
def _can_be(channels, t, species):
    if channels.terms[t].coefficient == 0.0:
        return False
    if not (species[channels.terms[t].first] and species[channels.terms[t].second]):
        return False
    for e in range(channels.terms[t].extra_start, channels.terms[t + 1].extra_start):
        if channels.extras[e].kind == FALLING and not species[channels.extras[e].a]:
            return False
    return True


# The rate equations and their derivatives.

_CUBE_ROOT = np.finfo(np.float64).eps ** (1 / 3)


class Partials(NamedTuple):
    """The derivatives of terms that are not 0, and where each is added in the Jacobian."""

    read_start: np.ndarray  # uint32[term + 1]
    read: np.ndarray  # uint32[...]: the species that each term reads
    place: np.ndarray  # int64[...]: entry of the Jacobian for each term, read species and change of its channel


@kernel
def term_rate(channels, laws, t, x):
    """Value of term t at x [1/s]; that of a general law is the last one stored in `Laws.value`."""
    value = channels.terms[t].coefficient * (x[channels.terms[t].first] * x[channels.terms[t].second])
    for e in range(channels.terms[t].extra_start, channels.terms[t + 1].extra_start):
        value *= _extra(channels, laws, e, x)
    return value


@kernel
def _extra(channels, laws, e, x):
    """Value of extra factor e."""
    a = channels.extras[e].a
    b = channels.extras[e].b
    kind = channels.extras[e].kind
    if kind == FALLING:
        return x[a]
    if kind == STEP:
        return 1.0 if x[a] > x[b] else 0.0
    if kind == RAMP:
        return max(x[a] - x[b], 0.0)
    return laws.value[a] if laws is not None else np.nan  # LAW


@kernel
def rates(channels, laws, x, out):
    """Write the rate of each channel [1/s] into out float64[channel]."""
    if laws is not None:
        for p in range(laws.value.size):
            laws.value[p] = law_value(laws, p, x)
    for c in range(out.size):
        total = 0.0
        for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
            total += term_rate(channels, laws, t, x)
        out[c] = total


@kernel
def derivative(channels, laws, x, out):
    """Write dx/dt [molecules/s] into out float64[species]."""
    if laws is not None:
        for p in range(laws.value.size):
            laws.value[p] = law_value(laws, p, x)
    out[:] = 0.0
    for c in range(channels.ranges.size - 1):
        total = 0.0
        for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
            total += term_rate(channels, laws, t, x)
        for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
            out[channels.changes[k].species] += channels.changes[k].amount * total


@kernel
def jacobian(channels, laws, partials, scale, x, data):
    """Write the entries d(dx_i/dt)/dx_j [1/s] into data float64[entry], at the places in `partials`.

    They are exact except for general laws, which are differenced over a part of x, or of `scale` float64[species] if x
    is smaller; x is changed for this, and restored. A step has slope 0.
    """
    data[:] = 0.0
    p = 0
    for c in range(channels.ranges.size - 1):
        for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
            for r in range(partials.read_start[t], partials.read_start[t + 1]):
                slope = term_slope(channels, laws, t, partials.read[r], scale, x)
                for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
                    data[partials.place[p]] += channels.changes[k].amount * slope
                    p += 1


@kernel
def term_slope(channels, laws, t, s, scale, x):
    """Derivative of term t with respect to x[s], by the product rule."""
    start = channels.terms[t].extra_start
    end = channels.terms[t + 1].extra_start
    if laws is not None:
        if end > start and channels.extras[start].kind == LAW:
            return channels.terms[t].coefficient * _law_slope(laws, channels.extras[start].a, s, scale[s], x)
    a = channels.terms[t].first
    b = channels.terms[t].second
    total = (x[b] if a == s else 0.0) + (x[a] if b == s else 0.0)
    for e in range(start, end):
        total *= _extra(channels, laws, e, x)
    for e in range(start, end):
        slope = _extra_slope(channels, e, s, x)
        if slope != 0.0:
            product = slope * (x[a] * x[b])
            for other in range(start, end):
                if other != e:
                    product *= _extra(channels, laws, other, x)
            total += product
    return channels.terms[t].coefficient * total


@kernel
def _extra_slope(channels, e, s, x):
    """Derivative of extra factor e, which is not a law, with respect to x[s]."""
    a = channels.extras[e].a
    b = channels.extras[e].b
    kind = channels.extras[e].kind
    if kind == FALLING:
        return 1.0 if a == s else 0.0
    if kind == RAMP and x[a] > x[b]:
        return (1.0 if a == s else 0.0) - (1.0 if b == s else 0.0)
    return 0.0


@kernel
def _law_slope(laws, program, s, scale, x):
    """Central difference of a general law with respect to x[s]; near x[s] = 0 it does not read below 0."""
    here = x[s]
    step = _CUBE_ROOT * max(np.abs(here), scale)
    # The cube root of the rounding balances truncation and rounding of a central difference.
    low = here - step
    if here >= 0.0 and low < 0.0:
        low = 0.0
    high = here + step
    x[s] = high
    above = law_value(laws, program, x)
    x[s] = low
    below = law_value(laws, program, x)
    x[s] = here
    return (above - below) / (high - low)


# The explicit Runge-Kutta method of order 8 with adaptive steps, DOP853, for the rate equations.
#
# An error is the largest over the species, so that the tolerances hold for each; absolute tolerances are
# float64[species]. The coefficients, which are those of scipy, are passed in.
#
# E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, 2nd edition, Springer 1993: sections
# II.4 (step size), II.5 (error of DOP853), II.6 (interpolation); II, 2nd edition 1996, section IV.2 (stiffness).

FAILED = -1
"""No step that advances the time is short enough: the solution ends, or a law has no value."""

STAGES = 12
_STIFF = 6.1
"""Step length times the size of the Jacobian at which the method is barely stable."""
_SAFETY, _LEAST, _MOST = 0.9, 0.2, 10.0

# Places in `numbers` and `tally`.
NOW, BEFORE, RK_STEP, ORIGIN = 0, 1, 2, 3
N_STEPS, N_EVALUATIONS, N_STIFF = 0, 1, 2
N_TALLY = 3


class RungeKutta(NamedTuple):
    """One integration. Time counts from its start, which is the time `numbers[ORIGIN]` of the laws."""

    a: np.ndarray  # float64[16, 16]: stages, the end of the step in row 12, three stages for interpolation
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
    """Compute the derivative at the start, and a first step size (section II.4)."""
    n = rk.y.size
    _evaluate(channels, laws, x, rk, rk.y, 0.0, 0)
    size = 0.0
    speed = 0.0
    for i in range(n):
        scale = atol[i] + rtol * np.abs(rk.y[i])
        size = max(size, np.abs(rk.y[i]) / scale)
        speed = max(speed, np.abs(rk.k[0, i]) / scale)
    # A hundredth of the time in which the solution changes by its size, then one Euler step to estimate curvature.
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
    rk.numbers[RK_STEP] = min(100.0 * h, second)


@kernel
def _evaluate(channels, laws, x, rk, y, t, row):
    """Write the derivative at `y` and t into a row of k."""
    for i in range(y.size):
        x[i] = y[i]
    if laws is not None and laws.value.size:  # laws may have no value for counts below 0
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
    """Estimated error of a step from y_old to work over the tolerance: the largest of the species, NaN if one is
    NaN."""
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
    # The two embedded estimates are combined as in the program DOP853, which is of order 8 in h.
    below = fifth * fifth + 0.01 * third * third
    if below == 0.0:  # no error, or one whose square is below float64
        return 0.0
    return h * fifth * fifth / np.sqrt(below)


@kernel
def _is_stiff(rk, h):
    """Whether stability limits the step, by the slope between the last stage and the end, both at t + h.

    Call this while `y` still holds the last stage, and `work` the end of the step.
    """
    top = 0.0
    bottom = 0.0
    for i in range(rk.work.size):
        top += (rk.k[STAGES, i] - rk.k[STAGES - 1, i]) ** 2
        bottom += (rk.work[i] - rk.y[i]) ** 2
    return h * h * top > _STIFF * _STIFF * bottom


@kernel
def _try_step(channels, laws, x, rk, h, rtol, atol):
    """Make a step of length h from y_old into `work`, its last stage into `y`. Returns the error over the tolerance."""
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
    """Make steps until the time is `until` or later; none goes beyond t_end.

    Returns REACHED_END, SLICE_END after `most_steps`, or FAILED with the state before the step that failed.
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
            h = min(numbers[RK_STEP], left)
            if h < 4.0 * np.spacing(numbers[NOW]) and h < left:
                for i in range(n):
                    rk.y[i] = rk.y_old[i]
                    rk.k[STAGES, i] = rk.k[0, i]
                return FAILED
            error = _try_step(channels, laws, x, rk, h, rtol, atol)
            if error < 1.0:
                break
            rejected = True
            numbers[RK_STEP] = h * (max(_LEAST, _SAFETY * error**-0.125) if error < np.inf else _LEAST)
        if _is_stiff(rk, h):
            tally[N_STIFF] += 1
        most = 1.0 if rejected else _MOST
        numbers[RK_STEP] = h * (min(most, _SAFETY * error**-0.125) if error > 0.0 else most)
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
    """Write the polynomial of order 7 over the last step into `path`."""
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
    """Write the states at times float64[time] within the last step into out float64[time, species], by `path`."""
    for k in range(times.size):
        u = (times[k] - rk.numbers[BEFORE]) / (rk.numbers[NOW] - rk.numbers[BEFORE])
        for i in range(out.shape[1]):
            value = 0.0
            for p in range(6, -1, -1):
                value = (value + rk.path[p, i]) * (u if p % 2 == 0 else 1.0 - u)
            out[k, i] = rk.y_old[i] + value
