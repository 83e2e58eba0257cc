"""A network beside itself under noise of several sizes: all of them, the first variation and bounds as one system.

Columns of the state y, flat float64[species + 1, column], the constant 1 in the last row: 0 is the reference x; 1 to K
are x_eps, driven by rate constants c + eps d; K + 1 is u, the first variation; K + 1 + k is the bound e of column k,

    u' = J(x) u + g(x),    e' = M e + |g(x_eps)|,    M_ii = J_ii, M_ij = |J_ij|, J at (x_eps + x) / 2,

both over eps, where g is the rate equations with d in place of c. Terms are products of at most two species, for which
F(a) - F(b) = J((a + b) / 2) (a - b) is an identity; so |x_eps - x| <= eps e. A ramp max(a - b, 0) enters J with its
secant. A step 1{a > b} has no slope: where it differs between the columns, the difference is added to g. What noise
pushes against 0 is reflected there, x_eps and u alike: a push back never takes x_eps farther from x >= 0, so that e
bounds it as it is.

D. F. Anderson, T. G. Kurtz, Stochastic Analysis of Biochemical Systems, Springer 2015, chapter 1 (rate equations).
W. A. Coppel, Stability and Asymptotic Behavior of Differential Equations, Heath 1965, chapter III (comparison).
"""

from typing import NamedTuple

import numpy as np

from .codes import RAMP, STEP
from .jit import kernel

PLAIN = -1
"""Kind of a term without a threshold; others are of `codes`."""
N_SIZES = 6
"""K: known to the compiler, so that loops over columns are unrolled."""
VARIATION = N_SIZES + 1
"""Column of u."""
BOUND = N_SIZES + 2
"""First column of the bounds."""
WIDTH = 2 * N_SIZES + 2
_LATEST = 1e6
"""Where a switch is passed at no speed it is put off without bound, and u does not exist: it becomes this large."""


class Perturbed(NamedTuple):
    """Terms of a network, in the order of its lumped channels."""

    size: np.ndarray  # float64[K + 1]: eps of the columns, 0 first
    base: np.ndarray  # float64[term]: c [1/s]
    along: np.ndarray  # float64[term]: d [1/s], now
    along_bound: np.ndarray  # float64[term]: d as the bound has it: the same
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
    switches: np.ndarray  # int64[1]: which of the steps were on and what was held at 0 when last looked at, hashed


@kernel
def derivative(p, y, out):
    """dy/dt into out, both flat float64[(species + 1) * WIDTH]."""
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
    """What is at 0 does not fall; nor does u, where the reference rests at 0."""
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
    """Rates of a threshold term over its coefficient, secants times it, and what u adds to its rate."""
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
    """The comparison system, from J and g."""
    for e in range(p.row.size):
        i, j = p.row[e], p.column[e]
        o, source = i * WIDTH + BOUND, j * WIDTH + BOUND
        if i == j:
            for k in range(N_SIZES):
                out[o + k] += p.entries[e, k] * y[source + k]
        else:
            for k in range(N_SIZES):
                out[o + k] += np.abs(p.entries[e, k]) * y[source + k]
    for i in range(p.forcing.shape[0]):
        o = i * WIDTH + BOUND
        for k in range(N_SIZES):
            out[o + k] += np.abs(p.forcing[i, k])


@kernel
def saltation(p, y, before, slope):
    """Carry u over the moments at which steps of the reference switched between the states `before` and y.

    The switch of the perturbed solution is off by -eps u_z / z', with z = above - below: u changes at once by the
    coefficient times u_z / |z'| (M. di Bernardo et al., Piecewise-smooth Dynamical Systems, Springer 2008, section
    2.5). `slope` is dy/dt. Returns how many switched.
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
