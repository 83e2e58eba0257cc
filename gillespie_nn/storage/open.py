"""Reading files of moments: the whole file is read when it is opened."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from .. import checks
from ..checks import InputError, printable
from ..simulation.methods.method import units_of
from ..simulation.moments import Moments, MomentsResult
from ..simulation.result_views import span
from ..simulation.task import MOMENTS as RECORDED_MOMENTS
from ..simulation.task import QUANTILES
from ..statistics.intervals import Sketch
from .hdf5 import is_locked, opened
from .moments_file import load
from .reader import Run
from .save import copy_file
from .schema import MOMENTS, RUNS
from .schema.file_kinds import KIND
from .validate import form_of, version_of
from .values import model_of, readable


@dataclass(frozen=True, repr=False)
class MomentsRun(MomentsResult):
    """A `MomentsResult` read from a file."""

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


# `open_run`: opens any run, of trajectories or of moments.

_SOON_READ = 1 << 17
"""Bytes of a model's text that are read in a tenth of a second."""


def open_run(path: str | Path) -> Run | MomentsRun:
    """Open the run in the file at `path` for reading, also while it is being written, or after its process was
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
    """Open the run in the file at `path`, which must hold trajectories; `open_run` opens moments, too.

    Raises InputError for other files, and as `open_run` does.
    """
    where = checks.existing_file("run file", path, f"expected the path of a run file, got {path!r}")
    return _checked(Run(where, opened(where, RUNS)))


def _checked(run: Run) -> Run:
    """The run, its model compared with the rest where that takes no time; that of a large one is, when it is asked for,
    or for a name that it has."""
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


# Following a run file while it is written. The file is reopened for each look (see FORMAT.md).

_TRIES = 5
"""Looks in a row that may fail while a writer is at work."""


class Look(NamedTuple):
    """The state of a file at one moment."""

    kind: str
    kept: int
    """Replicates that are committed, or records."""
    planned: int
    n_events: int
    ended: bool
    written: bool
    """Whether a process is writing it."""


def follow(path: str | Path, interval: float, sleep: Callable[[float], None] = time.sleep) -> Iterator[Look]:
    """Yield a `Look` at the file now, and one every `interval` [s] if it contains more, until the run has ended or no
    process writes the file; the last look says which. Raises InputError as `open_run` does."""
    path = checks.existing_file("run file", path, f"expected the path of a run file, got {path!r}")
    before, failed = None, 0
    while True:
        written = is_locked(path)  # first: what is written before it is let go is seen
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
