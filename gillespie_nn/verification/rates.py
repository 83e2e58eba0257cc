"""Rates of convergence: errors on a ladder of steps or sizes, and the exponent of the power law through them."""

from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

CONFIDENCE = 0.95


class Rate(NamedTuple):
    """Errors float64[n] at x float64[n], the fitted exponent, and the exponent from theory."""

    what: str
    x_label: str
    error_label: str
    x: np.ndarray
    error: np.ndarray
    exponent: float
    standard_error: float
    degrees: float
    """Of freedom, of the standard error."""
    expected: float
    tolerance: float
    """What higher orders may move the exponent by on this ladder."""
    method: str = ""

    @property
    def interval(self) -> tuple[float, float]:
        """For the exponent."""
        half = scipy.stats.t.isf((1 - CONFIDENCE) / 2, self.degrees) * self.standard_error
        return self.exponent - half, self.exponent + half

    @property
    def holds(self) -> bool:
        """Whether the interval for the exponent meets the expected one within the tolerance, and is not so wide that
        it would meet anything."""
        low, high = self.interval
        near = low - self.tolerance <= self.expected <= high + self.tolerance
        return bool(near and abs(self.exponent - self.expected) <= 3 * self.tolerance)

    @property
    def p(self) -> float:
        """p-value that the exponent is the expected one within the tolerance; 0 if there is none."""
        beyond = max(abs(self.exponent - self.expected) - self.tolerance, 0.0)
        return 2 * scipy.stats.t.sf(beyond / self.standard_error, self.degrees) if np.isfinite(self.exponent) else 0.0

    def record(self) -> dict:
        return self._asdict() | {"interval": self.interval, "holds": self.holds, "confidence": CONFIDENCE}


class Spread(NamedTuple):
    """Standard error of an exponent, and its degrees of freedom."""

    standard_error: float
    degrees: float


def rate(
    what: str,
    x_label: str,
    error_label: str,
    x: ArrayLike,
    error: ArrayLike,
    expected: float,
    tolerance: float = 0.05,
    spread: Spread | None = None,
    method: str = "",
) -> Rate:
    """Fit log error = a + exponent log x; without a `spread` that of the residuals. An error that is not above 0 has no
    exponent."""
    x, error = np.asarray(x, dtype=np.float64), np.asarray(error, dtype=np.float64)
    slope = float(exponent(x, error))
    if spread is None:
        away = np.log(x) - np.log(x).mean()
        residual = np.log(error) - np.log(error).mean() - slope * away
        spread = Spread(np.sqrt(residual @ residual / (len(x) - 2) / (away @ away)), len(x) - 2)
    standard, degrees = map(float, spread)
    return Rate(
        what, x_label, error_label, x, error, slope, standard, degrees, float(expected), float(tolerance), method
    )  # fmt: skip


def exponent(x: ArrayLike, error: ArrayLike) -> np.ndarray:
    """Least squares through log error[..., n] at log x[n]; NaN where an error is not above 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.log(error) @ _weights(x)
    return np.where((np.asarray(error) > 0).all(axis=-1), found, np.nan)


def of_means(x: np.ndarray, samples: np.ndarray) -> Spread:
    """Of the exponent through means over replicates of `samples` float64[replicate, n], to first order in what they
    are off; one replicate's errors may depend on each other."""
    samples = np.asarray(samples)
    n = len(samples)
    moves = (samples / samples.mean(axis=0)) @ _weights(x)
    return Spread(moves.std(ddof=1) / np.sqrt(n), n - 1)


def of_left_out(exponents: np.ndarray) -> Spread:
    """Of an exponent from those of all groups of replicates but one, float64[group]: the jackknife."""
    n = len(exponents)
    return Spread(np.sqrt((n - 1) * np.var(exponents)), n - 1)


def _weights(x: ArrayLike) -> np.ndarray:
    away = np.log(x) - np.mean(np.log(x))
    return away / (away @ away)
