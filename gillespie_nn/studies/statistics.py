"""Intervals over seeds, paired differences, and verdicts on claims."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ..display.tables import estimate as shown

VERDICTS = HOLDS, FAILS, UNRESOLVED = "holds", "does not hold", "not resolved"
LEVEL = 0.05


class Estimate(NamedTuple):
    """A mean over seeds and its interval at 95 %; NaN ends below two values."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if not self.n:
            return "-"
        if np.isnan(self.low):
            return f"{self.mean:.3g}"
        if 0 < 2.0 * self.low < self.high:  # so wide that digits of the width would leave nothing of the lower end
            return f"{self.mean:.2g} [{self.low:.2g}, {self.high:.2g}]"
        return shown(self.mean, self.low, self.high)


def estimate(values: ArrayLike) -> Estimate:
    """Student's interval of `values` float64[seed] of any sign, such as differences; NaN are left out."""
    mean, half, n = _student(values)
    return Estimate(mean, mean - half, mean + half, n)


def estimate_error(values: ArrayLike) -> Estimate:
    """The same of errors, which are not negative: Student's interval of the logarithm of the mean, whose standard error
    is in first order that of the mean divided by the mean. It does not go below 0."""
    mean, half, n = _student(values)
    if not mean > 0:
        return Estimate(mean, mean if n > 1 else np.nan, mean if n > 1 else np.nan, n)
    return Estimate(mean, float(mean * np.exp(-half / mean)), float(mean * np.exp(half / mean)), n)


def estimate_fraction(values: ArrayLike) -> Estimate:
    """The same of fractions in [0, 1]: Wilson's score interval with the number of trials that has their standard error,
    and Student's quantile in place of the normal one. It stays within [0, 1]. Where all are equal, each counts as one
    trial.

    E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212, doi:10.1080/01621459.1927.10502953.
    """
    mean, half, n = _student(values)
    if n < 2:
        return Estimate(mean, np.nan, np.nan, n)
    quantile = float(scipy.stats.t.isf(LEVEL / 2, n - 1))
    trials = mean * (1.0 - mean) * (quantile / half) ** 2 if half > 0 else n
    spread = quantile**2 / trials
    middle = (mean + 0.5 * spread) / (1.0 + spread)
    half = np.sqrt(mean * (1.0 - mean) * spread + 0.25 * spread**2) / (1.0 + spread)
    return Estimate(mean, float(max(0.0, middle - half)), float(min(1.0, middle + half)), n)


def _student(values: ArrayLike) -> tuple[float, float, int]:
    """(mean, half of Student's interval, how many) of `values` that are numbers; half is NaN below two."""
    values = _numbers(values)
    n = len(values)
    if not n:
        return np.nan, np.nan, 0
    half = scipy.stats.t.isf(LEVEL / 2, n - 1) * values.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    return float(values.mean()), float(half), n


def ratio_of_means(one: ArrayLike, other: ArrayLike) -> Estimate:
    """mean(one) / mean(other) of pairs, float64[seed] each: the interval of Fieller, whose values r are those for which
    the mean of one - r other does not differ from 0 at 5 %, and which are not negative; NaN where it is unbounded.

    E. C. Fieller, J. R. Stat. Soc. B 16 (1954) 175-185, doi:10.1111/j.2517-6161.1954.tb00159.x.
    """
    pairs = np.column_stack([one, other])
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    n = len(pairs)
    if n < 2:
        return Estimate(float(pairs[0, 0] / pairs[0, 1]) if n else np.nan, np.nan, np.nan, n)
    a, b = pairs.mean(axis=0)
    (va, vab), (_, vb) = np.cov(pairs.T, ddof=1) / n * scipy.stats.t.isf(LEVEL / 2, n - 1) ** 2
    # (a - r b)^2 <= va - 2 r vab + r^2 vb
    square, half, rest = b * b - vb, a * b - vab, a * a - va
    under = half * half - square * rest
    if square <= 0 or under < 0:
        return Estimate(a / b, np.nan, np.nan, n)
    low, high = (half + sign * np.sqrt(under) for sign in (-1.0, 1.0))
    return Estimate(float(a / b), float(max(0.0, low / square)), float(high / square), n)


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
    return Test(found, float(scipy.stats.ttest_1samp(values, 0.0).pvalue))


def share(k: int, n: int) -> Estimate:
    """k of n, with the exact interval of C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404-413."""
    if not n:
        return Estimate(np.nan, np.nan, np.nan, 0)
    low = scipy.stats.beta.ppf(LEVEL / 2, k, n - k + 1) if k else 0.0
    high = scipy.stats.beta.isf(LEVEL / 2, k + 1, n - k) if k < n else 1.0
    return Estimate(k / n, float(low), float(high), n)


def mcnemar(more: int, fewer: int) -> float:
    """The exact two-sided p-value that pairs which differ do so as often in one direction as in the other: `more` and
    `fewer` of them. Q. McNemar, Psychometrika 12 (1947) 153-157."""
    return float(scipy.stats.binomtest(more, more + fewer).pvalue) if more + fewer else 1.0


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
