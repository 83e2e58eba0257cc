"""Validation of files: comparison with the tables of `schema`, and of values that must agree with each other.

A file from elsewhere may contain anything. In a valid file, names, types and sizes can be trusted. Everything present
is checked, whatever version the file claims to have, because readers use everything present.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..checks import InputError
from ..simulation.task import MOMENT_GROUP
from ..statistics.intervals import possible
from ..status import Status
from .log_file import FIRST, GROUP, REACTION, TIME
from .making import axis_name, datasets_of
from .schema import BOUNDS, FORMATS, MOMENTS, NAME, PREDICTIONS, RUNS, Entry, FileFormat, Version
from .schema.file_kinds import SKETCH, TRAINING
from .values import check_size, damaged, json_object, shown, strings, text

# Values that must agree with each other, which a table cannot express, by kind of file.

_PROVENANCE = {
    "software": dict, "command": list, "parameters": dict, "environment": dict, "started": str, "resumed": list,
}  # fmt: skip
"""Types in the provenance that reports rely on."""


def _check_provenance(path: Path, file: h5py.File) -> None:
    """Raise InputError if a part of the provenance has another type than in files of this software."""
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
    # Only what is written must take space in the file; the rest may be absent.
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
            # Once there is a checkpoint, at least one slot is written.
            memory = file["checkpoint/memory"]
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
    """Raise InputError unless the reactions of these replicates lie in the log and do not overlap."""
    for name in (TIME, REACTION, FIRST):
        if not isinstance(file[GROUP], h5py.Group) or name.rpartition("/")[2] not in file[GROUP]:
            raise damaged(path, f"/{name} is missing")
    time, reaction = file[TIME], file[REACTION]
    if file.swmr_mode:
        # See what another process added since the file was opened.
        time.refresh()
        reaction.refresh()
    n = min(len(time), len(reaction))
    first, n_events = file[FIRST][:][replicates], file["n_events"][:][replicates]
    if (first < 0).any() or (n_events < 0).any() or (first > n - n_events).any():
        raise damaged(path, f"/{FIRST} and /n_events do not match the {n} reactions in /{GROUP}")
    # Sorted by place; replicates without reactions take none.
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
    if n_done > n_replicates or (n_done % MOMENT_GROUP and n_done < n_replicates):
        raise damaged(
            path, f"{n_done} of {n_replicates} replicates are included, expected a multiple of {MOMENT_GROUP}"
        )
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
    """Nothing: its table says everything."""


CHECKS = {
    RUNS.filetype: _check_run,
    MOMENTS.filetype: _check_moments,
    BOUNDS.filetype: _check_bounds,
    PREDICTIONS.filetype: _check_prediction,
}


# Comparison with the table: every attribute and dataset must exist with its type and shape, and nothing may be stored
# in another file.

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_MOST_PLACES = 10_000
"""Largest number of groups and datasets. Files of this software have a few hundred."""


def form_of(path: Path, file: h5py.File, expected: FileFormat | None = None) -> FileFormat:
    """The kind of a file, by its `filetype`. Raises InputError for an unknown type, a type other than `expected`, and
    another major version."""
    filetype = file.attrs.get("filetype")
    known = FORMATS if expected is None else (expected,)
    form = next((f for f in known if isinstance(filetype, str) and filetype == f.filetype), None)
    if form is None:
        raise InputError(_other(path, filetype, expected))
    version = np.atleast_1d(file.attrs.get("version", 0))
    if version.dtype.kind not in "iu" or version.shape != (2,):
        raise damaged(path, f"the attribute version is {shown(file.attrs.get('version'))}, expected two integers")
    if int(version[0]) != form.version[0] or version[1] < 0:
        raise InputError(
            f"{path} has format version {[int(v) for v in version]}, this software reads {form.version[0]}.x of "
            f"{form.filetype!r}"
        )
    return form


def version_of(file: h5py.File) -> Version:
    """The version of the format of a file, after `form_of`."""
    major, minor = (int(v) for v in file.attrs["version"])
    return major, minor


def check(path: Path, file: h5py.File, expected: FileFormat | None = None) -> FileFormat:
    """Compare a file with the table of its kind, which is returned. Raises InputError for any difference, or if the
    kind is not the `expected` one (default: any)."""
    form = form_of(path, file, expected)
    version = version_of(file)
    _check_places(path, file)
    kind = ""
    if form.kinds:
        kind = text(path, file, "kind")
        if kind not in form.kinds:
            raise damaged(path, f"its kind is {kind!r}, expected {' or '.join(map(repr, form.kinds))}")
    needed = {e.path for e in form.entries_of(kind, version)}
    lengths = dict(form.lengths)
    for group in form.groups:
        _check_group(path, file, group, group in {e.group for e in form.entries_of(kind, version)})
    for entry in form.entries:
        if not _is_there(file, entry):
            if entry.path in needed and not _may_be_missing(file, entry):
                raise damaged(path, f"/{entry.path} is missing")
            continue
        # Groups with any datasets may have any names, which must still be identifiers.
        for name in file[entry.group] if entry.open else ():
            _check_name(path, f"/{entry.group}", name)
        for dataset in datasets_of(file, entry):
            axes = [axis_name(file, entry, axis) for axis in entry.axes]
            _check_dataset(path, dataset, entry, axes, lengths)
    _check_attributes(path, file, form, kind, version)
    CHECKS[form.filetype](path, file, lengths)
    return form


def _other(path: Path, filetype: Any, expected: FileFormat | None) -> str:
    """The message for a file of another type."""
    known = next((f for f in FORMATS if isinstance(filetype, str) and filetype == f.filetype), None)
    if expected is None:
        what = " or ".join(repr(f.filetype) for f in FORMATS)
        return f"{path} is not a file of this software: its filetype is {shown(filetype)}, expected {what}"
    message = f"{path} is not a {expected.name}: its filetype is {shown(filetype)}, expected {expected.filetype!r}"
    return message + (f"; it is a {known.name}" if known is not None else f"; {expected.remedy}")


def _check_places(path: Path, file: h5py.File) -> None:
    """Raise InputError unless everything is stored in the file itself, and once: all links must be hard links, no
    object may have two, and no data may be external. This holds for objects that no table has, too."""
    # The address identifies an object, so a second link to it is detected, and a cycle ends.
    places = {h5py.h5o.get_info(file.id).addr: "/"}
    waiting: list[h5py.Group] = [file]
    while waiting:
        group = waiting.pop()
        for name in group:
            where = shown(f"{group.name.rstrip('/')}/{name}")[1:-1]
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise damaged(path, f"{where} is a link")
            item = group[name]
            first = places.setdefault(h5py.h5o.get_info(item.id).addr, where)
            if first != where:
                raise damaged(path, f"{where} is a second link to {first}")
            if len(places) > _MOST_PLACES:
                raise damaged(path, f"it contains more than {_MOST_PLACES} datasets and groups")
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset) and (item.is_virtual or item.external):
                raise damaged(path, f"{where} is stored in another file")


def _check_group(path: Path, file: h5py.File, name: str, needed: bool) -> None:
    if name not in file:
        if needed:
            raise damaged(path, f"/{name} is missing")
    elif not isinstance(file[name], h5py.Group):
        raise damaged(path, f"/{name} is not a group")


def _is_there(file: h5py.File, entry: Entry) -> bool:
    group: Any = file
    for part in entry.path.split("/")[:-1]:
        group = group[part] if isinstance(group, h5py.Group) and part in group else None
    return isinstance(group, h5py.Group) and (entry.open or entry.path.rpartition("/")[2] in group)


def _may_be_missing(file: h5py.File, entry: Entry) -> bool:
    return entry.open or entry.sometimes or (entry.optional and entry.group not in file)


def _check_dataset(path: Path, dataset: Any, entry: Entry, axes: list[str], lengths: dict[str, int]) -> None:
    """Raise InputError if a dataset is not as its entry says. `axes` are the names of its axes. `lengths` are those of
    the axes so far; new ones are added."""
    where = dataset.name
    if not isinstance(dataset, h5py.Dataset):
        raise damaged(path, f"{where} is a group, expected a dataset")
    dtype = NAME if h5py.check_string_dtype(dataset.dtype) else dataset.dtype.name
    if dtype not in entry.dtypes or dataset.dtype.byteorder == ">":
        raise damaged(path, f"{where} has dtype {dataset.dtype}, expected {' or '.join(entry.dtypes)}")
    if dataset.shape is None or len(dataset.shape) != len(entry.axes):
        raise damaged(path, f"{where} has shape {dataset.shape}, expected [{', '.join(entry.axes)}]")
    for axis, length in zip(axes, dataset.shape):
        if lengths.setdefault(axis, length) != length and not entry.grows:
            raise damaged(path, f"{where} has shape {dataset.shape}, expected {axis} = {lengths[axis]}")
    unit = dataset.attrs.get("units", "")
    if not isinstance(unit, str) or unit != entry.unit(dtype):
        raise damaged(path, f"{where} has units {shown(unit)}, expected {entry.unit(dtype)!r}")
    if not entry.filled_later:
        check_size(path, dataset, math.prod(dataset.shape))
    if dtype == NAME:
        texts = strings(path, dataset)
        if entry.json:
            json_object(path, where, texts)
        for name in texts if entry.axes else ():
            _check_name(path, where, name)


def _check_name(path: Path, where: str, name: str) -> None:
    """Raise InputError for a name that is not an identifier: names appear in the first line of tables, and on
    terminals."""
    if not _NAME.fullmatch(name):
        raise damaged(path, f"{where} contains the name {shown(name)}, expected letters, digits and underscores")


def _check_attributes(path: Path, file: h5py.File, form: FileFormat, kind: str, version: Version) -> None:
    needed = {a.path for a in form.attributes_of(kind, version)}
    for attribute in form.attributes:
        item = file if not attribute.group else file.get(attribute.group)
        if item is None:
            if attribute.path in needed:
                raise damaged(path, f"/{attribute.group} is missing")
        elif attribute.path in needed or attribute.name in item.attrs:
            attribute.check(path, item, attribute.name)
