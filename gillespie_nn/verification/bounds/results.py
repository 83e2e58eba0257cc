"""What is known of each path so far, in memory and in a file that is whole at any moment.

HDF5, version 1.0. Root attributes: `filetype` ("gillespie-nn bounds"), `version` int64[2], `software_version`,
`created` (ISO 8601, UTC), `arguments` (JSON: all that decides the content). Datasets, P paths, K sizes, Q quantities:

- `size` float64[K]: eps [dimensionless];
- `quantity` text[Q], `is_number` bool[Q]: species, and the numbers that pairs of rails carry;
- `theta` float64[P, K, Q]: sup over [0, T] of |x(t; eps) - x(t)| / eps [concentration];
- `theta_0` float64[P, Q]: sup of |u|, u the first variation or linear noise [concentration];
- `bound` float64[P, K, Q]: sup of the explicit bound over eps [concentration];
- `ratio` float64[P, K, Q]: the largest share of the bound that was reached at any time;
- `violations` int64[P, K, Q]: points in time beyond the bound;
- `committed` uint8[P, K + 1]: which paths and sizes are known, the last column for `theta_0`.

The sup-error of a path is eps times theta, infinite where a solution explodes. What is not committed is NaN, or 0.
"""

import json
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from ...checks import InputError
from ...storage.whole import opened, written
from .quantities import Quantities

FILETYPE = "gillespie-nn bounds"
VERSION = (1, 0)
_ARRAYS = ("theta", "theta_0", "bound", "ratio", "violations", "committed")


class Results(NamedTuple):
    """Arrays as in the file."""

    size: np.ndarray
    quantity: tuple[str, ...]
    is_number: np.ndarray
    theta: np.ndarray
    theta_0: np.ndarray
    bound: np.ndarray
    ratio: np.ndarray
    violations: np.ndarray
    committed: np.ndarray

    @classmethod
    def empty(cls, size: np.ndarray, quantities: Quantities, n_paths: int) -> "Results":
        """Nothing known yet."""
        n_sizes, n = len(size), len(quantities)
        shape = (n_paths, n_sizes, n)
        theta, theta_0, bound, ratio = (np.full(s, np.nan) for s in (shape, (n_paths, n), shape, shape))
        violations = np.zeros(shape, dtype=np.int64)
        committed = np.zeros((n_paths, n_sizes + 1), dtype=np.uint8)
        return cls(
            np.asarray(size), quantities.names, quantities.is_number, theta, theta_0, bound, ratio, violations,
            committed,
        )  # fmt: skip

    def reached(self) -> np.ndarray:
        """Numbers of the quantities that the noise reaches on most paths at every size; the others rest, and a median
        error of 0 has no logarithm."""
        return np.flatnonzero(np.median(self.theta, axis=0).min(axis=0) > 0)

    def ended(self) -> "Results":
        """Those of the paths on which all solutions reach the end."""
        ended = np.isfinite(self.theta).all(axis=(1, 2))
        return self._replace(**{name: getattr(self, name)[ended] for name in _ARRAYS})


def write(path: Path, arguments: dict, results: Results) -> None:
    """Write the file under another name and move it into place. Raises StorageError where that cannot be done."""
    committed = results.committed.copy()  # first: threads go on filling in, and mark what stands when it stands
    with written(path, FILETYPE, VERSION) as file:
        file.attrs["arguments"] = json.dumps(arguments, sort_keys=True)
        file["size"] = results.size
        file["quantity"] = np.array(results.quantity, dtype=h5py.string_dtype())
        file["is_number"] = results.is_number
        for name in _ARRAYS:
            data = committed if name == "committed" else getattr(results, name)
            file.create_dataset(name, data=data, compression="gzip", compression_opts=1)
        for name in ("theta", "theta_0", "bound"):
            file[name].attrs["units"] = "concentration"


def read(path: Path, arguments: dict) -> Results | None:
    """What the file says, None if there is none. Raises InputError for a file of something else, or of other
    arguments."""
    path = Path(path)
    if not path.exists():
        return None
    with opened(path, FILETYPE, VERSION, "choose another output, or replace it with --overwrite") as file:
        found = json.loads(file.attrs["arguments"])
        other = sorted(k for k in {*found, *arguments} if found.get(k) != arguments.get(k))
        if other:
            raise InputError(
                f"{path} holds a verification with another {', '.join(other)}: choose another output, or start it "
                "anew with --overwrite"
            )
        quantity = tuple(file["quantity"].asstr()[:])
        return Results(file["size"][:], quantity, file["is_number"][:], *(file[name][:] for name in _ARRAYS))
