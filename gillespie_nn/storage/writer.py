"""Writing run files: everything is created first, then filled under SWMR, so that a reader may watch."""

import os
import shutil
import time
from pathlib import Path

import h5py
import numpy as np

from .. import checks
from ..checks import StorageError, UnfinishedError
from . import layout
from .lock import Lock
from .whole import move

_SPARE_BYTES = 1 << 22


class RunFile:
    """A run file that is being written. A context manager: `seconds` of wall time are noted when it closes.

    It is made under another name beside `path` and moved there when all is created, so that a kill at any moment leaves
    no file, the one that was there before, or one that opens.
    """

    kind: str

    def __init__(self, path, overwrite, provenance_json, network, rates, counts, settings):
        self.path = checks.new_file(path, overwrite)
        self._start = time.perf_counter()
        part = self.path.with_name(f".{self.path.name}.part")
        self._file = self._lock = None
        try:
            with self._guard():
                self._lock = Lock(self.path)
                self._file = h5py.File(part, "w", libver="latest")
                layout.write_root(self._file, self.kind, settings)
                layout.write_provenance(self._file, provenance_json)
                layout.write_model(self._file, network, rates, counts)
                self._create()
                self._file.close()
                move(part, self.path)
                self._file = _open_swmr(self.path)
        except BaseException:
            if self._lock is not None:
                if self._file is not None:
                    self._file.close()
                part.unlink(missing_ok=True)
                self._lock.release()
            raise

    def _create(self):
        """Make every group, dataset and attribute: later ones would be lost without an error."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._file:
            try:
                with self._guard():
                    self._file["provenance/seconds"][()] = time.perf_counter() - self._start
                    self._file.close()
            finally:
                self._lock.release()

    def _guard(self, n_bytes=0):
        return _Guard(self.path, n_bytes)


def _open_swmr(path):
    """Open for writing and for readers at once: opened for writing alone, the file of a process killed before
    `swmr_mode` is set would open no more."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    access.set_libver_bounds(h5py.h5f.LIBVER_LATEST, h5py.h5f.LIBVER_LATEST)
    return h5py.File(h5py.h5f.open(os.fsencode(path), h5py.h5f.ACC_RDWR | h5py.h5f.ACC_SWMR_WRITE, access))


class _Guard:
    """Turns a failing write into a sentence; refuses to start one when the disk is nearly full."""

    def __init__(self, path, n_bytes):
        self.path, self.n_bytes = Path(path), n_bytes

    def __enter__(self):
        free = shutil.disk_usage(self.path.parent).free
        if free < self.n_bytes + _SPARE_BYTES:
            raise StorageError(
                f"the disk is full: {free} bytes left for {self.path}; what was committed stays readable. "
                "Free some space, or choose another --output"
            )

    def __exit__(self, kind, error, _):
        if kind is not None and issubclass(kind, (OSError, RuntimeError)) and not issubclass(kind, UnfinishedError):
            raise StorageError(f"cannot write {self.path}: {error}") from error


class EnsembleFile(RunFile):
    """A sink (`simulation.sinks.Sink`) that writes trajectories; a replicate counts once it is committed."""

    kind = "ensemble"

    def __init__(self, path, task, settings, provenance_json, overwrite=False):
        self._task = task
        super().__init__(path, overwrite, provenance_json, task.network, task.rates, task.counts, settings)

    def _create(self):
        task, n = self._task, self._task.n_replicates
        layout.write_trajectory(self._file, task.method, n, len(task.grid), task.network, task.grid)
        shape = (n, len(task.network.reactions) if task.count_firings else 0)
        layout.array(self._file, "firings", data=np.zeros(shape, dtype=np.int64))

    def write(self, replicate, start, rows, observed, covariance):
        with self._guard(rows.nbytes + observed.nbytes + covariance.nbytes):
            self._file["counts"][replicate, start : start + len(rows)] = rows
            for name, values in (("observables", observed), ("covariance", covariance)):
                if values.size:
                    self._file[name][replicate, start : start + len(rows)] = values

    def finish(self, replicate, status, n_events, firings, statistics):
        with self._guard():
            self._file["status"][replicate] = int(status)
            self._file["n_events"][replicate] = n_events
            if firings.size:
                self._file["firings"][replicate] = firings
            for name, value in statistics.items():
                self._file[f"statistics/{name}"][replicate] = value
            self._file.flush()
            self._file["committed"][replicate] = 1
            self._file["committed"].flush()
