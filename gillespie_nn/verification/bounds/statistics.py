"""Medians and quantiles over paths, their slopes in log-log scale and their ratios, with intervals of two kinds.

Paths are drawn with replacement, each with all its sizes and quantities, so that the correlation between these is
preserved.

- Single intervals have the confidence of each of their ends for one quantity: estimate +- z standard errors. A check
  that requires something of every quantity holds wrongly if one quantity is outside and its single bound is inside,
  so that single bounds are enough to say that it holds (Berger 1982: an intersection-union test).
- Simultaneous intervals have the confidence for all quantities together: estimate +- c standard errors, where c is the
  quantile of the largest |estimate* - estimate| / standard error over quantities. A check fails by these.

R. L. Berger, Technometrics 24 (1982) 295-300, doi:10.1080/00401706.1982.10487790.
B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, Chapman and Hall 1993, chapters 6 and 13.
J. P. Romano, M. Wolf, Econometrica 73 (2005) 1237-1282, doi:10.1111/j.1468-0262.2005.00615.x (the maximum).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.stats

from ... import seeds
from ...kernels.resampling import quantiles_of_draws
from ...seeds import Purpose

CONFIDENCE = 0.95
RESAMPLES = 1000
MEDIAN, UPPER = 0.5, 0.95
_TOGETHER = 50
"""Resamples drawn at once."""
_LEAST_ERROR = 1e-9
"""Standard errors below are rounding."""


class Slopes(NamedTuple):
    """Of each quantity, float64[quantity]: an estimate, its single interval, and its simultaneous one."""

    slope: np.ndarray
    low: np.ndarray
    high: np.ndarray
    all_low: np.ndarray
    all_high: np.ndarray

    def inside(self, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
        """bool[quantity]: the single interval lies within the limits."""
        return (self.low >= low) & (self.high <= high)

    def outside(self, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
        """bool[quantity]: the simultaneous interval lies beyond one of the limits."""
        return (self.all_high < low) | (self.all_low > high)


def bootstrap(
    values: np.ndarray | list[np.ndarray],
    x: np.ndarray,
    seed: int,
    p: float,
    one_sided: bool = False,
    confidence: float = CONFIDENCE,
) -> Slopes:
    """Slopes of the log quantile p against log x.

    Parameters
    ----------
    values : positive float64[path, x, quantity], or a list of float64[path, quantity], one for each x, where paths of
        different x are independent and may be of different number.
    x : float64[x], positive.
    seed : of the resampling.
    p : probability.
    one_sided : of simultaneous intervals, `all_low` alone has the confidence, and so has `all_high` alone, not both
        together. Of single ones each end always has it.
    confidence : of the intervals.
    """
    rng = seeds.stream(seed, Purpose.RESAMPLING)
    if isinstance(values, list):
        logs = np.array([_log_quantiles(v, (p,), rng) for v in values])  # [x, 1 + resample, quantity]
    else:
        n, n_x, n_quantities = values.shape
        logs = _log_quantiles(values.reshape(n, -1), (p,), rng).reshape(-1, n_x, n_quantities).swapaxes(0, 1)
    slopes = np.tensordot(_weights(x), logs, axes=(0, 0))
    return _intervals(slopes[0], slopes[1:], one_sided, confidence)


def log_ratios(
    values: np.ndarray,
    others: np.ndarray,
    ps: Sequence[float],
    seed: int,
    confidence: float = CONFIDENCE,
) -> Slopes:
    """Log of the ratio of quantiles of `values` to those of `others`, positive float64[path, quantity] each and
    independent, for the probabilities `ps`: all quantities for the first, then for the next."""
    rng = seeds.stream(seed, Purpose.RESAMPLING)
    logs = _log_quantiles(values, ps, rng) - _log_quantiles(others, ps, rng)
    return _intervals(logs[0], logs[1:], False, confidence)


def log_medians(values: np.ndarray, seed: int, confidence: float = CONFIDENCE) -> Slopes:
    """Log of the medians of positive `values` float64[path, quantity]."""
    logs = _log_quantiles(values, (MEDIAN,), seeds.stream(seed, Purpose.RESAMPLING))
    return _intervals(logs[0], logs[1:], True, confidence)


def _intervals(found: np.ndarray, again: np.ndarray, one_sided: bool, confidence: float) -> Slopes:
    """Intervals of estimates `found` float64[quantity] from those of resamples, float64[resample, quantity]."""
    error = np.maximum(again.std(axis=0, ddof=1), _LEAST_ERROR)
    away = (again - found) / error
    sides = (away, -away) if one_sided else (np.abs(away),) * 2
    low, high = (np.quantile(side.max(axis=1), confidence) for side in sides)
    z = float(scipy.stats.norm.isf(1.0 - confidence))
    return Slopes(found, found - z * error, found + z * error, found - low * error, found + high * error)


def _log_quantiles(values: np.ndarray, ps: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Log quantiles of `values` float64[path, quantity], and of resamples of them, float64[1 + resample, quantity]: all
    quantities for the first of `ps`, then for the next."""
    n, n_quantities = values.shape
    order = np.ascontiguousarray(np.argsort(values, axis=0, kind="stable").T, dtype=np.int32)
    ordered = np.ascontiguousarray(np.sort(values, axis=0).T)
    counts, out = np.empty(n, dtype=np.int16), np.empty((1 + RESAMPLES, len(ps), n_quantities))
    rows = np.arange(n, dtype=np.int32)[None]
    for start in range(1 - _TOGETHER, 1 + RESAMPLES, _TOGETHER):
        found = out[max(start, 0) : start + _TOGETHER]
        if start > 0:
            rows = rng.integers(n, size=(len(found), n), dtype=np.int32)
        quantiles_of_draws(rows, order, ordered, np.array(ps), counts, found)
    with np.errstate(divide="ignore"):
        return np.log(out).reshape(len(out), -1)


def median(values: np.ndarray) -> np.ndarray:
    """Over the first axis."""
    return np.median(values, axis=0)


def _weights(x: np.ndarray) -> np.ndarray:
    away = np.log(x) - np.mean(np.log(x))
    return away / (away @ away)
