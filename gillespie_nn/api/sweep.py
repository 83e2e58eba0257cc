"""`sweep`: an ensemble for each row of a table of parameters."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import checks
from .._version import __version__
from ..checks import InputError
from ..crn import ReactionNetwork
from ..options import options_of, takes
from ..progress import Progress
from ..seeds import resolve_seed, row_seed
from ..simulation import run_ensembles, unfinished
from ..simulation.ensemble import Job
from ..simulation.options import Destination, Execution, RunOptions
from ..simulation.task import Task, make_task
from .simulate import Workers, memory_sink, new_file, origin_of, result_of
from .sweep_result import TABLE, Sweep, file_of, head, open_row, write_table
from .sweep_table import INITIAL, PARAMETER, RATE, VOLUME, Table, folder_of, meaning, read_table

_NOT_TAKEN = ("overwrite",)
"""A sweep goes on in its folder."""


@takes(options_of(RunOptions), options_of(Execution), options_of(Destination, _NOT_TAKEN))
def sweep(
    model: ReactionNetwork | Callable[[dict], ReactionNetwork],
    table: Any,
    t_end: float | None = None,
    n_points: int = 101,
    **options: Any,
) -> Sweep:
    """Simulate an ensemble for each row of a table; workers that have nothing left to do in one go on with the next.

    Parameters
    ----------
    model : a network, whose parameters are set by `ReactionNetwork.with_parameters`; or a function that makes one of
        parameters {name: value}.
    table : path of a CSV or TOML file, {name: numbers} or a list of {name: number}, see `sweep_table`. A name is that
        of a reaction (its rate constant), a species (its initial count), a parameter, or `volume`.
    ...
    seed : each row has a seed of its own, a function of this and of its number, see `seeds.row_seed`.
    output : a folder: one file a row, and `table.csv`. Called again, the same sweep goes on: files of rows that have
        ended are left as they are. Files are named by all that decides them, so that rows added to a table, or changed,
        are other files.
    options : of the method; all others are those of `simulate`, for every row, `initial`, `rates`, `parameters`
        and `volume` where the table does not say otherwise.

    Raises
    ------
    InputError : anything that cannot be used, of any row, before the first one is simulated. UnfinishedError : the disk
    is full, or the cluster is gone.
    """
    table = read_table(table)
    execution, given = Execution.taken(options)
    destination, given = Destination.taken(given, _NOT_TAKEN)
    asked = RunOptions.of({"t_end": t_end, "n_points": n_points} | given)
    folder = None if destination.output is None else folder_of(destination.output)
    seed = _seed(folder, asked.seed)
    tasks = []
    for row, (network, changes) in enumerate(_settings(model, table, asked.parameters or {})):
        try:
            of_row = replace(
                asked,
                parameters=None,  # the network has them
                volume=changes.get(VOLUME, asked.volume),
                seed=row_seed(seed, row),
                initial={**(asked.initial or {}), **changes[INITIAL]},
                rates={**(asked.rates or {}), **changes[RATE]},
            )
            tasks.append(make_task(network, of_row))
        except InputError as error:
            raise InputError(f"row {row} of the sweep: {error}") from None
    with Workers(execution) as pool:
        if folder is None:
            sinks = [memory_sink(task) for task, _ in tasks]
            origins = [origin_of(task, reason) for task, reason in tasks]
            jobs = [_in_memory(task, sink) for (task, _), sink in zip(tasks, sinks)]
            _run(jobs, pool, destination.progress)
            results = [result_of(t, s, reason, origin) for (t, reason), s, origin in zip(tasks, sinks, origins)]
            return _told(Sweep(table, seed, results, asked.record))
        paths = [folder / file_of(row, task) for row, (task, _) in enumerate(tasks)]
        write_table(folder, table, seed, asked.record, [task.seed for task, _ in tasks], [path.name for path in paths])
        left = [_left(path, asked.record) for path in paths]
        jobs = [
            _in_file(task, reason, path, resumes)
            for (task, reason), path, resumes in zip(tasks, paths, left)
            if resumes is not None
        ]
        _run(jobs, pool, destination.progress)
    return _told(Sweep(table, seed, paths, asked.record, folder))


def _told(found: Sweep) -> Sweep:
    """The sweep, with a warning where replicates did not reach the end."""
    rows = []
    for row in range(len(found)):
        with found.opened(row) as result:
            if said := unfinished(result):
                rows.append((row, said))
    if rows:
        numbers = checks.shortened([row for row, _ in rows])
        checks.warn(
            f"{len(rows)} of {len(found)} rows did not reach the end, rows {numbers}; of the first: {rows[0][1]}"
        )
    return found


def _settings(
    model: Any, table: Table, common: Mapping[str, float]
) -> Iterator[tuple[ReactionNetwork, dict[str, Any]]]:
    """(network, {kind: {name: value}}) of each row; `common` are parameters of all rows."""
    base = model if isinstance(model, ReactionNetwork) else _made(model, dict(common))

    def is_parameter(name: str) -> bool:
        others = name in base.index or name in {r.name for r in base.reactions}
        return name in base.settable or (model is not base and not others)

    meanings = [meaning(name, base, is_parameter) for name in table.names]
    networks = {}
    for row in range(len(table.values)):
        changes: dict[str, Any] = {RATE: {}, INITIAL: {}, PARAMETER: {}}
        for (kind, own), value in zip(meanings, table.row(row).values()):
            if kind == VOLUME:
                changes[VOLUME] = value
            elif own in changes[kind]:
                raise InputError(f"two columns of the sweep set {kind}:{own}: leave one out")
            else:
                changes[kind][own] = value
        parameters = {**common, **changes[PARAMETER]}
        key = tuple(sorted(parameters.items()))
        if key not in networks:
            networks[key] = _network(model, base, parameters)
        yield networks[key], changes


def _network(model: Any, base: ReactionNetwork, parameters: dict[str, float]) -> ReactionNetwork:
    if model is not base:
        if not parameters:
            return base
        network = _made(model, parameters)
        if network.species != base.species:
            raise InputError(f"the model has other species at {parameters}: a sweep needs the same in every row")
        return network
    return base.with_parameters(parameters)


def _made(model: Any, parameters: dict[str, float]) -> ReactionNetwork:
    network = model(parameters) if callable(model) else model
    if not isinstance(network, ReactionNetwork):
        raise InputError(
            "model must be a ReactionNetwork, or a function that makes one of parameters {name: value}, got "
            f"{type(network).__name__}"
        )
    return network


def _seed(folder: Path | None, seed: int | None) -> int:
    """The seed of the sweep; without one, that of the sweep that is in the folder."""
    if folder is not None:
        found = head(folder / TABLE)
        if found is None and any(folder.iterdir()):
            raise InputError(f"the folder {folder} holds other things than a sweep: choose a new one")
        if found is not None and seed is None:
            return found[0]
    return resolve_seed(seed)


def _in_memory(task: Task, sink: Any) -> Job:
    return Job(task, lambda: nullcontext(sink), lambda _: range(task.n_units))


def _in_file(task: Task, reason: str, path: Path, resumes: bool) -> Job:
    return Job(
        task,
        lambda: new_file(path, task, reason, overwrite=True, resumes=resumes),
        lambda file: file.missing,
    )


def _left(path: Path, record: str) -> bool | None:
    """Whether to go on with the file of a row: None if it has ended, False where there is none to go on with, which is
    one of another version of this software, or one that does not open. That is kept under another name."""
    if not path.exists():
        return False
    try:
        with open_row(path, record) as run:
            return None if run.ended else run.software_version == __version__
    except InputError as error:
        aside = path.with_name(f"{path.name}.damaged")
        path.replace(aside)
        checks.warn(f"{error}; it is kept as {aside.name}, and its row is begun anew")
        return False


def _run(jobs: list[Job], pool: Workers, progress: bool) -> None:
    with Progress("sweep", sum(job.task.n_replicates for job in jobs), progress) as bar:
        run_ensembles(jobs, pool.n, bar.update, pool.cluster)
