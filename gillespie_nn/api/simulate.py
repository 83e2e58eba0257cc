"""`simulate`: an ensemble of trajectories, or its moments, of any reaction network."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import checks, storage
from ..crn import ReactionNetwork
from ..options import options_of, takes
from ..progress import Progress
from ..simulation import MomentsResult, Result, run_ensemble, unfinished
from ..simulation.ensemble import Cluster
from ..simulation.methods import name_of
from ..simulation.moments import ARRAYS, Moments
from ..simulation.run_options import Destination, Execution, RunOptions
from ..simulation.sinks import MemorySink, covariance_size
from ..simulation.task import Task, make_task
from ..storage.making import settings_values
from ..storage.provenance import provenance

if TYPE_CHECKING:
    from ..storage import EnsembleFile, MomentsFile, MomentsRun, Run


@takes(options_of(RunOptions), options_of(Execution), options_of(Destination))
def simulate(
    network: ReactionNetwork, t_end: float | None = None, n_points: int = 101, **options: Any
) -> Result | Run | MomentsResult | MomentsRun:
    """Simulate an ensemble of trajectories, exactly or by an approximation.

    Parameters
    ----------
    network : the model; its rate constants follow the convention of `ReactionNetwork`.
    ...
    options : options of the method, for example epsilon=0.03 for `tau_leap`; see `METHODS`.

    Returns
    -------
    A `Result`, or with `output` the `Run` of the file, which has the same attributes. For moments a `MomentsResult`, or
    with `output` a `MomentsRun`.

    Raises
    ------
    InputError : an invalid argument or model. UnfinishedError : the disk is full, or the cluster is lost.
    """
    execution, given = Execution.taken(options)
    destination, given = Destination.taken(given)
    asked = RunOptions.of({"t_end": t_end, "n_points": n_points} | given)
    task, reason = make_task(network, asked)
    output = destination.output
    with Workers(execution) as pool:
        if output is None:
            sink, origin, begun = memory_sink(task), origin_of(task, reason), time.perf_counter()
            execute(task, sink, pool, destination.progress)
            return with_warning(result_of(task, sink, reason, origin, time.perf_counter() - begun))
        with new_file(output, task, reason, destination.overwrite) as file:
            execute(task, file, pool, destination.progress)
    return with_warning(storage.open_run(output))


def with_warning(result: Any) -> Any:
    """The result. Warns if a replicate did not reach the end."""
    if message := unfinished(result):
        checks.warn(message)
    return result


def memory_sink(task: Task) -> MemorySink | Moments:
    """The sink that collects an ensemble in memory."""
    _check_memory(task)
    return MemorySink(task) if task.records_rows else Moments(task)


def result_of(task: Task, sink: Any, reason: str, origin: str, seconds: float = float("nan")) -> Result | MomentsResult:
    """The result of an ensemble in memory. `reason` says why this method was chosen, `origin` is the provenance as
    JSON, and `seconds` the wall time."""
    network = task.network
    about: dict[str, Any] = {
        "method": name_of(task.method), "method_reason": reason, "seed": task.seed, "volume": task.volume,
        "model": network, "units": task.units, "_task": task,
        "provenance": json.loads(origin) | {"seconds": seconds},
    }  # fmt: skip
    if not task.records_rows:
        return MomentsResult(task.grid, task.quantities, sink, task.n_replicates, _writer=_save_moments, **about)
    return Result(
        task.grid, sink.counts, task.species, sink.n_events, sink.status, firings=sink.firings,
        observables=sink.observables, observable_names=network.observables, statistics=sink.statistics,
        covariance=sink.covariance, _log=sink.log, _writer=_save_trajectories, **about,
    )  # fmt: skip


def _save_trajectories(*arguments: Any, **settings: Any) -> None:
    from ..storage.export import save_trajectories  # which loads h5py

    save_trajectories(*arguments, **settings)


def _save_moments(*arguments: Any, **settings: Any) -> None:
    from ..storage.export import save_moments  # which loads h5py

    save_moments(*arguments, **settings)


def origin_of(task: Task, reason: str) -> str:
    """The provenance of an ensemble that begins now, as JSON. `reason` says why this method was chosen."""
    network = task.network
    initial, rates = network.amounts(), network.rates()
    constants = {name: value for name, value in network.constants.items() if name not in network.parameters}
    return provenance(
        {
            "method": name_of(task.method),
            "method_reason": reason,
            "seed": task.seed,
            "volume": task.volume,
            "method_asked": name_of(task.run.method),
            "t_end": task.grid[-1],
            "n_points": len(task.grid),
            "replicates": task.n_replicates,
            "initial": {
                s: n for s, n, declared in zip(network.species, task.counts.tolist(), initial) if n != declared
            },
            "rates": {
                r.name: k for r, k, declared in zip(network.reactions, task.rates.tolist(), rates) if k != declared
            },
            "record": task.record,
            **({"parameters": dict(task.run.parameters)} if task.run.parameters else {}),
            **({"constants": constants} if constants else {}),
            **task.arguments,
        }
    )


def new_file(
    output: Any, task: Task, reason: str, overwrite: bool = False, provenance_json: str | None = None, **how: Any
) -> EnsembleFile | MomentsFile:
    """The file of an ensemble, to be written. `reason` says why this method was chosen; `provenance_json` is the
    provenance of a run that is resumed."""
    kind = storage.EnsembleFile if task.records_rows else storage.MomentsFile
    origin = provenance_json or origin_of(task, reason)
    return kind(output, task, settings_values(task, reason), origin, overwrite, **how)


def _check_memory(task: Task) -> None:
    """Raise InputError if the results would not fit into memory."""
    n_points, n_species = len(task.grid), len(task.species)
    if not task.records_rows:
        # Moments take the same memory for any number of replicates.
        n_bytes = 8 * len(ARRAYS) * n_points * len(task.quantities)
        checks.fits_memory(
            f"the moments of {len(task.quantities)} quantities at {n_points} recorded times", n_bytes,
            "record fewer times or species",
        )  # fmt: skip
        return
    size = covariance_size(task.method, n_species)
    checks.fits_memory(
        f"the covariances of {size} species at {n_points} recorded times", 8 * n_points * size**2,
        "record fewer times or species, or give an output file",
    )  # fmt: skip
    checks.fits_memory(
        f"{task.n_replicates} trajectories of {n_species} species at {n_points} recorded times",
        8 * task.n_replicates * n_points * (n_species + len(task.network.observables)),
        "record='moments' or 'quantiles', fewer points, replicates or species, or give an output file",
    )  # fmt: skip


class Workers:
    """The threads, or the workers of a dask scheduler, that simulate. A context manager."""

    def __init__(self, execution: Execution) -> None:
        self.n = execution.workers
        self.cluster = None if execution.scheduler is None else Cluster(execution.scheduler)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self.cluster is not None:
            self.cluster.close()


def execute(task: Task, sink: Any, pool: Workers, progress: bool | None, units: Sequence[int] | None = None) -> None:
    """Simulate all units of work of a task, or those numbered `units`, into `sink`."""
    n_replicates = task.n_replicates if units is None else sum(len(task.replicates(unit)) for unit in units)
    with Progress("simulate", n_replicates, progress, task.method.name) as bar:
        run_ensemble(task, sink, pool.n, bar.update, units, pool.cluster)
