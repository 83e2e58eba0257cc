"""Whether a file that calls itself a run file is one: every dataset of the schema in its place, type and shape.

A file from elsewhere may hold anything; whoever reads one that was found valid can trust names, types and sizes.
"""

import math

import h5py
import numpy as np

from ..checks import InputError
from ..status import Status
from .damage import damaged, shown
from .moments_file import FILETYPE as MOMENTS
from .schema import ENSEMBLE, FILETYPE, TRAINING, VERSION, entries
from .values import json_object, positive_number, strings, text, whole_number

_MOST_PACKED = 1100
"""Deflate packs at most 1,032 bytes into one: what claims to be more was never written."""
_SMALL_BYTES = 1 << 16


def check_filetype(path, file) -> None:
    """Raises InputError for another type or another major version."""
    filetype, version = file.attrs.get("filetype"), np.atleast_1d(file.attrs.get("version", 0))
    if isinstance(filetype, str) and filetype == MOMENTS:
        raise InputError(f"{path} holds moments, not trajectories: read it by gillespie_nn.open_moments")
    if not isinstance(filetype, str) or filetype != FILETYPE:
        raise InputError(f"{path} is not a run file: its filetype is {shown(filetype)}, expected {FILETYPE!r}")
    if version.dtype.kind not in "iu" or version.shape != (2,):
        raise damaged(path, f"the attribute version is {shown(version)}, expected two whole numbers")
    if int(version[0]) != VERSION[0] or version[1] < 0:
        raise InputError(f"{path} has format version {[int(v) for v in version]}, this software reads {VERSION[0]}.x")


def check(path, file) -> None:
    """Raises InputError for what differs from the schema; `check_filetype` comes first."""
    version = tuple(int(v) for v in file.attrs["version"])
    kind = text(path, file, "kind")
    if kind not in (ENSEMBLE, TRAINING):
        raise damaged(path, f"its kind is {kind!r}, expected {ENSEMBLE!r} or {TRAINING!r}")
    lengths: dict[str, int] = {}
    for entry in entries(kind, version):
        check_dataset(path, file, entry, lengths)
    for name in file.get("statistics", ()):
        dataset = _hard(path, file, f"statistics/{name}")
        if (
            not isinstance(dataset, h5py.Dataset)
            or dataset.dtype != np.float64
            or dataset.shape != file["status"].shape
        ):
            raise damaged(path, f"/statistics/{name} is not one float64 of each replicate")
    _check_attributes(path, file, kind, version)
    _check_values(path, file, kind)


def check_dataset(path, file, entry, lengths) -> None:
    """Raises InputError where a dataset is not as an entry of a schema says; `lengths` of the axes known so far are
    filled in."""
    dataset = _hard(path, file, entry.path)
    where = f"/{entry.path}"
    if not isinstance(dataset, h5py.Dataset):
        raise damaged(path, f"{where} is a group, expected a dataset")
    if dataset.is_virtual or dataset.external:
        raise damaged(path, f"{where} is kept in another file")
    found = "string" if h5py.check_string_dtype(dataset.dtype) else dataset.dtype.name
    if found not in entry.dtypes or dataset.dtype.byteorder == ">":
        raise damaged(path, f"{where} has dtype {dataset.dtype}, expected {' or '.join(entry.dtypes)}")
    if dataset.shape is None or len(dataset.shape) != len(entry.axes):
        raise damaged(path, f"{where} has shape {dataset.shape}, expected [{', '.join(entry.axes)}]")
    for axis, length in zip(entry.axes, dataset.shape):
        if lengths.setdefault(axis, length) != length:
            raise damaged(path, f"{where} has shape {dataset.shape}, expected {axis} = {lengths[axis]}")
    unit = dataset.attrs.get("units", "")
    if not isinstance(unit, str) or unit not in entry.units:
        raise damaged(path, f"{where} has units {shown(unit)}, expected {' or '.join(map(repr, entry.units))}")
    if not entry.filled_later:
        check_size(path, dataset, math.prod(dataset.shape))


def check_size(path, dataset, n_written) -> None:
    """`n_written` numbers of a dataset must be there: a small file can name any size."""
    n_bytes = n_written * dataset.dtype.itemsize
    if n_bytes > _SMALL_BYTES:
        dataset.refresh()  # what another process wrote since it was opened
    stored = dataset.id.get_storage_size()
    if n_bytes > _SMALL_BYTES and n_bytes > stored * _MOST_PACKED:
        raise damaged(path, f"{dataset.name} should hold {n_bytes} bytes, and {stored} are in the file")


def _check_attributes(path, file, kind, version):
    for name in ("software_version", "created", "method", *(("case",) if kind == TRAINING else ())):
        text(path, file, name)
    if version >= (1, 1):
        text(path, file, "method_reason")
    text(path, file["model"], "digest")
    whole_number(path, file, "seed", 0)
    positive_number(path, file, "volume")
    texts = [(file, "arguments")] if kind == ENSEMBLE and version >= (1, 5) else []
    if kind == TRAINING:
        group = file["training"]
        layers = np.asarray(group.attrs.get("layers"))
        if layers.dtype.kind not in "iu" or layers.ndim != 1 or len(layers) < 2 or (layers < 1).any():
            raise damaged(path, f"the attribute layers is {shown(layers)}, expected sizes of layers")
        text(path, group, "task")
        texts += [(group, name) for name in ("settings", *(("arguments", "data") if version >= (1, 4) else ()))]
    for where, name in texts:
        json_object(path, f"the attribute {name}", text(path, where, name))
    json_object(path, "/provenance/json", strings(path, file["provenance/json"]))


def _check_values(path, file, kind):
    for name in ("species", "model/reactions", *(("observable",) if "observable" in file else ())):
        strings(path, file[name])
    committed, status = file["committed"][:], file["status"][:]
    if (committed > 1).any():
        raise damaged(path, f"/committed holds {committed.max()}, expected 0 and 1")
    known = [int(s) for s in Status]
    if not np.isin(status, known).all():
        raise damaged(path, f"/status holds {status[~np.isin(status, known)][0]}, expected one of {known}")
    replicates, points = file["counts"].shape[:2]
    n_written = int(committed.sum()) * points
    if kind == TRAINING:
        if replicates != 1:
            raise damaged(path, f"it has {replicates} replicates, and a training run has one")
        n_written = int(file["training/n_recorded"][()])
        if not 0 <= n_written <= points:
            raise damaged(path, f"/training/n_recorded is {n_written}, expected 0 to {points}")
        n_presented = file["training/n_presented"][()] if "training/n_presented" in file else 0
        n_planned = file["training/presentations"].shape[0]
        if not 0 <= n_presented <= n_planned:
            raise damaged(path, f"/training/n_presented is {n_presented}, expected 0 to {n_planned}")
        for name in ("training/weights", "training/predictions"):
            check_size(path, file[name], n_written * file[name].shape[1])
    check_size(path, file["counts"], n_written * file["counts"].shape[2])
    for name in ("covariance", "observables"):
        if kind == ENSEMBLE and name in file:
            check_size(path, file[name], n_written * math.prod(file[name].shape[2:]))


def _hard(path, file, name):
    """What stands at `name`, which must be in this file itself."""
    group = file
    for part in name.split("/"):
        if not isinstance(group, h5py.Group) or part not in group:
            raise damaged(path, f"/{name} is missing")
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise damaged(path, f"/{name} is a link to somewhere else")
        group = group[part]
    return group
