"""Results with trajectories: the base class of those in memory and in files, and `Result`, the one in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork
from ..display.curves import known_name, signs_of
from ..status import Status
from . import result_views
from .ensemble_result import EnsembleResult
from .reaction_log import EventLog, JumpPath, MemoryLog, path_of
from .result_views import Columns, constant, of_trajectories
from .sinks import reached

if TYPE_CHECKING:
    import pandas
    import xarray

    from .task import Task


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
        def statistics(self) -> dict: ...

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of the species, then of the observables that are not species."""
        return result_views.names_of(self)

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
        """One species or signed number, int64[replicate, point] [molecules] or float64 in `units`, or one observable,
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
        if len(signs_of(self, name)) > 1:
            rails = [species for species, _ in signs_of(self, name)]
            # A rail that a rule gives is an observable, and its count only the nearest whole number.
            if {*rails} & {*self.observable_names}:
                return result_views.read(self, (name,))[:, :, 0]
            both = self.counts[:, :, np.array([self.species.index(species) for species in rails])]
            return both[:, :, 0] - both[:, :, 1]
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

    def to_dataframe(self, names: str | Sequence[str] = ()) -> "pandas.DataFrame":
        """A pandas DataFrame indexed by (replicate, time), one column for each species and observable, or for each of
        `names`, which may be signed numbers; NaN where a replicate did not reach the point. Raises MissingExtraError
        without pandas, InputError for an unknown name."""
        pandas = checks.optional("pandas", "xarray", "to_dataframe")
        index = pandas.MultiIndex.from_product([self.replicates, self.time], names=["replicate", "time"])
        if len(names):
            columns = self._chosen([names] if isinstance(names, str) else names)
            return pandas.DataFrame(
                {name: np.ma.filled(np.ma.asarray(self.of(name)).astype(float), np.nan).ravel() for name in columns},
                index=index,
            )
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

    def _sums(
        self, names: Sequence[str], points: Sequence[int] | None = None, most: int | None = None
    ) -> result_views.Sums:
        return result_views.sums(self, names, points, most)

    def _quantiles(self, probabilities: Sequence[float], names: Sequence[str]) -> np.ndarray:
        return result_views.quantiles(self, probabilities, names)

    def _several(self, names: Sequence[str]) -> np.ndarray:
        if set(names) & set(self.observable_names) or not set(names) <= set(self.species):
            return result_views.read(self, names)
        return self.counts[:, :, np.array([self.species.index(name) for name in names])]

    def table(self, names: Sequence[str] = ()) -> Columns:
        return of_trajectories(self, self._chosen(names)) if len(names) else of_trajectories(self)

    def _more_columns(self) -> Mapping[str, np.ndarray]:
        """Further columns of the table besides the quantities: arrays [point] by name."""
        return {}


def _known(result: Trajectories) -> np.ndarray:
    """All counts; NaN in place of -1, where a replicate did not reach the point or a rule gives no whole number."""
    counts = np.asarray(result.counts[:])
    unknown = counts < 0
    return np.where(unknown, np.nan, counts) if counts.dtype.kind == "i" and unknown.any() else counts


# The result of an ensemble in memory


@dataclass(frozen=True, repr=False)
class Result(Trajectories):
    """Trajectories of an ensemble on a time grid.

    A recorded point is the state after every event and scheduled change at or before its time. Points that a replicate
    did not reach (event limit, overflow) are masked in `counts` (the data there is -1), and NaN in concentrations.
    """

    time: np.ndarray
    """float64[point] [s]."""
    counts: np.ndarray
    """int64[replicate, point, species] [molecules], or float64 in `units` for methods of concentrations. Masked
    where a replicate did not reach the point, or a rule has no whole value."""
    species: tuple[str, ...]
    """Names of the recorded species."""
    n_events: np.ndarray
    """int64[replicate], reactions fired."""
    status: np.ndarray
    """int64[replicate], members of `Status`."""
    method: str
    seed: int
    volume: float
    model: ReactionNetwork
    """The ReactionNetwork."""
    firings: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    """int64[replicate, reaction], on request."""
    units: str = "molecules"
    """Units of `counts`: `molecules`, or `concentration`, amounts divided by Omega. If the model fixes Omega at 1, the
    values are amounts; methods of concentrations then give amounts that are not whole."""
    observables: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0)))
    """float64[replicate, point, observable]: values of rules, and of parameters that events change."""
    observable_names: tuple[str, ...] = ()
    method_reason: str = ""
    """Why this method was used: requested, or the reason for the choice of `auto`."""
    statistics: dict = field(default_factory=dict)
    """Statistics that the method reports about its steps, by name: float64[replicate]."""
    covariance: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0, 0)))
    """float64[replicate, point, species, species] [concentration^2], for `linear_noise`."""
    _task: "Task | None" = None
    """Everything that determines the ensemble; None for a result made by hand."""
    provenance: dict = field(default_factory=dict)
    """Command, parameters, versions, machine, and `seconds` of wall time."""
    _writer: Callable[..., None] | None = None
    """Writes the run file for `save`: `storage.export`."""
    _log: MemoryLog | None = None
    """Every reaction, with record="events"."""

    def __post_init__(self) -> None:
        if isinstance(self.counts, np.ndarray):
            object.__setattr__(self, "counts", reached(self.counts))

    @property
    def n_replicates(self) -> int:
        """Replicates requested."""
        return len(self.status)

    @property
    def n_planned(self) -> int:
        """Replicates requested."""
        return self.n_replicates

    @property
    def complete(self) -> bool:
        """Whether every replicate was simulated to the end."""
        return all(status.complete for status in self.statuses)

    @property
    def initial(self) -> np.ndarray | None:
        """[species], initial amounts after overrides [molecules]; None for a result that neither `simulate` nor `sweep`
        made."""
        return None if self._task is None else self._task.of_recorded(self._task.counts)

    @property
    def initial_of_model(self) -> np.ndarray | None:
        """`initial` of every species of the model, recorded or not."""
        return None if self._task is None else self._task.counts

    @property
    def rates(self) -> np.ndarray | None:
        """float64[reaction], rate constants after overrides; None for a result that neither `simulate` nor `sweep`
        made."""
        return None if self._task is None else self._task.rates

    @property
    def arguments(self) -> dict | None:
        """Other arguments that determine the ensemble; None for a result that neither `simulate` nor `sweep` made."""
        return None if self._task is None else self._task.arguments

    def _log_of(self, replicate: int) -> EventLog | None:
        return None if self._log is None else EventLog(*self._log.of(replicate))

    def _rows_of(self, replicate: int) -> tuple[np.ndarray, int]:
        return np.ma.getdata(self.counts[replicate]), int(self.status[replicate])

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Write the same file as `simulate(..., output=path)`: `open_run`, `resume` and all commands read it.

        Raises InputError for an existing file without `overwrite`, and for a result that was not made by `simulate` or
        `sweep`; StorageError if the file cannot be written. An existing file is replaced only by a complete one.
        """
        save_with(self._writer, self, path, overwrite)


def save_with(writer: Callable[..., None] | None, result: Any, path: str | Path, overwrite: bool) -> None:
    """Write the file of a result. Raises InputError for a result that neither `simulate` nor `sweep` made."""
    if writer is None or result._task is None:
        raise InputError(
            "this result does not record how it was simulated, so it cannot be written as a run file: save a result "
            "of simulate or sweep, or use to_csv"
        )
    writer(result, path, overwrite)


def unfinished(result: Any) -> str:
    """A sentence about the replicates of a result that did not reach the end; empty if all did."""
    # A replicate that its condition stopped did what was asked.
    asked = Status.CONDITION_MET
    why = {status: n for status, n in result.statuses.items() if not status.complete and status != asked}
    if not why:
        return ""
    reasons = ", ".join(f"{n}: {str(status).removeprefix('stopped: ')}" for status, n in why.items())
    if not hasattr(result, "counts"):
        what = "are left out of the moments"
    else:
        what = "are masked" if np.issubdtype(result.counts.dtype, np.integer) else "are NaN"
    return (
        f"{sum(why.values())} of {sum(result.statuses.values())} replicates did not reach t = {result.time[-1]:g} s "
        f"({reasons}); points that were not reached {what}"
    )


def final_values(result: Any, signed: Sequence[str] = ()) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of species and observables of a `result`, then those of `signed` numbers, and their values at the last
    point in the replicates that reached the end, float64[replicate, name]; a species given by a rule has the rule's
    value."""
    names = (*result.species, *(n for n in result.observable_names if n not in result.species))
    values = np.full((len(result.status), len(names)), np.nan)
    values[:, : len(result.species)] = result.counts[:, -1, :]
    for k, name in enumerate(names):
        if name in result.observable_names:
            values[:, k] = result.observables[:, -1, result.observable_names.index(name)]
    for name in signed:
        column = sum(sign * values[:, names.index(species)] for species, sign in signs_of(result, name))
        values = np.column_stack([values, column])
    return (*names, *signed), values[[Status(int(s)).complete for s in result.status]]
