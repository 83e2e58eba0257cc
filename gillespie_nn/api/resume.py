"""`resume` continues an interrupted run in its file; `load_fit` reads a finished training run.

The result is the same as without the interruption. Of an ensemble only the missing replicates are simulated; training
continues from the last checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks, storage
from .._version import __version__
from ..checks import InputError
from ..datasets import Dataset
from ..simulation.evaluation import CHEMICAL_SCORES, SCORES, best_evaluation
from ..simulation.run_options import EVENTS, MOMENTS, QUANTILES, TRAJECTORIES, Execution, RunOptions, TrainingOptions
from ..simulation.task import Task, make_task
from ..simulation.training import Trained, TrainingPlan
from ..status import Status
from ..storage.provenance import OpenedRun, resumed
from ..storage.schema import TRAINING
from ..storage.values import damaged, understood
from .fit import Fit
from .simulate import Workers, execute, new_file, with_warning
from .train import OF_ENSEMBLES, OF_TRAINING, execute_training, make_plan, taken

if TYPE_CHECKING:
    from ..storage import MomentsRun, Run

SINCE = {TRAJECTORIES: (1, 5), EVENTS: (1, 6), MOMENTS: (1, 1), QUANTILES: (1, 1)}
"""First versions of the format that store all arguments of an ensemble."""


def resume_ensemble(
    path: str | Path,
    run: OpenedRun,
    execution: Execution,
    progress: bool | None = None,
    objects: Mapping[str, Any] = MappingProxyType({}),
) -> Run | MomentsRun:
    """Simulate what is missing in the open file `run` at `path`: replicates, or for moments groups of replicates.

    Returns the finished file, opened. `objects` as in `resume`.
    """
    task = task_of(run, objects)
    with (
        Workers(execution) as pool,
        new_file(
            path, task, run.method_reason, overwrite=True, provenance_json=resumed(run.provenance), resumes=True
        ) as file,
    ):
        run.close()
        execute(task, file, pool, progress, file.missing)
    return with_warning(storage.open_run(path))


def task_of(run: OpenedRun, objects: Mapping[str, Any] = MappingProxyType({})) -> Task:
    """The task of the ensemble in an open file, checked like the arguments of `simulate`. `objects` as in `resume`."""
    if run.version < SINCE[run.record]:
        raise InputError(
            f"{run.path} has format version {'.'.join(map(str, run.version))}, which does not store all arguments of "
            "an ensemble: it can be read, but not resumed"
        )
    network = run.model
    with understood(run.path):
        recorded = {"method": run.method, "noise": run.arguments.get("noise", [])}
        continued = {"method": run.method} | taken(run.path, recorded, objects, "resume")
    with understood(run.path):
        asked = RunOptions.again(
            run.arguments,
            time=run.time,
            volume=run.volume if network.volume is None else None,
            replicates=run.n_replicates,
            seed=run.seed,
            initial=_overrides(network.species, network.amounts(), run.initial_of_model),
            rates=_overrides((r.name for r in network.reactions), network.rates(), run.rates),
            record=run.record,
            **continued,
        )
        task = make_task(network, asked)[0]
    if (*run.quantities,) != task.quantities:
        raise damaged(run.path, "its names of species do not match its arguments")
    return task


def _overrides(names: Iterable[str], of_model: np.ndarray, of_file: np.ndarray) -> dict[str, Any]:
    """Values of a file that differ from those of the model."""
    return {name: there for name, here, there in zip(names, of_model.tolist(), of_file.tolist()) if here != there}


# Training runs, and `resume` itself.

_SINCE = (1, 4)
"""First version of the format with checkpoints."""


def resume(
    path: str | Path, *, workers: int = 1, progress: bool | None = None, **objects: Any
) -> Fit | Run | MomentsRun:
    """Continue the run in a file. The result is the same as without interruption.

    `path` is a file of `train` or `simulate` whose process was interrupted or killed at any moment; a finished run is
    returned unchanged. Training continues from its last checkpoint, or starts again without one. The samples of a case
    are loaded again; your data are in the file. For an ensemble, the missing replicates are simulated; for moments,
    the missing groups of replicates. `workers` is the number of threads, which does not change the result.
    `progress` shows progress, by default (None) on a terminal and in a notebook. If the run used classes from outside
    this package, give objects of them again by name, in `objects`: `method` (a class), `noise`, and for training also
    `chemistry`, `activation`, `output_activation` and `predict_noise`. The file only has their names and settings, not
    their code.

    Returns
    -------
    A `Fit`; for an ensemble the open `Run`; for moments the `MomentsRun`.

    Raises
    ------
    InputError : no such run; a different model, different data or another version of this software; a run that another
    process is writing. UnfinishedError : as for `train`.
    """
    execution = Execution(workers=workers)
    with storage.open_run(path) as run:
        if isinstance(run, storage.MomentsRun) or run.kind != TRAINING:
            for name in objects:
                checks.choice("object", name, OF_ENSEMBLES, "resume takes")
            if run.ended:
                return storage.open_run(path)
            _check_version(path, run)
            return resume_ensemble(path, run, execution, progress, objects)
        plan = _plan(run, objects, "load_fit" if run.ended else "resume")
        if run.ended:
            return _fit(run, plan)
        _check_version(path, run)
        file = storage.TrainingFile(path, plan, resumed(run.provenance), resumes=True)
    with file:
        return execute_training(plan, file, progress)


def _check_version(path: str | Path, run: OpenedRun) -> None:
    if run.software_version != __version__:
        raise InputError(
            f"{path} was started by version {run.software_version}; version {__version__} may give other results: "
            "resume it with the version that started it"
        )


def load_fit(path: str | Path, **objects: Any) -> Fit:
    """Load the trained network of a finished run from the file at `path`, for predictions; `objects` as in `resume`.

    Raises InputError for an unfinished run, and in the cases in which `resume` raises it.
    """
    with storage.open_run(path) as run:
        return fit_of(run, **objects)


def fit_of(run: Run | MomentsRun, **objects: Any) -> Fit:
    """The trained network in the file of an open `run`, as `load_fit` returns it. A process cannot open a file again
    that it has open, so the path is not enough."""
    path = run.path
    if isinstance(run, storage.MomentsRun):
        raise InputError(f"{path} is not a training run (as `train` writes): its kind is {run.kind!r}")
    plan = _plan(run, objects, "load_fit")
    if not run.ended:
        raise InputError(f"the run in {path} has not finished: continue it with gillespie-nn resume {path}")
    return _fit(run, plan)


def _plan(run: Run, objects: Mapping[str, Any], function: str) -> TrainingPlan:
    """The plan of the run in an open file. Its model and data must be those that the run started with.

    `function` is the name of the function that got `objects`.
    """
    record = run.training
    if run.version < _SINCE:
        raise InputError(
            f"{run.path} has format version {'.'.join(map(str, run.version))}, without checkpoints and arguments: it "
            "can be read, but not resumed or used for predictions"
        )
    with understood(run.path):
        data, arguments = record.data, record.arguments
        recorded = {name: arguments["settings"].get(name, arguments.get(name)) for name in OF_TRAINING}
        asked = TrainingOptions.again(arguments, **taken(run.path, recorded, objects, function))
        plan = make_plan(_data(run, data) if data["own"] else run.case, asked)
        expected = data["digest"]
    # Any difference would continue another run under the name of this one.
    kept, made = plan.settings.completed(record.settings), json.loads(json.dumps(plan.settings.every()))
    other = [name for name in made if name in kept and made[name] != kept[name]]
    if objects and other:
        raise InputError(
            f"{run.path} was trained with {other[0]} = {kept[other[0]]}, but with the objects given to {function} it "
            f"is {made[other[0]]}: give the objects that the run started with"
        )
    digest = plan.dataset.digest
    if digest != expected:
        raise InputError(
            f"{run.path} was trained on different data: SHA-256 {expected}, but the data here have {digest}; restore "
            f"the data files of {run.case}"
        )
    digest, expected = plan.spec.declared.digest, run.model_digest
    if digest != expected:
        raise InputError(
            f"{run.path} contains a different model: SHA-256 {expected}, but its settings give {digest} here; use "
            "the version of this software that started it"
        )
    for what, made_here, kept_there in (
        # Only names in both: versions have different settings, and older files record settings that did not apply.
        ("settings", {n: made[n] for n in made if n in kept}, {n: kept[n] for n in kept if n in made}),
        ("order of presentations", plan.order.ravel().tolist(), record.presentations.tolist()),
        ("recorded presentations", plan.presentations.recorded.tolist(), record.planned_records.tolist()),
        ("initial counts", plan.learner.counts.tolist(), run.initial.tolist()),
    ):
        if made_here != kept_there:
            raise damaged(run.path, f"its {what} do not match its arguments")
    return plan._replace(learner=plan.learner._replace(method_reason=run.method_reason))


def _data(run: Run, data: dict) -> Dataset:
    train_x, train_t, test_x, test_t = run.training.samples
    task, checksums, notice = run.training.task, data["checksums"], data["notice"]
    classes, scaled = tuple(data.get("classes", ())), data.get("scaled", False)
    image = data.get("image")
    scales = run.training.scales
    return Dataset(
        run.case, task, train_x, train_t, test_x, test_t, checksums, notice, classes, scaled, image, *scales
    )  # fmt: skip


def _fit(run: Run, plan: TrainingPlan) -> Fit:
    """The `Fit` that `train` returned."""
    record = run.training
    n_evaluated = np.searchsorted(plan.presentations.evaluated, record.n_presented, side="right")
    rows = record.validation[:n_evaluated]
    trained = Trained(
        status=Status(int(run.status[0])),
        weights=record.final_weights,
        last_weights=run.weights[-1],
        n_events=int(run.n_events[0]),
        statistics={name: float(values[0]) for name, values in run.statistics.items()},
        n_presented=record.n_presented,
        scores=rows,
        best=best_evaluation(rows),
        best_weights=record.best_weights,
    )
    n_predicted = plan.options.predict
    names = [n for n in SCORES if trained.best is not None or not n.endswith("_best")]
    names += [n for n in CHEMICAL_SCORES if n in record.scores] if n_predicted else ()
    scores = {name: record.scores[name] for name in names}
    chemical = record["outputs_chemical"][:n_predicted] if n_predicted else None
    return Fit(plan, trained, record.seconds, scores, str(run.path), chemical)
