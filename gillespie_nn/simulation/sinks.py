"""Where the rows of an ensemble go. `MemorySink` keeps them; `storage` has one that writes a file."""

from typing import Protocol

import numpy as np

from ..status import Status

NOT_REACHED = -1
"""Value of counts at grid points that a run did not reach; of concentrations it is NaN."""


def not_reached(dtype):
    """Value at grid points that a run did not reach."""
    return NOT_REACHED if np.issubdtype(dtype, np.integer) else np.nan


def reached(counts: np.ndarray) -> np.ndarray:
    """`counts` as they are, or masked where whole counts were not reached, or a rule gives no whole number: a mean of
    them is then that of the others."""
    if not np.issubdtype(counts.dtype, np.integer) or not (np.asarray(counts) < 0).any():
        return counts
    return np.ma.masked_less(counts, 0, copy=False)


def covariance_size(method, n_species) -> int:
    """Species in the covariances that a method (a class) records."""
    return n_species if method.records_covariance else 0


class Sink(Protocol):
    """Takes the rows of each replicate in order, replicates in any order, from one thread at a time."""

    def write(self, replicate: int, start: int, rows: np.ndarray, observed: np.ndarray, covariance: np.ndarray) -> None:
        """Grid points start, start + 1, ... of a replicate: rows [point, species] in the units of the method,
        observables float64[point, observable], and covariances float64[point, species, species] or [point, 0, 0]."""

    def finish(self, replicate: int, status: Status, n_events: int, firings: np.ndarray, statistics: dict) -> None:
        """The replicate is whole; what was written of it can be trusted from here on."""


class MemorySink:
    """Arrays in memory, for what a `simulation.ensemble.Task` says."""

    def __init__(self, task):
        n, method, network = task.n_replicates, task.method, task.network
        shape = (n, len(task.grid))
        n_species = len(network.species)
        size = covariance_size(method, n_species)
        self.counts = np.full((*shape, n_species), not_reached(method.dtype), dtype=method.dtype)
        self.observables = np.full((*shape, len(network.observables)), np.nan)
        self.covariance = np.full((*shape, size, size), np.nan)
        self.status = np.full(n, Status.INTERRUPTED, dtype=np.int64)
        self.n_events = np.zeros(n, dtype=np.int64)
        self.firings = np.zeros((n, len(network.reactions) if task.count_firings else 0), dtype=np.int64)
        self.statistics = {name: np.full(n, np.nan) for name in method.statistics_names}

    def write(self, replicate, start, rows, observed, covariance):
        part = slice(start, start + len(rows))
        self.counts[replicate, part] = rows
        self.observables[replicate, part] = observed
        self.covariance[replicate, part] = covariance

    def finish(self, replicate, status, n_events, firings, statistics):
        for name, value in statistics.items():
            self.statistics[name][replicate] = value
        self.status[replicate] = status
        self.n_events[replicate] = n_events
        self.firings[replicate] = firings
