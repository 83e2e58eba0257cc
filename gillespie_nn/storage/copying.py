"""Copying replicates from one file to another, in blocks of bounded size."""

import h5py
import numpy as np

from . import disk

_BLOCK_BYTES = 1 << 22


def copy_replicates(
    source: h5py.Dataset, target: h5py.Dataset, replicates: np.ndarray, n_points: int | None = None
) -> None:
    """Copy the first points (default: all) of these replicates; their numbers must increase."""
    if not source.size:
        return
    length, *row = source.shape[1:]
    n_points = length if n_points is None else n_points
    most = max(1, _BLOCK_BYTES // (source.dtype.itemsize * int(np.prod(row))))  # rows
    together, n_rows = max(1, most // length), min(most, length)
    for run in np.split(replicates, np.flatnonzero(np.diff(replicates) != 1) + 1):
        for first in range(0, len(run), together):
            numbers = slice(int(run[first]), int(run[min(first + together, len(run)) - 1]) + 1)
            for start in range(0, n_points, n_rows):
                disk.raise_postponed()
                part = slice(start, min(start + n_rows, n_points))
                target[numbers, part] = source[numbers, part]
