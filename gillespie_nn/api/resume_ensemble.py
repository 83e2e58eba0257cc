"""Ensembles in files: the replicates that are missing in an interrupted one are simulated, and no other."""

import json

from ..checks import InputError
from ..noise import from_record
from ..storage import open_run
from ..storage.provenance import resumed
from ..storage.validate import understood
from .simulate import Workers, carry_out, make_task, new_file

SINCE = (1, 5)
"""Older files do not keep all that decides an ensemble."""


def resume_ensemble(path, run, workers=1, progress=False):
    """Go on with the ensemble in the open file `run`, which stands at `path`; the `Run` of the finished file."""
    task = task_of(run)
    reason, provenance = run.method_reason, resumed(run.file["provenance/json"][()])
    with (
        Workers(workers, None) as pool,
        new_file(path, task, reason, overwrite=True, provenance_json=provenance, resumes=True) as file,
    ):
        run.close()
        carry_out(task, file, pool, progress, file.missing.tolist())
    return open_run(path)


def task_of(run):
    """The task of the ensemble in an open file, checked as the arguments of `simulate` are."""
    if run.version < SINCE:
        raise InputError(
            f"{run.path} has format version {'.'.join(map(str, run.version))}, which does not keep all that decides an "
            "ensemble: it can be looked at, not resumed"
        )
    network = run.model
    with understood(run.path):
        arguments = json.loads(run.file.attrs["arguments"])
        task, _ = make_task(
            network,
            None,
            None,
            run.time,
            run.volume if network.volume is None else None,
            run.method,
            len(run.committed),
            run.seed,
            _overrides(network.species, network.counts(), run.file["model/initial"][:]),
            _overrides((r.name for r in network.reactions), network.rates(), run.file["model/rates"][:]),
            arguments["schedule"],
            [from_record(record) for record in arguments["noise"]],
            arguments["count_firings"],
            arguments["max_events"],
            arguments["options"],
        )
    return task


def _overrides(names, own, found) -> dict:
    """What in a file differs from the model's own."""
    return {name: there for name, here, there in zip(names, own.tolist(), found.tolist()) if here != there}
