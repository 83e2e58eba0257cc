"""Writing run files, and checkpoints in them.

All objects of a file are created first. They are then filled in SWMR mode, so that readers can follow.
"""

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np

from .. import checks
from ..checks import GillespieError, StorageError, part_of
from ..simulation.presentations import Checkpoint
from . import hdf5_bytes
from .hdf5 import Lock, clear, move
from .making import make
from .schema import LIBVER, RUNS
from .schema.file_kinds import N_SLOTS

_Self = TypeVar("_Self", bound="RunFile")


class RunFile:
    """A run file that is being written, as a context manager. Its wall time is stored when it closes.

    It is created under a temporary name and moved to `path` when all objects exist. A kill at any moment therefore
    leaves no file, the previous one, or one that opens. After a failed write nothing more is written: the file stays as
    a killed process would leave it, and StorageError is raised.
    """

    kind: str

    def __init__(self, path: str | Path, overwrite: bool, values: dict[str, Any], lengths: dict[str, int], **how: Any):
        """`values`, `lengths` and `how` as in `making.make`."""
        self.path = checks.new_run_file(path, overwrite)
        self._start = time.perf_counter()
        part = part_of(self.path)
        self._file: Any = None  # None again once it is abandoned
        self._lock: Any = None
        self._datasets: dict[str, h5py.Dataset] = {}
        try:
            with self._guard():
                self._lock = Lock(self.path)
                # Again, under the lock: another process may have created the file in between.
                checks.new_run_file(self.path, overwrite)
                clear(self.path)
                # Under the temporary name, so that a kill in between leaves no file at `path`.
                with hdf5_bytes.quiet(part) as made, h5py.File(made, "w", libver=LIBVER) as self._file:
                    make(self._file, RUNS, values | {"kind": self.kind}, lengths, kind=self.kind, **how)
                    self._begin()
                move(part, self.path)
                self._file = _open_swmr(self.path)
        except BaseException:
            if self._lock is not None:
                if self._file is not None:
                    hdf5_bytes.close(self._file)
                part.unlink(missing_ok=True)
                self._lock.release()
            raise

    def _begin(self) -> None:
        """Write what must be in the file from the start. Every group, dataset and attribute exists by now: SWMR mode
        would lose new ones without an error."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and release its lock."""
        if self._file and self._lock:
            try:
                with self._guard(None):
                    self._at("provenance/seconds")[()] = time.perf_counter() - self._start
                    # A failing flush raises an error; closing a dataset would not.
                    self._file.flush()
                    self._datasets.clear()
                    self._file.close()
            finally:
                self._lock.release()

    def add_seconds(self, seconds: float) -> None:
        """Add wall time from before the file was created."""
        self._start -= float(np.nan_to_num(seconds))

    def _at(self, name: str) -> h5py.Dataset:
        """A dataset, which stays open. Looking it up takes as long as writing a small one; and when h5py closes a
        dataset, it reports no error if the last rows cannot be written."""
        if name not in self._datasets:
            self._datasets[name] = self._file[name]
        return self._datasets[name]

    @contextmanager
    def _guard(self, n_bytes: int | None = 0) -> Iterator[None]:
        """A context manager for a write of `n_bytes`. Raises StorageError if the disk is nearly full (None: no check),
        and if the write fails; the file is then abandoned."""
        if n_bytes is not None:
            hdf5_bytes.check_free(self.path, n_bytes)
        try:
            yield
        except GillespieError:
            raise
        except (OSError, RuntimeError) as error:
            if self._file and self._lock:
                hdf5_bytes.abandon(self._file, self._datasets)
                self._file = None
                self._lock.release()
            raise StorageError(
                f"cannot write {self.path}: {hdf5_bytes.reason(error)}; what is already committed stays readable"
            ) from None


def _open_swmr(path: Path) -> h5py.File:
    """Open a file for writing in SWMR mode. If it were opened for writing first, and the process were killed before
    `swmr_mode` is set, the file could not be opened any more."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    access.set_libver_bounds(h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
    # `Lock` does this, also on file systems where HDF5 cannot lock.
    access.set_file_locking(False, True)
    return h5py.File(h5py.h5f.open(os.fsencode(path), h5py.h5f.ACC_RDWR | h5py.h5f.ACC_SWMR_WRITE, access))


# Checkpoints: two slots, written in turn, so that a kill during a write leaves the previous one.
#
# A slot is valid if its number is not 0 and its digest is that of number and content. An incomplete write is therefore
# never read as a checkpoint, in whatever order its parts reach the disk.

GROUP = "checkpoint"
_NUMBERS = ("n_presented", "n_events")
_ARRAYS = ("counts", "generator", "memory", "weights_sum", "best_weights")
MEMORY_SCALE = "memory_place"
NAMES = ("number", "digest", *_NUMBERS, *_ARRAYS)


def write(slots: Mapping[str, h5py.Dataset], number: int, checkpoint: Checkpoint) -> None:
    """Write checkpoint `number` (1, 2, ...) into the slot of the older one; `slots` are the datasets by name."""
    slot = number % N_SLOTS
    # The length of a method's memory is known now. Both slots and the scale of the axis grow together.
    if slots["memory"].shape[1] != checkpoint.memory.size:
        for name, axis in (("memory", 1), (MEMORY_SCALE, 0)):
            slots[name].resize(checkpoint.memory.size, axis=axis)
    for name in _NUMBERS + _ARRAYS:
        values = getattr(checkpoint, name)
        if np.size(values):
            slots[name][slot] = values
    # Until the digest is written, the slot has the wrong one and is ignored.
    slots["digest"][slot] = _digest(number, checkpoint)
    slots["number"][slot] = number


def read_latest(file: h5py.File) -> Checkpoint | None:
    """The last complete checkpoint, or None."""
    group = file[GROUP]
    numbers = group["number"][:]
    for slot in np.argsort(-numbers, kind="stable"):
        if numbers[slot] <= 0:
            break
        checkpoint = _read(group, slot)
        if (group["digest"][slot] == _digest(numbers[slot], checkpoint)).all():
            return checkpoint
    return None


def copy(source: h5py.File, target: h5py.File) -> None:
    """Copy both slots unchanged, if one of them is used."""
    source, target = source[GROUP], target[GROUP]
    if not source["number"][:].any():
        return
    target["memory"].resize(source["memory"].shape)
    target[MEMORY_SCALE].resize(source["memory"].shape[1:])
    for name in NAMES:
        if target[name].size:
            target[name][...] = source[name][...]


def _read(group: h5py.Group, slot: int) -> Checkpoint:
    numbers: dict[str, Any] = {name: int(group[name][slot]) for name in _NUMBERS}
    return Checkpoint(**numbers, **{name: group[name][slot] for name in _ARRAYS})


def _digest(number: int, checkpoint: Checkpoint) -> np.ndarray:
    digest = hashlib.sha256(repr([int(number), *(int(getattr(checkpoint, name)) for name in _NUMBERS)]).encode())
    for name in _ARRAYS:
        digest.update(np.ascontiguousarray(getattr(checkpoint, name)).tobytes())
    return np.frombuffer(digest.digest(), dtype=np.uint8)
