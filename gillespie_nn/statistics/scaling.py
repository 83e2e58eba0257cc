"""Relative errors between two ensembles, and exponents of power laws, with intervals that assume no law of the data.

Errors are relative to the value of the reference, or to a floor if that value is smaller. Without the floor, a species
that is almost always absent would need an impossible number of replicates. Standard errors of means are the usual ones.
Those of variances come from the jackknife, on the logarithm for ratios (R. G. Miller, Ann. Math. Statist. 39 (1968)
567-582, doi:10.1214/aoms/1177698418). Quantiles are those of Student's t with Welch's degrees of freedom.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .. import seeds
from ..kernels.vector_draws import quantiles_of_draws
from ..seeds import Purpose
from .intervals import welch
from .tests import Verdict

_MOST_REPLICATES = 1e12
"""More replicates than this are not feasible."""
_SPARE = 2.5
"""Standard errors by which the estimate of the next run may deviate."""


class MeanVariance(NamedTuple):
    """Means and variances of quantities, and their standard errors, float64[quantity] each."""

    n: float
    """Replicates; infinite for moments known without sampling."""
    mean: np.ndarray
    mean_error: np.ndarray
    variance: np.ndarray
    variance_error: np.ndarray
    log_variance_error: np.ndarray
    """That of the logarithm of the variance; NaN where a single replicate makes up all of the variance."""


class Errors(NamedTuple):
    """Relative errors and their intervals, float64[quantity] each."""

    error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    standard: np.ndarray
    """Standard errors of `error`."""

    def of(self, chosen: np.ndarray) -> "Errors":
        """The errors of the quantities `chosen`, bool[quantity]."""
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
    # Variances without replicate i, for all i at once: its removal takes n / (n - 1) of its square from the total.
    left_out = np.maximum(total - square * (n / (n - 1)), 0.0) / (n - 2)
    variance = total / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_error = np.where((left_out > 0).all(axis=0), _jackknife_error(np.log(left_out)), np.nan)
    return MeanVariance(n, mean, np.sqrt(variance / n), variance, _jackknife_error(left_out), log_error)


def known(mean: np.ndarray, variance: np.ndarray) -> MeanVariance:
    """Exact moments, without standard errors: `mean` and `variance` float64[quantity]."""
    none = np.zeros(len(mean))
    return MeanVariance(np.inf, np.asarray(mean), none, np.asarray(variance), none, none)


def _jackknife_error(left_out: np.ndarray) -> np.ndarray:
    """Standard error of a statistic from its values with one replicate left out, float64[replicate, quantity]."""
    n = len(left_out)
    return np.sqrt((n - 1) / n * np.square(left_out - left_out.mean(axis=0)).sum(axis=0))


def mean_errors(one: MeanVariance, other: MeanVariance, floor: float, level: float) -> Errors:
    """(mean of `one` - mean of `other`) / max(|mean of `other`|, `floor`). Each interval misses with probability
    `level`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first, reference = ((m.mean, m.mean_error, m.mean_error / np.abs(m.mean), m.n) for m in (one, other))
        return _errors(first, reference, floor, level)


def variance_errors(one: MeanVariance, other: MeanVariance, floor: float, level: float) -> Errors:
    """(variance of `one` - variance of `other`) / max(variance of `other`, `floor`**2), as `mean_errors`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first, reference = ((m.variance, m.variance_error, m.log_variance_error, m.n) for m in (one, other))
        return _errors(first, reference, floor**2, level)


def _errors(
    one: tuple[np.ndarray, np.ndarray, np.ndarray, float],
    other: tuple[np.ndarray, np.ndarray, np.ndarray, float],
    floor: float,
    level: float,
) -> Errors:
    """Relative errors from (value, standard error, standard error of the logarithm, replicates) of both sides.

    The interval of a ratio is that of its logarithm. If both laws are equal, it is as wide upwards as downwards,
    however skew they are. Below the floor the interval is that of the difference.
    """
    (value, error, log_error, n), (reference, other_error, other_log_error, n_other) = one, other
    error, other_error = _pooled(error, n, other_error, n_other)
    # `fmax` takes the larger of two numbers, and ignores a NaN.
    log_error = np.fmax(log_error, error / np.abs(value))
    other_log_error = np.fmax(other_log_error, other_error / np.abs(reference))
    scale = np.maximum(np.abs(reference), floor)
    relative = (value - reference) / scale
    # First-order propagation: d(value / reference) = -value / reference^2; below the floor the scale is constant.
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
    """Two standard errors, each at least that of the pooled sample. A sample that lacks the rare large values of the
    other underestimates its error."""
    if not np.isfinite(n_one + n_other):
        return one, other
    spread = (np.square(one) * n_one**2 + np.square(other) * n_other**2) / (n_one + n_other)
    return np.maximum(one, np.sqrt(spread / n_one)), np.maximum(other, np.sqrt(spread / n_other))


def judge(errors: Errors, tolerance: float | np.ndarray) -> list[Verdict]:
    """The verdict of each interval against [-tolerance, tolerance]; `tolerance` is float64[quantity] or one for all."""
    most = np.broadcast_to(tolerance, errors.low.shape)
    return [Verdict.of_interval(*row) for row in zip(errors.low, errors.high, -most, most)]


def sufficient_replicates(errors: Errors, tolerance: np.ndarray, replicates: int, level: float) -> int | None:
    """Estimate of the number of replicates that decide, or None if it is not feasible.

    Widths shrink as replicates**(-1/2). An error whose interval contains 0 counts as 0. The estimate of the next run
    may deviate by `_SPARE` of its standard errors.
    """
    size = np.where((errors.low > 0) | (errors.high < 0), np.abs(errors.error), 0.0)
    needed_width = (scipy.stats.norm.isf(level / 2) + _SPARE) * errors.standard
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = replicates * np.square(needed_width / (tolerance - size))
    # One interval outside decides that it fails; that it holds needs all of them inside.
    beyond = size > tolerance
    sufficient = needed[beyond].min() if beyond.any() else needed.max()
    if not sufficient < _MOST_REPLICATES:
        return None
    # Rounded up to two digits.
    unit = 10.0 ** (np.floor(np.log10(max(sufficient, 10.0))) - 1)
    return int(np.ceil(sufficient / unit) * unit)


# Exponents of quantiles over paths, by the bootstrap.
#
# The bootstrap draws paths with replacement, each with all its sizes and quantities, which preserves the correlation
# between them. It gives two kinds of intervals, also for medians and for ratios of quantiles.
#
# - Single intervals: each end has the confidence for one quantity, estimate +- z standard errors. A check that requires
#   something of every quantity holds wrongly only if a quantity is outside while its single bound is inside. So single
#   bounds are enough to conclude that it holds (Berger 1982: an intersection-union test).
# - Simultaneous intervals: they have the confidence for all quantities together, estimate +- c standard errors. Here c
#   is the quantile of the largest |estimate* - estimate| / standard error over quantities. A check fails by these.
#
# R. L. Berger, Technometrics 24 (1982) 295-300, doi:10.1080/00401706.1982.10487790. B. Efron, R. J. Tibshirani, An
# Introduction to the Bootstrap, Chapman and Hall 1993, chapters 6 and 13. J. P. Romano, M. Wolf, Econometrica 73 (2005)
# 1237-1282, doi:10.1111/j.1468-0262.2005.00615.x (the maximum).

CONFIDENCE = 0.95
RESAMPLES = 1000
MEDIAN, UPPER = 0.5, 0.95
_TOGETHER = 50
"""Resamples drawn at once."""
_LEAST_ERROR = 1e-9
"""Smaller standard errors are rounding."""


class Slopes(NamedTuple):
    """Estimates of each quantity, float64[quantity], with a single and a simultaneous interval."""

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
    """Slopes of the logarithm of the quantile p against log x, by least squares.

    Parameters
    ----------
    values : positive float64[path, x, quantity]; or a list of float64[path, quantity], one for each x, if paths of
        different x are independent. Their numbers may differ.
    x : float64[x], positive.
    seed : seed of the resampling.
    p : probability of the quantile.
    one_sided : give `all_low` and `all_high` the confidence each, not both together. Each end of single intervals
        always has it.
    confidence : confidence of the intervals.
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
    """Logarithms of the ratios of quantiles of `values` to those of `others`, for the probabilities `ps`.

    All quantities for the first probability come first. Both are positive float64[path, quantity] and independent."""
    rng = seeds.stream(seed, Purpose.RESAMPLING)
    logs = _log_quantiles(values, ps, rng) - _log_quantiles(others, ps, rng)
    return _intervals(logs[0], logs[1:], False, confidence)


def log_medians(values: np.ndarray, seed: int, confidence: float = CONFIDENCE) -> Slopes:
    """Logarithms of the medians of positive `values` float64[path, quantity]."""
    logs = _log_quantiles(values, (MEDIAN,), seeds.stream(seed, Purpose.RESAMPLING))
    return _intervals(logs[0], logs[1:], True, confidence)


def _intervals(estimates: np.ndarray, again: np.ndarray, one_sided: bool, confidence: float) -> Slopes:
    """Intervals of `estimates` float64[quantity], from those of the resamples `again` float64[resample, quantity]."""
    error = np.maximum(again.std(axis=0, ddof=1), _LEAST_ERROR)
    away = (again - estimates) / error
    sides = (away, -away) if one_sided else (np.abs(away),) * 2
    low, high = (np.quantile(side.max(axis=1), confidence) for side in sides)
    z = float(scipy.stats.norm.isf(1.0 - confidence))
    return Slopes(
        estimates, estimates - z * error, estimates + z * error, estimates - low * error, estimates + high * error
    )


def _log_quantiles(values: np.ndarray, ps: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Logarithms of quantiles of `values` float64[path, quantity], and of their resamples, float64[1 + resample,
    quantity]: all quantities for the first of `ps`, then for the next."""
    n, n_quantities = values.shape
    order = np.ascontiguousarray(np.argsort(values, axis=0, kind="stable").T, dtype=np.int32)
    ordered = np.ascontiguousarray(np.sort(values, axis=0).T)
    counts, out = np.empty(n, dtype=np.int16), np.empty((1 + RESAMPLES, len(ps), n_quantities))
    # The first row is the sample itself; the first chunk has it alone, all others `_TOGETHER` resamples.
    rows = np.arange(n, dtype=np.int32)[None]
    for start in range(1 - _TOGETHER, 1 + RESAMPLES, _TOGETHER):
        chunk = out[max(start, 0) : start + _TOGETHER]
        if start > 0:
            rows = rng.integers(n, size=(len(chunk), n), dtype=np.int32)
        quantiles_of_draws(rows, order, ordered, np.array(ps), counts, chunk)
    with np.errstate(divide="ignore"):
        return np.log(out).reshape(len(out), -1)


# Exponents of errors on a ladder of sizes, against theory.


class ConvergenceRate(NamedTuple):
    """Errors float64[n] at x float64[n], the fitted exponent, and the exponent from theory."""

    what: str
    x_label: str
    error_label: str
    x: np.ndarray
    error: np.ndarray
    exponent: float
    standard_error: float
    degrees: float
    """Degrees of freedom of the standard error."""
    expected: float
    tolerance: float
    """By how much higher orders may shift the exponent on this ladder."""
    method: str = ""

    @property
    def interval(self) -> tuple[float, float]:
        """Student's interval of the exponent at 95 %."""
        half = scipy.stats.t.isf((1 - CONFIDENCE) / 2, self.degrees) * self.standard_error
        return self.exponent - half, self.exponent + half

    @property
    def verdict(self) -> Verdict:
        """It holds if the interval reaches the expected exponent within the tolerance, and the exponent is within three
        tolerances of it. The second part excludes intervals so wide that they reach anything."""
        low, high = self.interval
        near = low - self.tolerance <= self.expected <= high + self.tolerance
        meets = near and abs(self.exponent - self.expected) <= 3 * self.tolerance
        return Verdict.of(meets, not meets)

    @property
    def p(self) -> float:
        """p-value that the exponent is the expected one within the tolerance; 0 without a fitted exponent."""
        beyond = max(abs(self.exponent - self.expected) - self.tolerance, 0.0)
        return 2 * scipy.stats.t.sf(beyond / self.standard_error, self.degrees) if np.isfinite(self.exponent) else 0.0

    def record(self) -> dict:
        holds = self.verdict == Verdict.HOLDS
        return self._asdict() | {"interval": self.interval, "holds": holds, "confidence": CONFIDENCE}


class StandardError(NamedTuple):
    """Standard error of an exponent, and its degrees of freedom."""

    error: float
    degrees: float


def rate(
    what: str,
    x_label: str,
    error_label: str,
    x: ArrayLike,
    error: ArrayLike,
    expected: float,
    tolerance: float = 0.05,
    spread: StandardError | None = None,
    method: str = "",
) -> ConvergenceRate:
    """Fit log error = a + exponent log x. The standard error is `spread`, by default that of the residuals. If an error
    is not above 0, there is no exponent."""
    x, error = np.asarray(x, dtype=np.float64), np.asarray(error, dtype=np.float64)
    slope = float(exponent(x, error))
    if spread is None:
        away = np.log(x) - np.log(x).mean()
        residual = np.log(error) - np.log(error).mean() - slope * away
        spread = StandardError(np.sqrt(residual @ residual / (len(x) - 2) / (away @ away)), len(x) - 2)
    standard, degrees = map(float, spread)
    return ConvergenceRate(
        what, x_label, error_label, x, error, slope, standard, degrees, float(expected), float(tolerance), method
    )  # fmt: skip


def exponent(x: ArrayLike, error: ArrayLike) -> np.ndarray:
    """Slope of log error[..., n] at log x[n] by least squares; NaN where an error is not above 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.log(error) @ _weights(x)
    return np.where((np.asarray(error) > 0).all(axis=-1), slope, np.nan)


def of_means(x: np.ndarray, samples: np.ndarray) -> StandardError:
    """Standard error of the exponent through means over replicates of `samples` float64[replicate, n], to first order.
    Errors of one replicate may depend on each other."""
    samples = np.asarray(samples)
    n = len(samples)
    moves = (samples / samples.mean(axis=0)) @ _weights(x)
    return StandardError(moves.std(ddof=1) / np.sqrt(n), n - 1)


def of_left_out(exponents: np.ndarray) -> StandardError:
    """Standard error of an exponent by the jackknife, from the exponents without one group of replicates,
    float64[group]."""
    n = len(exponents)
    return StandardError(np.sqrt((n - 1) * np.var(exponents)), n - 1)


def _weights(x: ArrayLike) -> np.ndarray:
    """Weights float64[n] whose product with log error[n] is the slope of least squares against log x."""
    away = np.log(x) - np.mean(np.log(x))
    return away / (away @ away)
