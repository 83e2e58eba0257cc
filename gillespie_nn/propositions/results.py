"""The quantities whose errors are measured, and the results of all paths, in memory and in a file.

The quantities are every species that moves and the numbers that pairs of rails encode. The sup-error of a path is eps
times theta; theta is infinite if a solution blows up. FORMAT.md describes the arrays of the file.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..crn import ReactionNetwork
from ..crn.dual_rail import pairs
from ..storage import moments_file


class Quantities(NamedTuple):
    """`names` are those of species, followed by numbers `V = V_p - V_m`. `plus` and `minus` are rows of a state that
    ends with the constant 1. If nothing is subtracted, `minus` is the row of the constant, whose error is 0."""

    names: tuple[str, ...]
    plus: np.ndarray  # int64[quantity]
    minus: np.ndarray  # int64[quantity]
    is_number: np.ndarray  # bool[quantity]: what a neuron or a weight means, a pair of rails or a species without one

    def __len__(self) -> int:
        return len(self.names)


def quantities_of(network: ReactionNetwork) -> Quantities:
    """The quantities of a training network, or of its forward part."""
    # A species without reactions has no error. On rails only the number has a meaning, but both rails are measured.
    index, n = network.index, len(network.species)
    moving = set(np.unique(network.stoichiometry.indices).tolist())
    signed = pairs(network.species)
    on_rails = {s for rails in signed.values() for s in rails}
    rows = [(s, k, n, s not in on_rails) for s, k in index.items() if k in moving]
    for name, rails in signed.items():
        on_plus, on_minus = (index[s] for s, _ in rails.signs())
        if {on_plus, on_minus} & moving:
            rows.append((name, on_plus, on_minus, True))
    names, plus, minus, is_number = zip(*rows)
    return Quantities(names, np.array(plus), np.array(minus), np.array(is_number))


# The results, and their file, which is complete at any moment (`storage.moments_file`).

_ARRAYS = ("theta", "theta_0", "bound", "ratio", "violations", "committed")


class Results(NamedTuple):
    """The arrays of the file; NaN, and 0 in `committed`, for what is not simulated yet."""

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
        """Results without any path."""
        n_sizes, n = len(size), len(quantities)
        shape = (n_paths, n_sizes, n)
        theta, theta_0, bound, ratio = (np.full(s, np.nan) for s in (shape, (n_paths, n), shape, shape))
        violations = np.zeros(shape, dtype=np.int64)
        committed = np.zeros((n_paths, n_sizes + 1), dtype=np.uint8)
        return cls(
            np.asarray(size), quantities.names, quantities.is_number, theta, theta_0, bound, ratio, violations,
            committed,
        )  # fmt: skip

    def with_paths(self, n_paths: int) -> "Results":
        """The same results with space for at least `n_paths`."""
        more = n_paths - len(self.theta)
        if more <= 0:
            return self
        empty = {"violations": 0, "committed": 0}
        arrays: dict[str, Any] = {}
        for name in _ARRAYS:
            values = getattr(self, name)
            added = np.full((more, *values.shape[1:]), empty.get(name, np.nan), dtype=values.dtype)
            arrays[name] = np.concatenate([values, added])
        return self._replace(**arrays)

    def upto(self, paths: np.ndarray) -> "Results":
        """The results of only the first `paths` int64[size + 1] of each size and of `theta_0`."""
        n = int(paths.max())
        result = self._replace(**{name: getattr(self, name)[:n].copy() for name in _ARRAYS})
        # Sizes may have different numbers of paths; the last column of `paths` is that of the first variation.
        beyond = np.arange(n)[:, None] >= paths
        for values in (result.theta, result.bound, result.ratio):
            values[beyond[:, :-1]] = np.nan
        result.theta_0[beyond[:, -1]] = np.nan
        result.violations[beyond[:, :-1]] = 0
        result.committed[beyond] = 0
        return result

    def reached(self) -> np.ndarray:
        """Indices of the quantities that the noise reaches on most paths at every size. The others rest; their median
        error is 0 and has no logarithm."""
        return np.flatnonzero(np.median(self.theta, axis=0).min(axis=0) > 0)

    def ended(self) -> "Results":
        """The results of the paths on which all solutions reach the end."""
        ended = ~np.isinf(self.theta).any(axis=(1, 2))
        return self._replace(**{name: getattr(self, name)[ended] for name in _ARRAYS})


def write(path: Path, arguments: dict, results: Results) -> None:
    """Write the file under a temporary name and move it into place. Raises StorageError if that fails."""
    # Copied before the other arrays are read: threads continue to fill them, and mark a path after its values.
    committed = results.committed.copy()
    moments_file.write_bounds(path, arguments, results._asdict() | {"committed": committed})


def read(path: Path, arguments: dict) -> Results | None:
    """The results in the file, None if there is no file. Raises InputError if the file contains something else, or has
    other arguments."""
    arrays = moments_file.read_bounds(path, arguments)
    return None if arrays is None else Results(**arrays)
