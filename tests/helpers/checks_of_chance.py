"""Statistical checks with a stated false-alarm rate.

Each check rejects a right engine with probability ALPHA. Seeds are fixed and were not picked; no check is run
again. `conftest.py` adds up the checks of a session, in all its processes, and fails it if ALPHA times their number
passes BUDGET, the false-alarm rate of the whole suite. Planted errors use `rejects`, which is not counted: there a
rejection is wanted.
"""

import numpy as np
from scipy import stats

from gillespie_nn.verification.base import chi_square, chi_square_two

__all__ = ["accept", "chi_square", "chi_square_two", "counted", "mean_is", "rejects", "within_budget"]

ALPHA = 1e-7
BUDGET = 1e-4

_n_checks = 0


def counted():
    """Number of checks since the last call."""
    global _n_checks
    n, _n_checks = _n_checks, 0
    return n


def within_budget(n_checks):
    return n_checks * ALPHA <= BUDGET


def rejects(p):
    """Whether a p-value rejects at the level of every check."""
    return p < ALPHA


def accept(p, what, family=1):
    """One check: fails if `p`, of a family of so many simultaneous p-values whose smallest it is, rejects."""
    global _n_checks
    _n_checks += 1
    assert p * family >= ALPHA, f"{what}: p = {p:.3g}, which a right engine shows with probability below {ALPHA:g}"


def mean_is(samples, value, slack=0.0):
    """p-value that many samples have a mean within `slack` of `value`, by the normal law of their mean."""
    samples = np.asarray(samples, dtype=float)
    beyond = max(abs(samples.mean() - value) - slack, 0.0)
    return 2 * stats.norm.sf(beyond * np.sqrt(len(samples)) / samples.std(ddof=1))
