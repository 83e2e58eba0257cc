"""Counts beside their limit: sup |X(t) / Omega - x(t)|, and its explicit bound by the path's own martingale.

With the compensated martingale m(t) = X(t) / Omega - X(0) / Omega - int_0^t F_Omega(X / Omega) ds and the rest of the
difference, y = X / Omega - x - m,

    y' = J (y + m) + r,  J at (X / Omega + x) / 2,  r = F_Omega(X / Omega) - F(X / Omega),

as products of two species have no higher derivatives; so |y| <= e, e' = M e + |J m + r|, with M of `perturbed`, and
|X / Omega - x| <= e + |m|.

Here y, m and e are on a grid, of every `stride`-th point of that of the limit: m with the integral of
F_Omega(X / Omega) - F(x) by the trapezoidal rule, and e by the same rule, so that the inequality is one of sums.
F_Omega has falling factorials where F has powers.

The supremum is that of continuous time, see `following`.

T. G. Kurtz, Stoch. Process. Appl. 6 (1978) 223-240, doi:10.1016/0304-4149(78)90020-0.
"""

from typing import NamedTuple

import numpy as np

from ..codes import NO_EVENT_LIMIT, REACHED_END, SLICE_END
from ..exact.rejection import advance, begin_block
from ..jit import kernel
from .perturbed import FLOOR, SLACK

_MOST_ITERATIONS, _CONVERGED = 40, 1e-4
_BUDGET = 2_000_000
"""Candidates of a call: the end of a block comes first."""


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
    step: np.ndarray  # float64[1]: of the grid [s]
    stride: np.ndarray  # int64[1]: of the points at which the bound is computed
    lowest: np.ndarray  # float64[block, quantity]: of the limit between two of these points [molecules]
    highest: np.ndarray  # float64[block, quantity]
    volume: np.ndarray  # float64[1]


class Beside(NamedTuple):
    """One path beside the limit; all over eps = Omega^(-1/2)."""

    plus: np.ndarray  # int64[quantity]
    minus: np.ndarray  # int64[quantity], that of the constant where nothing is taken away
    before: np.ndarray  # int64[species + 1]: counts at the end of the last presentation
    bound: np.ndarray  # float64[quantity]: sup over the grid
    ratio: np.ndarray  # float64[quantity]: largest share of the bound, on the grid
    violations: np.ndarray  # int64[quantity]: points of the grid beyond the bound
    difference: np.ndarray  # float64[species + 1]: X / Omega - x
    martingale: np.ndarray  # float64[species + 1]
    e: np.ndarray  # float64[species + 1]
    drift: np.ndarray  # float64[2, species + 1]: F_Omega(X / Omega) - F(x) at the last two points
    start: np.ndarray  # float64[species + 1]: e at the last point
    own: np.ndarray  # float64[species + 1]: diagonal of M
    forcing: np.ndarray  # float64[species + 1]: |J m + r|
    push: np.ndarray  # float64[species + 1]: e' less the diagonal's part
    entries: np.ndarray  # float64[entry]: scratch


@kernel
def _drift(limit, counts, k, out):
    """F_Omega(X / Omega) - F(x) at point k."""
    volume = limit.volume[0]
    for s in range(out.size):
        out[s] = -limit.slope[k, s]
    for t in range(limit.base.size):
        a, b = limit.first[t], limit.second[t]
        second = np.float64(counts[b])
        if a == b and a != counts.size - 1:
            second -= 1.0
        rate = limit.base[t] * _concentration(counts, a, volume) * (second / volume if b != counts.size - 1 else 1.0)
        for j in range(limit.change_start[t], limit.change_start[t + 1]):
            out[limit.change_species[j]] += limit.change_amount[j] * rate


@kernel
def _concentration(counts, s, volume):
    return 1.0 if s == counts.size - 1 else counts[s] / volume


@kernel
def start(limit, beside, follower, counts):
    """A presentation begins at point 0 of the limit, whose inputs and targets stand in `counts` already: what is set is
    the same in both, and has no martingale."""
    volume = limit.volume[0]
    one = counts.size - 1
    for s in range(counts.size):
        difference = _concentration(counts, s, volume) - limit.x[0, s]
        if counts[s] != beside.before[s]:
            beside.martingale[s] = 0.0
            beside.e[s] = 0.0
        beside.difference[s] = difference
    beside.difference[one] = 0.0
    for q in range(beside.plus.size):
        value = np.float64(counts[beside.plus[q]])
        if beside.minus[q] != one:
            value -= counts[beside.minus[q]]
        follower.reach[q].value = value
    _drift(limit, counts, 0, beside.drift[1])
    _equations(limit, beside, 0)
    _push(limit, beside)


@kernel
def _equations(limit, beside, k):
    """The diagonal of M, the rest of it and the forcing |J m + r| at point k, from the differences and the martingale
    there."""
    volume = limit.volume[0]
    one = beside.e.size - 1
    beside.entries[:] = 0.0
    beside.forcing[:] = 0.0
    beside.own[:] = 0.0
    for t in range(limit.base.size):
        a, b = limit.first[t], limit.second[t]
        c = limit.base[t]
        # (X / Omega + x) / 2, from x and the difference; the constant differs by nothing.
        middle_a = c * (limit.x[k, a] + 0.5 * beside.difference[a])
        middle_b = c * (limit.x[k, b] + 0.5 * beside.difference[b])
        pushed = middle_a * beside.martingale[b] + middle_b * beside.martingale[a]
        if a == b and a != one:
            pushed -= c * (limit.x[k, a] + beside.difference[a]) / volume
        for j in range(limit.change_start[t], limit.change_start[t + 1]):
            amount = limit.change_amount[j]
            beside.forcing[limit.change_species[j]] += amount * pushed
            if limit.place[j, 0] >= 0:
                beside.entries[limit.place[j, 0]] += amount * middle_b
            if limit.place[j, 1] >= 0:
                beside.entries[limit.place[j, 1]] += amount * middle_a
    for s in range(one):
        beside.forcing[s] = np.abs(beside.forcing[s])
    for n in range(limit.row.size):
        if limit.row[n] == limit.column[n]:
            beside.own[limit.row[n]] = beside.entries[n]
            beside.entries[n] = 0.0
        else:
            beside.entries[n] = np.abs(beside.entries[n])


@kernel
def _push(limit, beside):
    """e' without the part of the diagonal."""
    for s in range(beside.push.size):
        beside.push[s] = beside.forcing[s]
    for n in range(limit.row.size):
        beside.push[limit.row[n]] += beside.entries[n] * beside.e[limit.column[n]]


@kernel
def _bound(limit, beside, k):
    """The bound at point k from that at the point before: (1 - h own / 2) e = |1 + h own / 2| e + h (push + push) / 2,
    old rates on the right; the new push, which depends on e, by iteration."""
    half = 0.5 * limit.step[0] * limit.stride[0]
    one = beside.e.size - 1
    for s in range(one):
        beside.start[s] = np.abs(1.0 + half * beside.own[s]) * beside.e[s] + half * beside.push[s]
    _equations(limit, beside, k)
    for _ in range(_MOST_ITERATIONS):
        _push(limit, beside)
        changed = False
        for s in range(one):
            e = (beside.start[s] + half * beside.push[s]) / (1.0 - half * beside.own[s])
            changed = changed or not np.abs(e - beside.e[s]) <= _CONVERGED * e
            beside.e[s] = e
        if not changed:
            break
    _push(limit, beside)


@kernel
def _point(limit, beside, follower, counts, k):
    """Point k is reached: differences, martingale, and what the bound says."""
    volume = limit.volume[0]
    scale = np.sqrt(volume)
    step = limit.step[0] * limit.stride[0]
    one = counts.size - 1
    for s in range(one):
        beside.drift[0, s] = beside.drift[1, s]
    _drift(limit, counts, k, beside.drift[1])
    for s in range(one):
        difference = counts[s] / volume - limit.x[k, s]
        risen = difference - beside.difference[s]
        beside.martingale[s] += risen - 0.5 * step * (beside.drift[0, s] + beside.drift[1, s])
        beside.difference[s] = difference
    _bound(limit, beside, k)
    for q in range(beside.plus.size):
        p, m = beside.plus[q], beside.minus[q]
        difference = np.abs(beside.difference[p] - beside.difference[m])
        follower.reach[q].error = max(follower.reach[q].error, difference * volume)
        bound = beside.e[p] + beside.e[m] + np.abs(beside.martingale[p] - beside.martingale[m])
        difference *= scale
        bound *= scale
        beside.bound[q] = max(beside.bound[q], bound)
        if bound > FLOOR:
            beside.ratio[q] = max(beside.ratio[q], difference / bound)
        if not difference <= (1.0 + SLACK) * bound + FLOOR:
            beside.violations[q] += 1


@kernel
def follow_limit(channels, laws, readers, families, state, run, limit, beside, follower):
    """Run over the whole grid of the limit, from where `follower` begins. Returns REACHED_END, or why it stopped."""
    start(limit, beside, follower, state.counts)
    stride = limit.stride[0]
    for block in range(limit.lowest.shape[0]):
        begin_block(follower, block)
        last = (block + 1) * stride
        end = follower.begin[0] + last * limit.step[0]
        code = SLICE_END
        while code == SLICE_END:
            code = advance(
                channels, laws, None, readers, families, state, run, end, _BUDGET, NO_EVENT_LIMIT, follower
            )  # fmt: skip
        if code != REACHED_END:
            return code
        _point(limit, beside, follower, state.counts, last)
    for s in range(state.counts.size):
        beside.before[s] = state.counts[s]
    return REACHED_END


# Paths of linear noise, du = J(x) u dt + sum over channels S sqrt(a(x)) dW, and their suprema in continuous time.
#
# Steps are those of the grid of the limit: Heun's method for the drift, second order in law since the noise is
# additive. Between two points a path is nearly a Brownian bridge, whose largest value has a known law: (a + b + sqrt((b
# - a)^2 - 2 v ln U)) / 2 with v the variance of the step and U uniform.
#
# T. G. Kurtz, Stoch. Process. Appl. 6 (1978) 223-240, doi:10.1016/0304-4149(78)90020-0 (the equation). P. Glasserman,
# Monte Carlo Methods in Financial Engineering, Springer 2003, section 6.4 (the bridge).

_FAR = 6.0
"""Standard deviations that a bridge does not rise beyond its ends, but once in 1e15."""


class LinearNoise(NamedTuple):
    """One path."""

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
    moves: np.ndarray  # following.MOVE[move]: change of a quantity by a channel


@kernel
def _linear_drift(limit, k, u, out):
    """J(x) u at point k."""
    out[:] = 0.0
    for t in range(limit.base.size):
        a, b = limit.first[t], limit.second[t]
        varied = limit.base[t] * (limit.x[k, a] * u[b] + u[a] * limit.x[k, b])
        for j in range(limit.change_start[t], limit.change_start[t + 1]):
            out[limit.change_species[j]] += limit.change_amount[j] * varied


@kernel
def _noise(limit, linear, rng, k):
    """Noise of a step, and its variance in each quantity."""
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
    """A path over the grid of the limit, from where u stands."""
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
            top = max(np.abs(a), np.abs(b))
            if top + _FAR * np.sqrt(linear.variance[q]) > linear.variation[q]:
                for sign in (1.0, -1.0):
                    square = (b - a) ** 2 + 2.0 * linear.variance[q] * rng.standard_exponential()
                    top = max(top, 0.5 * (sign * (a + b) + np.sqrt(square)))
                linear.variation[q] = max(linear.variation[q], top)
