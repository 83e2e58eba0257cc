"""Statistical checks with a stated false-alarm rate.

Each check rejects a right engine with probability ALPHA. Seeds are fixed and were not picked; no check is run
again. `conftest.py` adds up the checks of a session, in all its processes, and fails it if ALPHA times their number
passes BUDGET, the false-alarm rate of the whole suite. It gives the tests that make checks the marker `statistical`.
Planted errors use `rejects`, which is not counted: there a rejection is wanted.
"""

from types import CodeType, FunctionType, ModuleType

import numpy as np

from gillespie_nn.statistics.tests import chi_square, chi_square_two, two_sided

__all__ = ["accept", "chi_square", "chi_square_two", "counted", "makes_checks", "mean_is", "rejects", "within_budget"]

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
    return two_sided(beyond * np.sqrt(len(samples)) / samples.std(ddof=1))


def makes_checks(function, seen=None):
    """Whether a function calls `accept`, itself or by functions of its module or of the helpers, as its code says."""
    seen = set() if seen is None else seen
    function = getattr(getattr(function, "hypothesis", None), "inner_test", function)  # what `given` wraps
    function = getattr(function, "__wrapped__", function)  # what `cache` wraps
    if not isinstance(function, FunctionType) or function in seen:
        return False
    seen.add(function)
    names = _names(function.__code__)
    for value in map(function.__globals__.get, names):
        if isinstance(value, ModuleType) and value.__name__.startswith("helpers."):
            candidates = [vars(value).get(name) for name in names]
        else:
            candidates = [value]
        for called in candidates:
            shared = getattr(called, "__module__", "") or ""
            near = shared == function.__module__ or shared.startswith("helpers.")
            if called is accept or (near and makes_checks(called, seen)):
                return True
    return False


def _names(code: CodeType):
    """Names that a code looks up, in functions within it, too."""
    inner = (_names(part) for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*inner)
