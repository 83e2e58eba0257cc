"""Paths of counts compared with their limit of rate equations, and paths of linear noise.

For counts, sup |X(t) / Omega - x(t)| and its explicit bound by the martingale of the path are computed. With the
compensated martingale m(t) = X(t) / Omega - X(0) / Omega - int_0^t F_Omega(X / Omega) ds and the rest of the
difference, y = X / Omega - x - m,

    y' = J (y + m) + r,  J at (X / Omega + x) / 2,  r = F_Omega(X / Omega) - F(X / Omega),

since products of two species have no higher derivatives. So |y| <= e with e' = M e + |J m + r|, where M is as in
`perturbed`, and |X / Omega - x| <= e + |m|. F_Omega has falling factorials where F has powers.

Here y, m and e are computed at every `stride`-th point of the grid of the limit: m with the integral of
F_Omega(X / Omega) - F(x) by the trapezoidal rule, and e by the same rule, so that the inequality also holds for sums.
The supremum is taken in continuous time, by `exact.rejection.Follower`.

T. G. Kurtz, Stoch. Process. Appl. 6 (1978) 223-240, doi:10.1016/0304-4149(78)90020-0.
"""

from typing import NamedTuple

import numpy as np

from ..codes import NO_EVENT_LIMIT, REACHED_END, SLICE_END
from ..exact.rejection import advance, begin_segment
from ..jit import kernel
from .perturbed import FLOOR, SLACK

# Paths of counts.

_MOST_ITERATIONS, _CONVERGED = 40, 1e-4
_BUDGET = 2_000_000
"""Candidates of a call; a segment nearly always ends before."""


class Limit(NamedTuple):
    """Rate equations of products of at most two species, and their solution over one presentation."""

    first: np.ndarray  # int64[term], as in `perturbed`
    second: np.ndarray  # int64[term]
    base: np.ndarray  # float64[term] [1/s]
    change_start: np.ndarray  # int64[term + 1]
    change_species: np.ndarray  # int64[change]
    change_amount: np.ndarray  # float64[change]
    place: np.ndarray  # int64[change, 2]
    row: np.ndarray  # int64[entry]
    column: np.ndarray  # int64[entry]
    x: np.ndarray  # float64[point, species + 1], on an even grid, the constant 1 at the end [concentration]
    slope: np.ndarray  # float64[point, species + 1]: dx/dt
    step: np.ndarray  # float64[1]: spacing of the grid [s]
    stride: np.ndarray  # int64[1]: spacing of the points at which the bound is computed, in points of the grid
    lowest: np.ndarray  # float64[segment, quantity]: of the limit between two of these points [molecules]
    highest: np.ndarray  # float64[segment, quantity]
    volume: np.ndarray  # float64[1]


class LimitComparison(NamedTuple):
    """One path and its limit; all over eps = Omega^(-1/2)."""

    plus: np.ndarray  # int64[quantity]
    minus: np.ndarray  # int64[quantity], the constant where nothing is subtracted
    before: np.ndarray  # int64[species + 1]: counts at the end of the last presentation
    bound: np.ndarray  # float64[quantity]: sup of the bound over the grid
    ratio: np.ndarray  # float64[quantity]: largest share of the bound, on the grid
    violations: np.ndarray  # int64[quantity]: points of the grid beyond the bound
    difference: np.ndarray  # float64[species + 1]: X / Omega - x
    martingale: np.ndarray  # float64[species + 1]
    e: np.ndarray  # float64[species + 1]
    drift: np.ndarray  # float64[2, species + 1]: F_Omega(X / Omega) - F(x) at the last two points
    start: np.ndarray  # float64[species + 1]: e at the last point
    diagonal: np.ndarray  # float64[species + 1]: diagonal of M
    forcing: np.ndarray  # float64[species + 1]: |J m + r|
    push: np.ndarray  # float64[species + 1]: e' without the part of the diagonal
    entries: np.ndarray  # float64[entry]: scratch


@kernel
def _drift(limit, counts, k, out):
    """Write F_Omega(X / Omega) - F(x) at point k into `out`."""
    volume = limit.volume[0]
    for s in range(out.size):
        out[s] = -limit.slope[k, s]
    for t in range(limit.base.size):
        a, b = limit.first[t], limit.second[t]
        second = np.float64(counts[b])
        if a == b and a != counts.size - 1:
            second -= 1.0  # the falling factorial of two like molecules
        rate = limit.base[t] * _concentration(counts, a, volume) * (second / volume if b != counts.size - 1 else 1.0)
        for j in range(limit.change_start[t], limit.change_start[t + 1]):
            out[limit.change_species[j]] += limit.change_amount[j] * rate


@kernel
def _concentration(counts, s, volume):
    return 1.0 if s == counts.size - 1 else counts[s] / volume


@kernel
def start(limit, comparison, follower, counts):
    """Begin a presentation at point 0 of the limit, with its inputs and targets already in `counts`.

    Species that were set agree with the limit, so their error and martingale are 0.
    """
    volume = limit.volume[0]
    one = counts.size - 1
    for s in range(counts.size):
        difference = _concentration(counts, s, volume) - limit.x[0, s]
        if counts[s] != comparison.before[s]:
            comparison.martingale[s] = 0.0
            comparison.e[s] = 0.0
        comparison.difference[s] = difference
    comparison.difference[one] = 0.0
    for q in range(comparison.plus.size):
        value = np.float64(counts[comparison.plus[q]])
        if comparison.minus[q] != one:
            value -= counts[comparison.minus[q]]
        follower.reach[q].value = value
    _drift(limit, counts, 0, comparison.drift[1])
    _equations(limit, comparison, 0)
    _push(limit, comparison)


@kernel
def _equations(limit, comparison, k):
    """Compute the diagonal of M, its other entries and the forcing |J m + r| at point k, from the present differences
    and martingale."""
    volume = limit.volume[0]
    one = comparison.e.size - 1
    comparison.entries[:] = 0.0
    comparison.forcing[:] = 0.0
    comparison.diagonal[:] = 0.0
    for t in range(limit.base.size):
        a, b = limit.first[t], limit.second[t]
        c = limit.base[t]
        # (X / Omega + x) / 2 is x plus half the difference, which is 0 for the constant.
        middle_a = c * (limit.x[k, a] + 0.5 * comparison.difference[a])
        middle_b = c * (limit.x[k, b] + 0.5 * comparison.difference[b])
        pushed = middle_a * comparison.martingale[b] + middle_b * comparison.martingale[a]
        if a == b and a != one:
            pushed -= c * (limit.x[k, a] + comparison.difference[a]) / volume
        for j in range(limit.change_start[t], limit.change_start[t + 1]):
            amount = limit.change_amount[j]
            comparison.forcing[limit.change_species[j]] += amount * pushed
            if limit.place[j, 0] >= 0:
                comparison.entries[limit.place[j, 0]] += amount * middle_b
            if limit.place[j, 1] >= 0:
                comparison.entries[limit.place[j, 1]] += amount * middle_a
    for s in range(one):
        comparison.forcing[s] = np.abs(comparison.forcing[s])
    for n in range(limit.row.size):
        if limit.row[n] == limit.column[n]:
            comparison.diagonal[limit.row[n]] = comparison.entries[n]
            comparison.entries[n] = 0.0
        else:
            comparison.entries[n] = np.abs(comparison.entries[n])


@kernel
def _push(limit, comparison):
    """Compute e' without the part of the diagonal."""
    for s in range(comparison.push.size):
        comparison.push[s] = comparison.forcing[s]
    for n in range(limit.row.size):
        comparison.push[limit.row[n]] += comparison.entries[n] * comparison.e[limit.column[n]]


@kernel
def _bound(limit, comparison, k):
    """Advance the bound from the point before to point k, by the trapezoidal rule:

        (1 - h diagonal / 2) e(k) = |1 + h diagonal / 2| e + h (push + push(k)) / 2

    with old values on the right, except push(k), which depends on e(k) and needs an iteration.
    """
    half = 0.5 * limit.step[0] * limit.stride[0]
    one = comparison.e.size - 1
    for s in range(one):
        comparison.start[s] = np.abs(1.0 + half * comparison.diagonal[s]) * comparison.e[s] + half * comparison.push[s]
    _equations(limit, comparison, k)
    for _ in range(_MOST_ITERATIONS):
        _push(limit, comparison)
        changed = False
        for s in range(one):
            e = (comparison.start[s] + half * comparison.push[s]) / (1.0 - half * comparison.diagonal[s])
            changed = changed or not np.abs(e - comparison.e[s]) <= _CONVERGED * e
            comparison.e[s] = e
        if not changed:
            break
    _push(limit, comparison)


@kernel
def _point(limit, comparison, follower, counts, k):
    """At point k, update differences, martingale and bound, and compare them."""
    volume = limit.volume[0]
    scale = np.sqrt(volume)
    step = limit.step[0] * limit.stride[0]
    one = counts.size - 1
    for s in range(one):
        comparison.drift[0, s] = comparison.drift[1, s]
    _drift(limit, counts, k, comparison.drift[1])
    for s in range(one):
        difference = counts[s] / volume - limit.x[k, s]
        risen = difference - comparison.difference[s]
        comparison.martingale[s] += risen - 0.5 * step * (comparison.drift[0, s] + comparison.drift[1, s])
        comparison.difference[s] = difference
    _bound(limit, comparison, k)
    for q in range(comparison.plus.size):
        p, m = comparison.plus[q], comparison.minus[q]
        difference = np.abs(comparison.difference[p] - comparison.difference[m])
        follower.reach[q].error = max(follower.reach[q].error, difference * volume)
        bound = comparison.e[p] + comparison.e[m] + np.abs(comparison.martingale[p] - comparison.martingale[m])
        difference *= scale
        bound *= scale
        comparison.bound[q] = max(comparison.bound[q], bound)
        if bound > FLOOR:
            comparison.ratio[q] = max(comparison.ratio[q], difference / bound)
        if not difference <= (1.0 + SLACK) * bound + FLOOR:
            comparison.violations[q] += 1


@kernel
def follow_limit(channels, laws, readers, families, state, run, limit, comparison, follower):
    """Simulate over the whole grid of the limit, from the begin of `follower`. Returns REACHED_END or another
    status."""
    start(limit, comparison, follower, state.counts)
    stride = limit.stride[0]
    for segment in range(limit.lowest.shape[0]):
        begin_segment(follower, segment)
        last = (segment + 1) * stride
        end = follower.begin[0] + last * limit.step[0]
        code = SLICE_END
        while code == SLICE_END:
            code = advance(
                channels, laws, None, readers, families, state, run, end, _BUDGET, NO_EVENT_LIMIT, follower
            )  # fmt: skip
        if code != REACHED_END:
            return code
        _point(limit, comparison, follower, state.counts, last)
    for s in range(state.counts.size):
        comparison.before[s] = state.counts[s]
    return REACHED_END


# Paths of linear noise, du = J(x) u dt + sum over channels S sqrt(a(x)) dW, and their suprema in continuous time.
#
# Steps are those of the grid of the limit, by Heun's method for the drift, which is of second order in law since the
# noise is additive. Between two points a path is nearly a Brownian bridge, whose largest value has a known law:
# (a + b + sqrt((b - a)^2 - 2 v ln U)) / 2 with v the variance of the step and U uniform.
#
# T. G. Kurtz, Stoch. Process. Appl. 6 (1978) 223-240, doi:10.1016/0304-4149(78)90020-0 (the equation). P. Glasserman,
# Monte Carlo Methods in Financial Engineering, Springer 2003, section 6.4 (the bridge).

_FAR = 6.0
"""A bridge rises more than so many standard deviations above its ends with probability exp(-72), at most."""


class LinearNoisePath(NamedTuple):
    """One path of linear noise."""

    term_start: np.ndarray  # int64[channel + 1]: terms of each channel
    plus: np.ndarray  # int64[quantity]
    minus: np.ndarray  # int64[quantity]
    variation: np.ndarray  # float64[quantity]: sup |u|
    u: np.ndarray  # float64[species + 1]
    old: np.ndarray  # float64[species + 1]
    slope: np.ndarray  # float64[2, species + 1]: scratch
    noise: np.ndarray  # float64[species + 1]: scratch
    variance: np.ndarray  # float64[quantity]: scratch, of the noise of one step
    start: np.ndarray  # int64[channel + 1]: moves of each channel
    moves: np.ndarray  # exact.rejection.MOVE[move]: change of a quantity by a channel


@kernel
def _linear_drift(limit, k, u, out):
    """Write J(x) u at point k into `out`."""
    out[:] = 0.0
    for t in range(limit.base.size):
        a, b = limit.first[t], limit.second[t]
        varied = limit.base[t] * (limit.x[k, a] * u[b] + u[a] * limit.x[k, b])
        for j in range(limit.change_start[t], limit.change_start[t + 1]):
            out[limit.change_species[j]] += limit.change_amount[j] * varied


@kernel
def _noise(limit, linear, rng, k):
    """Draw the noise of a step, and compute its variance in each quantity."""
    linear.noise[:] = 0.0
    linear.variance[:] = 0.0
    for c in range(linear.term_start.size - 1):
        rate = 0.0
        for t in range(linear.term_start[c], linear.term_start[c + 1]):
            rate += limit.base[t] * limit.x[k, limit.first[t]] * limit.x[k, limit.second[t]]
        if rate > 0.0:
            moved = np.sqrt(rate * limit.step[0]) * rng.standard_normal()
            t = linear.term_start[c]
            for j in range(limit.change_start[t], limit.change_start[t + 1]):
                linear.noise[limit.change_species[j]] += limit.change_amount[j] * moved
            for m in range(linear.start[c], linear.start[c + 1]):
                linear.variance[linear.moves[m].quantity] += linear.moves[m].amount ** 2 * rate * limit.step[0]


@kernel
def follow_linear_noise(limit, linear, rng):
    """Continue a path from the present u over the grid of the limit."""
    n = linear.u.size
    for k in range(limit.x.shape[0] - 1):
        _noise(limit, linear, rng, k)
        _linear_drift(limit, k, linear.u, linear.slope[0])
        for i in range(n):
            linear.old[i] = linear.u[i]
            linear.u[i] += limit.step[0] * linear.slope[0, i] + linear.noise[i]
        _linear_drift(limit, k + 1, linear.u, linear.slope[1])
        for i in range(n):
            mean = 0.5 * (linear.slope[0, i] + linear.slope[1, i])
            linear.u[i] = linear.old[i] + limit.step[0] * mean + linear.noise[i]
        for q in range(linear.plus.size):
            a = linear.old[linear.plus[q]] - linear.old[linear.minus[q]]
            b = linear.u[linear.plus[q]] - linear.u[linear.minus[q]]
            # The bridge is drawn only where it could raise the supremum. Upper and lower extreme, drawn independently,
            # have their exact laws each.
            top = max(np.abs(a), np.abs(b))
            if top + _FAR * np.sqrt(linear.variance[q]) > linear.variation[q]:
                for sign in (1.0, -1.0):
                    square = (b - a) ** 2 + 2.0 * linear.variance[q] * rng.standard_exponential()
                    top = max(top, 0.5 * (sign * (a + b) + np.sqrt(square)))
                linear.variation[q] = max(linear.variation[q], top)
