"""The result of an ensemble of which moments were kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks
from ..checks import InputError
from ..display.ensembles import MOLECULES, known_name
from ..status import Status
from .columns import MOMENTS, Columns, of_moments
from .constants import constant
from .ensemble_result import EnsembleResult
from .methods import METHODS
from .moments import Moments
from .parts import Sums
from .result import save_with
from .stopping import END_TIME

if TYPE_CHECKING:
    from .task import Task


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
    """Writes the file for `save`: `storage.save`."""

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
        columns, block = self.table().names, next(iter(self.table().blocks))
        return pandas.DataFrame(dict(zip(columns[2:], block[2:])), index=index)

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

    def table(self) -> Columns:
        return of_moments(self)
