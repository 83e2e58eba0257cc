"""Interrupted ensembles in files: only the missing replicates are simulated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import storage
from ..checks import InputError
from ..simulation.options import EVENTS, MOMENTS, QUANTILES, TRAJECTORIES, Execution, RunOptions
from ..simulation.task import Task, make_task
from ..storage.damage import damaged, understood
from ..storage.protocol import OpenedRun
from ..storage.provenance import resumed
from .outside import taken
from .simulate import Workers, carry_out, new_file, told

if TYPE_CHECKING:
    from ..storage import MomentsRun, Run

SINCE = {TRAJECTORIES: (1, 5), EVENTS: (1, 6), MOMENTS: (1, 1), QUANTILES: (1, 1)}
"""Older files do not store all arguments of an ensemble."""


def resume_ensemble(
    path: str | Path,
    run: OpenedRun,
    execution: Execution,
    progress: bool | None = None,
    objects: Mapping[str, Any] = MappingProxyType({}),
) -> Run | MomentsRun:
    """Simulate the replicates, or for moments the blocks of replicates, that are missing in the open file `run` at
    `path`; returns the finished file, opened. `objects` as of `resume`."""
    task = task_of(run, objects)
    with (
        Workers(execution) as pool,
        new_file(
            path, task, run.method_reason, overwrite=True, provenance_json=resumed(run.provenance), resumes=True
        ) as file,
    ):
        run.close()
        carry_out(task, file, pool, progress, file.missing)
    return told(storage.open_run(path))


def task_of(run: OpenedRun, objects: Mapping[str, Any] = MappingProxyType({})) -> Task:
    """The task of the ensemble in an open file, checked as the arguments of `simulate` are; `objects` as of
    `resume`."""
    if run.version < SINCE[run.record]:
        raise InputError(
            f"{run.path} has format version {'.'.join(map(str, run.version))}, which does not store all arguments of "
            "an ensemble: it can be read, but not resumed"
        )
    network = run.model
    with understood(run.path):
        recorded = {"method": run.method, "noise": run.arguments.get("noise", [])}
        found = {"method": run.method} | taken(run.path, recorded, objects, "resume")
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
            **found,
        )
        task = make_task(network, asked)[0]
    if (*run.quantities,) != task.quantities:
        raise damaged(run.path, "its names of species do not match its arguments")
    return task


def _overrides(names: Iterable[str], own: np.ndarray, found: np.ndarray) -> dict[str, Any]:
    """Values of a file that differ from those of the model."""
    return {name: there for name, here, there in zip(names, own.tolist(), found.tolist()) if here != there}
