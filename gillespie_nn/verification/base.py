"""What a check has to provide, and the statistics that checks share."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from scipy import stats

_LEAST_EXPECTED = 20.0
"""Cells of a chi-square test are pooled to so many expected."""


class Outcome(NamedTuple):
    """One p-value: uniform on [0, 1], or stochastically larger, for a right engine."""

    what: str
    p: float
    details: dict = {}
    """Further numbers for the record."""


class Unsupported(NamedTuple):
    """A case that this version cannot simulate, and why."""

    what: str
    reason: str


class Check(ABC):
    """One statistical check of a method."""

    name: str
    summary: str

    @abstractmethod
    def run(self, method, seed, options) -> list:
        """`Outcome`s and `Unsupported` cases of `method` (a name). `options` are those of `verify`."""


def chi_square(samples, law) -> float:
    """p-value that `samples` int64[n] follow `law` float64[k], the probabilities of 0, 1, ..., k - 1 (all else is
    one more cell)."""
    law = np.append(law, max(0.0, 1.0 - np.sum(law)))
    seen = np.bincount(np.minimum(samples, len(law) - 1), minlength=len(law))
    expected = law * len(samples)
    cells = np.minimum(np.cumsum(expected) // _LEAST_EXPECTED, np.sum(expected) // _LEAST_EXPECTED - 1).astype(int)
    seen, expected = (np.bincount(cells, weights=w) for w in (seen, expected))
    kept = expected > 0
    if seen[~kept].any():
        return 0.0
    seen, expected = seen[kept], expected[kept]
    return float(stats.chi2.sf(np.sum((seen - expected) ** 2 / expected), len(seen) - 1))
