"""The verdict of a check, the one over several checks, and that of a check that looks at growing data.

A check that looks at growing data divides its error among the looks: look number j of K has intervals of confidence
1 - a_j, where a_j = ERROR 2 j / (K (K + 1)): most of the error is spent at the last looks, which have most data. A
check that holds or fails at a look is decided, and later looks do not change that; only a fact, such as a violation of
a bound, can. The a_j add up to ERROR, so by Bonferroni's inequality the bounds of one quantity hold at all looks
together with confidence 1 - ERROR: a check of which a quantity lies outside its limits `holds` with at most that
probability, whatever the look that decides.

K. K. G. Lan, D. L. DeMets, Biometrika 70 (1983) 659-663, doi:10.1093/biomet/70.3.659 (errors spent look by look).
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, NamedTuple

import numpy as np

ERROR = 0.05
"""Probability that a check holds although its value lies outside the limits, over all looks; at most."""
MOST_LOOKS = 5


class Verdict(str, Enum):
    """What a check says, from best to worst: a text, which is printed, stored and compared as its word."""

    HOLDS = "holds"
    NOT_RUN = "not run"
    INCONCLUSIVE = "inconclusive"
    """The data do not decide."""
    FAILS = "fails"

    __str__, __repr__, __format__ = str.__str__, str.__repr__, str.__format__  # type: ignore[assignment]

    @property
    def exit_code(self) -> int:
        """Of a command that ends with this verdict."""
        return {Verdict.HOLDS: 0, Verdict.FAILS: 1}.get(self, 3)

    @classmethod
    def of(cls, inside: Any, outside: Any) -> "Verdict":
        """Of intervals, bool or bool[interval]: whether each lies inside the limits, and whether each lies outside. It
        fails if one is outside, and holds if all are inside."""
        return cls.FAILS if np.any(outside) else cls.HOLDS if np.all(inside) else cls.INCONCLUSIVE

    @classmethod
    def of_interval(cls, low: float, high: float, least: float = -np.inf, most: float = np.inf) -> "Verdict":
        """Of the interval [low, high] of a number that is to lie in [least, most]; inconclusive with a NaN end."""
        return cls.of(least <= low and high <= most, high < least or low > most)

    @classmethod
    def together(cls, verdicts: Iterable[str]) -> "Verdict":
        """One verdict for all: it fails if one fails, and holds if all hold; not run if none was."""
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
    """Whether more data cannot change the verdict: it states a fact, or only undecidable quantities leave it open."""


class Decided(NamedTuple):
    """A check, and the look (1, 2, ...) of its verdict."""

    judgement: Judgement
    look: int


class Decisions:
    """Of the checks so far, by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Decided] = {}
        self.look = 0

    def add(self, judgements: Sequence[Judgement]) -> None:
        """What the next look says."""
        self.look += 1
        for judgement in judgements:
            known = self.by_name.get(judgement.name)
            is_fact = judgement.verdict == Verdict.FAILS and judgement.final
            if known is None or known.judgement.verdict == Verdict.INCONCLUSIVE or is_fact:
                self.by_name[judgement.name] = Decided(judgement, self.look)

    @property
    def over(self) -> bool:
        """Whether more data cannot change the verdict: a check fails, or nothing is left that they could decide."""
        found = [d.judgement for d in self.by_name.values()]
        fails = any(j.verdict == Verdict.FAILS for j in found)
        return fails or all(j.verdict != Verdict.INCONCLUSIVE or j.final for j in found)


def confidences(n_looks: int) -> np.ndarray:
    """Of the intervals at each look, float64[look]."""
    return 1.0 - ERROR * 2.0 * np.arange(1, n_looks + 1) / (n_looks * (n_looks + 1))
