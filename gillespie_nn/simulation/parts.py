"""Reading trajectories in parts of bounded size, from memory and from files alike, and what is computed from the parts.

Values are float64 arrays [replicate, point, name], NaN where a replicate did not reach a point or a rule gives no
number. Memory does not grow with the number of replicates.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..statistics.intervals import rank

PART_BYTES = 1 << 26
"""Size of one part, about."""


class Sums(NamedTuple):
    """Arrays [point, name] over the replicates that reached each point."""

    n: np.ndarray
    """int64, how many did."""
    mean: np.ndarray
    squares: np.ndarray
    """Sum of the squared deviations from the mean."""
    minimum: np.ndarray
    maximum: np.ndarray


def names_of(run: Any) -> tuple[str, ...]:
    """Species, then observables that are not species."""
    return (*run.species, *(n for n in run.observable_names if n not in run.species))


def read(run: Any, names: Sequence[str], points: slice = slice(None), replicates: slice = slice(None)) -> np.ndarray:
    """float64[replicate, point, name] of slices of points and replicates."""
    from_rules = {name: k for k, name in enumerate(run.observable_names)}
    of_species = {name: k for k, name in enumerate(run.species)}
    counted = [k for k, name in enumerate(names) if name not in from_rules]
    observed = [k for k, name in enumerate(names) if name in from_rules]
    columns = np.array([of_species[names[k]] for k in counted], dtype=int)
    counts = np.asarray(run.counts[replicates, points, columns])
    values = counts.astype(np.float64)
    if np.issubdtype(counts.dtype, np.integer):
        values[counts < 0] = np.nan
    if not observed:
        return values
    both = np.empty((*values.shape[:2], len(names)))
    both[..., counted] = values
    both[..., observed] = run.observables[replicates, points, np.array([from_rules[names[k]] for k in observed])]
    return both


def split(n: int, width: int) -> list[slice]:
    """0 to n - 1 in slices of so many rows of `width` numbers as make a part."""
    rows = max(1, PART_BYTES // (8 * max(1, width)))
    return [slice(k, min(k + rows, n)) for k in range(0, n, rows)]


def blocks(run: Any, n_names: int) -> list[slice]:
    """Slices of points at which `n_names` quantities of all replicates make a part."""
    return split(run.counts.shape[1], max(run.counts.shape[0] * n_names, len(run.species)))


def sums(run: Any, names: Sequence[str], points: Sequence[int] | None = None, most: int | None = None) -> Sums:
    """Over the replicates of `run` (the first `most` of them), at all recorded points or those numbered `points`."""
    n_replicates, n_points, _ = run.counts.shape
    n_replicates = n_replicates if most is None else min(most, n_replicates)
    pieces = split(n_points, max(len(names), len(run.species)))
    if points is not None:
        pieces = [slice(p, p + 1) for p in points]
    pieces = pieces or [slice(0, 0)]  # of a training run that has no record yet
    return Sums(*(np.concatenate(x) for x in zip(*(_sums_at(run, names, piece, n_replicates) for piece in pieces))))


def _sums_at(run: Any, names: Sequence[str], points: slice, n_replicates: int) -> Sums:
    """The sums of one slice of points: parts of replicates are merged as in `moments.Moments.merge`."""
    shape = (points.stop - points.start, len(names))
    total = Sums(
        np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape), np.full(shape, np.inf),
        np.full(shape, -np.inf),
    )  # fmt: skip
    for replicates in split(n_replicates, shape[0] * max(len(names), len(run.species))):
        values = read(run, names, points, replicates)
        known = np.isfinite(values)
        n = known.sum(axis=0)
        mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(n, 1)
        squares = np.square(np.where(known, values - mean, 0.0)).sum(axis=0)
        n_both = total.n + n
        share = n / np.maximum(n_both, 1)
        shift = mean - total.mean
        total = Sums(
            n_both,
            total.mean + shift * share,
            total.squares + squares + np.square(shift) * total.n * share,
            np.minimum(total.minimum, np.where(known, values, np.inf).min(axis=0, initial=np.inf)),
            np.maximum(total.maximum, np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)),
        )
    return total


def quantiles(run: Any, probabilities: Sequence[float], names: Sequence[str]) -> np.ndarray:
    """float64[probability, point, name]: the value of `rank` among those of the replicates that reached each point, NaN
    where none did."""
    n_replicates, n_points, _ = run.counts.shape
    values = np.full((len(probabilities), n_points, len(names)), np.nan)
    for columns in split(len(names), n_replicates):  # one point of all replicates is a part, or several names of it
        for points in blocks(run, columns.stop - columns.start):
            for k, ordered in enumerate(_ranked(read(run, names[columns], points), probabilities)):
                values[k, points, columns] = ordered
    return values


def _ranked(values: np.ndarray, probabilities: Sequence[float]) -> Iterator[np.ndarray]:
    """Of float64[replicate, point, name], its quantiles [point, name] in turn."""
    if not len(values):
        return
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=0)  # NaN last
    n = np.isfinite(ordered).sum(axis=0)
    for p in probabilities:
        yield np.take_along_axis(ordered, rank(p, n)[None] - 1, axis=0)[0]
