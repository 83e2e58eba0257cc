"""Ensembles in files: the replicates that are missing in an interrupted one are simulated, and no other."""

import json

from ..checks import InputError
from ..simulation.options import MOMENTS, QUANTILES, TRAJECTORIES, RunOptions
from ..simulation.task import make_task
from ..storage import open_moments, open_run
from ..storage.damage import understood
from ..storage.provenance import resumed
from .simulate import Workers, carry_out, new_file

SINCE = {TRAJECTORIES: (1, 5), MOMENTS: (1, 1)}
"""Older files do not keep all that decides an ensemble."""


def resume_ensemble(path, run, execution, progress=False):
    """Go on with the ensemble in the open file `run`, which stands at `path`; the `Run` of the finished file."""
    task = task_of(run)
    reason, provenance = run.method_reason, resumed(run.file["provenance/json"][()])
    with (
        Workers(execution) as pool,
        new_file(path, task, reason, overwrite=True, provenance_json=provenance, resumes=True) as file,
    ):
        run.close()
        carry_out(task, file, pool, progress, file.missing)
    return open_run(path)


def resume_moments(path, run, execution, progress=False):
    """Go on with the blocks of replicates that are missing in `run`, the `MomentsRun` of the file at `path`; its
    `MomentsRun` when it is finished."""
    _check_since(run, MOMENTS)
    record = MOMENTS if run.moments.sketch is None else QUANTILES
    task = _task(run, run.initial, run.rates, run.arguments, run.n_replicates, record)
    provenance = resumed(json.dumps({key: value for key, value in run.provenance.items() if key != "seconds"}))
    with (
        Workers(execution) as pool,
        new_file(path, task, run.method_reason, provenance_json=provenance, resumes=True) as file,
    ):
        carry_out(task, file, pool, progress, file.missing)
    return open_moments(path)


def task_of(run):
    """The task of the ensemble in an open file, checked as the arguments of `simulate` are."""
    _check_since(run, TRAJECTORIES)
    file = run.file
    initial, rates = file["model/initial"][:], file["model/rates"][:]
    return _task(run, initial, rates, file.attrs["arguments"], len(run.committed), TRAJECTORIES)


def _check_since(run, record):
    if run.version < SINCE[record]:
        raise InputError(
            f"{run.path} has format version {'.'.join(map(str, run.version))}, which does not keep all that decides an "
            "ensemble: it can be looked at, not resumed"
        )


def _task(run, initial, rates, arguments, n_replicates, record):
    network = run.model
    with understood(run.path):
        asked = RunOptions.again(
            json.loads(arguments),
            time=run.time,
            volume=run.volume if network.volume is None else None,
            method=run.method,
            replicates=n_replicates,
            seed=run.seed,
            initial=_overrides(network.species, network.amounts(), initial),
            rates=_overrides((r.name for r in network.reactions), network.rates(), rates),
            record=record,
        )
        return make_task(network, asked)[0]


def _overrides(names, own, found) -> dict:
    """What in a file differs from the model's own."""
    return {name: there for name, here, there in zip(names, own.tolist(), found.tolist()) if here != there}
