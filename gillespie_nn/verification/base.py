"""The interface of a check, and statistics that checks share."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy

_LEAST_EXPECTED = 20.0
"""Least expected number in a cell of a chi-square test; smaller cells are pooled."""


class Outcome(NamedTuple):
    """One p-value. For a correct method it is uniform on [0, 1], or stochastically larger."""

    what: str
    p: float
    details: dict = {}
    """Further numbers, for JSON."""
    note: str = ""
    """A short remark to print."""


class Unsupported(NamedTuple):
    """A case that this version cannot simulate, and why."""

    what: str
    reason: str


class Refused(NamedTuple):
    """A case that is refused as documented: `reason` is the part that is not supported, `message` the refusal. It
    counts neither for nor against a method."""

    what: str
    reason: str
    message: str


class Options(NamedTuple):
    """Options of checks: `replicates` of each case; `sbml_suite`, a folder or None; `method_options` by name, for
    checks of approximate methods; `folder`, of the files that a check needs, or None."""

    replicates: int
    sbml_suite: str | Path | None
    method_options: dict = {}
    folder: str | Path | None = None


class Check(ABC):
    """One statistical check of a method."""

    name: str
    summary: str
    methods: tuple[str, ...] = ()
    """Names of the methods that the check applies to; empty for all exact methods."""

    @classmethod
    def missing(cls, sbml_suite: str | Path | None, folder: str | Path | None = None) -> str:
        """A description of missing requirements; empty if none. `sbml_suite` and `folder` are folders or None."""
        return ""

    @abstractmethod
    def run(self, method: str, seed: int, options: Options) -> list:
        """`Outcome`s, `Refused` and `Unsupported` cases of `method` (a name). `options` are those of `verify`."""

    def table(self, outcomes: list[dict], refused: list[dict], unsupported: list[dict]) -> list[str]:
        """Lines that sum up the cases of one method, printed behind them; none by default."""
        return []


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
