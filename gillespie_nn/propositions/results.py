"""The quantities whose errors are measured: every species that moves, and the numbers that pairs of rails carry."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..crn import ReactionNetwork
from ..crn.dual_rail import pairs
from ..storage import moments_file


class Quantities(NamedTuple):
    """`names` of species, and then of numbers `V = V_p - V_m`. `plus` and `minus` are rows of a state with the constant
    1 at its end; `minus` is the row of the constant, which never differs, where nothing is subtracted."""

    names: tuple[str, ...]
    plus: np.ndarray  # int64[quantity]
    minus: np.ndarray  # int64[quantity]
    is_number: np.ndarray  # bool[quantity]: what a neuron or a weight means, a pair of rails or a species without one

    def __len__(self) -> int:
        return len(self.names)


def quantities_of(network: ReactionNetwork) -> Quantities:
    """The quantities of a training network, or of its forward part."""
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


# What is known of each path so far, in memory and in a file that is whole at any moment (`storage.moments_file`).
#
# The sup-error of a path is eps times theta, infinite where a solution explodes. What the arrays are is in FORMAT.md.

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

    def with_paths(self, n_paths: int) -> "Results":
        """The same with room for `n_paths` at least."""
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
        """The first `paths` int64[size + 1] of each size and of `theta_0`, as if there were no others."""
        n = int(paths.max())
        result = self._replace(**{name: getattr(self, name)[:n].copy() for name in _ARRAYS})
        beyond = np.arange(n)[:, None] >= paths
        for values in (result.theta, result.bound, result.ratio):
            values[beyond[:, :-1]] = np.nan
        result.theta_0[beyond[:, -1]] = np.nan
        result.violations[beyond[:, :-1]] = 0
        result.committed[beyond] = 0
        return result

    def reached(self) -> np.ndarray:
        """Numbers of the quantities that the noise reaches on most paths at every size; the others rest, and a median
        error of 0 has no logarithm."""
        return np.flatnonzero(np.median(self.theta, axis=0).min(axis=0) > 0)

    def ended(self) -> "Results":
        """Those of the paths on which all solutions reach the end."""
        ended = ~np.isinf(self.theta).any(axis=(1, 2))
        return self._replace(**{name: getattr(self, name)[ended] for name in _ARRAYS})


def write(path: Path, arguments: dict, results: Results) -> None:
    """Write the file under another name and move it into place. Raises StorageError where that cannot be done."""
    committed = results.committed.copy()  # first: threads go on filling in, and mark what stands when it stands
    moments_file.write_bounds(path, arguments, results._asdict() | {"committed": committed})


def read(path: Path, arguments: dict) -> Results | None:
    """What the file says, None if there is none. Raises InputError for a file of something else, or of other
    arguments."""
    arrays = moments_file.read_bounds(path, arguments)
    return None if arrays is None else Results(**arrays)
