"""Rates of convergence: errors on a ladder of steps or sizes, and the exponent of the power law through them."""

from typing import NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


class Rate(NamedTuple):
    """Errors float64[n] at x float64[n], the exponent fitted, and the one that theory says."""

    what: str
    x_label: str
    error_label: str
    x: np.ndarray
    error: np.ndarray
    exponent: float
    interval: tuple[float, float]
    expected: float
    tolerance: float
    """What higher orders may move the exponent by on this ladder."""
    method: str = ""

    @property
    def holds(self) -> bool:
        """Whether the interval for the exponent meets the expected one within the tolerance, and is not so wide that
        it would meet anything."""
        low, high = self.interval
        near = low - self.tolerance <= self.expected <= high + self.tolerance
        return bool(near and abs(self.exponent - self.expected) <= 3 * self.tolerance)

    def record(self) -> dict:
        return self._asdict() | {"holds": self.holds, "confidence": CONFIDENCE}


def rate(what, x_label, error_label, x, error, expected, tolerance=0.05, samples=None, method="") -> Rate:
    """Fit log error = a + exponent log x.

    `samples` float64[replicate, n], if given, are errors of independent replicates whose mean is `error`: the interval
    is then that of the mean over replicates of the exponents of groups of them; else that of the residuals.
    """
    x, error = np.asarray(x, dtype=np.float64), np.asarray(error, dtype=np.float64)
    fit = stats.linregress(np.log(x), np.log(error))
    if samples is None:
        half = stats.t.isf((1 - CONFIDENCE) / 2, len(x) - 2) * fit.stderr if len(x) > 2 else np.inf
    else:
        groups = np.array_split(np.asarray(samples), 10)
        slopes = [stats.linregress(np.log(x), np.log(g.mean(axis=0))).slope for g in groups]
        half = stats.t.isf((1 - CONFIDENCE) / 2, 9) * np.std(slopes, ddof=1) / 10**0.5
    slope = float(fit.slope)
    return Rate(
        what, x_label, error_label, x, error, slope, (slope - half, slope + half), float(expected), tolerance, method
    )
