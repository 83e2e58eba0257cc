"""Medians and quantiles over paths, their slopes in log-log scale and their ratios, with simultaneous intervals.

Paths are drawn with replacement, each with all its sizes and quantities, so that the correlation between these is
preserved. Intervals are those of the studentized maximum over all quantities: estimate +- c standard errors, where c is
the quantile, at the confidence asked for, of the largest |estimate* - estimate| / standard error over quantities. All
intervals hold together with that confidence. For ratios, which have a limit each, that limit takes the place of the
standard error: then the quantities that are known least decide the width, and the others do not add to it.

B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, Chapman and Hall 1993, chapters 6 and 13.
J. P. Romano, M. Wolf, Econometrica 73 (2005) 1237-1282, doi:10.1111/j.1468-0262.2005.00615.x (the maximum).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

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
    """Of each quantity, float64[quantity]: an estimate and its interval."""

    slope: np.ndarray
    low: np.ndarray
    high: np.ndarray


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
    one_sided : `low` alone has the confidence, and so has `high` alone, not both together.
    """
    rng = seeds.stream(seed, Purpose.RESAMPLING)
    if isinstance(values, list):
        logs = np.array([_log_quantiles(v, (p,), rng) for v in values])  # [x, 1 + resample, quantity]
    else:
        n, n_x, n_quantities = values.shape
        logs = _log_quantiles(values.reshape(n, -1), (p,), rng).reshape(-1, n_x, n_quantities).swapaxes(0, 1)
    slopes = np.tensordot(_weights(x), logs, axes=(0, 0))
    return _simultaneous(slopes[0], slopes[1:], one_sided, confidence)


def log_ratios(
    values: np.ndarray,
    others: np.ndarray,
    ps: Sequence[float],
    widths: np.ndarray,
    seed: int,
    confidence: float = CONFIDENCE,
) -> Slopes:
    """Log of the ratio of quantiles of `values` to those of `others`, positive float64[path, quantity] each and
    independent, for the probabilities `ps`: all quantities for the first, then for the next. Intervals are
    simultaneous over all of them, with half-widths in proportion to `widths` float64[...]."""
    rng = seeds.stream(seed, Purpose.RESAMPLING)
    logs = _log_quantiles(values, ps, rng) - _log_quantiles(others, ps, rng)
    return _simultaneous(logs[0], logs[1:], False, confidence, widths)


def _simultaneous(
    found: np.ndarray, again: np.ndarray, one_sided: bool, confidence: float, widths: np.ndarray | None = None
) -> Slopes:
    """Intervals of estimates `found` float64[quantity] from those of resamples, float64[resample, quantity], with
    half-widths in proportion to `widths`, by default the standard errors."""
    if widths is None:
        widths = np.maximum(again.std(axis=0, ddof=1), _LEAST_ERROR)
    away = (again - found) / widths
    sides = (away, -away) if one_sided else (np.abs(away),) * 2
    low, high = (np.quantile(side.max(axis=1), confidence) for side in sides)
    return Slopes(found, found - low * widths, found + high * widths)


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
