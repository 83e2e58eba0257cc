"""Differences of two ensembles in mean and variance, with intervals that assume no law of the counts.

Errors are relative to the reference's own value, or to a floor where that is smaller, so that a species of which there
is hardly ever a molecule needs no impossible number of replicates. Standard errors of means are the usual ones; those
of variances are of the jackknife, on the logarithm where it is a ratio (R. G. Miller, Ann. Math. Statist. 39 (1968)
567-582, doi:10.1214/aoms/1177698418); quantiles are of Student's t with Welch's degrees of freedom.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy

from .intervals import welch
from .verdict import Verdict

_MOST_REPLICATES = 1e12
_SPARE = 2.5
"""Standard errors by which the next run's estimate may lie off."""


class MeanVariance(NamedTuple):
    """Means and variances of some quantities, float64[quantity] each, and their standard errors."""

    n: float
    """Replicates; infinite for moments known without sampling."""
    mean: np.ndarray
    mean_error: np.ndarray
    variance: np.ndarray
    variance_error: np.ndarray
    log_variance_error: np.ndarray
    """Of the logarithm; NaN where one replicate makes all of the variance."""


class Errors(NamedTuple):
    """Relative errors and their intervals, float64[quantity] each."""

    error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    standard: np.ndarray
    """Standard errors of `error`."""

    def of(self, chosen: np.ndarray) -> "Errors":
        """Those of the quantities `chosen`, bool[quantity]."""
        return Errors(*(values[chosen] for values in self))

    @classmethod
    def joined(cls, parts: Sequence["Errors"]) -> "Errors":
        return cls(*map(np.concatenate, zip(*parts, strict=True)))


def sampled(values: np.ndarray) -> MeanVariance:
    """Moments of `values` float64[replicate, quantity]."""
    n = len(values)
    mean = values.mean(axis=0)
    square = np.square(values - mean)
    total = square.sum(axis=0)
    # The variance without replicate i, of all i at once.
    left_out = np.maximum(total - square * (n / (n - 1)), 0.0) / (n - 2)
    variance = total / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_error = np.where((left_out > 0).all(axis=0), _jackknife_error(np.log(left_out)), np.nan)
    return MeanVariance(n, mean, np.sqrt(variance / n), variance, _jackknife_error(left_out), log_error)


def known(mean: np.ndarray, variance: np.ndarray) -> MeanVariance:
    """Moments that are no estimates: `mean` and `variance` float64[quantity]."""
    none = np.zeros(len(mean))
    return MeanVariance(np.inf, np.asarray(mean), none, np.asarray(variance), none, none)


def _jackknife_error(left_out: np.ndarray) -> np.ndarray:
    """Standard error of a statistic from its values with one replicate left out, float64[replicate, quantity]."""
    n = len(left_out)
    return np.sqrt((n - 1) / n * np.square(left_out - left_out.mean(axis=0)).sum(axis=0))


def mean_errors(one: MeanVariance, other: MeanVariance, floor: float, level: float) -> Errors:
    """(mean of `one` - mean of `other`) / max(|mean of `other`|, `floor`), each interval missing with probability
    `level`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found, reference = ((m.mean, m.mean_error, m.mean_error / np.abs(m.mean), m.n) for m in (one, other))
        return _errors(found, reference, floor, level)


def variance_errors(one: MeanVariance, other: MeanVariance, floor: float, level: float) -> Errors:
    """(variance of `one` - variance of `other`) / max(variance of `other`, `floor`**2), as `mean_errors`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found, reference = ((m.variance, m.variance_error, m.log_variance_error, m.n) for m in (one, other))
        return _errors(found, reference, floor**2, level)


def _errors(
    one: tuple[np.ndarray, np.ndarray, np.ndarray, float],
    other: tuple[np.ndarray, np.ndarray, np.ndarray, float],
    floor: float,
    level: float,
) -> Errors:
    """From a value, its standard error, that of its logarithm, and the replicates, of both.

    A ratio's interval is that of its logarithm, which is as wide upwards as downwards where the laws are equal,
    however skew they are; below the floor it is that of the difference.
    """
    (value, error, log_error, n), (reference, other_error, other_log_error, n_other) = one, other
    error, other_error = _pooled(error, n, other_error, n_other)
    log_error = np.fmax(log_error, error / np.abs(value))  # the larger, or the one that is a number
    other_log_error = np.fmax(other_log_error, other_error / np.abs(reference))
    scale = np.maximum(np.abs(reference), floor)
    relative = (value - reference) / scale
    # The reference's error counts by what it does to the ratio, or below the floor to the difference.
    error, other_error = error / scale, np.where(reference > floor, value / scale, 1.0) * other_error / scale
    standard = np.hypot(error, other_error)
    half = standard * welch(error, n, other_error, n_other, level)
    is_ratio = (reference > floor) & (value > 0)
    first, second = (np.where(is_ratio, e, 0.0) for e in (log_error, other_log_error))
    with np.errstate(over="ignore"):
        factor = np.exp(np.hypot(first, second) * welch(first, n, second, n_other, level))
    low = np.where(is_ratio, (1.0 + relative) / factor - 1.0, relative - half)
    high = np.where(is_ratio, (1.0 + relative) * factor - 1.0, relative + half)
    return Errors(relative, low, high, standard)


def _pooled(one: np.ndarray, n_one: float, other: np.ndarray, n_other: float) -> tuple[np.ndarray, np.ndarray]:
    """Two standard errors, each at least that of both samples' replicates as one sample: a sample without the rare
    large values of the other does not know its own error."""
    if not np.isfinite(n_one + n_other):
        return one, other
    spread = (np.square(one) * n_one**2 + np.square(other) * n_other**2) / (n_one + n_other)
    return np.maximum(one, np.sqrt(spread / n_one)), np.maximum(other, np.sqrt(spread / n_other))


def judge(errors: Errors, tolerance: float | np.ndarray) -> list[Verdict]:
    """Of each interval; `tolerance` float64[quantity] or one for all."""
    most = np.broadcast_to(tolerance, errors.low.shape)
    return [Verdict.of_interval(*row) for row in zip(errors.low, errors.high, -most, most)]


def sufficient_replicates(errors: Errors, tolerance: np.ndarray, replicates: int, level: float) -> int | None:
    """An estimate of how many replicates would decide, or None if no feasible number would.

    Widths shrink as replicates**(-1/2), an error whose interval contains 0 is taken for none, and the next run's
    estimate may lie off by `_SPARE` of its standard errors.
    """
    size = np.where((errors.low > 0) | (errors.high < 0), np.abs(errors.error), 0.0)
    needed_width = (scipy.stats.norm.isf(level / 2) + _SPARE) * errors.standard
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = replicates * np.square(needed_width / (tolerance - size))
    beyond = size > tolerance
    found = needed[beyond].min() if beyond.any() else needed.max()  # one interval outside decides
    if not found < _MOST_REPLICATES:
        return None
    unit = 10.0 ** (np.floor(np.log10(max(found, 10.0))) - 1)
    return int(np.ceil(found / unit) * unit)
