"""The committed part of a dataset, read from disk when it is indexed."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..simulation.sinks import reached
from .damage import readable

_BYTES = 1 << 24
"""Read at once, about: of what is asked for some species, all are read."""


class LazyRows:
    """The committed part of `/counts` or `/observables`, indexed like an array [replicate, point, species] and read
    from disk, or of `/covariance`, whose rows are matrices. Counts of -1, which were not reached, are masked."""

    def __init__(self, path: Path, dataset: h5py.Dataset, replicates: np.ndarray, n_points: int):
        self.dtype, self.ndim = dataset.dtype, dataset.ndim
        self._path = path
        self._dataset, self._replicates, self._n_points = dataset, replicates, n_points

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self._replicates), self._n_points, *self._dataset.shape[2:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        key = key if isinstance(key, tuple) else (key,)
        n_axes = self.ndim
        if len(key) > n_axes + any(k is Ellipsis for k in key):
            axes = ", ".join(["replicate", "point"] + ["species"] * (n_axes - 2))
            raise IndexError(f"{self._dataset.name[1:]} have {n_axes} axes ({axes}), but the index has {len(key)}")
        if any(k is Ellipsis for k in key):
            at = next(a for a, k in enumerate(key) if k is Ellipsis)
            key = key[:at] + (slice(None),) * (n_axes + 1 - len(key)) + key[at + 1 :]
        with readable(self._path):
            return self._rows(key, n_axes)

    def _rows(self, key: tuple, n_axes: int) -> Any:
        replicate, point, *more = key + (slice(None),) * (n_axes - len(key))
        chosen, points = self._replicates[replicate], np.arange(self._n_points)[point]
        species = tuple(more)
        row = np.broadcast_to(np.int8(0), self._dataset.shape[2:])[species].shape
        found = np.empty((np.size(chosen), np.size(points), *row), dtype=self.dtype)
        self._fill(found, np.atleast_1d(chosen), np.atleast_1d(points), species)
        return reached(found.reshape(np.shape(chosen) + np.shape(points) + row))[()]

    def _fill(self, found: np.ndarray, chosen: np.ndarray, points: np.ndarray, species: tuple) -> None:
        """Slab by slab of `_BYTES`, of as many points as fit, and of replicates that follow one another: to read those
        one by one takes many times as long."""
        if not found.size:
            return
        place = (slice(None), slice(None), *species)
        first, last = int(points.min()), int(points.max())
        most = max(1, _BYTES // (self.dtype.itemsize * int(np.prod(self._dataset.shape[2:]))))  # rows
        n_points = min(most, last + 1 - first)
        gaps = np.flatnonzero(np.diff(chosen) != 1) + 1
        for run in np.split(np.arange(len(chosen)), gaps):
            for own in np.split(run, range(most // n_points, len(run), most // n_points)):
                slab = slice(int(chosen[own[0]]), int(chosen[own[-1]]) + 1)
                for start in range(first, last + 1, n_points):
                    stop = min(start + n_points, last + 1)
                    inside = np.flatnonzero((points >= start) & (points < stop))
                    if len(inside):
                        rows = self._dataset[slab, start:stop][:, points[inside] - start]
                        found[own[0] : own[-1] + 1, inside] = rows[place]

    def mean(self, *arguments: Any, **named: Any) -> Any:
        """As `mean` of a numpy array, over the points that were reached; reads all rows."""
        return self[:].mean(*arguments, **named)

    def std(self, *arguments: Any, **named: Any) -> Any:
        """As `std` of a numpy array, over the points that were reached; reads all rows."""
        return self[:].std(*arguments, **named)

    def var(self, *arguments: Any, **named: Any) -> Any:
        """As `var` of a numpy array, over the points that were reached; reads all rows."""
        return self[:].var(*arguments, **named)

    def sum(self, *arguments: Any, **named: Any) -> Any:
        """As `sum` of a numpy array, over the points that were reached; reads all rows."""
        return self[:].sum(*arguments, **named)

    def min(self, *arguments: Any, **named: Any) -> Any:
        """As `min` of a numpy array, over the points that were reached; reads all rows."""
        return self[:].min(*arguments, **named)

    def max(self, *arguments: Any, **named: Any) -> Any:
        """As `max` of a numpy array, over the points that were reached; reads all rows."""
        return self[:].max(*arguments, **named)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.ma.getdata(self[:]).astype(dtype or self.dtype, copy=False)
