"""Files of moments, and of verifications of bounds. They are small, and every write replaces the whole file.

A file of moments always contains whole groups of replicates, so that a resumed run has the same content as an
uninterrupted one.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .. import checks
from ..checks import InputError
from ..simulation.moments import ARRAYS, Moments, MomentsResult, whole
from ..simulation.task import Task
from ..statistics.intervals import Sketch
from . import making
from .hdf5 import Lock, clear, opened, written
from .making import make
from .schema import BOUNDS, MOMENTS
from .schema.file_kinds import KIND, SKETCH
from .values import readable, strings

_SECONDS = 10.0
"""Least time between two writes [s]. It is also at least 20 times the duration of a write, so that writes take at most
a twentieth of the run."""


class MomentsFile(Moments):
    """A sink that writes moments. Use it as a context manager: at the end it writes the moments so far, even after an
    error.

    With `resumes`, it starts with the moments in the file at `path`, which must belong to the same task.
    """

    def __init__(
        self, path: str | Path, task: Task, settings: dict[str, Any], provenance_json: str, overwrite: bool = False,
        resumes: bool = False,
    ):  # fmt: skip
        super().__init__(task)
        self.path = checks.new_run_file(path, overwrite or resumes)
        self._task, self._settings, self._provenance = task, settings, provenance_json
        self._start, self._pause, self._written = time.perf_counter(), _SECONDS, 0.0
        self._lock = Lock(self.path)
        try:
            # Again, under the lock: another process may have created the file in between.
            checks.new_run_file(self.path, overwrite or resumes)
            clear(self.path)
            if resumes:
                self._take_over()
            self._write()
        except BaseException:
            self._lock.release()
            raise

    @property
    def missing(self) -> range:
        """The units of work that remain."""
        return range(-(-self.n_done // self._task.n_together), self._task.n_units)

    def merge(self, other: Moments) -> None:
        super().merge(other)
        if time.perf_counter() - self._written > self._pause:
            self._write()

    def __enter__(self) -> "MomentsFile":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Write the moments so far and release the lock."""
        try:
            self._write()
        finally:
            self._lock.release()

    def _write(self) -> None:
        begun = time.perf_counter()
        provenance = {"provenance/json": self._provenance, "provenance/seconds": begun - self._start}
        write_moments(self.path, self, self._task, self._settings | provenance)
        self._written = time.perf_counter()
        self._pause = max(_SECONDS, 20.0 * (self._written - begun))

    def _take_over(self) -> None:
        with opened(self.path, MOMENTS, ours=True) as file:
            if file.attrs["task"] != self._task.digest:
                raise InputError(
                    f"{self.path} contains another ensemble (SHA-256 {file.attrs['task']}, expected "
                    f"{self._task.digest}): use the arguments that started it, or choose another output"
                )
            load(file, self)
            # The wall time then includes that of earlier processes.
            self._start -= file["provenance/seconds"][()]


def write_moments(path: Path, moments: Moments, task: Task, values: dict[str, Any]) -> None:
    """Write the whole file; `values` are settings and provenance. Raises StorageError if this fails."""
    with written(path) as file:
        make(file, MOMENTS, values | _values(moments, task), kind=KIND)


def _values(moments: Moments, task: Task) -> dict[str, Any]:
    """The contents of the file except settings and provenance."""
    result = MomentsResult(task.grid, task.quantities, moments, task.n_replicates, "", 0, 0.0, None)
    values = {
        "kind": KIND,
        "units": task.method.units,
        "task": task.digest,
        "n_replicates": task.n_replicates,
        "n_done": moments.n_done,
        "n_events": moments.n_events,
        "time": task.grid,
        "quantity": task.quantities,
        "statuses": moments.statuses,
        "moments/variance": result.variance(),
    }
    values |= {f"moments/{name}": getattr(moments, name) for name in ARRAYS}
    values |= {f"statistics/{name}": total for name, total in moments.statistics.items()}
    if moments.sketch is not None:
        values |= {"sketch/whole": whole(task)}
        values |= {f"sketch/{name}": entries for name, entries in zip(SKETCH, moments.sketch.entries())}
    return values | making.model_values(task.network, task.rates, task.counts)


def load(file: h5py.File, moments: Moments) -> None:
    """Read the moments of a valid file."""
    for name in ARRAYS:
        setattr(moments, name, file[f"moments/{name}"][:])
    moments.statuses = file["statuses"][:]
    moments.n_done, moments.n_events = int(file.attrs["n_done"]), int(file.attrs["n_events"])
    moments.statistics = {name: float(total[()]) for name, total in file["statistics"].items()}
    if moments.sketch is not None:
        moments.sketch = Sketch(file["sketch/whole"][:], *(file[f"sketch/{name}"][:] for name in SKETCH))


# Files of a verification of bounds.


def write_bounds(path: Path, arguments: dict, arrays: Mapping[str, Any]) -> None:
    """Write `arrays` by name. Raises StorageError if this fails."""
    with written(path) as file:
        make(file, BOUNDS, {"arguments": json.dumps(arguments, sort_keys=True), **arrays})


def read_bounds(path: str | Path, arguments: dict) -> dict[str, Any] | None:
    """The arrays of the file by name, or None if there is no file. Raises InputError if the file has another type or
    other arguments."""
    path = Path(path)
    if not path.exists():
        return None
    with opened(path, BOUNDS) as file, readable(path):
        stored = json.loads(file.attrs["arguments"])
        other = sorted(k for k in {*stored, *arguments} if stored.get(k) != arguments.get(k))
        if other:
            raise InputError(
                f"{path} holds a verification with a different {', '.join(other)}: choose another output, or "
                "start again with overwrite=True (--overwrite)"
            )
        arrays: dict[str, Any] = {e.path: file[e.path][()] for e in BOUNDS.entries if e.path != "quantity"}
        return arrays | {"quantity": tuple(np.atleast_1d(strings(path, file["quantity"])))}
