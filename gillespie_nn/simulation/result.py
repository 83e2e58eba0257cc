"""The result of an ensemble, in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import InputError
from ..crn import ReactionNetwork
from ..status import Status
from .event_log import MemoryLog
from .jump_path import EventLog
from .sinks import reached
from .trajectories import Trajectories

if TYPE_CHECKING:
    from .task import Task


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
    """Units of `counts`: `molecules`, or `concentration`, amounts divided by Omega. Where the model fixes Omega at 1,
    values are amounts, and of methods of concentrations not whole."""
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
    """Writes the run file for `save`: `storage.save`."""
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
        """[species], initial amounts after overrides [molecules]; None for a result made by hand."""
        return None if self._task is None else self._task.of_recorded(self._task.counts)

    @property
    def initial_of_model(self) -> np.ndarray | None:
        """`initial` of every species of the model, recorded or not."""
        return None if self._task is None else self._task.counts

    @property
    def rates(self) -> np.ndarray | None:
        """float64[reaction], rate constants after overrides; None for a result made by hand."""
        return None if self._task is None else self._task.rates

    @property
    def arguments(self) -> dict | None:
        """Other arguments that determine the ensemble; None for a result made by hand."""
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
    """Write the file of a result. Raises InputError for one that was made by hand."""
    if writer is None or result._task is None:
        raise InputError(
            "this result does not record how it was simulated, so it cannot be written as a run file: save a result "
            "of simulate or sweep, or use to_csv"
        )
    writer(result, path, overwrite)


def unfinished(result: Any) -> str:
    """A sentence about the replicates of a result that did not reach the end; empty if all did."""
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


def final_values(result: Any) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of species and observables of a `result`, and their values at the last point in the replicates that reached
    the end, float64[replicate, name]; a species given by a rule has the rule's value."""
    names = (*result.species, *(n for n in result.observable_names if n not in result.species))
    values = np.full((len(result.status), len(names)), np.nan)
    values[:, : len(result.species)] = result.counts[:, -1, :]
    for k, name in enumerate(names):
        if name in result.observable_names:
            values[:, k] = result.observables[:, -1, result.observable_names.index(name)]
    return names, values[[Status(int(s)).complete for s in result.status]]
