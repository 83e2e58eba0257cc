"""Slopes in log-log scale of medians and quantiles over paths, with simultaneous intervals from a bootstrap.

Paths are drawn with replacement, each with all its sizes and quantities, so that what these have in common is kept.
Intervals are of the studentized maximum over all quantities: slope +- c standard errors, c the 95 % quantile of the
largest |slope* - slope| / standard error over quantities, so that all of them hold together with that confidence.

B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, Chapman and Hall 1993, chapters 6 and 13.
J. P. Romano, M. Wolf, Econometrica 73 (2005) 1237-1282, doi:10.1111/j.1468-0262.2005.00615.x (the maximum).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ... import seeds
from ...seeds import Purpose

CONFIDENCE = 0.95
RESAMPLES = 1000
_LEAST_ERROR = 1e-9
"""Standard errors below are rounding."""


class Slopes(NamedTuple):
    """Of each quantity, float64[quantity]."""

    slope: np.ndarray
    low: np.ndarray
    high: np.ndarray


def bootstrap(
    values: np.ndarray | list[np.ndarray],
    x: np.ndarray,
    seed: int,
    statistic: Callable[[np.ndarray], np.ndarray],
    one_sided: bool = False,
    resamples: int = RESAMPLES,
) -> Slopes:
    """Slopes of log statistic against log x.

    Parameters
    ----------
    values : positive float64[path, x, quantity], or a list of float64[path, quantity], one for each x, where paths of
        different x are independent and may be of different number.
    x : float64[x], positive.
    seed : of the resampling.
    statistic : float64[path, ...] to float64[...] over the first axis.
    one_sided : `low` alone has the confidence, and so has `high` alone, not both together.
    """
    rng = seeds.stream(seed, Purpose.RESAMPLING)
    weights = _weights(x)

    def slope_of(drawn: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.tensordot(weights, np.log(drawn), axes=(0, 0))

    if isinstance(values, list):
        found = slope_of(np.array([statistic(v) for v in values]))
        again = [
            slope_of(np.array([statistic(v[rng.integers(len(v), size=len(v))]) for v in values]))
            for _ in range(resamples)
        ]
    else:
        found = slope_of(statistic(values))
        n = len(values)
        again = [slope_of(statistic(values[rng.integers(n, size=n)])) for _ in range(resamples)]
    resampled = np.array(again)
    error = np.maximum(resampled.std(axis=0, ddof=1), _LEAST_ERROR)
    away = (resampled - found) / error
    sides = (away, -away) if one_sided else (np.abs(away),) * 2
    low, high = (np.quantile(side.max(axis=1), CONFIDENCE) for side in sides)
    return Slopes(found, found - low * error, found + high * error)


def median(values: np.ndarray) -> np.ndarray:
    """Over the first axis."""
    half = len(values) // 2
    parted = np.partition(values, [(len(values) - 1) // 2, half], axis=0)
    return 0.5 * (parted[(len(values) - 1) // 2] + parted[half])


def upper_quantile(values: np.ndarray) -> np.ndarray:
    """The 95 % quantile over the first axis."""
    return np.quantile(values, 0.95, axis=0)


def _weights(x: np.ndarray) -> np.ndarray:
    away = np.log(x) - np.mean(np.log(x))
    return away / (away @ away)
