"""Steps of dC/dt = A C + C A^T + D, with A and D functions of time: the covariance of a linear stochastic equation.

S. Blanes, F. Casas, J. A. Oteo, J. Ros, The Magnus expansion and some of its applications, Phys. Rep. 470 (2009)
151-238, doi:10.1016/j.physrep.2008.11.001, section 5: the integrator of order 4 with two Gauss points. [A, D] and
[A', D'] act on C as affine maps, whose commutator is again of that form.
"""

from typing import Any

import numpy as np

GAUSS = 0.5 + np.sqrt(3) / 6 * np.array([-1.0, 1.0])
"""Points of a step of length 1."""

_SERIES_ENDS = 1e-14
_MOST_PARTS = 64
"""Into more parts a step is not cut: halving it and squaring the solution costs less."""


def magnus_step(first: tuple[Any, Any], second: tuple[Any, Any], step: float, c: np.ndarray) -> np.ndarray:
    """C after a `step` [s] from `c` float64[n, n]; `first` and `second` are (A, D) at the Gauss points of the step.

    A is float64[n, n], full or sparse, D full; A may be as stiff as it likes.
    """
    (a1, d1), (a2, d2) = first, second
    turn = np.sqrt(3) / 12 * step**2
    a = 0.5 * step * (a1 + a2) + turn * (a2 @ a1 - a1 @ a2)
    d = 0.5 * step * (d1 + d2) + turn * (_act(a2, d1) - _act(a1, d2))
    return flow(a, d, c)


def flow(a: Any, d: Any, c: np.ndarray) -> np.ndarray:
    """C(1) of dC/dt = a C + C a^T + d from C(0) = c."""
    norm = 2.0 * abs(a).sum(axis=0).max()
    if not np.isfinite(norm):
        return np.full_like(c, np.nan)
    n_parts = max(1, int(np.ceil(norm)))
    if n_parts <= _MOST_PARTS:
        for _ in range(n_parts):
            c = _series(a, d, c, n_parts)
        return c
    # One part from 0, and the fundamental matrix of it; then twice as much time by each pass.
    n_halvings = int(np.ceil(np.log2(norm)))
    a = a.toarray() if hasattr(a, "toarray") else a
    q = _series(a, d, np.zeros_like(c), 2.0**n_halvings)
    phi = term = np.eye(len(c))
    for k in range(1, 20):
        term = a @ term / (k * 2.0**n_halvings)
        phi = phi + term
    for _ in range(n_halvings):
        q = q + phi @ q @ phi.T
        phi = phi @ phi
    return q + phi @ c @ phi.T


def _series(a: Any, d: Any, c: np.ndarray, n_parts: float) -> np.ndarray:
    """Taylor series over the n-th part of the time 1, in which the map has a norm of at most 1."""
    term = (_act(a, c) + d) / n_parts
    total = c + term
    for k in range(2, 20):
        term = _act(a, term) / (k * n_parts)
        total += term
        if np.abs(term).max() <= _SERIES_ENDS * np.abs(total).max():
            break
    return total


def _act(a: Any, c: np.ndarray) -> np.ndarray:
    """a C + C a^T of a symmetric C."""
    product = a @ c
    return product + product.T
