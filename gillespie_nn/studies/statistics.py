"""Intervals over seeds, paired differences, and verdicts on claims."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

VERDICTS = HOLDS, FAILS, UNRESOLVED = "holds", "does not hold", "not resolved"
LEVEL = 0.05


class Estimate(NamedTuple):
    """A mean over seeds and its interval of Student's t at 95 %; NaN ends below two values."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if not self.n:
            return "-"
        interval = "" if self.n < 2 else f" [{self.low:.3g}, {self.high:.3g}]"
        return f"{self.mean:.3g}{interval}"


def estimate(values: ArrayLike) -> Estimate:
    """Of `values` float64[seed]; those that are no numbers are left out."""
    values = _numbers(values)
    if not len(values):
        return Estimate(np.nan, np.nan, np.nan, 0)
    half = np.nan
    if len(values) > 1:
        half = stats.t.isf(LEVEL / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    mean = float(values.mean())
    return Estimate(mean, float(mean - half), float(mean + half), len(values))


def ratio_of_means(one: ArrayLike, other: ArrayLike) -> Estimate:
    """mean(one) / mean(other) of pairs, float64[seed] each: the interval of Fieller, whose values r are those for which
    the mean of one - r other does not differ from 0 at 5 %; NaN where it is unbounded.

    E. C. Fieller, J. R. Stat. Soc. B 16 (1954) 175-185, doi:10.1111/j.2517-6161.1954.tb00159.x.
    """
    pairs = np.column_stack([one, other])
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    n = len(pairs)
    if n < 2:
        return Estimate(float(pairs[0, 0] / pairs[0, 1]) if n else np.nan, np.nan, np.nan, n)
    a, b = pairs.mean(axis=0)
    (va, vab), (_, vb) = np.cov(pairs.T, ddof=1) / n * stats.t.isf(LEVEL / 2, n - 1) ** 2
    # (a - r b)^2 <= va - 2 r vab + r^2 vb
    square, half, rest = b * b - vb, a * b - vab, a * a - va
    under = half * half - square * rest
    if square <= 0 or under < 0:
        return Estimate(a / b, np.nan, np.nan, n)
    low, high = (half + sign * np.sqrt(under) for sign in (-1.0, 1.0))
    return Estimate(float(a / b), float(low / square), float(high / square), n)


class Test(NamedTuple):
    """A paired t-test: the difference, and the two-sided p-value that its mean is 0; NaN below two pairs."""

    difference: Estimate
    p: float


def paired(differences: ArrayLike) -> Test:
    """Of `differences` float64[seed]. Where all are equal there is nothing to estimate a spread from: p is 1."""
    values = _numbers(differences)
    found = estimate(values)
    if found.n < 2:
        return Test(found, np.nan)
    if np.ptp(values) == 0:
        return Test(found, 1.0)
    return Test(found, float(stats.ttest_1samp(values, 0.0).pvalue))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjusted p-values float64[test]: those at most 0.05 are rejected with one false rejection or more in 5 % at most
    of all families. NaN stays NaN, and does not count.

    S. Holm, Scand. J. Stat. 6 (1979) 65-70.
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted, known = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted


def verdict(difference: Estimate, adjusted_p: float) -> str:
    """Of the claim that the mean difference is above 0."""
    if not adjusted_p <= LEVEL:
        return UNRESOLVED
    return HOLDS if difference.mean > 0 else FAILS


def _numbers(values: ArrayLike) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    return values[np.isfinite(values)]
