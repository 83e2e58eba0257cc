"""Draws of counts for leaps: Poisson and binomial numbers, several times as fast as numpy's, every argument guarded.

Poisson numbers of a mean of 10 and more: J. H. Ahrens, U. Dieter, ACM Trans. Math. Softw. 8 (1982) 163-179, which
corrects a rounded normal number and mostly needs nothing else. Binomial numbers: W. Hormann, J. Stat. Comput. Simul. 46
(1993) 101-110. Small means: inversion.
"""

import math

import numpy as np

from .codes import COUNT_LIMIT
from .jit import kernel

_LARGE = 10.0
_LOG_ROOT = 0.5 * math.log(2.0 * math.pi)


@kernel
def _stirling(k):
    """ln(k!) - (k + 1/2) ln(k) + k - ln(2 pi)/2, for k of 10 and more."""
    square = 1.0 / (k * k)
    return (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0))) / k


@kernel
def _log_poisson(mean, k):
    """Logarithm of the probability of k."""
    if k < 10.0:
        return k * math.log(mean) - mean - math.lgamma(k + 1.0)
    away = (mean - k) / k
    if abs(away) > 0.25:
        shape = k * math.log(1.0 + away) - (mean - k)
    else:
        shape = k * (math.log1p(away) - away)
    return shape - _stirling(k) - 0.5 * math.log(k) - _LOG_ROOT


@kernel
def _log_rounded_normal(mean, root, k):
    """Logarithm of the approximate probability that a normal number of this mean and variance has k as its floor.

    The density in the middle of the cell, times a polynomial in the distance from the mean, by Ahrens and Dieter.
    """
    b1 = 1.0 / (24.0 * mean)
    b2 = 0.3 * b1 * b1
    c3 = b1 * b2 / 7.0
    c2 = b2 - 15.0 * c3
    c1 = b1 - 6.0 * b2 + 45.0 * c3
    c0 = 1.0 - b1 + 3.0 * b2 - 15.0 * c3
    x = (0.5 - (mean - k)) / root
    square = x * x
    polynomial = ((c3 * square + c2) * square + c1) * square + c0
    return math.log(polynomial / root) - 0.5 * square - _LOG_ROOT


@kernel
def _correct_poisson(rng, mean, root, k, uniform, positive):
    """The rarer steps: reject a rounded normal number by its quotient of probabilities, else draw from the tails."""
    if positive:
        quotient = math.exp(_log_poisson(mean, k) - _log_rounded_normal(mean, root, k))
        if 1.0 - uniform <= quotient:
            return np.int64(k)
    hat = 0.1069 / mean
    while True:
        tail = rng.standard_exponential()
        sign = 2.0 * rng.random() - 1.0
        t = 1.8 + (tail if sign > 0.0 else -tail)
        if t > -0.6744:
            k = math.floor(mean + root * t)
            missing = math.exp(_log_poisson(mean, k) + tail) - math.exp(_log_rounded_normal(mean, root, k) + tail)
            if hat * abs(sign) <= missing:
                return np.int64(k)


@kernel
def _small_poisson(rng, mean):
    left = rng.random()
    if left < 1.0 - mean:  # which is below the probability of 0, and costs no exponential
        return 0
    probability = math.exp(-mean)
    k = 0
    while left >= probability and k < 1000:
        left -= probability
        k += 1
        probability *= mean / k
    return k


@kernel
def draw_poisson(rng, mean):
    """A Poisson number of this mean; 0 for a mean that is not positive or NaN. Means end at 2**53."""
    if not mean > 0.0:
        return 0
    if mean < _LARGE:
        return _small_poisson(rng, mean)
    mean = min(mean, np.float64(COUNT_LIMIT))
    root = math.sqrt(mean)
    normal = mean + root * rng.standard_normal()
    uniform = 0.0
    k = 0.0
    if normal >= 0.0:
        k = math.floor(normal)
        if k >= math.floor(mean - 1.1484):
            return np.int64(k)
        uniform = rng.random()
        away = mean - k
        if 6.0 * mean * mean * uniform >= away * away * away:
            return np.int64(k)
    return _correct_poisson(rng, mean, root, k, uniform, normal >= 0.0)


@kernel
def _small_binomial(rng, n, p):
    """Inversion, for p of at most 1/2 and a mean below 10."""
    ratio = p / (1.0 - p)
    left = rng.random()
    probability = math.exp(n * math.log1p(-p))
    k = 0
    while left >= probability and k < n:
        left -= probability
        k += 1
        probability *= ratio * (n + 1.0 - k) / k
        if k > 1000:
            break
    return k


@kernel
def _large_binomial(rng, n, p):
    """Transformed rejection, for p of at most 1/2 and a mean of 10 and more."""
    root = math.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * root
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = n * p + 0.5
    alpha = (2.83 + 5.1 / b) * root
    inside = 0.92 - 4.2 / b
    log_odds = math.log(p / (1.0 - p))
    mode = math.floor((n + 1.0) * p)
    top = math.lgamma(mode + 1.0) + math.lgamma(n - mode + 1.0)
    while True:
        u = rng.random() - 0.5
        v = rng.random()
        us = 0.5 - abs(u)
        if us <= 0.0:
            continue
        k = math.floor((2.0 * a / us + b) * u + c)
        if us >= 0.07 and v <= inside:
            return np.int64(k)
        if k < 0.0 or k > n or v <= 0.0:
            continue
        v = math.log(v * alpha / (a / (us * us) + b))
        if v <= top - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0) + (k - mode) * log_odds:
            return np.int64(k)


@kernel
def draw_binomial(rng, n, p):
    """A binomial number of n trials of probability p; 0 for none or a p that is not positive or NaN, n for p from 1."""
    if n <= 0 or not p > 0.0:
        return np.int64(0)
    if p >= 1.0:
        return np.int64(n)
    q = min(p, 1.0 - p)
    k = _small_binomial(rng, n, q) if n * q < _LARGE else _large_binomial(rng, np.float64(n), q)
    return np.int64(k if p <= 0.5 else n - k)
