"""Paths of linear noise, du = J(x) u dt + sum over channels S sqrt(a(x)) dW, and their suprema in continuous time.

Steps are those of the grid of the limit: Heun's method for the drift, second order in law since the noise is additive.
Between two points a path is nearly a Brownian bridge, whose largest value has a known law: (a + b + sqrt((b - a)^2
- 2 v ln U)) / 2 with v the variance of the step and U uniform.

T. G. Kurtz, Stoch. Process. Appl. 6 (1978) 223-240, doi:10.1016/0304-4149(78)90020-0 (the equation).
P. Glasserman, Monte Carlo Methods in Financial Engineering, Springer 2003, section 6.4 (the bridge).
"""

from typing import NamedTuple

import numpy as np

from .jit import kernel

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
def _drift(limit, k, u, out):
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
def follow(limit, linear, rng):
    """A path over the grid of the limit, from where u stands."""
    n = linear.u.size
    for k in range(limit.x.shape[0] - 1):
        _noise(limit, linear, rng, k)
        _drift(limit, k, linear.u, linear.slope[0])
        for i in range(n):
            linear.old[i] = linear.u[i]
            linear.u[i] += limit.step[0] * linear.slope[0, i] + linear.noise[i]
        _drift(limit, k + 1, linear.u, linear.slope[1])
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
