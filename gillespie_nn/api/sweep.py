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
from ..crn.names import is_pattern, matching
from ..crn.network import refuse_two_starts
from ..options import options_of, takes
from ..progress import Progress
from ..seeds import resolve_seed, row_seed
from ..simulation import run_ensembles, unfinished
from ..simulation.ensemble import EnsembleJob
from ..simulation.run_options import Destination, Execution, RunOptions
from ..simulation.task import Task, make_task
from .simulate import Workers, memory_sink, new_file, origin_of, result_of
from .sweep_result import (
    INITIAL,
    PARAMETER,
    RATE,
    TABLE,
    VOLUME,
    Sweep,
    SweepTable,
    file_of,
    folder_of,
    grid_table,
    head,
    meaning,
    names_of,
    open_row,
    read_table,
    write_table,
)

_NOT_TAKEN = ("overwrite",)
"""A sweep with an output always continues in its folder."""


@takes(options_of(RunOptions), options_of(Execution), options_of(Destination, _NOT_TAKEN))
def sweep(
    model: ReactionNetwork | Callable[[dict], ReactionNetwork],
    table: Any = None,
    t_end: float | None = None,
    n_points: int = 101,
    *,
    grid: Mapping[str, Any] | None = None,
    **options: Any,
) -> Sweep:
    """Simulate an ensemble for each row of a table, or for all combinations of given values. The workers share all
    rows.

    Parameters
    ----------
    model : a network, whose parameters are set by `ReactionNetwork.with_parameters`; or a function that returns a
        network for parameters {name: value}.
    table : path of a CSV or TOML file, {name: numbers} or a list of {name: number}, see `sweep_table`. A name is a
        reaction (its rate constant), a species (its initial count), a parameter, or `volume`. Names of reactions and
        species can be patterns, as `update_*`.
    grid : {name: numbers}, instead of a table: one row for each combination; the last name changes fastest.
    ...
    seed : seed of the sweep. The seed of each row is computed from this one and the row number, see
        `seeds.row_seed`.
    output : a folder: one file for each row, and `table.csv`. The same call resumes an interrupted sweep: files of
        finished rows are not touched. The name of a file is a digest of everything that determines its content, so new
        or changed rows get new files.
    options : options of the method. The other parameters are those of `simulate`, and apply to every row; but values of
        the table take precedence over `initial`, `rates`, `parameters` and `volume`.

    Raises
    ------
    InputError : an invalid argument or row, before anything is simulated. UnfinishedError : the disk is full, or the
    cluster is lost.
    """
    if (table is None) == (grid is None):
        raise InputError(
            "give either table, with one setting per row, or grid, which runs all combinations of its values"
        )
    table = read_table(table) if grid is None else grid_table(grid)
    execution, given = Execution.taken(options)
    destination, given = Destination.taken(given, _NOT_TAKEN)
    asked = RunOptions.of({"t_end": t_end, "n_points": n_points} | given)
    folder = None if destination.output is None else folder_of(destination.output)
    seed = _seed(folder, asked.seed)
    tasks = []
    # Every row is checked before the first is simulated.
    for row, (network, changes) in enumerate(_settings(model, table, asked.parameters or {})):
        try:
            refuse_two_starts(network, {**(asked.parameters or {}), **changes[PARAMETER]}, asked.initial or ())
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
            return _with_warning(Sweep(table, seed, results, asked.record))
        paths = [folder / file_of(row, task) for row, (task, _) in enumerate(tasks)]
        # The table comes first: an interrupted sweep can be opened, and continues with its seed.
        write_table(folder, table, seed, asked.record, [task.seed for task, _ in tasks], [path.name for path in paths])
        left = [_left(path, asked.record) for path in paths]
        jobs = [
            _in_file(task, reason, path, resumes)
            for (task, reason), path, resumes in zip(tasks, paths, left)
            if resumes is not None
        ]
        _run(jobs, pool, destination.progress)
    return _with_warning(Sweep(table, seed, paths, asked.record, folder))


def _with_warning(ensembles: Sweep) -> Sweep:
    """The sweep. Warns if replicates did not reach the end."""
    rows = []
    for row in range(len(ensembles)):
        with ensembles.opened(row) as result:
            if message := unfinished(result):
                rows.append((row, message))
    if rows:
        numbers = checks.shortened([row for row, _ in rows])
        checks.warn(
            f"{len(rows)} of {len(ensembles)} rows did not reach the end (rows {numbers}); in the first: {rows[0][1]}"
        )
    return ensembles


def _settings(
    model: Any, table: SweepTable, common: Mapping[str, float]
) -> Iterator[tuple[ReactionNetwork, dict[str, Any]]]:
    """(network, {kind: {name: value}}) for each row; `common` are parameters of all rows."""
    base = model if isinstance(model, ReactionNetwork) else _made(model, dict(common))

    def is_parameter(name: str) -> bool:
        others = name in base.index or name in {r.name for r in base.reactions}
        return name in base.settable or (model is not base and not others)

    columns = _meanings(table, base, is_parameter)
    networks = {}
    for row in range(len(table.values)):
        changes: dict[str, Any] = {RATE: {}, INITIAL: {}, PARAMETER: {}}
        values = table.row(row)
        for column, kind, names in columns:
            if kind == VOLUME:
                changes[VOLUME] = values[column]
            else:
                changes[kind] |= dict.fromkeys(names, values[column])
        parameters = {**common, **changes[PARAMETER]}
        # Rows with the same parameters share a network, which is built and compiled once.
        key = tuple(sorted(parameters.items()))
        if key not in networks:
            networks[key] = _network(model, base, parameters)
        yield networks[key], changes


def _meanings(
    table: SweepTable, base: ReactionNetwork, is_parameter: Callable[[str], bool]
) -> list[tuple[str, str, list[str]]]:
    """(column, kind, names that it sets) of each column; those with a pattern come first, so that exact names win."""
    exact: list[tuple[str, str, list[str]]] = []
    patterns: list[tuple[str, str, list[str]]] = []
    for column in table.names:
        kind, name = meaning(column, base, is_parameter)
        if kind in (RATE, INITIAL) and is_pattern(name):
            what = "reaction" if kind == RATE else "species"
            patterns.append((column, kind, matching(what, name, names_of(kind, base))))
        elif (kind, [name]) in [(k, n) for _, k, n in exact]:
            raise InputError(f"two columns of the sweep set {kind}:{name}: leave one out")
        else:
            exact.append((column, kind, [name]))
    # `_settings` applies columns in this order, and the last value of a name wins.
    return [*patterns, *exact]


def _network(model: Any, base: ReactionNetwork, parameters: dict[str, float]) -> ReactionNetwork:
    if model is not base:
        if not parameters:
            return base
        network = _made(model, parameters)
        if network.species != base.species:
            raise InputError(
                f"the model has different species at {parameters}: a sweep needs the same species in every row"
            )
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
    """The seed of the sweep: `seed`, or that of the sweep already in the folder, or a new one."""
    if folder is not None:
        stored = head(folder / TABLE)
        if stored is None and any(folder.iterdir()):
            raise InputError(
                f"the folder {folder} contains files that do not belong to a sweep: choose a new or empty folder"
            )
        if stored is not None and seed is None:
            return stored[0]
    return resolve_seed(seed)


def _in_memory(task: Task, sink: Any) -> EnsembleJob:
    return EnsembleJob(task, lambda: nullcontext(sink), lambda _: range(task.n_units))


def _in_file(task: Task, reason: str, path: Path, resumes: bool) -> EnsembleJob:
    return EnsembleJob(
        task,
        lambda: new_file(path, task, reason, overwrite=True, resumes=resumes),
        lambda file: file.missing,
    )


def _left(path: Path, record: str) -> bool | None:
    """Whether to resume the file of a row: None if the row has ended, False if it must start again.

    It starts again if there is no file, if another version of this software wrote it, or if it does not open; then the
    file is renamed.
    """
    if not path.exists():
        return False
    try:
        with open_row(path, record) as run:
            return None if run.ended else run.software_version == __version__
    except InputError as error:
        aside = path.with_name(f"{path.name}.damaged")
        path.replace(aside)
        checks.warn(f"{error}; it was renamed to {aside.name}, and its row starts again")
        return False


def _run(jobs: list[EnsembleJob], pool: Workers, progress: bool | None) -> None:
    kernels = jobs[0].task.method.name if jobs else ""
    with Progress("sweep", sum(job.task.n_replicates for job in jobs), progress, kernels) as bar:
        run_ensembles(jobs, pool.n, bar.update, pool.cluster)
