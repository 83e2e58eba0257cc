"""Moments of an ensemble while it is simulated, for ensembles too large to store.

Blocks of `task.BLOCK` replicates are summed replicate by replicate (B. P. Welford, Technometrics 4 (1962) 419-420,
doi:10.1080/00401706.1962.10490022) and merged in their order (T. F. Chan, G. H. Golub and R. J. LeVeque, Am. Stat. 37
(1983) 242-247, doi:10.1080/00031305.1983.10483115): the same sums, to the last bit, for any number of workers.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from ..checks import InternalError
from ..statistics.sketch import Sketch
from ..status import Status
from .sinks import Ends, Rows
from .task import BLOCK, QUANTILES, Task

ARRAYS = {"n": np.int64, "mean": np.float64, "squares": np.float64, "minimum": np.float64, "maximum": np.float64}
"""Names and dtypes of the arrays [point, quantity]: replicates that reached the point, their mean, the sum of the
squared deviations from it, the smallest and the largest value."""
N_STATUSES = max(Status) + 1
_TOGETHER = 64 * BLOCK
"""Replicates of which `Moments.write_block` sums the blocks at the same time."""


class Moments:
    """Moments of replicates of a `Task`, a sink for them (see `sinks.Sink`); `sketch` is None unless requested.

    `n_done` replicates are included, `statuses` int64[N_STATUSES] of them ended in each way, after `n_events`
    reactions in all; `statistics` are sums over them of what the method says about its steps.
    """

    def __init__(self, task: Task) -> None:
        network, self.n_done = task.network, 0
        shape = (len(task.grid), len(task.quantities))
        self.n, self.mean, self.squares, self.minimum, self.maximum = _no_arrays(shape)
        self.statuses, self.n_events = np.zeros(N_STATUSES, dtype=np.int64), 0
        self.statistics = {name: 0.0 for name in task.statistics_names}
        self.sketch = Sketch(whole(task)) if task.record == QUANTILES else None
        place = {name: k for k, name in enumerate(task.quantities)}
        self._observed = [place[name] for name in network.observables]
        self._n_species = len(task.species)

    def write(self, replicate: int, start: int, rows: np.ndarray, observed: np.ndarray, covariance: np.ndarray) -> None:
        values = np.empty((len(rows), self.n.shape[1]))
        values[:, : self._n_species] = rows
        values[:, self._observed] = observed  # also of species that a rule gives
        part = slice(start, start + len(rows))
        _include(values, *(getattr(self, name)[part] for name in ARRAYS))
        if self.sketch is not None:
            self.sketch.add(values.ravel(), start * values.shape[1])

    def finish(
        self, replicate: int, status: Status, n_events: int, firings: np.ndarray, statistics: Mapping[str, float]
    ) -> None:
        self.statuses[status] += 1
        self.n_done += 1
        self.n_events += n_events
        for name, value in statistics.items():
            if not np.isnan(value):  # the time of a stop, of one that did not stop
                self.statistics[name] += value

    def write_block(self, first: int, rows: Rows, ends: Ends) -> None:
        """Include complete replicates, see `Sink`. The sums have the bits of `write`, replicate by replicate, in blocks
        of `task.BLOCK` that are merged in order. Raises InternalError unless `first` replicates are included so far, a
        multiple of `task.BLOCK`."""
        if first != self.n_done or first % BLOCK:
            raise InternalError(f"a block of moments must follow {self.n_done} replicates and be whole, got {first}")
        for part in self.summed(rows, ends):
            self.merge(part)

    def summed(self, rows: Rows, ends: Ends) -> "Iterator[Moments]":
        """The moments of each `BLOCK` of some replicates, in order."""
        for start in range(0, len(ends.status), _TOGETHER):
            several = slice(start, start + _TOGETHER)
            yield from self._summed(Rows(*(values[several] for values in rows)), ends.part(several))

    def _summed(self, rows: Rows, ends: Ends) -> "list[Moments]":
        """The moments of each `BLOCK` of some replicates."""
        n = len(ends.status)
        values = np.empty((n, *self.n.shape))
        values[:, :, : self._n_species] = rows.counts
        values[:, :, self._observed] = rows.observed
        values[np.arange(self.n.shape[0]) >= ends.n_points[:, None]] = np.nan
        several = _no_arrays((-(-n // BLOCK), *self.n.shape))
        for k in range(min(n, BLOCK)):
            step = values[k::BLOCK]
            _include(step, *(array[: len(step)] for array in several))
        parts = [self._part(*(array[number] for array in several)) for number in range(len(several[0]))]
        for number, part in enumerate(parts):
            for k in range(number * BLOCK, min(n, (number + 1) * BLOCK)):
                part.finish(
                    k, Status(int(ends.status[k])), int(ends.n_events[k]), ends.firings[k],
                    {name: float(numbers[k]) for name, numbers in ends.statistics.items()},
                )  # fmt: skip
                if part.sketch is not None:
                    part.sketch.add(values[k].ravel())
        return parts

    def _part(self, *arrays: np.ndarray) -> "Moments":
        """Moments of the same quantities with these `ARRAYS`, and no replicates yet."""
        part = Moments.__new__(Moments)
        part.n, part.mean, part.squares, part.minimum, part.maximum = arrays
        part.statuses, part.n_done, part.n_events = np.zeros_like(self.statuses), 0, 0
        part.statistics = dict.fromkeys(self.statistics, 0.0)
        part.sketch = None if self.sketch is None else self.sketch.empty()
        return part

    def merge(self, other: "Moments") -> None:
        """Add everything in another one, whose replicates follow."""
        n = self.n + other.n
        share = np.divide(other.n, n, out=np.zeros(n.shape), where=n > 0)
        deviation = other.mean - self.mean
        self.squares += other.squares + deviation**2 * self.n * share
        self.mean += deviation * share
        self.n = n
        np.minimum(self.minimum, other.minimum, out=self.minimum)
        np.maximum(self.maximum, other.maximum, out=self.maximum)
        self.statuses += other.statuses
        self.n_done += other.n_done
        self.n_events += other.n_events
        for name, value in other.statistics.items():
            self.statistics[name] += value
        if self.sketch is not None and other.sketch is not None:
            self.sketch.merge(other.sketch)


def _no_arrays(shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """`ARRAYS` of no replicates."""
    n, mean, squares = np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape)
    return n, mean, squares, np.full(shape, np.inf), np.full(shape, -np.inf)


def _include(
    values: np.ndarray, n: np.ndarray, mean: np.ndarray, squares: np.ndarray, minimum: np.ndarray, maximum: np.ndarray
) -> None:
    """One step of Welford's method at each place, in place; values that are not finite are left out."""
    there = np.isfinite(values)
    n += there
    deviation = np.where(there, values - mean, 0.0)
    mean += deviation / np.maximum(n, 1)
    squares += deviation * np.where(there, values - mean, 0.0)
    np.fmin(minimum, np.where(there, values, np.nan), out=minimum)
    np.fmax(maximum, np.where(there, values, np.nan), out=maximum)


def whole(task: Task) -> np.ndarray:
    """bool[point * quantity]: where only whole numbers can be recorded."""
    is_whole = np.zeros(len(task.quantities), dtype=bool)
    is_whole[: len(task.species)] = np.issubdtype(task.method.dtype, np.integer)
    is_whole[[k for k, name in enumerate(task.species) if name in task.network.rules]] = False
    return np.tile(is_whole, len(task.grid))
