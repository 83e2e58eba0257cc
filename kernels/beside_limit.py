"""Counts beside their limit: sup |X(t) / Omega - x(t)|, and its explicit bound by the path's own martingale.

With the compensated martingale m(t) = X(t) / Omega - X(0) / Omega - int_0^t F_Omega(X / Omega) ds and the rest of the
difference, y = X / Omega - x - m,

    y' = J (y + m) + r,  J at (X / Omega + x) / 2,  r = F_Omega(X / Omega) - F(X / Omega),

as products of two species have no higher derivatives; so |y| <= e, e' = M e + |J m + r|, with M of `perturbed`, and
|X / Omega - x| <= e + |m|.

Here y, m and e are on the grid of the limit: m with the integral of F_Omega(X / Omega) - F(x) by the trapezoidal rule,
and e by the same rule, so that the inequality is one of sums. F_Omega has falling factorials where F has powers.

The supremum is looked at after every so many candidates of the exact method, just before and just after the last of
them. Counts rest in between: with looks at every candidate it is that of continuous time. With fewer, what one look saw
stands for the time up to the next.

T. G. Kurtz, Stoch. Process. Appl. 6 (1978) 223-240, doi:10.1016/0304-4149(78)90020-0.
"""

from typing import NamedTuple

import numpy as np

from .codes import NO_EVENT_LIMIT, REACHED_END, SLICE_END, TIME
from .jit import kernel
from .perturbed_steps import FLOOR, SLACK
from .rejection import run_rejection

_ITERATIONS = 2


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
    volume: np.ndarray  # float64[1]


class Beside(NamedTuple):
    """One path beside the limit; all over eps = Omega^(-1/2)."""

    plus: np.ndarray  # int64[quantity]
    minus: np.ndarray  # int64[quantity], that of the constant where nothing is taken away
    of_species: np.ndarray  # int64[species, 2]: quantities of each, -1 none
    before: np.ndarray  # int64[species + 1]: counts before the event
    error: np.ndarray  # float64[quantity]: sup
    bound: np.ndarray  # float64[quantity]: sup over the grid
    ratio: np.ndarray  # float64[quantity]: largest share of the bound, on the grid
    violations: np.ndarray  # int64[quantity]: points of the grid beyond the bound
    difference: np.ndarray  # float64[species + 1]: X / Omega - x
    martingale: np.ndarray  # float64[species + 1]
    e: np.ndarray  # float64[species + 1]
    drift: np.ndarray  # float64[2, species + 1]: F_Omega(X / Omega) - F(x) at the last two points
    start: np.ndarray  # float64[species + 1]: e at the last point
    own: np.ndarray  # float64[2, species + 1]: rates of e, at the last point and at this one
    push: np.ndarray  # float64[2, species + 1]
    entries: np.ndarray  # float64[entry]: scratch


@kernel
def _at(limit, k, u, s):
    """The limit of species s at point k + u, by the cubic through values and slopes."""
    a, b = limit.x[k, s], limit.x[k + 1, s]
    rise = b - a
    first = limit.step[0] * limit.slope[k, s] - rise
    last = rise - limit.step[0] * limit.slope[k + 1, s]
    return a + u * (rise + (1.0 - u) * (first * (1.0 - u) + last * u))


@kernel
def _look(limit, beside, counts, k, u):
    """What changed between `before` and `counts`, the state at point k + u: both differ from the limit there."""
    volume = limit.volume[0]
    one = counts.size - 1
    scale = np.sqrt(volume)
    for s in range(one):
        if counts[s] != beside.before[s]:
            for side in range(2):
                q = beside.of_species[s, side]
                if q >= 0:
                    p, m = beside.plus[q], beside.minus[q]
                    x = _at(limit, k, u, p) * volume
                    old, new = np.float64(beside.before[p]), np.float64(counts[p])
                    if m != one:
                        x -= _at(limit, k, u, m) * volume
                        old -= beside.before[m]
                        new -= counts[m]
                    beside.error[q] = max(beside.error[q], max(np.abs(old - x), np.abs(new - x)) / scale)
    for s in range(one):
        beside.before[s] = counts[s]


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
def start(limit, beside, counts):
    """A presentation begins at point 0 of the limit, whose inputs and targets stand in `counts` already: what is set is
    the same in both, and has no martingale."""
    volume = limit.volume[0]
    for s in range(counts.size):
        difference = _concentration(counts, s, volume) - limit.x[0, s]
        if counts[s] != beside.before[s]:
            beside.martingale[s] = 0.0
            beside.e[s] = 0.0
        beside.difference[s] = difference
        beside.before[s] = counts[s]
    beside.difference[counts.size - 1] = 0.0
    _drift(limit, counts, 0, beside.drift[1])
    _rates_of_bound(limit, beside, 0, beside.own[0], beside.push[0])


@kernel
def _rates_of_bound(limit, beside, k, own, push):
    """e' = own e + push at point k, from the differences, the martingale and e there."""
    volume = limit.volume[0]
    one = beside.e.size - 1
    beside.entries[:] = 0.0
    push[:] = 0.0
    own[:] = 0.0
    for t in range(limit.base.size):
        a, b = limit.first[t], limit.second[t]
        c = limit.base[t]
        # (X / Omega + x) / 2, from x and the difference; the constant differs by nothing.
        middle_a = limit.x[k, a] + 0.5 * beside.difference[a]
        middle_b = limit.x[k, b] + 0.5 * beside.difference[b]
        pushed = c * (middle_a * beside.martingale[b] + middle_b * beside.martingale[a])
        if a == b and a != one:
            pushed -= c * (limit.x[k, a] + beside.difference[a]) / volume
        for j in range(limit.change_start[t], limit.change_start[t + 1]):
            amount = limit.change_amount[j]
            push[limit.change_species[j]] += amount * pushed
            if limit.place[j, 0] >= 0:
                beside.entries[limit.place[j, 0]] += amount * c * middle_b
            if limit.place[j, 1] >= 0:
                beside.entries[limit.place[j, 1]] += amount * c * middle_a
    for s in range(one):
        push[s] = np.abs(push[s])
    for n in range(limit.row.size):
        i, j = limit.row[n], limit.column[n]
        if i == j:
            own[i] = beside.entries[n]
        else:
            push[i] += np.abs(beside.entries[n]) * beside.e[j]


@kernel
def _bound(limit, beside, k):
    """The bound at point k from that at k - 1, whose rates are in the first rows: (1 - h own / 2) e = |1 + h own / 2| e
    + h (push + push) / 2, old rates on the right; the new push, which hangs on e, by iteration."""
    half = 0.5 * limit.step[0]
    one = beside.e.size - 1
    for s in range(one):
        beside.start[s] = np.abs(1.0 + half * beside.own[0, s]) * beside.e[s] + half * beside.push[0, s]
    for _ in range(_ITERATIONS):
        _rates_of_bound(limit, beside, k, beside.own[1], beside.push[1])
        for s in range(one):
            beside.e[s] = (beside.start[s] + half * beside.push[1, s]) / (1.0 - half * beside.own[1, s])
    _rates_of_bound(limit, beside, k, beside.own[0], beside.push[0])


@kernel
def _point(limit, beside, counts, k):
    """Point k is reached: differences, martingale, and what the bound says."""
    volume = limit.volume[0]
    scale = np.sqrt(volume)
    one = counts.size - 1
    for s in range(one):
        beside.drift[0, s] = beside.drift[1, s]
    _drift(limit, counts, k, beside.drift[1])
    for s in range(one):
        difference = counts[s] / volume - limit.x[k, s]
        risen = difference - beside.difference[s]
        beside.martingale[s] += risen - 0.5 * limit.step[0] * (beside.drift[0, s] + beside.drift[1, s])
        beside.difference[s] = difference
    _bound(limit, beside, k)
    for q in range(beside.plus.size):
        p, m = beside.plus[q], beside.minus[q]
        difference = np.abs(beside.difference[p] - beside.difference[m]) * scale
        bound = beside.e[p] + beside.e[m] + np.abs(beside.martingale[p] - beside.martingale[m])
        bound *= scale
        beside.error[q] = max(beside.error[q], difference)
        beside.bound[q] = max(beside.bound[q], bound)
        if bound > FLOOR:
            beside.ratio[q] = max(beside.ratio[q], difference / bound)
        if not difference <= (1.0 + SLACK) * bound + FLOOR:
            beside.violations[q] += 1


@kernel
def follow(channels, laws, readers, families, state, run, limit, beside, candidates, t_start):
    """Run over the whole grid of the limit, from t_start [s], with a look after so many `candidates`. Returns
    REACHED_END, or why it stopped."""
    start(limit, beside, state.counts)
    step = limit.step[0]
    for k in range(limit.x.shape[0] - 1):
        end = t_start + (k + 1) * step
        code = SLICE_END
        while code == SLICE_END:
            code = run_rejection(
                channels, laws, readers, families, state, run, end, candidates, NO_EVENT_LIMIT
            )  # fmt: skip
            _look(limit, beside, state.counts, k, 1.0 - (end - state.clock[TIME]) / step)
        if code != REACHED_END:
            return code
        _point(limit, beside, state.counts, k + 1)
    return REACHED_END
