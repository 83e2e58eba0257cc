"""Quantiles of many numbers in little memory: how many lie in each of fixed buckets, whose widths grow with them.

Every octave [2^e, 2^(e+1)) is cut into `N_PARTS` buckets of equal width; 0 has its own, and negative numbers mirror the
positive ones. So the middle of a bucket is within `ERROR` of each number in it, relative to that number, and whole
numbers below 2 * N_PARTS = 256 are kept as they are. Buckets are found by exact arithmetic and their contents are whole
numbers, so that sketches merged in any order, on any machine, are the same to the last bit.

The buckets are those of HdrHistogram (G. Tene); a bound on the relative error as the goal is that of C. Masson,
J. E. Rim and H. K. Lee, Proc. VLDB Endow. 12 (2019) 2195-2205, doi:10.14778/3352063.3352135.
"""

from typing import Any

import numpy as np

from .intervals import rank

N_PARTS = 128
"""Buckets in an octave, a power of two."""
ERROR = 1.0 / (2 * N_PARTS)
"""Largest relative distance from a quantile found to the number that is the quantile of the sample."""
_LOWEST = -1074
"""Of float64: 2 to this power is the smallest positive number."""
_SPAN = 1 << 20
"""Numbers of buckets stay within half of it on either side of 0."""
_LEAST_PENDING = 1 << 16


def bucket(values: Any) -> np.ndarray:
    """Numbers int64[...] of the buckets of finite `values`; they rise with the values."""
    mantissa, exponent = np.frexp(np.abs(values, dtype=np.float64))  # |value| = mantissa 2^exponent, mantissa >= 1/2
    part = ((2.0 * mantissa - 1.0) * N_PARTS).astype(np.int64)
    number = (exponent.astype(np.int64) - 1 - _LOWEST) * N_PARTS + part + 1
    return np.where(mantissa == 0.0, 0, np.copysign(number, values).astype(np.int64))


def middle(numbers: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """float64[...]: middles of buckets, where `whole` those of the whole numbers in them."""
    octave, part = np.divmod(np.abs(numbers) - 1, N_PARTS)
    width = np.ldexp(1.0, octave + _LOWEST) / N_PARTS
    low = np.ldexp(1.0 + part / N_PARTS, octave + _LOWEST)
    inside = np.where(whole, np.maximum(width - 1.0, 0.0), width)
    return np.where(numbers == 0, 0.0, np.copysign(low + 0.5 * inside, numbers))


def possible(cells: np.ndarray, buckets: np.ndarray, counts: np.ndarray, n: np.ndarray) -> bool:
    """Whether these can be `Sketch.entries` of `n` int64[cell] numbers in each cell."""
    if len(cells) and (cells.min() < 0 or cells.max() >= len(n) or np.abs(buckets).max() >= _SPAN // 2):
        return False
    keys = cells * _SPAN + buckets
    return bool(
        (np.diff(keys) > 0).all() and (counts > 0).all() and (counts <= n[cells]).all()
        and np.array_equal(np.bincount(cells, counts, len(n)), n)
    )  # fmt: skip


class Sketch:
    """Sketches of the numbers in each cell; `whole` bool[cell]: in which all numbers are whole. `cells`, `buckets` and
    `counts` are `entries` to begin with."""

    def __init__(self, whole: np.ndarray, cells: Any = (), buckets: Any = (), counts: Any = ()) -> None:
        self._whole = np.asarray(whole)
        self._keys = np.asarray(cells, dtype=np.int64) * _SPAN + np.asarray(buckets, dtype=np.int64) + _SPAN // 2
        self._counts = np.asarray(counts, dtype=np.int64)
        self._pending: list[tuple[np.ndarray, np.ndarray]] = []
        self._n_pending = 0

    def add(self, values: np.ndarray, first: int = 0) -> None:
        """Add one number to each of the cells from number `first` on; numbers that are not finite are left out."""
        there = np.flatnonzero(np.isfinite(values))
        keys = (first + there) * _SPAN + bucket(values[there]) + _SPAN // 2
        self._take(keys, np.ones(len(keys), dtype=np.int64))

    def empty(self) -> "Sketch":
        """A sketch of the same cells without numbers."""
        return Sketch(self._whole)

    def merge(self, other: "Sketch") -> None:
        """Add everything in another sketch of as many cells."""
        other._compact()
        self._take(other._keys, other._counts)

    def entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(cell, bucket, count), int64[entry] each, in order of cell and bucket."""
        self._compact()
        cells, buckets = np.divmod(self._keys, _SPAN)
        return cells, buckets - _SPAN // 2, self._counts

    def quantile(self, p: float) -> np.ndarray:
        """float64[cell]: the number of rank ceil(p n) of the n in each cell, in order, but for a relative `ERROR`;
        NaN in cells without any. The smallest for p = 0."""
        cells, buckets, counts = self.entries()
        numbers = np.arange(len(self._whole))
        found = np.full(len(numbers), np.nan)
        above = np.cumsum(counts)
        first = np.searchsorted(cells, numbers)
        last = np.searchsorted(cells, numbers, side="right") - 1
        filled = np.flatnonzero(first <= last)
        before = above[first[filled]] - counts[first[filled]]
        n = above[last[filled]] - before
        found[filled] = middle(buckets[np.searchsorted(above, before + rank(p, n))], self._whole[filled])
        return found

    def _take(self, keys: np.ndarray, counts: np.ndarray) -> None:
        self._pending.append((keys, counts))
        self._n_pending += len(keys)
        if self._n_pending > max(_LEAST_PENDING, len(self._keys)):  # so that the work is in proportion to what comes
            self._compact()

    def _compact(self) -> None:
        if not self._pending:
            return
        keys = np.concatenate([self._keys, *(k for k, _ in self._pending)])
        counts = np.concatenate([self._counts, *(c for _, c in self._pending)])
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        self._keys, self._counts = keys[first], np.add.reduceat(counts, first) if len(first) else counts
        self._pending, self._n_pending = [], 0
