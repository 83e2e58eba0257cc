"""Repairing a run file that its writer did not close: the committed data are copied into a new file.

Nothing is changed in place. The copy is made next to the original and compared with the schema; then it replaces the
original. A kill at any moment leaves one or the other.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .. import checks
from ..checks import InputError, StorageError, part_of
from ..simulation.run_options import EVENTS
from ..status import Status
from . import disk, hdf5_bytes, log_file, writer
from .ensemble_file import copy_replicates
from .hdf5 import Lock, clear, move, opened
from .reader import Run
from .schema import LIBVER, RUNS, TRAINING
from .values import damaged, is_of_hdf5, said

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

_SCALE = ("CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "DIMENSION_LABELS")
"""Attributes by which HDF5 keeps dimension scales; they hold places in the file."""
_LIBVER = (LIBVER[0], "latest")
"""The oldest files need the latest."""
_ROWS = ("counts", "covariance", "observables", "firings")


def repair(path: str | Path) -> dict:
    """Make the run file at `path` readable for every program, with all committed data.

    Returns `file`, `kind`, `repaired` (False if the file was closed properly, and is unchanged), `kept` of `planned`
    replicates or records, `lost`, the numbers of committed replicates that cannot be read (they are no longer
    committed, and `resume` simulates them), and `presentations` of the last complete checkpoint of a training run.

    Raises
    ------
    InputError : the file is no run file, another process is writing it, or nothing in it can be read.
    StorageError : the disk is full.
    """
    path = checks.existing_file("run file", path, f"expected the path of a run file, got {path!r}")
    lock = Lock(path)
    part = part_of(path)
    try:
        _check_free_of_writers(path)
        clear(path)
        disk.check_free(path, 2 * path.stat().st_size)
        marked, _ = hdf5_bytes.marks(path)
        with Run(path, opened(path, RUNS, ours=True)) as run:
            lost = _unreadable(run)
            if not marked and not lost:
                return _report(run, False, lost)
            try:
                with disk.quiet(part) as made, h5py.File(made, "w", libver=_LIBVER) as target:
                    _copy(run, target, lost)
            except (OSError, RuntimeError) as error:
                if is_of_hdf5(error) and "write" not in str(error):
                    raise damaged(path, said(error)) from None
                raise StorageError(f"cannot write {path}: {disk.reason(error)}; the file is unchanged") from None
        with Run(part, opened(part, RUNS)) as run:
            found = _report(run, True, lost)
        move(part, path)
        return found | {"file": str(path)}
    finally:
        part.unlink(missing_ok=True)
        lock.release()


def _check_free_of_writers(path: Path) -> None:
    """HDF5 locks a file that it has open for writing, except in SWMR mode, where our own lock tells."""
    if fcntl is None:
        return
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{path} is open for writing in another program: close it there, and try again") from None
        except OSError:  # a file system without locks
            pass


def _unreadable(run: Run) -> list[int]:
    """Committed replicates whose rows cannot be read. Raises InputError for a training run of that kind, whose records
    hang together."""
    rows = [run._file[name] for name in _ROWS if name in run._file]
    training = run.kind == TRAINING
    if training:
        _ = run.weights, run.predictions, run.time
    committed = run.replicates
    lost: set[int] = set()
    for dataset in rows if len(committed) else ():
        n = dataset.chunks[0] if dataset.chunks else 1
        for group in np.split(committed, np.flatnonzero(np.diff(committed // n)) + 1):
            try:
                for points in _points(dataset, run._n_points if training else dataset.shape[1]):
                    dataset[int(group[0]) : int(group[-1]) + 1, points]
            except (OSError, RuntimeError) as error:
                if training:
                    raise damaged(run.path, said(error)) from None
                lost.update(group.tolist())
    if run.record == EVENTS:
        lost.update(log_file.wrong_replicates(run._file, committed))
    return sorted(lost)


def _points(dataset: h5py.Dataset, n_points: int) -> list[slice]:
    """Those of each chunk."""
    rows = dataset.chunks[1] if dataset.chunks else max(1, n_points)
    return [slice(k, min(k + rows, n_points)) for k in range(0, n_points if dataset.size else 0, rows)]


def _copy(run: Run, target: h5py.File, lost: list[int]) -> None:
    """Everything that can be trusted; rows that cannot are empty again."""
    source = run._file
    target.attrs.update(source.attrs)
    datasets = []

    def make(name: str, item: Any) -> None:
        if isinstance(item, h5py.Group):
            made = target.create_group(name)
        else:
            of_log = name in (log_file.TIME, log_file.REACTION, log_file.SCALE) and not run._is_training
            made = log_file.make_empty(target, name, item.dtype) if of_log else _made(target, name, item)
            datasets.append((item, made))
            _fill(run, item, made, lost)
        made.attrs.update({key: value for key, value in item.attrs.items() if key not in _SCALE})

    source.visititems(make)
    for item, made in datasets:
        if item.is_scale:
            made.make_scale(item.attrs["NAME"])
    for item, made in datasets:
        for axis in range(item.ndim if not item.is_scale else 0):
            for scale in item.dims[axis].values():
                made.dims[axis].attach_scale(target[scale.name])
    if run.record == EVENTS:
        log_file.copy_log(source, target, np.setdiff1d(run.replicates, lost))
    if lost:
        target["committed"][lost] = 0
        target["status"][lost] = int(Status.INTERRUPTED)


def _made(target: h5py.File, name: str, item: h5py.Dataset) -> h5py.Dataset:
    """An empty dataset that is laid out as `item`, in the form of HDF5 that `target` has."""
    how = {"fillvalue": item.fillvalue} if item.dtype.kind in "iuf" else {}
    if item.chunks is not None:
        how |= {"chunks": item.chunks, "maxshape": item.maxshape, "shuffle": item.shuffle}
        how |= {"compression": item.compression, "compression_opts": item.compression_opts}
    return target.create_dataset(name, item.shape, item.dtype, **how)


def _fill(run: Run, item: h5py.Dataset, made: h5py.Dataset, lost: list[int]) -> None:
    name = item.name.lstrip("/")
    if not item.id.get_storage_size() or (name.startswith(f"{log_file.GROUP}/") and run.record == EVENTS):
        return  # `copy_log` copies the reactions
    if name in _ROWS and run.kind != TRAINING:
        copy_replicates(item, made, np.setdiff1d(run.replicates, lost))
    elif name in _ROWS:
        copy_replicates(item, made, np.arange(1), run._n_points)
    elif name in ("training/weights", "training/predictions"):
        made[: run._n_points] = item[: run._n_points]
    elif item.size:
        made[...] = item[()]


def _report(run: Run, repaired: bool, lost: list[int]) -> dict[str, Any]:
    found = {
        "file": str(run.path),
        "kind": run.kind,
        "repaired": repaired,
        "kept": run.n_kept,
        "planned": run.n_planned,
        "lost": lost,
        "ended": run.ended,
    }
    if writer.GROUP in run._file:
        last = writer.read_latest(run._file)
        found["presentations"] = 0 if last is None else last.n_presented
    return found
