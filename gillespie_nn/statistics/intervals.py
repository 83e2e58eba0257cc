"""Confidence intervals of means, differences, ratios, fractions and quantiles; sketches of quantiles in little memory.

`level` is the probability that an interval misses: 0.05 for 95 % confidence.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .. import checks
from ..display.tables import estimate as shown

LEVEL = 0.05
NORMAL = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


def student(level: float, n: Any) -> Any:
    """Half the interval of a mean of `n` values, in standard errors: Student's t with at least one degree of
    freedom."""
    return scipy.stats.t.isf(level / 2, np.maximum(np.asarray(n) - 1, 1))


def welch(one: np.ndarray, n_one: float, other: np.ndarray, n_other: float, level: float) -> np.ndarray:
    """Half the interval of a difference over its standard error, from the standard errors and numbers of values of both
    sides. B. L. Welch, Biometrika 34 (1947) 28-35, doi:10.2307/2332510."""
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = (one**2 + other**2) ** 2 / (one**4 / (n_one - 1) + other**4 / (n_other - 1))
    # Freedom is 0 / 0 if neither side has an error; then any quantile gives the width 0.
    return scipy.stats.t.isf(level / 2, np.where(np.isfinite(freedom), freedom, np.inf))


def wilson(share: float, spread: float) -> tuple[float, float]:
    """Interval of a fraction by Wilson's score; `spread` is the square of the normal quantile over the trials.

    E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212, doi:10.1080/01621459.1927.10502953.
    """
    middle = (share + 0.5 * spread) / (1.0 + spread)
    half = np.sqrt(share * (1.0 - share) * spread + 0.25 * spread**2) / (1.0 + spread)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def clopper_pearson(k: Any, n: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Exact intervals of the fractions `k` / `n`, with `k` float64[...] and `n` at least 1.

    C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404-413, doi:10.1093/biomet/26.4.404.
    """
    with np.errstate(invalid="ignore"):
        low = np.where(k > 0, scipy.stats.beta.ppf(level / 2, k, n - k + 1), 0.0)
        high = np.where(k < n, scipy.stats.beta.isf(level / 2, k + 1, n - k), 1.0)
    return low, high


def rank(p: float, n: Any) -> Any:
    """Rank int64 of the p-quantile among n ordered numbers, ceil(p n), counted from 1; also of an array n."""
    return np.maximum(1, np.ceil(checks.rounded(p * np.asarray(n, dtype=np.float64))).astype(np.int64))


def ranks(n: int, p: float, level: float) -> tuple[int, int, int]:
    """Ranks of the p-quantile of n values and of the ends of its interval, counted from 1; ends may lie outside 1 to n.

    H. A. David and H. N. Nagaraja, Order Statistics, 2003, section 7.1.
    """
    ppf = scipy.stats.binom.ppf
    return int(rank(p, n)), int(ppf(level / 2, n, p)), int(ppf(1 - level / 2, n, p)) + 1


def jackknife(number: Callable[[np.ndarray], float], values: np.ndarray, groups: int) -> float:
    """Standard error of a statistic of `values` [value, ...]: the jackknife, which leaves out one of `groups` at a
    time."""
    group = np.arange(len(values)) * groups // len(values)
    return float(np.sqrt((groups - 1) * np.var([number(values[group != k]) for k in range(groups)])))


class Spread:
    """Running moments of rows float64[column]: their number `n`, their `mean`, the sum of squared deviations from it
    (`square`), and the sum of products of deviations with those of the first column (`cross`).

    T. F. Chan, G. H. Golub and R. J. LeVeque, Am. Stat. 37 (1983) 242-247, doi:10.1080/00031305.1983.10483115.
    """

    def __init__(self) -> None:
        self.n = 0
        self.mean = self.square = self.cross = np.zeros(())

    def take(self, rows: np.ndarray) -> None:
        """Add rows float64[row, column]."""
        # Moments of the new rows alone, joined to those so far: no cancellation, as in sums of squares.
        mean = rows.mean(axis=0)
        away = rows - mean
        share = self.n * len(rows) / (self.n + len(rows))
        before = mean - self.mean
        self.square = self.square + np.square(away).sum(axis=0) + share * before**2
        self.cross = self.cross + (away * away[:, :1]).sum(axis=0) + share * (before * before[0])
        self.n += len(rows)
        self.mean = self.mean + before * (len(rows) / self.n)

    @property
    def error(self) -> np.ndarray:
        """Standard errors float64[column] of the mean of independent rows."""
        return np.sqrt(self.square / ((self.n - 1) * self.n))


class Estimate(NamedTuple):
    """An estimate from `n` values and its 95 % interval, whose ends are NaN below two values."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if not self.n:
            return "-"
        if np.isnan(self.low):
            return f"{self.mean:.3g}"
        # `shown` rounds to digits of the width, which would round the lower end of so wide an interval to 0.
        if 0 < 2.0 * self.low < self.high:
            return f"{self.mean:.2g} [{self.low:.2g}, {self.high:.2g}]"
        return shown(self.mean, self.low, self.high)


def estimate(values: ArrayLike) -> Estimate:
    """Student's interval of the mean of `values` float64[value] of any sign, such as differences; NaN are left out."""
    mean, half, n = _student(values)
    return Estimate(mean, mean - half, mean + half, n)


def estimate_error(values: ArrayLike) -> Estimate:
    """The same for errors, which are not negative. The interval is Student's for the logarithm of the mean, so it does
    not go below 0."""
    # To first order, the standard error of log(mean) is that of the mean over the mean.
    mean, half, n = _student(values)
    if not mean > 0:
        return Estimate(mean, mean if n > 1 else np.nan, mean if n > 1 else np.nan, n)
    return Estimate(mean, float(mean * np.exp(-half / mean)), float(mean * np.exp(half / mean)), n)


def estimate_fraction(values: ArrayLike) -> Estimate:
    """The same for fractions in [0, 1]: Wilson's score interval, which stays within [0, 1].

    The number of trials is the one with the same standard error, and Student's quantile replaces the normal one. If all
    fractions are equal, each counts as one trial.
    """
    mean, half, n = _student(values)
    if n < 2:
        return Estimate(mean, np.nan, np.nan, n)
    quantile = float(student(LEVEL, n))
    trials = mean * (1.0 - mean) * (quantile / half) ** 2 if half > 0 else n
    return Estimate(mean, *wilson(mean, quantile**2 / trials), n)


def estimate_share(k: int, n: int) -> Estimate:
    """The fraction k / n with its exact interval."""
    if not n:
        return Estimate(np.nan, np.nan, np.nan, 0)
    low, high = clopper_pearson(k, n, LEVEL)
    return Estimate(k / n, float(low), float(high), n)


def estimate_ratio(one: ArrayLike, other: ArrayLike) -> Estimate:
    """mean(one) / mean(other) of pairs, float64[pair] each, with Fieller's interval.

    It has all r >= 0 for which the mean of one - r other does not differ from 0 at 5 %. NaN ends: it is unbounded.

    E. C. Fieller, J. R. Stat. Soc. B 16 (1954) 175-185, doi:10.1111/j.2517-6161.1954.tb00159.x.
    """
    pairs = np.column_stack([one, other])
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    n = len(pairs)
    if n < 2:
        return Estimate(float(pairs[0, 0] / pairs[0, 1]) if n else np.nan, np.nan, np.nan, n)
    a, b = pairs.mean(axis=0)
    (va, vab), (_, vb) = np.cov(pairs.T, ddof=1) / n * student(LEVEL, n) ** 2
    # (a - r b)^2 <= va - 2 r vab + r^2 vb, with Student's quantile in va, vab and vb: a quadratic in r.
    square, half, rest = b * b - vb, a * b - vab, a * a - va
    under = half * half - square * rest
    # Where b does not differ from 0, so that square <= 0, the r that are not excluded have no bound.
    if square <= 0 or under < 0:
        return Estimate(a / b, np.nan, np.nan, n)
    low, high = (half + sign * np.sqrt(under) for sign in (-1.0, 1.0))
    return Estimate(float(a / b), float(max(0.0, low / square)), float(high / square), n)


def of_resamples(value: float, resampled: np.ndarray, n: int) -> Estimate:
    """A statistic of `n` values, with the percentiles of its values on resamples, float64[resample], as interval."""
    low, high = np.quantile(resampled, (LEVEL / 2, 1 - LEVEL / 2))
    return Estimate(float(value), float(low), float(high), n)


def numbers(values: ArrayLike) -> np.ndarray:
    """The finite ones of `values`, float64[value]."""
    values = np.asarray(values, dtype=np.float64)
    return values[np.isfinite(values)]


def _student(values: ArrayLike) -> tuple[float, float, int]:
    """(mean, half of Student's interval, how many) of the finite `values`; half is NaN below two."""
    values = numbers(values)
    n = len(values)
    if not n:
        return np.nan, np.nan, 0
    half = student(LEVEL, n) * values.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    return float(values.mean()), float(half), n


# Sketches: quantiles of many numbers in little memory, from the number of values in fixed buckets.
#
# Every octave [2^e, 2^(e+1)) is cut into `N_PARTS` buckets of equal width. 0 has a bucket for itself, and buckets of
# negative numbers mirror the positive ones. So the middle of a bucket is within `ERROR` of each number in it, relative
# to that number, and whole numbers below 2 * N_PARTS = 256 are exact. Bucket numbers come from exact arithmetic and
# contents are whole numbers, so sketches merged in any order, on any machine, are the same to the last bit.
#
# The buckets are those of HdrHistogram (G. Tene). A bounded relative error is the goal of C. Masson, J. E. Rim and H.
# K. Lee, Proc. VLDB Endow. 12 (2019) 2195-2205, doi:10.14778/3352063.3352135.

N_PARTS = 128
"""Buckets in an octave, a power of two."""
ERROR = 1.0 / (2 * N_PARTS)
"""Largest distance of a quantile of a sketch from that of the sample, relative to the latter."""
_LOWEST = -1074
"""2 to this power is the smallest positive float64."""
_SPAN = 1 << 20
"""Bucket numbers lie within half of it on either side of 0."""
_LEAST_PENDING = 1 << 16
"""Entries that are collected before they are sorted, at least."""


def bucket(values: Any) -> np.ndarray:
    """Bucket numbers int64[...] of finite `values`; they rise with the values."""
    # |value| = mantissa 2^exponent with 1/2 <= mantissa < 1, so 2 mantissa - 1 is the place within the octave, exactly.
    mantissa, exponent = np.frexp(np.abs(values, dtype=np.float64))
    part = ((2.0 * mantissa - 1.0) * N_PARTS).astype(np.int64)
    number = (exponent.astype(np.int64) - 1 - _LOWEST) * N_PARTS + part + 1
    return np.where(mantissa == 0.0, 0, np.copysign(number, values).astype(np.int64))


def middle(numbers: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Middles float64[...] of buckets; where `whole`, those of the whole numbers in them."""
    octave, part = np.divmod(np.abs(numbers) - 1, N_PARTS)
    width = np.ldexp(1.0, octave + _LOWEST) / N_PARTS
    low = np.ldexp(1.0 + part / N_PARTS, octave + _LOWEST)
    # The whole numbers of a bucket [low, low + width) end at low + width - 1.
    inside = np.where(whole, np.maximum(width - 1.0, 0.0), width)
    return np.where(numbers == 0, 0.0, np.copysign(low + 0.5 * inside, numbers))


def possible(cells: np.ndarray, buckets: np.ndarray, counts: np.ndarray, n: np.ndarray) -> bool:
    """Whether these can be the `entries` of a sketch with `n` int64[cell] numbers in each cell."""
    if len(cells) and (cells.min() < 0 or cells.max() >= len(n) or np.abs(buckets).max() >= _SPAN // 2):
        return False
    keys = cells * _SPAN + buckets
    return bool(
        (np.diff(keys) > 0).all() and (counts > 0).all() and (counts <= n[cells]).all()
        and np.array_equal(np.bincount(cells, counts, len(n)), n)
    )  # fmt: skip


class Sketch:
    """A sketch of the numbers in each cell. `whole` bool[cell] marks cells in which all numbers are whole; `cells`,
    `buckets` and `counts` are the first `entries`."""

    def __init__(self, whole: np.ndarray, cells: Any = (), buckets: Any = (), counts: Any = ()) -> None:
        # A key is cell * _SPAN + bucket + _SPAN / 2: one sort orders entries by cell and then by bucket.
        self._whole = np.asarray(whole)
        self._keys = np.asarray(cells, dtype=np.int64) * _SPAN + np.asarray(buckets, dtype=np.int64) + _SPAN // 2
        self._counts = np.asarray(counts, dtype=np.int64)
        self._pending: list[tuple[np.ndarray, np.ndarray]] = []
        self._n_pending = 0

    def add(self, values: np.ndarray, first: int = 0) -> None:
        """Add one number to each cell, from cell `first` on; values that are not finite are left out."""
        there = np.flatnonzero(np.isfinite(values))
        keys = (first + there) * _SPAN + bucket(values[there]) + _SPAN // 2
        self._take(keys, np.ones(len(keys), dtype=np.int64))

    def empty(self) -> "Sketch":
        """An empty sketch of the same cells."""
        return Sketch(self._whole)

    def merge(self, other: "Sketch") -> None:
        """Add the entries of another sketch with as many cells."""
        other._compact()
        self._take(other._keys, other._counts)

    def entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(cell, bucket, count), int64[entry] each, in order of cell and bucket."""
        self._compact()
        cells, buckets = np.divmod(self._keys, _SPAN)
        return cells, buckets - _SPAN // 2, self._counts

    def quantile(self, p: float) -> np.ndarray:
        """float64[cell]: the number of rank ceil(p n) among the n of each cell, the smallest for p = 0, with a relative
        error of at most `ERROR`; NaN in empty cells."""
        cells, buckets, counts = self.entries()
        numbers = np.arange(len(self._whole))
        quantiles = np.full(len(numbers), np.nan)
        above = np.cumsum(counts)
        first = np.searchsorted(cells, numbers)
        last = np.searchsorted(cells, numbers, side="right") - 1
        filled = np.flatnonzero(first <= last)
        before = above[first[filled]] - counts[first[filled]]
        n = above[last[filled]] - before
        quantiles[filled] = middle(buckets[np.searchsorted(above, before + rank(p, n))], self._whole[filled])
        return quantiles

    def _take(self, keys: np.ndarray, counts: np.ndarray) -> None:
        self._pending.append((keys, counts))
        self._n_pending += len(keys)
        # Sorting only when as much is pending as is stored makes the total work proportional to what is added.
        if self._n_pending > max(_LEAST_PENDING, len(self._keys)):
            self._compact()

    def _compact(self) -> None:
        if not self._pending:
            return
        keys = np.concatenate([self._keys, *(k for k, _ in self._pending)])
        counts = np.concatenate([self._counts, *(c for _, c in self._pending)])
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        self._keys, self._counts = keys[first], np.add.reduceat(counts, first) if len(first) else counts
        self._pending, self._n_pending = [], 0
