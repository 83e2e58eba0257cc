"""The sequential rule: at most five looks at the results, with more paths at each, until every check is decided.

Look number j of K judges every check with intervals of confidence 1 - a_j (`statistics`), where a_j = ERROR 2 j / (K
(K + 1)): most of the error is spent at the last looks, which have most paths. A check that holds or fails at a look is
decided, and later looks do not change that; only a fact, such as a violation of the bound on a new path, can. The a_j
add up to ERROR, so by Bonferroni's inequality the bounds of one quantity hold at all looks together with confidence
1 - ERROR: a check of which a quantity lies outside its limits `holds` with at most that probability, whatever the look
that decides.

K. K. G. Lan, D. L. DeMets, Biometrika 70 (1983) 659-663, doi:10.1093/biomet/70.3.659 (errors spent look by look).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .judgements import FAILS, INCONCLUSIVE, Judgement

FEWEST_PATHS = 20
"""Slopes and quantiles need some."""
MOST_LOOKS = 5
ERROR = 0.05
"""Probability that a check holds although its value lies outside the limits, over all looks; at most."""


def confidences(n_looks: int) -> np.ndarray:
    """Of the intervals at each look, float64[look]."""
    return 1.0 - ERROR * 2.0 * np.arange(1, n_looks + 1) / (n_looks * (n_looks + 1))


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
            is_fact = judgement.verdict == FAILS and judgement.final
            if known is None or known.judgement.verdict == INCONCLUSIVE or is_fact:
                self.by_name[judgement.name] = Decided(judgement, self.look)

    @property
    def over(self) -> bool:
        """Whether more paths cannot change the verdict: a check fails, or nothing is left that they could decide."""
        found = [d.judgement for d in self.by_name.values()]
        return any(j.verdict == FAILS for j in found) or all(j.verdict != INCONCLUSIVE or j.final for j in found)


def allotment(paths: int, shares: Sequence[float], growth: Sequence[float]) -> np.ndarray:
    """int64[look, task]: number of paths of each size, and of the first variation, up to each look. `paths` is that of
    the first look for a share of 1; a small share gets `FEWEST_PATHS`."""
    return np.maximum(np.rint(paths * np.outer(growth, shares)).astype(np.int64), min(paths, FEWEST_PATHS))
