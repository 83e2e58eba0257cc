"""p-values: of a sample against a law, of two samples, of pairs, and of several tests together."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .intervals import Estimate, estimate, numbers

_LEAST_EXPECTED = 20.0
"""Least expected number in a cell of a chi-square test; smaller cells are pooled."""
_MOST_EXACT = 1000
"""Values of samples whose distance has its exact law; that of larger ones is within a few percent of its limit."""


def two_sided(z: Any) -> Any:
    """p-value of standard normal numbers that are `z` or more away from 0."""
    return 2 * scipy.stats.norm.sf(z)


def bonferroni(p: float, n: int) -> float:
    """The p-value of `n` tests together, from the smallest of theirs."""
    return float(min(1.0, p * n))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjusted p-values float64[test]: those at most 0.05 are rejected with one false rejection or more in 5 % at most
    of all families. NaN stays NaN, and does not count. S. Holm, Scand. J. Stat. 6 (1979) 65-70."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted, known = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted


def chi_square(samples: np.ndarray, law: np.ndarray) -> float:
    """p-value that `samples` int64[n] follow `law` float64[k], the probabilities of 0, 1, ..., k - 1 (all else is
    one more cell). Raises ValueError where samples are too few to test it."""
    samples = np.ravel(samples)
    if samples.min() < 0:
        return 0.0  # a run that stopped, or a negative count
    law = np.append(law, max(0.0, 1.0 - np.sum(law)))
    seen = np.bincount(np.minimum(samples, len(law) - 1), minlength=len(law))
    expected = law * len(samples)
    if seen[expected == 0].any():
        return 0.0  # what the law rules out
    seen, expected = _pooled(expected, np.array([seen, expected]))
    if len(seen) < 2:
        raise ValueError("the law has only one cell: there is nothing to test")
    return float(scipy.stats.chi2.sf(np.sum((seen - expected) ** 2 / expected), len(seen) - 1))


def chi_square_two(one: np.ndarray, other: np.ndarray) -> float:
    """p-value that two sets of whole numbers, int64[n] each, have one law; 1 where they cannot differ."""
    one, other = np.ravel(one), np.ravel(other)
    low = min(one.min(), other.min())
    size = int(max(one.max(), other.max()) - low + 1)
    seen = np.array([np.bincount(x - low, minlength=size) for x in (one, other)])
    pooled = _pooled(seen.sum(axis=0) * min(len(one), len(other)) / (len(one) + len(other)), seen)
    return 1.0 if pooled.shape[1] < 2 else float(scipy.stats.chi2_contingency(pooled, correction=False).pvalue)


def _pooled(weight: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Sums of `rows` [row, cell] over groups of neighbouring cells, each of which weighs `_LEAST_EXPECTED` or more."""
    ends, total = [], 0.0
    for k, w in enumerate(weight.tolist()):
        total += w
        if total >= _LEAST_EXPECTED:
            ends.append(k + 1)
            total = 0.0
    starts = [0, *ends[:-1]]  # what is left behind the last end belongs to the last group
    return np.add.reduceat(rows, starts, axis=1)


class Distance(NamedTuple):
    """Kolmogorov-Smirnov: the largest difference of two distribution functions."""

    distance: float
    bound: float
    """That the true one passes with probability at most the level."""
    p: float
    """Of one law for both, conservative for counts."""


def distance(one: np.ndarray, other: np.ndarray, level: float) -> Distance:
    """Of two samples float64[value] each. The bound is that of each sample's own distribution function at half the
    level, and holds for any two laws. P. Massart, Ann. Probab. 18 (1990) 1269-1283, doi:10.1214/aop/1176990746."""
    at = np.sort(np.concatenate([one, other]))
    shares = [np.searchsorted(np.sort(x), at, side="right") / len(x) for x in (one, other)]
    found = float(np.abs(shares[0] - shares[1]).max())
    away = sum(np.sqrt(np.log(4.0 / level) / (2 * len(x))) for x in (one, other))
    return Distance(found, min(1.0, float(found + away)), _p_of_distance(one, other))


def _p_of_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Of two small samples by counting; the limit says 0 of what has probability 0.1 with three values each."""
    method = "exact" if max(len(one), len(other)) <= _MOST_EXACT else "asymp"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where rounding makes the exact one a little more than 1
        return float(min(1.0, scipy.stats.ks_2samp(one, other, method=method).pvalue))


def paired(differences: ArrayLike) -> tuple[Estimate, float]:
    """The mean of `differences` float64[pair] and the two-sided p-value of a t-test that it is 0: NaN below two pairs.
    Where all are equal there is nothing to estimate a spread from: p is 1."""
    values = numbers(differences)
    mean = estimate(values)
    if mean.n < 2:
        return mean, np.nan
    return mean, 1.0 if np.ptp(values) == 0 else float(scipy.stats.ttest_1samp(values, 0.0).pvalue)


def mcnemar(more: int, fewer: int) -> float:
    """The exact two-sided p-value that pairs which differ do so as often in one direction as in the other: `more` and
    `fewer` of them. Q. McNemar, Psychometrika 12 (1947) 153-157."""
    return float(scipy.stats.binomtest(more, more + fewer).pvalue) if more + fewer else 1.0
