"""Writing run files: all objects are created first, then filled in SWMR mode, so that readers can follow."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np

from .. import checks
from ..checks import GillespieError, StorageError, part_of
from . import disk
from .lock import Lock
from .making import make
from .schema import LIBVER, RUNS
from .whole import clear, move

_Self = TypeVar("_Self", bound="RunFile")


class RunFile:
    """A run file that is being written, as a context manager. Its wall time is stored when it closes.

    It is created under a temporary name and moved to `path` when all objects exist. A kill at any moment therefore
    leaves no file, the previous one, or one that opens. After a failed write nothing more is written: the file stays as
    a killed process would leave it, and StorageError is raised.
    """

    kind: str

    def __init__(self, path: str | Path, overwrite: bool, values: dict[str, Any], lengths: dict[str, int], **how: Any):
        """`values`, `lengths` and `how` as of `making.make`."""
        self.path = checks.new_run_file(path, overwrite)
        self._start = time.perf_counter()
        part = part_of(self.path)
        self._file: Any = None  # None again once it is abandoned
        self._lock: Any = None
        self._datasets: dict[str, h5py.Dataset] = {}
        try:
            with self._guard():
                self._lock = Lock(self.path)
                checks.new_run_file(self.path, overwrite)  # another may have made it before the lock was ours
                clear(self.path)
                with disk.quiet(part) as made, h5py.File(made, "w", libver=LIBVER) as self._file:
                    make(self._file, RUNS, values | {"kind": self.kind}, lengths, kind=self.kind, **how)
                    self._begin()
                move(part, self.path)
                self._file = _open_swmr(self.path)
        except BaseException:
            if self._lock is not None:
                if self._file is not None:
                    disk.close(self._file)
                part.unlink(missing_ok=True)
                self._lock.release()
            raise

    def _begin(self) -> None:
        """What is written before the file is there. Every group, dataset and attribute exists by now: later ones would
        be lost without an error."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and let others write in it."""
        if self._file and self._lock:
            try:
                with self._guard(None):
                    self._at("provenance/seconds")[()] = time.perf_counter() - self._start
                    self._file.flush()  # where it fails, it raises; a dataset that is closed does not
                    self._datasets.clear()
                    self._file.close()
            finally:
                self._lock.release()

    def add_seconds(self, seconds: float) -> None:
        """Add wall time from before the file was created."""
        self._start -= float(np.nan_to_num(seconds))

    def _at(self, name: str) -> h5py.Dataset:
        """A dataset, looked up once, and kept: to look it up takes as long as writing a small one, and h5py says
        nothing when the last rows cannot be written as a dataset is closed."""
        if name not in self._datasets:
            self._datasets[name] = self._file[name]
        return self._datasets[name]

    @contextmanager
    def _guard(self, n_bytes: int | None = 0) -> Iterator[None]:
        """Turns a failing write into a sentence; refuses to start one of `n_bytes` (None: does not look) when the disk
        is nearly full."""
        if n_bytes is not None:
            disk.check_free(self.path, n_bytes)
        try:
            yield
        except GillespieError:
            raise
        except (OSError, RuntimeError) as error:
            if self._file and self._lock:
                disk.abandon(self._file, self._datasets)
                self._file = None
                self._lock.release()
            raise StorageError(
                f"cannot write {self.path}: {disk.reason(error)}; what is already committed stays readable"
            ) from None


def _open_swmr(path: Path) -> h5py.File:
    """Open for writing and for readers at once: opened for writing alone, the file of a process killed before
    `swmr_mode` is set would open no more."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    access.set_libver_bounds(h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
    access.set_file_locking(False, True)  # there is a lock of our own, also where the file system has none for HDF5
    return h5py.File(h5py.h5f.open(os.fsencode(path), h5py.h5f.ACC_RDWR | h5py.h5f.ACC_SWMR_WRITE, access))
