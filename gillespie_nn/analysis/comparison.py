"""Differences of two ensembles in mean, variance and distribution, with intervals that assume no law of the counts.

Errors are relative to the reference's own value, or to a floor where that is smaller, so that a species of which there
is hardly ever a molecule needs no impossible number of replicates. Standard errors of means are the usual ones; those
of variances are of the jackknife, on the logarithm where it is a ratio (R. G. Miller, Ann. Math. Statist. 39 (1968)
567-582, doi:10.1214/aoms/1177698418); quantiles are of Student's t with Welch's degrees of freedom. Distances have the
bound of Massart (Ann. Probab. 18 (1990) 1269-1283, doi:10.1214/aop/1176990746).
"""

import warnings
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import scipy

VERDICTS = WITHIN, INCONCLUSIVE, OUTSIDE = "within", "inconclusive", "outside"
_MOST_REPLICATES = 1e12
_MOST_EXACT = 1000
"""Replicates of samples whose distance has its exact law; that of larger ones is within a few percent of its limit."""
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
    half = standard * _quantile(error, n, other_error, n_other, level)
    is_ratio = (reference > floor) & (value > 0)
    first, second = (np.where(is_ratio, e, 0.0) for e in (log_error, other_log_error))
    with np.errstate(over="ignore"):
        factor = np.exp(np.hypot(first, second) * _quantile(first, n, second, n_other, level))
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


def _quantile(one: np.ndarray, n_one: float, other: np.ndarray, n_other: float, level: float) -> np.ndarray:
    """Half the width of a difference's interval over its standard error, from the standard errors of both."""
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = (one**2 + other**2) ** 2 / (one**4 / (n_one - 1) + other**4 / (n_other - 1))
    return scipy.stats.t.isf(level / 2, np.where(np.isfinite(freedom), freedom, np.inf))


class Distance(NamedTuple):
    """Kolmogorov-Smirnov: the largest difference of two distribution functions."""

    distance: float
    bound: float
    """That the true one passes with probability at most the level."""
    p: float
    """Of one law for both, conservative for counts."""


def distance(one: np.ndarray, other: np.ndarray, level: float) -> Distance:
    """Of two samples float64[replicate] each. The bound is that of each sample's own distribution function at half the
    level, and holds for any two laws."""
    at = np.sort(np.concatenate([one, other]))
    shares = [np.searchsorted(np.sort(x), at, side="right") / len(x) for x in (one, other)]
    found = float(np.abs(shares[0] - shares[1]).max())
    away = sum(np.sqrt(np.log(4.0 / level) / (2 * len(x))) for x in (one, other))
    return Distance(found, min(1.0, float(found + away)), _p_of_distance(one, other))


def _p_of_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Of two small samples by counting; the limit says 0 of what has probability 0.1 with three replicates each."""
    method = "exact" if max(len(one), len(other)) <= _MOST_EXACT else "asymp"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where rounding makes the exact one a little more than 1
        return float(min(1.0, scipy.stats.ks_2samp(one, other, method=method).pvalue))


def judge(errors: Errors, tolerance: float) -> np.ndarray:
    """`within`, `outside` or `inconclusive` of each interval, str[quantity]; `tolerance` float64[quantity]."""
    inside = (errors.low >= -tolerance) & (errors.high <= tolerance)
    beyond = (errors.low > tolerance) | (errors.high < -tolerance)
    return np.where(beyond, OUTSIDE, np.where(inside, WITHIN, INCONCLUSIVE))


def verdict_of(verdicts: Iterable[str]) -> str:
    """One verdict for all: `outside` if any is, else `within` if every one is."""
    verdicts = np.asarray(verdicts)
    if (verdicts == OUTSIDE).any():
        return OUTSIDE
    return WITHIN if (verdicts == WITHIN).all() else INCONCLUSIVE


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
