"""What results with trajectories offer, in memory and in files."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks
from ..checks import InputError
from ..display.ensembles import known_name
from ..status import Status
from . import parts
from .columns import Columns, of_trajectories
from .constants import constant
from .ensemble_result import EnsembleResult
from .jump_path import EventLog, JumpPath, path_of

if TYPE_CHECKING:
    import pandas
    import xarray


class Trajectories(EnsembleResult):
    """The base of `Result` and `Run`: arrays [replicate, point, species], and statistics over them."""

    if TYPE_CHECKING:

        @property
        def counts(self) -> Any: ...
        @property
        def observables(self) -> Any: ...
        @property
        def species(self) -> tuple[str, ...]: ...
        @property
        def observable_names(self) -> tuple[str, ...]: ...
        @property
        def status(self) -> np.ndarray: ...
        @property
        def covariance(self) -> Any: ...
        @property
        def n_events(self) -> np.ndarray: ...

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of the species, then of the observables that are not species."""
        return parts.names_of(self)

    @property
    def _has_firings(self) -> bool:
        return np.issubdtype(self.counts.dtype, np.integer)

    @property
    def replicates(self) -> np.ndarray:
        """int64[replicate], their numbers; in a file only those that are committed."""
        return np.arange(len(self))

    @property
    def statuses(self) -> dict[Status, int]:
        """How many replicates ended in each way."""
        return {Status(int(k)): int(n) for k, n in zip(*np.unique(self.status, return_counts=True))}

    def __len__(self) -> int:
        """Replicates."""
        return int(self.counts.shape[0])

    def of(self, name: str) -> np.ndarray:
        """One species, int64[replicate, point] [molecules] or float64 in `units`, or one observable,
        float64[replicate, point], by name; masked, or NaN, where a replicate did not reach the point.

        A parameter that nothing changes has its value everywhere, float64[replicate, point]; so has what only the
        source of the model names, such as the size of a compartment of SBML. Raises InputError for an unknown name.
        """
        still = constant(self, name)
        if still is not None:
            return np.tile(still, (len(self), 1))
        known_name(self, name)
        if name in self.observable_names:
            return self.observables[:, :, self.observable_names.index(name)]
        return self.counts[:, :, self.species.index(name)]

    def events(self, replicate: int) -> EventLog:
        """Every reaction of the replicate with this number (one of `replicates`): `time` float64[reaction] [s], in
        order, and `reaction` uint32[reaction], numbers of `model.reactions`. Of a file only this part is read.

        Raises InputError for a result that was not simulated with record="events", and for another number.
        """
        if not isinstance(replicate, (int, np.integer)) or replicate not in self.replicates:
            known = checks.shortened(self.replicates.tolist())
            raise InputError(f"the number of a replicate must be one of {known}, got {replicate!r}")
        log = self._log_of(int(replicate))
        if log is None:
            raise InputError('this result has no reactions: simulate it with record="events"')
        return log

    def jump_path(self, replicate: int) -> JumpPath:
        """The exact path of the replicate with this number: `time` float64[jump + 1] [s], from 0, and `counts`
        int64[jump + 1, species], those of `model.species` from each time on [molecules]. The jumps are its reactions
        and the scheduled changes of counts, which come after the reactions at their times.

        Raises InputError as `events` does, for a model in which events or rules set counts, and for a path that does
        not go through the recorded counts.
        """
        return path_of(self, int(replicate), self.events(replicate))

    def _log_of(self, replicate: int) -> EventLog | None:
        """The reactions of a replicate; None if they were not recorded."""
        raise NotImplementedError

    def _rows_of(self, replicate: int) -> tuple[np.ndarray, int]:
        """(rows [point, species] with -1 where they were not reached, status) of the replicate with this number."""
        raise NotImplementedError

    def to_dataframe(self) -> "pandas.DataFrame":
        """A pandas DataFrame indexed by (replicate, time), one column for each species and observable; NaN where a
        replicate did not reach the point. Raises MissingExtraError without pandas."""
        pandas = checks.optional("pandas", "xarray", "to_dataframe")
        index = pandas.MultiIndex.from_product([self.replicates, self.time], names=["replicate", "time"])
        counts = _known(self).reshape(-1, len(self.species))
        frame = pandas.DataFrame(counts, index=index, columns=list(self.species))
        for name in self.observable_names:
            frame[name] = np.asarray(self.of(name)).ravel()
        return frame

    def to_xarray(self) -> "xarray.Dataset":
        """An xarray Dataset with dimensions replicate, time, species; NaN where a replicate did not reach the point.
        Raises MissingExtraError without xarray."""
        xarray = checks.optional("xarray", "xarray", "to_xarray")
        return xarray.Dataset(
            {
                "counts": (("replicate", "time", "species"), _known(self), {"units": self.units}),
                "n_events": (("replicate",), self.n_events),
                "status": (("replicate",), self.status),
                **{name: (("replicate", "time"), np.asarray(self.of(name))) for name in self.observable_names},
            },
            coords={
                "replicate": self.replicates,
                "time": ("time", self.time, {"units": "s"}),
                "species": list(self.species),
            },
            attrs={"method": self.method, "seed": self.seed, "volume": self.volume},
        )

    def _sums(self, names: Sequence[str], points: Sequence[int] | None = None, most: int | None = None) -> parts.Sums:
        return parts.sums(self, names, points, most)

    def _quantiles(self, probabilities: Sequence[float], names: Sequence[str]) -> np.ndarray:
        return parts.quantiles(self, probabilities, names)

    def _several(self, names: Sequence[str]) -> np.ndarray:
        if set(names) & set(self.observable_names):
            return parts.read(self, names)
        return self.counts[:, :, np.array([self.species.index(name) for name in names])]

    def table(self) -> Columns:
        return of_trajectories(self)

    def _more_columns(self) -> Mapping[str, np.ndarray]:
        """Arrays [point] by name that the table has beside the quantities."""
        return {}


def _known(result: Trajectories) -> np.ndarray:
    """All counts; NaN in place of -1, where a replicate did not reach the point or a rule gives no whole number."""
    counts = np.asarray(result.counts[:])
    unknown = counts < 0
    return np.where(unknown, np.nan, counts) if counts.dtype.kind == "i" and unknown.any() else counts
