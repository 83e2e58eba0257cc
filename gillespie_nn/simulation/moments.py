"""Moments of an ensemble while it is simulated, for ensembles too large to store.

Blocks of `task.BLOCK` replicates are summed replicate by replicate (B. P. Welford, Technometrics 4 (1962) 419-420,
doi:10.1080/00401706.1962.10490022) and merged in their order (T. F. Chan, G. H. Golub and R. J. LeVeque, Am. Stat. 37
(1983) 242-247, doi:10.1080/00031305.1983.10483115): the same sums, to the last bit, for any number of workers.
"""

from collections.abc import Mapping

import numpy as np

from ..status import Status
from .sketch import Sketch
from .task import QUANTILES, Task

ARRAYS = {"n": np.int64, "mean": np.float64, "squares": np.float64, "minimum": np.float64, "maximum": np.float64}
"""Names and dtypes of the arrays [point, quantity]: replicates that reached the point, their mean, the sum of the
squared deviations from it, the smallest and the largest value."""
N_STATUSES = max(Status) + 1


class Moments:
    """Moments of replicates of a `Task`, a sink for them (see `sinks.Sink`); `sketch` is None unless requested.

    `n_done` replicates are included, `statuses` int64[N_STATUSES] of them ended in each way, after `n_events`
    reactions in all; `statistics` are sums over them of what the method says about its steps.
    """

    def __init__(self, task: Task) -> None:
        network, self.n_done = task.network, 0
        shape = (len(task.grid), len(task.quantities))
        self.n, self.mean, self.squares = np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape)
        self.minimum, self.maximum = np.full(shape, np.inf), np.full(shape, -np.inf)
        self.statuses, self.n_events = np.zeros(N_STATUSES, dtype=np.int64), 0
        self.statistics = {name: 0.0 for name in task.method.statistics_names}
        self.sketch = Sketch(whole(task)) if task.record == QUANTILES else None
        place = {name: k for k, name in enumerate(task.quantities)}
        self._observed = [place[name] for name in network.observables]
        self._n_species = len(network.species)

    def write(self, replicate: int, start: int, rows: np.ndarray, observed: np.ndarray, covariance: np.ndarray) -> None:
        values = np.empty((len(rows), self.n.shape[1]))
        values[:, : self._n_species] = rows
        values[:, self._observed] = observed  # also of species that a rule gives
        part, there = slice(start, start + len(rows)), np.isfinite(values)
        n, mean = self.n[part], self.mean[part]
        n += there
        deviation = np.where(there, values - mean, 0.0)
        mean += deviation / np.maximum(n, 1)
        self.squares[part] += deviation * np.where(there, values - mean, 0.0)
        np.fmin(self.minimum[part], np.where(there, values, np.nan), out=self.minimum[part])
        np.fmax(self.maximum[part], np.where(there, values, np.nan), out=self.maximum[part])
        if self.sketch is not None:
            self.sketch.add(values.ravel(), start * values.shape[1])

    def finish(
        self, replicate: int, status: Status, n_events: int, firings: np.ndarray, statistics: Mapping[str, float]
    ) -> None:
        self.statuses[status] += 1
        self.n_done += 1
        self.n_events += n_events
        for name, value in statistics.items():
            self.statistics[name] += value

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


def whole(task: Task) -> np.ndarray:
    """bool[point * quantity]: where only whole numbers can be recorded."""
    is_whole = np.zeros(len(task.quantities), dtype=bool)
    is_whole[: len(task.network.species)] = np.issubdtype(task.method.dtype, np.integer)
    is_whole[[task.network.index[s] for s in task.network.rules if s in task.network.index]] = False
    return np.tile(is_whole, len(task.grid))
