"""The committed part of a dataset, sliced from disk like an array."""

import numpy as np

from .validate import readable


class LazyRows:
    """A view of the committed part of `/counts` or `/observables`, sliced from disk like an array [replicate, point,
    species], or of `/covariance`, whose rows are matrices."""

    def __init__(self, path, dataset, replicates, n_points):
        self.dtype, self.ndim = dataset.dtype, dataset.ndim
        self._path = path
        self._dataset, self._replicates, self._n_points = dataset, replicates, n_points

    @property
    def shape(self):
        return (len(self._replicates), self._n_points, *self._dataset.shape[2:])

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, key):
        key = key if isinstance(key, tuple) else (key,)
        n_axes = self.ndim
        if len(key) > n_axes + any(k is Ellipsis for k in key):
            axes = ", ".join(["replicate", "point"] + ["species"] * (n_axes - 2))
            raise IndexError(f"{self._dataset.name[1:]} have {n_axes} axes ({axes}), indexed by {len(key)}")
        if any(k is Ellipsis for k in key):
            at = next(a for a, k in enumerate(key) if k is Ellipsis)
            key = key[:at] + (slice(None),) * (n_axes + 1 - len(key)) + key[at + 1 :]
        with readable(self._path):
            return self._rows(key, n_axes)

    def _rows(self, key, n_axes):
        replicate, point, *species = key + (slice(None),) * (n_axes - len(key))
        species = tuple(species)
        chosen = self._replicates[replicate]
        points = np.arange(self._n_points)[point]
        if np.ndim(chosen) == 0:
            return self._part(int(chosen), points, species)
        parts = [self._part(int(r), points, species) for r in chosen]
        if parts:
            return np.stack(parts)
        return np.empty((0, *np.empty(self.shape[1:], dtype=np.int8)[(point, *species)].shape), dtype=self.dtype)

    def _part(self, replicate, points, species):
        if np.ndim(points) == 0:
            return self._dataset[replicate, int(points)][species]
        if len(points) == 0:
            return np.empty((0, *self.shape[2:]), dtype=self.dtype)[(slice(None), *species)]
        if self.ndim > 3:  # a row is large
            return np.stack([self._dataset[replicate, int(p)][species] for p in points])
        first, last = int(points.min()), int(points.max())
        return self._dataset[replicate, first : last + 1][points - first][(slice(None), *species)]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype=dtype)
