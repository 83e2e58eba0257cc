"""Values in a file that must agree with each other, which a table of datasets cannot express, by kind of file."""

import math
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from ..simulation.task import BLOCK
from ..statistics.sketch import possible
from ..status import Status
from .damage import damaged, shown
from .event_log import FIRST, GROUP, REACTION, TIME
from .schema import BOUNDS, MOMENTS, PREDICTIONS, RUNS
from .schema.moments import SKETCH
from .schema.runs import TRAINING
from .values import check_size, json_object, strings

_PROVENANCE = {
    "software": dict, "command": list, "parameters": dict, "environment": dict, "started": str, "resumed": list,
}  # fmt: skip
"""What those who show it take for granted."""


def _check_provenance(path: Path, file: h5py.File) -> None:
    """Raises InputError where a part of it is of another kind than ours."""
    record = json_object(path, "/provenance/json", strings(path, file["provenance/json"]))
    for name, kind in _PROVENANCE.items():
        if not isinstance(record.get(name, kind()), kind):
            raise damaged(path, f"{name} in /provenance/json is {shown(record[name])}, expected a {kind.__name__}")
    for part in (record.get("environment", {}).get("libraries", {}), *record.get("resumed", [])):
        if not isinstance(part, dict):
            raise damaged(path, f"/provenance/json contains {shown(part)}, expected an object")


def _check_run(path: Path, file: h5py.File, lengths: Mapping[str, int]) -> None:
    _check_provenance(path, file)
    training = file.attrs["kind"] == TRAINING
    committed, status = file["committed"][:], file["status"][:]
    if (committed > 1).any():
        raise damaged(path, f"/committed contains {committed.max()}, expected 0 and 1")
    known = [int(s) for s in Status]
    if not np.isin(status, known).all():
        raise damaged(path, f"/status contains {status[~np.isin(status, known)][0]}, expected one of {known}")
    replicates, points = lengths["replicate"], lengths["time"]
    n_written = int(committed.sum()) * points
    if training:
        if replicates != 1:
            raise damaged(path, f"it has {replicates} replicates, but a training run has one")
        n_written = int(file["training/n_recorded"][()])
        if not 0 <= n_written <= points:
            raise damaged(path, f"/training/n_recorded is {n_written}, expected 0 to {points}")
        n_presented = file["training/n_presented"][()] if "training/n_presented" in file else 0
        batch = max(1, lengths.get("shown_output", 0) // max(1, lengths["output"]))
        n_planned = lengths["presentation"] // batch
        if not 0 <= n_presented <= n_planned:
            raise damaged(path, f"/training/n_presented is {n_presented}, expected 0 to {n_planned}")
        for name in ("training/weights", "training/predictions"):
            check_size(path, file[name], n_written * file[name].shape[1])
        if "checkpoint/memory" in file:
            memory = file["checkpoint/memory"]  # of one slot at least, once there is a checkpoint
            begun = file["checkpoint/number"][:].any() or memory.id.get_storage_size()
            check_size(path, memory, memory.shape[1] if begun else 0)
    check_size(path, file["counts"], n_written * file["counts"].shape[2])
    for name in ("covariance", "observables"):
        if not training and name in file:
            check_size(path, file[name], n_written * math.prod(file[name].shape[2:]))
    if "firings" in file:
        check_size(path, file["firings"], int(committed.sum()) * file["firings"].shape[1])
    if GROUP in file and not training:
        _check_events(path, file, np.flatnonzero(committed))


def _check_events(path: Path, file: h5py.File, replicates: np.ndarray) -> None:
    """Raises InputError unless the reactions of these replicates have places of their own in the log."""
    for name in (TIME, REACTION, FIRST):
        if not isinstance(file[GROUP], h5py.Group) or name.rpartition("/")[2] not in file[GROUP]:
            raise damaged(path, f"/{name} is missing")
    time, reaction = file[TIME], file[REACTION]
    if file.swmr_mode:
        time.refresh()  # what another process added since it was opened
        reaction.refresh()
    n = min(len(time), len(reaction))
    first, n_events = file[FIRST][:][replicates], file["n_events"][:][replicates]
    if (first < 0).any() or (n_events < 0).any() or (first > n - n_events).any():
        raise damaged(path, f"/{FIRST} and /n_events do not match the {n} reactions in /{GROUP}")
    order = np.argsort(first + np.minimum(n_events, 1), kind="stable")
    order = order[n_events[order] > 0]
    if (first[order[1:]] < (first + n_events)[order[:-1]]).any():
        raise damaged(path, f"/{FIRST} gives several replicates the same reactions")
    for dataset in (time, reaction):
        check_size(path, dataset, int(n_events.sum()))


def _check_moments(path: Path, file: h5py.File, lengths: Mapping[str, int]) -> None:
    _check_provenance(path, file)
    n, statuses = file["moments/n"][:], file["statuses"][:]
    n_done, n_replicates = int(file.attrs["n_done"]), int(file.attrs["n_replicates"])
    if n_done > n_replicates or (n_done % BLOCK and n_done < n_replicates):
        raise damaged(path, f"{n_done} of {n_replicates} replicates are included, expected a multiple of {BLOCK}")
    if (statuses < 0).any() or statuses.sum() != n_done or (n < 0).any() or (n > n_done).any():
        raise damaged(path, f"its counts of replicates do not match n_done = {n_done}")
    if "sketch" not in file:
        return
    if lengths["place"] != lengths["time"] * lengths["quantity"]:
        raise damaged(path, "/sketch/whole must have one entry for each time and quantity")
    cell, bucket, count = (file[f"sketch/{name}"][:] for name in SKETCH)
    if not possible(cell, bucket, count, n.ravel()):
        raise damaged(path, "/sketch does not contain /moments/n numbers in each cell")


def _check_bounds(path: Path, file: h5py.File, lengths: Mapping[str, int]) -> None:
    if lengths["task"] != lengths["size"] + 1:
        raise damaged(path, f"/committed has {lengths['task']} columns, expected {lengths['size'] + 1}")
    if (file["committed"][:] > 1).any():
        raise damaged(path, f"/committed contains {file['committed'][:].max()}, expected 0 and 1")


def _check_prediction(path: Path, file: h5py.File, lengths: Mapping[str, int]) -> None:
    """Nothing beside its table."""


CHECKS = {
    RUNS.filetype: _check_run,
    MOMENTS.filetype: _check_moments,
    BOUNDS.filetype: _check_bounds,
    PREDICTIONS.filetype: _check_prediction,
}
