"""Where the rows of an ensemble go. `MemorySink` keeps them; `storage` has one that writes a file."""

from typing import Protocol

import numpy as np

from ..status import Status

NOT_REACHED = -1
"""Value of counts at grid points that a run did not reach."""


class Sink(Protocol):
    """Takes the rows of each replicate in order, replicates in any order, from one thread at a time."""

    def write(self, replicate: int, start: int, rows: np.ndarray, observed: np.ndarray) -> None:
        """Grid points start, start + 1, ... of a replicate: rows int64[point, species], and observables
        float64[point, observable]."""

    def finish(self, replicate: int, status: Status, n_events: int, firings: np.ndarray) -> None:
        """The replicate is whole; what was written of it can be trusted from here on."""


class MemorySink:
    """Arrays in memory."""

    def __init__(self, n_replicates, n_points, n_species, n_reactions_counted=0, n_observables=0):
        self.counts = np.full((n_replicates, n_points, n_species), NOT_REACHED, dtype=np.int64)
        self.observables = np.full((n_replicates, n_points, n_observables), np.nan)
        self.status = np.full(n_replicates, Status.INTERRUPTED, dtype=np.int64)
        self.n_events = np.zeros(n_replicates, dtype=np.int64)
        self.firings = np.zeros((n_replicates, n_reactions_counted), dtype=np.int64)

    def write(self, replicate, start, rows, observed):
        self.counts[replicate, start : start + len(rows)] = rows
        self.observables[replicate, start : start + len(rows)] = observed

    def finish(self, replicate, status, n_events, firings):
        self.status[replicate] = status
        self.n_events[replicate] = n_events
        self.firings[replicate] = firings
