"""Statistical checks with a stated false-alarm rate.

Each check rejects a right engine with probability ALPHA. Seeds are fixed and were not picked; no check is run
again. `conftest.py` adds up the checks of a session, in all its processes, and fails it if ALPHA times their number
passes BUDGET, the false-alarm rate of the whole suite. Planted errors use `rejects`, which is not counted: there a
rejection is wanted.
"""

import numpy as np
from scipy import stats

ALPHA = 1e-7
BUDGET = 1e-4
_LEAST_EXPECTED = 20.0

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


def chi_square(samples, law):
    """p-value that whole-numbered `samples` follow `law`, an array of probabilities of 0, 1, 2, ..."""
    samples = np.asarray(samples).ravel()
    if samples.min() < 0:
        return 0.0  # a negative count, or a run that stopped: outside every law
    law = np.append(law, max(0.0, 1.0 - np.sum(law)))  # all that lies beyond
    seen = np.bincount(np.minimum(samples, len(law) - 1), minlength=len(law))
    expected = law * len(samples)
    if seen[expected == 0].any():
        return 0.0  # what the law rules out
    seen, expected = seen[expected > 0], expected[expected > 0]
    seen, expected = _pool(expected, seen, expected)
    if len(seen) < 2:
        raise ValueError("the law has one cell only: nothing is tested")
    return stats.chi2.sf(np.sum((seen - expected) ** 2 / expected), len(seen) - 1)


def chi_square_two(one, other):
    """p-value that two sets of whole-numbered samples have one law."""
    one, other = np.asarray(one).ravel(), np.asarray(other).ravel()
    low = min(one.min(), other.min())
    size = int(max(one.max(), other.max()) - low + 1)
    tables = [np.bincount(x - low, minlength=size) for x in (one, other)]
    weight = np.minimum(tables[0] + tables[1], 1e18) * min(len(one), len(other)) / (len(one) + len(other))
    tables = _pool(weight, *tables)
    if len(tables[0]) < 2:
        return 1.0
    return stats.chi2_contingency(np.array(tables), correction=False).pvalue


def mean_is(samples, value, slack=0.0):
    """p-value that many samples have a mean within `slack` of `value`, by the normal law of their mean."""
    samples = np.asarray(samples, dtype=float)
    beyond = max(abs(samples.mean() - value) - slack, 0.0)
    return 2 * stats.norm.sf(beyond * np.sqrt(len(samples)) / samples.std(ddof=1))


def _pool(weight, *tables):
    """Neighbouring cells added up until each has a weight of at least `_LEAST_EXPECTED`."""
    groups, total = np.zeros(len(weight), dtype=int), 0.0
    group = 0
    for k, w in enumerate(weight):
        groups[k] = group
        total += w
        if total >= _LEAST_EXPECTED:
            group, total = group + 1, 0.0
    if total > 0 and group > 0:
        groups[groups == group] = group - 1
    return [np.bincount(groups, weights=t) for t in tables]
