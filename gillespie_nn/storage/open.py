"""Opening, following and repairing runs in files."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from .. import checks
from ..checks import InputError, StorageError, part_of, printable
from ..simulation.methods.method import units_of
from ..simulation.moments import Moments, MomentsResult
from ..simulation.result_views import span
from ..simulation.run_options import EVENTS
from ..simulation.task import MOMENTS as RECORDED_MOMENTS
from ..simulation.task import QUANTILES
from ..statistics.intervals import Sketch
from ..status import Status
from . import hdf5_bytes, log_file, writer
from .ensemble_file import copy_replicates
from .hdf5 import Lock, clear, copy_file, is_locked, move, opened
from .moments_file import load
from .reader import Run
from .schema import LIBVER, MOMENTS, RUNS, TRAINING
from .schema.file_kinds import KIND
from .validate import form_of, version_of
from .values import damaged, is_of_hdf5, message_of, model_of, readable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True, repr=False)
class MomentsRun(MomentsResult):
    """A `MomentsResult` read from a file. The whole file is read when it is opened."""

    path: Path = Path()
    version: tuple[int, int] = (0, 0)
    """Version of the file's format."""
    software_version: str = ""
    initial: np.ndarray | None = None
    """[species], initial counts of every species of the model after overrides [molecules]."""
    rates: np.ndarray | None = None
    """float64[reaction], rate constants after overrides."""
    arguments: dict | None = None
    """Further arguments that determine the ensemble; since version 1.1."""
    kind = KIND

    @property
    def record(self) -> str:
        """What is recorded: `moments` or `quantiles`."""
        return RECORDED_MOMENTS if self.moments.sketch is None else QUANTILES

    @property
    def initial_of_model(self) -> np.ndarray | None:
        """The same as `initial`."""
        return self.initial

    @property
    def ended(self) -> bool:
        """Whether every replicate is included, so that there is nothing to resume."""
        return self.n_done == self.n_replicates

    @property
    def n_planned(self) -> int:
        """Replicates requested."""
        return self.n_replicates

    @property
    def n_kept(self) -> int:
        """Replicates included."""
        return self.n_done

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Copy the file to `path`. Raises InputError for an existing file without `overwrite`, and while a process is
        writing this run; StorageError if the copy cannot be written. An existing file is replaced only by a complete
        copy."""
        copy_file(self.path, path, overwrite)

    def _title(self) -> str:
        return f"MomentsRun in {str(self.path)!r}: {span(self)}"

    def __enter__(self) -> "MomentsRun":
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def close(self) -> None:
        """Do nothing: the whole file is read when it is opened."""


def read(path: Path, file: h5py.File) -> MomentsRun:
    """The contents of a valid file of moments, as a `MomentsRun`."""
    attributes = file.attrs
    network = model_of(path, file)
    moments = Moments.__new__(Moments)
    moments.sketch = Sketch(file["sketch/whole"][:]) if "sketch" in file else None
    load(file, moments)
    provenance = json.loads(file["provenance/json"].asstr()[()])
    return MomentsRun(
        time=file["time"][:], quantities=tuple(file["quantity"].asstr()[:]), moments=moments,
        n_replicates=int(attributes["n_replicates"]), method=printable(attributes["method"]),
        seed=int(attributes["seed"]), volume=float(attributes["volume"]), model=network,
        units=units_of(printable(attributes["units"]), network, float(attributes["volume"])),
        method_reason=printable(attributes["method_reason"]), path=path,
        provenance=provenance | {"seconds": float(file["provenance/seconds"][()])}, version=version_of(file),
        software_version=printable(attributes["software_version"]),
        initial=file["model/initial"][:], rates=file["model/rates"][:],
        arguments=json.loads(attributes["arguments"]) if "arguments" in attributes else None,
    )  # fmt: skip


# Opening any run, of trajectories or of moments.

_SOON_READ = 1 << 17
"""Size of a model's text that is read in a tenth of a second [bytes]."""


def open_run(path: str | Path) -> Run | MomentsRun:
    """Open the run in the file at `path` for reading, even while it is being written, or after its process was
    killed. Returns a `Run`, or for moments a `MomentsRun`.

    Raises InputError for a missing or damaged file, another filetype, and a newer major version.
    """
    where = checks.existing_file("run file", path, f"expected the path of a run file, got {path!r}")
    file = opened(where)
    form = form_of(where, file)
    if form is RUNS:
        return _checked(Run(where, file))
    with file:
        if form is not MOMENTS:
            raise InputError(f"{where} is a {form.name}, not a run: its filetype is {form.filetype!r}")
        with readable(where):
            return read(where, file)


def open_trajectories(path: str | Path) -> Run:
    """Open the run in the file at `path`, which must contain trajectories; `open_run` also opens moments.

    Raises InputError for other files, and as `open_run` does.
    """
    where = checks.existing_file("run file", path, f"expected the path of a run file, got {path!r}")
    return _checked(Run(where, opened(where, RUNS)))


def _checked(run: Run) -> Run:
    """The run. A small model is compared with the rest of the file now, a large one when it or a name in it is first
    used."""
    try:
        if run.model_bytes <= _SOON_READ:
            _ = run.model
    except BaseException:
        run.close()
        raise
    return run


def open_moments(path: str | Path) -> MomentsRun:
    """Open the moments in the file at `path`; `open_run` opens every run.

    Raises InputError for other files, and as `open_run` does.
    """
    where = checks.existing_file("file of moments", path, "open_moments takes the path of a file of moments")
    with opened(where, MOMENTS) as file, readable(where):
        return read(where, file)


# Following a run while it is written. The file is opened again for each `Look` (see FORMAT.md).

_TRIES = 5
"""Number of failures in a row after which `follow` gives up on a file that is being written."""


class Look(NamedTuple):
    """The state of a file at one moment."""

    kind: str
    kept: int
    """Committed replicates, or for training records."""
    planned: int
    n_events: int
    ended: bool
    written: bool
    """Whether a process is writing the file."""


def follow(path: str | Path, interval: float, sleep: Callable[[float], None] = time.sleep) -> Iterator[Look]:
    """Yield a `Look` at the file now, and another after each `interval` [s] with new data, until the run has ended or
    no process writes the file; the last look says which. Raises InputError as `open_run` does."""
    path = checks.existing_file("run file", path, f"expected the path of a run file, got {path!r}")
    before, failed = None, 0
    while True:
        # Before the look: what was written before the lock was released is then seen.
        written = is_locked(path)
        try:
            look = _look(path, written)
            failed = 0
        except InputError:
            failed += 1
            if not written or failed == _TRIES:
                raise
            sleep(interval)
            continue
        if look != before:
            yield look
        if look.ended or not written:
            return
        before = look
        sleep(interval)


def _look(path: str | Path, written: bool) -> Look:
    with open_run(path) as run:
        return Look(run.kind, run.n_kept, run.n_planned, int(np.sum(run.n_events)), run.ended, written)


# Repairing a run file that its writer did not close: the committed data are copied into a new file.
#
# Nothing is changed in place. The copy is made next to the original and validated; then it replaces the original. A
# kill at any moment leaves one or the other.

_SCALE = ("CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "DIMENSION_LABELS")
"""Attributes that store dimension scales in HDF5. They contain addresses in the file, so they are made anew."""
_LIBVER = (LIBVER[0], "latest")
"""Formats of HDF5 for the copy: files of the first versions of this software use the latest."""
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
        hdf5_bytes.check_free(path, 2 * path.stat().st_size)
        marked, _ = hdf5_bytes.marks(path)
        with Run(path, opened(path, RUNS, ours=True)) as run:
            lost = _unreadable(run)
            if not marked and not lost:
                return _report(run, False, lost)
            try:
                with hdf5_bytes.quiet(part) as made, h5py.File(made, "w", libver=_LIBVER) as target:
                    _copy(run, target, lost)
            except (OSError, RuntimeError) as error:
                if is_of_hdf5(error) and "write" not in str(error):
                    raise damaged(path, message_of(error)) from None
                raise StorageError(f"cannot write {path}: {hdf5_bytes.reason(error)}; the file is unchanged") from None
        with Run(part, opened(part, RUNS)) as run:
            report = _report(run, True, lost)
        move(part, path)
        return report | {"file": str(path)}
    finally:
        part.unlink(missing_ok=True)
        lock.release()


def _check_free_of_writers(path: Path) -> None:
    """Raise InputError if a program has the file open for writing. HDF5 locks such a file, except in SWMR mode, for
    which this software has a `Lock`."""
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
    """Committed replicates whose rows cannot be read. Raises InputError for such a training run, whose records depend
    on each other."""
    rows = [run._file[name] for name in _ROWS if name in run._file]
    training = run.kind == TRAINING
    if training:
        _ = run.weights, run.predictions, run.time
    committed = run.replicates
    lost: set[int] = set()
    for dataset in rows if len(committed) else ():
        n = dataset.chunks[0] if dataset.chunks else 1
        # Replicates that share a chunk are lost together.
        for group in np.split(committed, np.flatnonzero(np.diff(committed // n)) + 1):
            try:
                for points in _points(dataset, run._n_points if training else dataset.shape[1]):
                    dataset[int(group[0]) : int(group[-1]) + 1, points]
            except (OSError, RuntimeError) as error:
                if training:
                    raise damaged(run.path, message_of(error)) from None
                lost.update(group.tolist())
    if run.record == EVENTS:
        lost.update(log_file.wrong_replicates(run._file, committed))
    return sorted(lost)


def _points(dataset: h5py.Dataset, n_points: int) -> list[slice]:
    """The recorded points of each chunk, as slices."""
    rows = dataset.chunks[1] if dataset.chunks else max(1, n_points)
    return [slice(k, min(k + rows, n_points)) for k in range(0, n_points if dataset.size else 0, rows)]


def _copy(run: Run, target: h5py.File, lost: list[int]) -> None:
    """Copy all committed data. Rows that are not committed, or were lost, are empty in the copy."""
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
    # All scales first: the next loop attaches them.
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
    """An empty dataset with the layout of `item`, in the HDF5 format of `target`."""
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
    report = {
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
        report["presentations"] = 0 if last is None else last.n_presented
    return report
