"""A network with and without noise of several sizes: all solutions, the first variation and bounds as one system.

Columns of the state y, flat float64[species + 1, column], the constant 1 in the last row: 0 is the reference x; 1 to K
are x_eps, driven by rate constants c + eps d; K + 1 is u, the first variation; K + 1 + k is the bound e of column k,

    u' = J(x) u + g(x),    e' = M e + |g(x_eps)|,    M_ii = J_ii, M_ij = |J_ij|, J at (x_eps + x) / 2,

both over eps, where g is the rate equations with d in place of c. Terms are products of at most two species, for which
F(a) - F(b) = J((a + b) / 2) (a - b) is an identity; so |x_eps - x| <= eps e. A ramp max(a - b, 0) enters J with its
secant. A step 1{a > b} has no slope: where it differs between the columns, the difference is added to g. Species that
noise pushes below 0 are reflected there, x_eps and u alike: reflection never takes x_eps farther from x >= 0, so e
remains a bound.

D. F. Anderson, T. G. Kurtz, Stochastic Analysis of Biochemical Systems, Springer 2015, chapter 1 (rate equations).
W. A. Coppel, Stability and Asymptotic Behavior of Differential Equations, Heath 1965, chapter III (comparison).
"""

from typing import NamedTuple

import numpy as np

from ..codes import RAMP, REACHED_END, STEP
from ..jit import kernel
from ..limits.derivatives import FAILED, STAGES, combine

# The equations.

PLAIN = -1
"""Kind of a term without a threshold; others are of `codes`."""
N_SIZES = 6
"""K, a constant so that the compiler unrolls loops over columns."""
VARIATION = N_SIZES + 1
"""Column of u."""
BOUND = N_SIZES + 2
"""First column of the bounds."""
WIDTH = 2 * N_SIZES + 2
_LATEST = 1e6
"""Replaces the shift of a switch that is passed at zero speed, where u does not exist [s]."""


class Perturbed(NamedTuple):
    """Terms of a network, in the order of its lumped channels."""

    size: np.ndarray  # float64[K + 1]: eps of the columns, 0 first
    base: np.ndarray  # float64[term]: c [1/s]
    along: np.ndarray  # float64[term]: d [1/s], now
    along_bound: np.ndarray  # float64[term]: d in the bound: the same unless an error is planted
    reflected: np.ndarray  # int64[...]: species that stay at 0 or above by reflection
    first: np.ndarray  # int64[term], species
    second: np.ndarray  # int64[term]
    kind: np.ndarray  # int64[term]
    above: np.ndarray  # int64[term], of a threshold
    below: np.ndarray  # int64[term]
    change_start: np.ndarray  # int64[term + 1]
    change_species: np.ndarray  # int64[change]
    change_amount: np.ndarray  # float64[change]
    place: np.ndarray  # int64[change, 2]: entry of J by the first or second species, or above and below; -1 none
    row: np.ndarray  # int64[entry]
    column: np.ndarray  # int64[entry]
    entries: np.ndarray  # float64[entry, K]: J, scratch
    forcing: np.ndarray  # float64[species, K]: g, scratch
    rate: np.ndarray  # float64[K + 1]: scratch
    slope: np.ndarray  # float64[2, K]: scratch
    switches: np.ndarray  # int64[1]: hash of the steps that were on and the species held at 0 at the last evaluation


@kernel
def derivative(p, y, out):
    """Write dy/dt into out, both flat float64[(species + 1) * WIDTH]."""
    out[:] = 0.0
    p.entries[:] = 0.0
    p.forcing[:] = 0.0
    p.switches[0] = 0
    for t in range(p.base.size):
        c, d = p.base[t], p.along[t]
        a, b = p.first[t] * WIDTH, p.second[t] * WIDTH
        kind = p.kind[t]
        if kind == PLAIN:
            for r in range(N_SIZES + 1):
                p.rate[r] = y[a + r] * y[b + r]
            varied = c * (y[a] * y[b + VARIATION] + y[a + VARIATION] * y[b])
            for k in range(N_SIZES):
                p.slope[0, k] = 0.5 * c * (y[b] + y[b + 1 + k])
                p.slope[1, k] = 0.5 * c * (y[a] + y[a + 1 + k])
        else:
            varied = _threshold(p, y, kind, c, p.above[t] * WIDTH, p.below[t] * WIDTH)
        now = p.rate[0]
        for j in range(p.change_start[t], p.change_start[t + 1]):
            amount = p.change_amount[j]
            s = p.change_species[j]
            o = s * WIDTH
            for r in range(N_SIZES + 1):
                out[o + r] += amount * (c + p.size[r] * d) * p.rate[r]
            out[o + VARIATION] += amount * (varied + d * now)
            for k in range(N_SIZES):
                p.forcing[s, k] += amount * p.along_bound[t] * p.rate[1 + k]
            if kind == STEP:
                for r in range(N_SIZES + 1):
                    _note(p, p.rate[r] > 0.0)
                for k in range(N_SIZES):
                    p.forcing[s, k] += amount * c * (p.rate[1 + k] - now) / p.size[1 + k]
            for side in range(2):
                place = p.place[j, side]
                if place >= 0:
                    for k in range(N_SIZES):
                        p.entries[place, k] += amount * p.slope[side, k]
    for s in p.reflected:
        _reflect(p, y, out, s * WIDTH)
    _compare(p, y, out)


@kernel
def _note(p, side):
    p.switches[0] = 31 * p.switches[0] + side


@kernel
def _reflect(p, y, out, o):
    """A species at 0 does not fall; neither does u at 0, if the reference rests at 0."""
    for r in range(N_SIZES + 1):
        held = y[o + r] <= 0.0 and out[o + r] < 0.0
        if held:
            out[o + r] = 0.0
        _note(p, held)
    held = y[o] <= 0.0 and y[o + VARIATION] <= 0.0 and out[o + VARIATION] < 0.0
    if held:
        out[o + VARIATION] = 0.0
    _note(p, held)


@kernel
def _threshold(p, y, kind, c, above, below):
    """Rates of a threshold term over its coefficient, and secants times it. Returns what u adds to its rate."""
    for r in range(N_SIZES + 1):
        z = y[above + r] - y[below + r]
        p.rate[r] = max(z, 0.0) if kind == RAMP else (1.0 if z > 0.0 else 0.0)
    z = y[above] - y[below]
    for k in range(N_SIZES):
        secant = 0.0
        if kind == RAMP:
            other = y[above + 1 + k] - y[below + 1 + k]
            secant = 1.0 if z > 0.0 else 0.0
            if other != z:
                secant = (p.rate[1 + k] - p.rate[0]) / (other - z)
        p.slope[0, k] = c * secant
        p.slope[1, k] = -c * secant
    if kind == RAMP and z > 0.0:
        return c * (y[above + VARIATION] - y[below + VARIATION])
    return 0.0


@kernel
def _compare(p, y, out):
    """Write the comparison system, from J and g."""
    for e in range(p.row.size):
        i, j = p.row[e], p.column[e]
        o, source = i * WIDTH + BOUND, j * WIDTH + BOUND
        if i == j:
            for k in range(N_SIZES):
                out[o + k] += p.entries[e, k] * y[source + k]
        else:
            # Off the diagonal, M has absolute values: then e stays above every solution of the difference.
            for k in range(N_SIZES):
                out[o + k] += np.abs(p.entries[e, k]) * y[source + k]
    for i in range(p.forcing.shape[0]):
        o = i * WIDTH + BOUND
        for k in range(N_SIZES):
            out[o + k] += np.abs(p.forcing[i, k])


@kernel
def saltation(p, y, before, slope):
    """Change u where steps of the reference switched between the states `before` and y.

    The switch of the perturbed solution is shifted by -eps u_z / z', with z = above - below. So u jumps by the
    coefficient times u_z / |z'| (M. di Bernardo et al., Piecewise-smooth Dynamical Systems, Springer 2008, section
    2.5). `slope` is dy/dt. Returns the number of switches.
    """
    n = 0
    for t in range(p.base.size):
        if p.kind[t] == STEP:
            a, b = p.above[t] * WIDTH, p.below[t] * WIDTH
            if (y[a] > y[b]) != (before[a] > before[b]):
                n += 1
                shift = (y[a + VARIATION] - y[b + VARIATION]) / np.abs(slope[a] - slope[b])
                if not np.abs(shift) < _LATEST:
                    shift = _LATEST
                shift *= p.base[t]
                for j in range(p.change_start[t], p.change_start[t + 1]):
                    y[p.change_species[j] * WIDTH + VARIATION] += p.change_amount[j] * shift
    return n


# Steps of DOP853 (see `limits.derivatives`), the same for all columns, and the largest differences between columns.
#
# With equal steps, errors of the columns are equal to first order in eps, so that differences are as exact relative to
# eps as the solutions are. Within a step, differences are evaluated by its polynomial of order 7 at equal distances,
# with a parabola through the largest values. If not all stages lie on the same side of all steps of the equations,
# there is no such polynomial: such a step is short, and taken as a straight line.

_SAFETY, _LEAST, _MOST = 0.9, 0.2, 5.0
SLACK, FLOOR = 1e-3, 1e-5
"""A difference over eps above (1 + SLACK) times the bound plus FLOOR is a violation; numerical errors are smaller."""


class Stepper(NamedTuple):
    """One integration."""

    a: np.ndarray  # float64[16, 16], as in `derivatives.RungeKutta`
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
    """Largest values so far of each quantity, a species or the difference of two."""

    plus: np.ndarray  # int64[quantity]
    minus: np.ndarray  # int64[quantity], the row of the constant, whose differences are 0, where nothing is subtracted
    error: np.ndarray  # float64[quantity, K]: sup |x_eps - x| / eps
    variation: np.ndarray  # float64[quantity]: sup |u|
    bound: np.ndarray  # float64[quantity, K]: sup of the bound over eps
    ratio: np.ndarray  # float64[quantity, K]: largest share of the bound, where the bound is above FLOOR
    violations: np.ndarray  # int64[quantity, K]: number of points beyond the bound


@kernel
def _copy(source, target):
    for i in range(target.size):
        target[i] = source[i]


@kernel
def _evaluate(p, s, y, row):
    """Write the derivative at `y` into a row of k."""
    derivative(p, y, s.k[row])
    s.switches[row] = p.switches[0]


@kernel
def _add_up(s, weights, n, out):
    """Write out = sum_j weights[j] k[j] over the first n stages."""
    out[:] = 0.0
    for j in range(n):
        weight = weights[j]
        if weight != 0.0:
            for i in range(out.size):
                out[i] += weight * s.k[j, i]


@kernel
def _error(s, h):
    """Estimated error over the tolerance: the largest of all entries, NaN if one is NaN."""
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
    """Write states within the last step into `points`, including its start and end."""
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
    """Largest of three values at equal distances; if it is the middle one, that of the parabola through them."""
    bend = before - 2.0 * here + after
    if here >= before and here >= after and bend < 0.0:
        return here - (after - before) ** 2 / (8.0 * bend)
    return max(before, max(here, after))


@kernel
def _update_largest(p, s, largest):
    """Update the largest values by the points of the last step."""
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
        # The last stage is the derivative at the start of the next step, unless a switch has changed u.
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
        _update_largest(p, s, largest)
        switched = saltation(p, s.y, s.y_old, s.k[STAGES])
        s.tally[1] += switched
        fresh = switched > 0
    return REACHED_END
