"""Verdicts of checks, of one or several and of checks on growing data, and p-values of statistical tests.

A check on growing data divides its error among the looks. Look j of K has intervals of confidence 1 - a_j with
a_j = ERROR 2 j / (K (K + 1)), so most of the error is spent at the last looks, which have most data. A check that holds
or fails at a look is decided. Later looks do not change that; only a fact can, such as a violated bound. The a_j add up
to ERROR. By Bonferroni's inequality, the bounds of one quantity then hold at all looks together with confidence
1 - ERROR. So a check with a quantity outside its limits `holds` with probability at most ERROR, whichever look decides.

K. K. G. Lan, D. L. DeMets, Biometrika 70 (1983) 659-663, doi:10.1093/biomet/70.3.659 (errors spent look by look).
"""

import warnings
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .intervals import Estimate, estimate, numbers

ERROR = 0.05
"""Largest probability, over all looks, that a check holds although its value lies outside the limits."""
MOST_LOOKS = 5
"""Largest number of looks at a verification by default."""


class Verdict(str, Enum):
    """Verdicts of a check, from best to worst. A verdict is a text, printed, stored and compared as its word."""

    HOLDS = "holds"
    NOT_RUN = "not run"
    INCONCLUSIVE = "inconclusive"
    """The data do not decide."""
    FAILS = "fails"

    __str__, __repr__, __format__ = str.__str__, str.__repr__, str.__format__  # type: ignore[assignment]

    @property
    def exit_code(self) -> int:
        """Exit code of a command that ends with this verdict."""
        return {Verdict.HOLDS: 0, Verdict.FAILS: 1}.get(self, 3)

    @classmethod
    def of(cls, inside: Any, outside: Any) -> "Verdict":
        """The verdict on intervals, from whether each lies inside the limits and whether each lies outside, bool or
        bool[interval]. It fails if one is outside, and holds if all are inside."""
        return cls.FAILS if np.any(outside) else cls.HOLDS if np.all(inside) else cls.INCONCLUSIVE

    @classmethod
    def of_interval(cls, low: float, high: float, least: float = -np.inf, most: float = np.inf) -> "Verdict":
        """The verdict on a number that should lie in [least, most], from its interval; inconclusive if an end is
        NaN."""
        return cls.of(least <= low and high <= most, high < least or low > most)

    @classmethod
    def together(cls, verdicts: Iterable[str]) -> "Verdict":
        """One verdict for all: it fails if one fails, holds if all hold, and is not run if none was run."""
        seen = set(verdicts)
        if cls.FAILS in seen:
            return cls.FAILS
        if seen <= {cls.NOT_RUN}:
            return cls.NOT_RUN
        return cls.HOLDS if seen == {cls.HOLDS} else cls.INCONCLUSIVE


class Judgement(NamedTuple):
    """The verdict of a named check, and its reason."""

    name: str
    verdict: Verdict
    sentence: str
    numbers: dict
    """Numbers, for JSON."""
    final: bool = False
    """Whether more data cannot change the verdict: it is a fact, or only undecidable quantities leave it open."""


class Decided(NamedTuple):
    """A check, and the look (1, 2, ...) of its verdict."""

    judgement: Judgement
    look: int


class Decisions:
    """The decisions on checks so far, by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Decided] = {}
        self.look = 0

    def add(self, judgements: Sequence[Judgement]) -> None:
        """Take the judgements of the next look."""
        self.look += 1
        for judgement in judgements:
            known = self.by_name.get(judgement.name)
            is_fact = judgement.verdict == Verdict.FAILS and judgement.final
            if known is None or known.judgement.verdict == Verdict.INCONCLUSIVE or is_fact:
                self.by_name[judgement.name] = Decided(judgement, self.look)

    @property
    def over(self) -> bool:
        """Whether more data cannot change the verdict: a check fails, or nothing is left to decide."""
        judgements = [d.judgement for d in self.by_name.values()]
        fails = any(j.verdict == Verdict.FAILS for j in judgements)
        return fails or all(j.verdict != Verdict.INCONCLUSIVE or j.final for j in judgements)


def confidences(n_looks: int) -> np.ndarray:
    """Confidence of the intervals at each look, float64[look]."""
    return 1.0 - ERROR * 2.0 * np.arange(1, n_looks + 1) / (n_looks * (n_looks + 1))


# p-values: a sample against a law, two samples, pairs, and several tests together.

_LEAST_EXPECTED = 20.0
"""Smallest expected number in a cell of a chi-square test; smaller cells are pooled."""
_MOST_EXACT = 1000
"""Largest sample whose distance has its exact law. That of larger ones is within a few percent of its limit."""


def two_sided(z: Any) -> Any:
    """Two-sided p-value of a standard normal number at distance `z` from 0."""
    return 2 * scipy.stats.norm.sf(z)


def bonferroni(p: float, n: int) -> float:
    """p-value of `n` tests together, from the smallest of their p-values."""
    return float(min(1.0, p * n))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjusted p-values float64[test]. Rejecting those up to 0.05 gives a false rejection in at most 5 % of families.
    NaN stays NaN and does not count. S. Holm, Scand. J. Stat. 6 (1979) 65-70."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted, known = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted


def chi_square(samples: np.ndarray, law: np.ndarray) -> float:
    """p-value that `samples` int64[n] follow `law` float64[k], the probabilities of 0, 1, ..., k - 1; all else is one
    more cell. Raises ValueError if there are too few samples to test it."""
    samples = np.ravel(samples)
    # A run that stopped, or a negative count: no law of counts has these.
    if samples.min() < 0:
        return 0.0
    law = np.append(law, max(0.0, 1.0 - np.sum(law)))
    seen = np.bincount(np.minimum(samples, len(law) - 1), minlength=len(law))
    expected = law * len(samples)
    # The law rules these values out.
    if seen[expected == 0].any():
        return 0.0
    seen, expected = _pooled(expected, np.array([seen, expected]))
    if len(seen) < 2:
        raise ValueError("the law has only one cell: there is nothing to test")
    return float(scipy.stats.chi2.sf(np.sum((seen - expected) ** 2 / expected), len(seen) - 1))


def chi_square_two(one: np.ndarray, other: np.ndarray) -> float:
    """p-value that two samples of whole numbers, int64[n] each, have one law; 1 if they cannot differ."""
    one, other = np.ravel(one), np.ravel(other)
    low = min(one.min(), other.min())
    size = int(max(one.max(), other.max()) - low + 1)
    seen = np.array([np.bincount(x - low, minlength=size) for x in (one, other)])
    pooled = _pooled(seen.sum(axis=0) * min(len(one), len(other)) / (len(one) + len(other)), seen)
    return 1.0 if pooled.shape[1] < 2 else float(scipy.stats.chi2_contingency(pooled, correction=False).pvalue)


def _pooled(weight: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Sums of `rows` [row, cell] over groups of neighbouring cells with a total weight of at least
    `_LEAST_EXPECTED`."""
    ends, total = [], 0.0
    for k, w in enumerate(weight.tolist()):
        total += w
        if total >= _LEAST_EXPECTED:
            ends.append(k + 1)
            total = 0.0
    # Cells after the last end belong to the last group.
    starts = [0, *ends[:-1]]
    return np.add.reduceat(rows, starts, axis=1)


class Distance(NamedTuple):
    """Kolmogorov-Smirnov: the largest difference of two distribution functions."""

    distance: float
    bound: float
    """Upper bound of the true distance, exceeded with probability at most the level."""
    p: float
    """p-value that both have one law; conservative for counts."""


def distance(one: np.ndarray, other: np.ndarray, level: float) -> Distance:
    """Distance of two samples float64[value]. Its bound holds for any two laws: it adds the bounds of both distribution
    functions, each at half the level. P. Massart, Ann. Probab. 18 (1990) 1269-1283, doi:10.1214/aop/1176990746."""
    at = np.sort(np.concatenate([one, other]))
    shares = [np.searchsorted(np.sort(x), at, side="right") / len(x) for x in (one, other)]
    largest = float(np.abs(shares[0] - shares[1]).max())
    away = sum(np.sqrt(np.log(4.0 / level) / (2 * len(x))) for x in (one, other))
    return Distance(largest, min(1.0, float(largest + away)), _p_of_distance(one, other))


def _p_of_distance(one: np.ndarray, other: np.ndarray) -> float:
    """p-value, for small samples by counting: the limit gives 0 where three values each have probability 0.1."""
    method = "exact" if max(len(one), len(other)) <= _MOST_EXACT else "asymp"
    with warnings.catch_warnings():
        # scipy warns if rounding makes the exact value a little more than 1.
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(min(1.0, scipy.stats.ks_2samp(one, other, method=method).pvalue))


def paired(differences: ArrayLike) -> tuple[Estimate, float]:
    """The mean of `differences` float64[pair], and the two-sided p-value of a t-test that it is 0. p is NaN below two
    pairs, and 1 if all are equal, because then there is no spread to estimate."""
    values = numbers(differences)
    mean = estimate(values)
    if mean.n < 2:
        return mean, np.nan
    return mean, 1.0 if np.ptp(values) == 0 else float(scipy.stats.ttest_1samp(values, 0.0).pvalue)


def mcnemar(more: int, fewer: int) -> float:
    """Exact two-sided p-value that pairs differ as often in one direction as in the other: `more` and `fewer` of them
    do. Q. McNemar, Psychometrika 12 (1947) 153-157."""
    return float(scipy.stats.binomtest(more, more + fewer).pvalue) if more + fewer else 1.0
