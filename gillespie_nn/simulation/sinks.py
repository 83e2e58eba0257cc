"""Sinks, which receive the rows of an ensemble. `MemorySink` keeps them; `storage` has one that writes a file."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from ..status import Status
from .reaction_log import Fired, MemoryLog

if TYPE_CHECKING:
    from .task import Task

NOT_REACHED = -1
"""Value of counts at recorded points that a replicate did not reach; concentrations are NaN there."""


def not_reached(dtype: Any) -> float:
    """Value at recorded points that a replicate did not reach."""
    return NOT_REACHED if np.issubdtype(dtype, np.integer) else np.nan


def reached(counts: np.ndarray) -> np.ndarray:
    """`counts`, masked where a replicate did not reach the point or a rule gives no whole number, so that a mean is
    that of the others."""
    if not np.issubdtype(counts.dtype, np.integer) or not (np.asarray(counts) < 0).any():
        return counts
    return np.ma.masked_less(counts, 0, copy=False)


def covariance_size(method: Any, n_species: int) -> int:
    """Species in the covariances that a method (a class) records."""
    return n_species if method.records_covariance else 0


class Rows(NamedTuple):
    """The recorded rows of several replicates."""

    counts: np.ndarray
    """[replicate, point, species], in the units of the method and of its dtype."""
    observed: np.ndarray
    """float64[replicate, point, observable]."""
    covariance: np.ndarray
    """float64[replicate, point, species, species], or [replicate, point, 0, 0]."""


class Ends(NamedTuple):
    """How several replicates ended."""

    n_points: np.ndarray
    """int64[replicate], recorded points that were reached; rows beyond them are ignored."""
    status: np.ndarray
    """int64[replicate], numbers of `Status`."""
    n_events: np.ndarray
    """int64[replicate]."""
    firings: np.ndarray
    """int64[replicate, reaction], or [replicate, 0] if they are not counted."""
    statistics: Mapping[str, np.ndarray]
    """float64[replicate] by name."""

    def part(self, replicates: slice) -> "Ends":
        """The ends of a slice of the replicates."""
        return Ends(
            self.n_points[replicates],
            self.status[replicates],
            self.n_events[replicates],
            self.firings[replicates],
            {name: values[replicates] for name, values in self.statistics.items()},
        )


class Sink(Protocol):
    """Takes replicates in any order, from one thread at a time. One replicate comes as rows in order (`write`), then
    its end (`finish`); several complete ones come at once (`write_block`).

    The arrays of a block belong to the caller, who may change them after the call.
    """

    def write(self, replicate: int, start: int, rows: np.ndarray, observed: np.ndarray, covariance: np.ndarray) -> None:
        """Recorded points start, start + 1, ... of a replicate: rows [point, species] in the units of the method,
        observables float64[point, observable], and covariances float64[point, species, species] or [point, 0, 0]."""

    def finish(
        self, replicate: int, status: Status, n_events: int, firings: np.ndarray, statistics: Mapping[str, float]
    ) -> None:
        """The replicate is complete; from now on its rows can be trusted."""

    def write_block(self, first: int, rows: Rows, ends: Ends) -> None:
        """Replicates first, first + 1, ..., all complete. A sink of moments takes them in order: `first` is the number
        of replicates so far, and a multiple of `task.MOMENT_GROUP`."""

    def write_events(self, first: int, fired: Fired) -> None:
        """Reactions of replicates first, first + 1, ..., if they are recorded. The last may go on in a later call; all
        of a replicate come in order, before its end."""


class MemorySink:
    """Arrays in memory, with the sizes that a `Task` needs."""

    def __init__(self, task: "Task") -> None:
        n, method, network = task.n_replicates, task.method, task.network
        shape = (n, len(task.grid))
        n_species = len(task.species)
        size = covariance_size(method, n_species)
        self.counts: np.ndarray = np.full((*shape, n_species), not_reached(method.dtype), dtype=method.dtype)
        self.observables = np.full((*shape, len(network.observables)), np.nan)
        self.covariance = np.full((*shape, size, size), np.nan)
        self.status = np.full(n, Status.INTERRUPTED, dtype=np.int64)
        self.n_events = np.zeros(n, dtype=np.int64)
        self.firings = np.zeros((n, len(network.reactions) if task.count_firings else 0), dtype=np.int64)
        self.statistics = {name: np.full(n, np.nan) for name in task.statistics_names}
        self.log = MemoryLog(n) if task.records_events else None

    def write(self, replicate: int, start: int, rows: np.ndarray, observed: np.ndarray, covariance: np.ndarray) -> None:
        part = slice(start, start + len(rows))
        self.counts[replicate, part] = rows
        self.observables[replicate, part] = observed
        self.covariance[replicate, part] = covariance

    def finish(
        self, replicate: int, status: Status, n_events: int, firings: np.ndarray, statistics: Mapping[str, float]
    ) -> None:
        for name, value in statistics.items():
            self.statistics[name][replicate] = value
        self.status[replicate] = status
        self.n_events[replicate] = n_events
        self.firings[replicate] = firings
        if self.log is not None:
            self.log.end(replicate, 1)

    def write_events(self, first: int, fired: Fired) -> None:
        assert self.log is not None
        self.log.add(first, fired)

    def write_block(self, first: int, rows: Rows, ends: Ends) -> None:
        replicates = slice(first, first + len(ends.status))
        self.counts[replicates], self.observables[replicates] = rows.counts, rows.observed
        self.covariance[replicates] = rows.covariance
        # Rows beyond the end of a replicate are arbitrary.
        for k in np.flatnonzero(ends.n_points < self.counts.shape[1]):
            beyond = (first + k, slice(ends.n_points[k], None))
            self.counts[beyond] = not_reached(self.counts.dtype)
            self.observables[beyond] = self.covariance[beyond] = np.nan
        for name, values in ends.statistics.items():
            self.statistics[name][replicates] = values
        self.n_events[replicates] = ends.n_events
        self.firings[replicates] = ends.firings
        self.status[replicates] = ends.status
        if self.log is not None:
            self.log.end(first, len(ends.status))
