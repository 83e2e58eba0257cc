"""The numbers of an ensemble that a figure shows, from anything with the public attributes of a result: trajectories or
moments, in memory or in a file."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError

MOLECULES, CONCENTRATION = UNITS = "molecules", "concentration"
BAND = (0.05, 0.95)
"""Part of the replicates inside a band."""
_BYTES = 1 << 26
"""Of one part that is read, about."""


class Band(NamedTuple):
    """One quantity over time, float64[point] each; NaN where it is not known."""

    name: str
    mean: np.ndarray
    low: np.ndarray
    """Of the interval of the mean."""
    high: np.ndarray
    bottom: np.ndarray
    """5 % of replicates are lower."""
    top: np.ndarray

    def times(self, factor: float) -> "Band":
        """In other units."""
        return Band(self.name, *(factor * values for values in self[1:]))


def is_moments(result: Any) -> bool:
    """Whether `result` holds moments alone."""
    return hasattr(result, "moments")


def species_of(result: Any) -> tuple[str, ...]:
    """Names of what is counted in the result's units."""
    if not is_moments(result):
        return tuple(result.species)
    rules = set(getattr(result.model, "rules", ()))
    return tuple(n for n in result.quantities if n in set(result.model.species) - rules)


def quantities_of(result: Any) -> tuple[str, ...]:
    """Names of species, then of observables that are no species."""
    if is_moments(result):
        return tuple(result.quantities)
    return (*result.species, *(n for n in result.observable_names if n not in result.species))


def n_replicates(result: Any) -> int:
    """Replicates that are in the result."""
    return result.n_done if is_moments(result) else result.counts.shape[0]


def is_whole(result: Any) -> bool:
    """Whether trajectories are steps, of numbers of molecules."""
    return not is_moments(result) and np.issubdtype(result.counts.dtype, np.integer)


def choose(result: Any, names: Sequence[str], most: int) -> tuple[str, ...]:
    """`names`, which must be in the result; if none, up to `most` species that vary most, in their order.

    Raises InputError for an unknown name, and for a result without replicates."""
    every = quantities_of(result)
    if not n_replicates(result) or not every:
        raise InputError("there is nothing to plot: the result has no replicates" if every else "there is no quantity")
    if len(names):
        names = [names] if isinstance(names, str) else names
        return tuple(dict.fromkeys(checks.choice("quantity", name, every, "the result has") for name in names))
    known = species_of(result) or every
    if len(known) <= most:
        return known
    widest = np.argsort(-_ranges(result, known), kind="stable")[:most]
    return tuple(known[k] for k in np.sort(widest))


def _ranges(result: Any, names: Sequence[str]) -> np.ndarray:
    if is_moments(result):
        at = [result.quantities.index(n) for n in names]
        found = result.moments.maximum - result.moments.minimum
        return np.nan_to_num(np.where(result.moments.n > 0, found, np.nan)[:, at]).max(axis=0)
    if not result.species:
        return np.zeros(len(names))
    n, n_points, n_species = result.counts.shape
    rows = max(1, _BYTES // (8 * n_points * n_species))
    low, high = np.full(n_species, np.inf), np.full(n_species, -np.inf)
    for k in range(0, n, rows):
        part = _real(result.counts[k : k + rows])
        low = np.minimum(low, np.nanmin(part, axis=(0, 1), initial=np.inf))
        high = np.maximum(high, np.nanmax(part, axis=(0, 1), initial=-np.inf))
    return high - low


def values(result: Any, name: str, replicates: slice = slice(None)) -> np.ndarray:
    """float64[replicate, point] of a quantity in its units, NaN where a replicate did not get to."""
    if name in result.observable_names:
        return np.asarray(result.observables[replicates, :, result.observable_names.index(name)], dtype=float)
    return _real(result.counts[replicates, :, result.species.index(name)])


def _real(counts: Any) -> np.ndarray:
    found = np.asarray(counts).astype(np.float64)
    if np.issubdtype(counts.dtype, np.integer):
        found[np.asarray(counts) < 0] = np.nan  # not reached
    return found


def band(result: Any, name: str, confidence: float) -> Band:
    """Mean, pointwise interval of the mean (Student's t) and 5 to 95 % of replicates, of those that got to each point.
    Of `linear_noise` the band is that of its normal law, and there is no interval."""
    from scipy import stats  # which takes long to import

    if is_moments(result):
        return _of_moments(result, name, confidence)
    every = values(result, name)
    n = (~np.isnan(every)).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.nansum(every, axis=0) / n
        variance = np.nansum(np.square(every - mean), axis=0) / (n - 1)
        half = np.where(n > 1, stats.t.isf((1 - confidence) / 2, np.maximum(n - 1, 1)) * np.sqrt(variance / n), np.nan)
    bottom, top = np.full((2, len(mean)), np.nan)
    if every.shape[0] > 1:
        ordered = np.sort(every, axis=0)  # NaN last
        for array, p in ((bottom, BAND[0]), (top, BAND[1])):
            rank = np.maximum(np.ceil(checks.rounded(p * n)).astype(int), 1) - 1
            array[:] = np.take_along_axis(ordered, np.minimum(rank, len(ordered) - 1)[None], axis=0)[0]
    elif result.covariance.shape[-1] and name in result.species:
        k = result.species.index(name)
        spread = stats.norm.isf(BAND[0]) * np.sqrt(np.maximum(np.asarray(result.covariance[0, :, k, k]), 0.0))
        bottom, top = mean - spread, mean + spread
    return Band(name, mean, mean - half, mean + half, bottom, top)


def _of_moments(result: Any, name: str, confidence: float) -> Band:
    from scipy import stats

    k, moments = result.quantities.index(name), result.moments
    n = moments.n[:, k]
    mean = np.where(n > 0, moments.mean[:, k], np.nan)
    error = np.sqrt(moments.squares[:, k] / np.maximum(n - 1, 1) / np.maximum(n, 1))
    half = np.where(n > 1, stats.t.isf((1 - confidence) / 2, np.maximum(n - 1, 1)) * error, np.nan)
    bottom, top = np.full((2, len(mean)), np.nan)
    if moments.sketch is not None:
        bottom, top = (moments.sketch.quantile(p).reshape(moments.n.shape)[:, k] for p in BAND)
    return Band(name, mean, mean - half, mean + half, bottom, top)


def factor_to(result: Any, name: str, units: str) -> float:
    """What values of `name` are multiplied by to be in `units`; observables have units of their own."""
    observable = name not in species_of(result) or name in getattr(result, "observable_names", ())
    if observable or units == result.units:
        return 1.0
    return 1.0 / result.volume if units == CONCENTRATION else result.volume
