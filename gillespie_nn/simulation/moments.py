"""Moments of an ensemble, summed while it is simulated, and the result that holds them.

They are for ensembles too large to store. Groups of `task.MOMENT_GROUP` replicates are summed replicate by replicate
(B. P. Welford, Technometrics 4 (1962) 419-420, doi:10.1080/00401706.1962.10490022), and the groups are merged in order
(T. F. Chan, G. H. Golub and R. J. LeVeque, Am. Stat. 37 (1983) 242-247, doi:10.1080/00031305.1983.10483115). So the
sums are the same to the last bit for any number of workers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import checks
from ..checks import InputError, InternalError
from ..display.curves import MOLECULES, known_name
from ..statistics.intervals import Sketch
from ..status import Status
from .ensemble_result import EnsembleResult
from .methods import METHODS
from .replicate_events import END_TIME
from .result import save_with
from .result_views import MOMENTS, Columns, Sums, constant, of_moments
from .sinks import Ends, Rows
from .task import MOMENT_GROUP, QUANTILES, Task

ARRAYS = {"n": np.int64, "mean": np.float64, "squares": np.float64, "minimum": np.float64, "maximum": np.float64}
"""Names and dtypes of the arrays [point, quantity]: replicates that reached the point, their mean, the sum of the
squared deviations from it, the smallest and the largest value."""
N_STATUSES = max(Status) + 1
_TOGETHER = 64 * MOMENT_GROUP
"""Replicates whose groups `Moments.write_block` sums at the same time."""


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
        # Observables come last: they include species that a rule gives.
        values[:, self._observed] = observed
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
            # The time of a stop is NaN for a replicate that did not stop.
            if not np.isnan(value):
                self.statistics[name] += value

    def write_block(self, first: int, rows: Rows, ends: Ends) -> None:
        """Include complete replicates, see `Sink`.

        The sums equal those of `write` bit for bit: replicate by replicate in groups of `task.MOMENT_GROUP`, which are
        merged in order. Raises InternalError unless `first` replicates are included so far, a multiple of
        `task.MOMENT_GROUP`.
        """
        if first != self.n_done or first % MOMENT_GROUP:
            raise InternalError(f"a block of moments must follow {self.n_done} replicates and be whole, got {first}")
        for part in self.summed(rows, ends):
            self.merge(part)

    def summed(self, rows: Rows, ends: Ends) -> "Iterator[Moments]":
        """The moments of each group of `MOMENT_GROUP` replicates, in order."""
        for start in range(0, len(ends.status), _TOGETHER):
            several = slice(start, start + _TOGETHER)
            yield from self._summed(Rows(*(values[several] for values in rows)), ends.part(several))

    def _summed(self, rows: Rows, ends: Ends) -> "list[Moments]":
        """The moments of each group, for up to `_TOGETHER` replicates."""
        n = len(ends.status)
        values = np.empty((n, *self.n.shape))
        values[:, :, : self._n_species] = rows.counts
        values[:, :, self._observed] = rows.observed
        values[np.arange(self.n.shape[0]) >= ends.n_points[:, None]] = np.nan
        several = _no_arrays((-(-n // MOMENT_GROUP), *self.n.shape))
        # Step k includes replicate k of every group: within a group the order is that of `write`.
        for k in range(min(n, MOMENT_GROUP)):
            step = values[k::MOMENT_GROUP]
            _include(step, *(array[: len(step)] for array in several))
        parts = [self._part(*(array[number] for array in several)) for number in range(len(several[0]))]
        for number, part in enumerate(parts):
            for k in range(number * MOMENT_GROUP, min(n, (number + 1) * MOMENT_GROUP)):
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
    """One step of Welford's method at each place, in place. Values that are not finite are left out."""
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


# The result of an ensemble that recorded moments


@dataclass(frozen=True, repr=False)
class MomentsResult(EnsembleResult):
    """Moments and, on request, quantiles of an ensemble on a time grid; see `Result` for what a recorded point is.

    Replicates that did not reach a point (event limit, overflow), or in which a rule has no finite value there, are
    left out: `n` is then less than `n_done`.
    """

    time: np.ndarray
    """float64[point] [s]."""
    quantities: tuple[str, ...]
    """Names of the species, then of the observables that are not species. A species given by a rule has the rule's
    value."""
    moments: Moments
    n_replicates: int
    """Replicates requested."""
    method: str
    seed: int
    volume: float
    model: Any
    """The ReactionNetwork."""
    units: str = "molecules"
    """Units of the species: `molecules`, or `concentration`."""
    method_reason: str = ""
    """Why this method was used: requested, or the reason for the choice of `auto`."""
    _task: "Task | None" = None
    """Everything that determines the ensemble; None for a result made by hand or read from a file."""
    provenance: dict = field(default_factory=dict)
    """Command, parameters, versions, machine, and `seconds` of wall time."""
    _writer: Callable[..., None] | None = None
    """Writes the file for `save`: `storage.export`."""

    def __len__(self) -> int:
        """Number of replicates included."""
        return self.n_done

    @property
    def n(self) -> np.ndarray:
        """int64[point, quantity], number of replicates that reached the point with a finite value."""
        return self.moments.n

    @property
    def n_done(self) -> int:
        """Number of replicates included."""
        return self.moments.n_done

    @property
    def n_planned(self) -> int:
        """Replicates requested."""
        return self.n_replicates

    @property
    def n_events(self) -> int:
        """Reactions fired, summed over the replicates."""
        return self.moments.n_events

    @property
    def statuses(self) -> dict[Status, int]:
        """How many replicates ended in each way."""
        return {Status(k): int(n) for k, n in enumerate(self.moments.statuses) if n}

    @property
    def statistics(self) -> dict[str, float]:
        """Statistics that the method reports about its steps, averaged over the replicates; `end_time` over those that
        the condition of `stop_when` stopped [s], NaN if there are none."""
        n_stopped = int(self.moments.statuses[Status.CONDITION_MET])
        means = {name: total / max(1, self.n_done) for name, total in self.moments.statistics.items()}
        if END_TIME in means:
            means[END_TIME] = self.moments.statistics[END_TIME] / n_stopped if n_stopped else np.nan
        return means

    @property
    def complete(self) -> bool:
        """Whether every replicate requested was simulated to the end."""
        return self.n_done == self.n_replicates and all(s.complete for s in self.statuses)

    @property
    def _species_asked(self) -> Sequence[str] | None:
        return super()._species_asked if self._task is None else self._task.run.species

    @property
    def _has_firings(self) -> bool:
        units = {m.name: m.units for m in METHODS}
        return units.get(self.method, self.units) == MOLECULES

    def place(self, name: str) -> int:
        """Column of a quantity."""
        return self.quantities.index(known_name(self, name, "quantity"))

    def of(self, name: str) -> np.ndarray:
        """float64[point], the mean of a quantity by name, or the value of a parameter that nothing changes. Raises
        InputError for an unknown name."""
        still = constant(self, name)
        return self.mean(name) if still is None else still

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Write the same file as `simulate(..., output=path)`: `open_run`, `resume` and all commands read it.

        Raises InputError for an existing file without `overwrite`, and for a result that was not made by `simulate` or
        `sweep`; StorageError if the file cannot be written. An existing file is replaced only by a complete one.
        """
        save_with(self._writer, self, path, overwrite)

    def to_dataframe(self) -> Any:
        """A pandas DataFrame indexed by (time, quantity), with columns n, mean, variance, standard_error,
        minimum and maximum. Raises MissingExtraError without pandas."""
        pandas = checks.optional("pandas", "xarray", "to_dataframe")
        index = pandas.MultiIndex.from_product([self.time, self.quantities], names=["time", "quantity"])
        columns, chunk = self.table().names, next(iter(self.table().chunks))
        return pandas.DataFrame(dict(zip(columns[2:], chunk[2:])), index=index)

    def to_xarray(self, quantiles: Sequence[float] = ()) -> Any:
        """An xarray Dataset with dimensions time and quantity, and quantile if any are requested. Raises
        MissingExtraError without xarray."""
        xarray = checks.optional("xarray", "xarray", "to_xarray")
        data: dict[str, tuple] = {"n": (("time", "quantity"), self.n)}
        data |= {name: (("time", "quantity"), getattr(self, name)()) for name in MOMENTS}
        coordinates: dict[str, Any] = {"time": ("time", self.time, {"units": "s"}), "quantity": list(self.quantities)}
        if len(quantiles):
            data["quantiles"] = (("quantile", "time", "quantity"), self.quantile(quantiles))
            coordinates["quantile"] = list(quantiles)
        attributes = {"method": self.method, "seed": self.seed, "volume": self.volume, "units": self.units}
        return xarray.Dataset(data, coordinates, attributes)

    def _columns(self, names: Sequence[str]) -> list[int]:
        return [self.quantities.index(name) for name in names]

    def _sums(self, names: Sequence[str], points: Sequence[int] | None = None, most: int | None = None) -> Sums:
        m, columns = self.moments, self._columns(names)
        rows: Any = slice(None) if points is None else np.array(points)
        return Sums(*(array[rows][:, columns] for array in (m.n, m.mean, m.squares, m.minimum, m.maximum)))

    def _quantiles(self, probabilities: Sequence[float], names: Sequence[str]) -> np.ndarray:
        if self.moments.sketch is None:
            raise InputError('no quantiles were recorded: simulate with record="quantiles"')
        low, high = self.minimum(), self.maximum()
        every = [np.clip(self.moments.sketch.quantile(p).reshape(self.n.shape), low, high) for p in probabilities]
        return np.stack(every)[:, :, self._columns(names)]

    def _several(self, names: Sequence[str]) -> np.ndarray:
        return self.mean(names)

    def table(self, names: Sequence[str] = ()) -> Columns:
        if len(names):
            raise InputError("a table of moments has all quantities: leave out the names")
        return of_moments(self)
