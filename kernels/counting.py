"""Draws of Poisson and binomial numbers of any size.

Few expected: inversion, adding up probabilities until they pass a uniform. Many: the idea of Ahrens and Dieter (ACM
Transactions on Mathematical Software 8:163, 1982, algorithm PD), for the binomial law too. A normal number of the same
variance s^2 is rounded down to k. Centred at c, the mean plus the success probability (0 for Poisson), the logarithm of
law over normal cell is (1 - 2p) (k - c)^3 / (6 s^4) and terms of order s^-2, without a linear one; hence nearly every
k is accepted by a bound on its cube. The others are accepted with the exact ratio, or else replaced by a draw from
where the law exceeds the normal cell, by rejection from a Laplace density. `tests/kernels/test_counting.py` holds the
two bounds against the laws.

Uniforms have 53 bits: probabilities below 1e-16 are not resolved.
"""

import math

import numpy as np

from .jit import inlined
from .linked import kernel

MANY = 8.0
"""Least variance (for Poisson numbers the mean) of the second way; both bounds hold from 7 on."""
LARGEST_MEAN = 2.0**53
"""Above this floating point does not hold every whole number: a greater Poisson mean counts as this one."""
BINOMIAL_SLACK = 0.03
"""Part of the bound for binomial numbers that covers the terms of order s^-2."""
LAPLACE_CENTRE, LAPLACE_HEIGHT = 1.8, 0.108
"""The law minus the normal cell is below LAPLACE_HEIGHT / s^2 exp(-|t - LAPLACE_CENTRE|), t = (k - c) / s."""
_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
_SMALLEST = 1e-18  # a tail that adds nothing to a sum of probabilities near 1


@kernel
def draw_poisson(rng, mean):
    """Poisson number with this mean; 0 for a mean that is not above 0 or not a number."""
    if not mean > 0.0:
        return 0
    if mean < MANY:
        u = rng.random()
        return 0 if u >= mean else _few_poisson(mean, u)  # exp(-mean) >= 1 - mean
    mean = min(mean, LARGEST_MEAN)
    k = np.floor(mean + math.sqrt(mean) * rng.standard_normal())
    below = mean - k
    if below <= 0.0:
        return int(k)  # from the mean on the law is not below the normal cell: always accepted
    u = rng.random()
    if below * below * below <= 6.0 * mean * mean * u:
        return int(k)
    return _corrected(rng, k, u, mean, mean, -1.0, 0.0)


@kernel
def draw_poissons(rng, numbers):
    """Replace each mean in `numbers` float64[...] by a Poisson number with this mean; as `draw_poisson`, but faster.

    A normal number is put to the test with a probability q. No uniform decides that for each, but the points of a
    Poisson process of rate 1 along the sum of hazards q + q^2 >= -log(1 - q), thinned: one test in a hundred numbers.
    """
    until = rng.standard_exponential()
    for i in range(numbers.size):
        mean = numbers[i]
        if not mean >= MANY:
            numbers[i] = draw_poisson(rng, mean)
            continue
        mean = min(mean, LARGEST_MEAN)
        k = np.floor(mean + math.sqrt(mean) * rng.standard_normal())
        numbers[i] = k
        below = max(mean - k, 0.0)
        q = below * below * below / (6.0 * mean * mean)
        if q > 0.5:  # where the hazard is no bound any more
            u = rng.random()
            if u < q:
                numbers[i] = _corrected(rng, k, u, mean, mean, -1.0, 0.0)
            continue
        hazard = q + q * q
        until -= hazard
        if until < 0.0:
            until = rng.standard_exponential()
            u = rng.random() * -math.expm1(-hazard)
            if u < q:
                numbers[i] = _corrected(rng, k, u, mean, mean, -1.0, 0.0)


@kernel
def draw_binomial(rng, n, p):
    """Binomial number of n trials with success probability p; p is taken into [0, 1], n < 0 or p not a number as 0."""
    n = int(n)
    if n <= 0 or not p > 0.0:
        return 0
    if p >= 1.0:
        return n
    if p > 0.5:  # count the failures, which are the rarer
        return n - _draw_rarer(rng, n, 1.0 - p)
    return _draw_rarer(rng, n, p)


@kernel
def _draw_rarer(rng, n, p):
    """Binomial number, for p <= 1/2."""
    mean = n * p
    variance = mean * (1.0 - p)
    if variance < MANY:
        u = rng.random()
        return 0 if u >= mean else _few_binomial(n, p, u)  # (1 - p)^n >= 1 - np
    k = np.floor(mean + p + math.sqrt(variance) * rng.standard_normal())
    u = rng.random()
    away = abs(k - mean - p)
    if away * away * away <= 6.0 * variance * (variance * u - BINOMIAL_SLACK):
        return int(k)
    return _corrected(rng, k, u, mean + p, variance, float(n), p)


@inlined
def _few_poisson(mean, u):
    """The number whose share of (0, 1] holds 1 - u."""
    rest = 1.0 - u
    probability = math.exp(-mean)
    k = 0
    while rest > probability > _SMALLEST:
        rest -= probability
        k += 1
        probability *= mean / k
    return k


@inlined
def _few_binomial(n, p, u):
    """The number whose share of (0, 1] holds 1 - u."""
    if n == 1:
        return 1  # u < p
    rest = 1.0 - u
    trials, odds = float(n), p / (1.0 - p)
    probability = _power(1.0 - p, n) if n <= 16 else math.exp(n * math.log1p(-p))
    k = 0
    while rest > probability > _SMALLEST and k < n:
        rest -= probability
        k += 1
        probability *= (trials - k + 1.0) * odds / k
    return k


@inlined
def _power(base, n):
    """base^n by multiplication, for small n faster than by logarithm."""
    product = base
    for _ in range(n - 1):
        product *= base
    return product


@kernel
def _corrected(rng, k, u, centre, variance, n, p):
    """Accept the normal number k by its exact ratio with probability 1 - u, or draw from where the law exceeds it."""
    # Accepted numbers have the density min(law, cell). What they lack to the law is law - cell where that is positive:
    # its sum is the probability of a rejection, so that one draw from there for each rejection makes the law exact.
    deviation = math.sqrt(variance)
    if _law(k, centre, n, p) >= (1.0 - u) * _normal_cell(k, centre, deviation):
        return int(k)
    while True:
        # From the Laplace density about LAPLACE_CENTRE; |u| is uniform, too, and decides on the acceptance.
        e = rng.standard_exponential()
        u = 2.0 * rng.random() - 1.0
        k = np.floor(centre + deviation * (LAPLACE_CENTRE + math.copysign(e, u)))
        excess = _law(k, centre, n, p) - _normal_cell(k, centre, deviation)
        if excess * variance > LAPLACE_HEIGHT * abs(u) * math.exp(-e):
            return int(k)


@kernel
def _law(k, centre, n, p):
    """Probability of k: of n trials, or Poisson with mean `centre` where n is negative."""
    if k < 0.0:
        return 0.0
    if n < 0.0:
        return math.exp(_log_poisson(k, centre))
    if k > n:
        return 0.0
    # Two Poisson numbers with means np and n(1 - p), given that they add up to n.
    return math.exp(_log_poisson(k, n * p) + _log_poisson(n - k, n * (1.0 - p)) - _log_poisson(n, n))


@kernel
def _log_poisson(k, mean):
    if k < 1.0:
        return -mean
    below = mean - k
    return k * math.log1p(below / k) - below - 0.5 * math.log(k) - _HALF_LOG_TWO_PI - _stirling(k)


@inlined
def _stirling(k):
    """log k! less Stirling's formula; the series is good to rounding from 16 on."""
    if k >= 16.0:
        y = 1.0 / (k * k)
        return (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188)))) / k
    factorial = 1.0
    i = 2.0
    while i <= k:
        factorial *= i
        i += 1.0
    return math.log(factorial) - (k + 0.5) * math.log(k) + k - _HALF_LOG_TWO_PI


@kernel
def _normal_cell(k, centre, deviation):
    """Probability of [k, k + 1) under the normal law: Taylor's series of its density about the middle, integrated.

    Its terms are h^(2j) / (2j + 1)! times Hermite polynomials, with h half the width of a cell in deviations.
    """
    x = (k + 0.5 - centre) / deviation
    y = x * x
    h = 0.25 / (deviation * deviation)
    series = y * (y * (y - 15.0) + 45.0) - 15.0
    series = (y * (y - 6.0) + 3.0) / 120.0 + h / 5040.0 * series
    series = 1.0 + h * ((y - 1.0) / 6.0 + h * series)
    return math.exp(-0.5 * y - _HALF_LOG_TWO_PI) * series / deviation
