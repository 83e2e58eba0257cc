"""Saving and copying runs: provenance, what opened runs have in common, digests of content, and new files."""

import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np

from .. import checks
from .._version import __version__
from ..checks import InputError, StorageError, part_of
from ..simulation.moments import MomentsResult
from ..simulation.reaction_log import Fired
from ..simulation.result import Result
from ..simulation.sinks import Ends, Rows
from . import hdf5_bytes, making
from .ensemble_file import EnsembleFile
from .hdf5 import Lock, clear, is_locked, move
from .moments_file import write_moments

# Provenance: command, parameters, seed, versions of libraries, and machine.

_LIBRARIES = ("numpy", "numba", "scipy", "h5py")
_SOFTWARE = {"name": "gillespie-nn", "version": __version__}


def provenance(parameters: dict) -> str:
    """The provenance as JSON text. `parameters` are the arguments of the run, with the seed even if it was drawn."""
    record = {
        "schema_version": "1.0.0",
        "software": _SOFTWARE,
        "command": sys.argv,
        "parameters": parameters,
        "environment": _environment(),
        "started": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
    return json.dumps(record, default=_plain_value)


@cache
def _environment() -> dict[str, Any]:
    """Versions and machine. They do not change in a process, and reading them takes milliseconds."""
    return {
        "python": platform.python_version(),
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }


def _plain_value(value: Any) -> Any:
    """Arrays and numpy scalars as lists and numbers, anything else as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def described(record: dict | None = None, libraries: Iterable[str] = ()) -> list[tuple[str, str]]:
    """The provenance in a report, as rows (what, value): of the `record` of a run, or without it of this process, with
    the versions of further `libraries`."""
    if record is None:
        record = {"software": _SOFTWARE, "environment": _environment()}
    environment = record.get("environment", {})
    versions = environment.get("libraries", {}) | {name: importlib.metadata.version(name) for name in libraries}
    rows = [
        ("software", " ".join(str(v) for v in record.get("software", {}).values())),
        ("Python", environment.get("python", "-")),
        ("libraries", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("machine", f"{environment.get('platform', '-')}, {environment.get('cores', '-')} cores"),
    ]
    if "started" in record:
        again = ", ".join(r.get("started", "-") for r in record.get("resumed", []))
        command = shlex.join(map(str, record.get("command", [])))
        rows += [("command", command), ("started", record["started"]), ("resumed", again or "never")]
    return rows


def resumed(record: dict) -> str:
    """The JSON text of a resumed run: the `record` in its file, and where and when it was resumed."""
    record = {key: value for key, value in record.items() if key != "seconds"}
    here = json.loads(provenance({}))
    record["resumed"] = [*record.get("resumed", []), {key: here[key] for key in ("command", "environment", "started")}]
    return json.dumps(record)


# What opened runs have in common, whether of trajectories or of moments.


class OpenedRun(Protocol):
    """A `Run` or a `MomentsRun`."""

    @property
    def path(self) -> Path | None: ...
    @property
    def version(self) -> tuple[int, int]: ...
    @property
    def software_version(self) -> str: ...
    @property
    def kind(self) -> str:
        """`ensemble`, `training` or `moments`."""

    @property
    def record(self) -> str:
        """What is recorded, one of `simulation.task.RECORDS`."""

    @property
    def model(self) -> Any:
        """The `ReactionNetwork`, as it was given."""

    @property
    def method(self) -> str: ...
    @property
    def method_reason(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def volume(self) -> float: ...
    @property
    def units(self) -> str: ...
    @property
    def quantities(self) -> tuple[str, ...]: ...
    @property
    def initial_of_model(self) -> Any:
        """Counts in force of every species of the model after overrides [molecules]."""

    @property
    def rates(self) -> Any:
        """Rate constants in force after overrides."""

    @property
    def arguments(self) -> Any:
        """Further arguments that determine an ensemble, a dictionary."""

    @property
    def provenance(self) -> Any: ...
    @property
    def time(self) -> np.ndarray: ...
    @property
    def n_events(self) -> Any: ...
    @property
    def n_replicates(self) -> int: ...
    @property
    def n_planned(self) -> int: ...
    @property
    def n_kept(self) -> int: ...
    @property
    def ended(self) -> bool: ...
    @property
    def complete(self) -> bool: ...
    def close(self) -> None: ...


# Digests of content: everything in a file except `created` and `/provenance`.

_PLACES = ("REFERENCE_LIST", "DIMENSION_LIST")
"""Attributes that contain addresses in the file, which differ between equal files."""


def content_digest(path: str | Path) -> str:
    """SHA-256 of the content of a run file; files of the same content have the same digest."""
    parts = []
    with h5py.File(path, "r", swmr=True, locking=False) as file:

        def visit(name: str, item: Any) -> None:
            if name.split("/")[0] != "provenance":
                parts.append(name.encode() + _attributes(item))
                if isinstance(item, h5py.Dataset):
                    parts.append(f"{item.dtype} {item.shape}".encode() + _bytes(item[()]))

        file.visititems(visit)
        parts.append(_attributes(file))
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _attributes(item: Any) -> bytes:
    names = sorted(key for key in item.attrs if key not in _PLACES and not (item.name == "/" and key == "created"))
    return b"".join(key.encode() + b"=" + _bytes(item.attrs[key]) for key in names)


def _bytes(value: Any) -> bytes:
    """Numbers as their bytes, so that NaN equals NaN; texts as a list with quotes, so that their borders count."""
    array = np.asarray(value)
    if array.dtype.kind in "OUS":
        return repr(array.tolist()).encode()
    return np.ascontiguousarray(array).tobytes()


# Saving results in memory as files, and copying files. A file is complete or absent at any moment.

_TOGETHER = 1 << 20
"""About the number of reactions that are written at once."""


def save_trajectories(result: Result, path: str | Path, overwrite: bool = False) -> None:
    """Write the run file of a `Result`, see `Result.save`."""
    task = result._task
    assert task is not None  # `Result.save` refuses results without a task
    values, provenance = making.settings_values(task, result.method_reason), json.dumps(_plain(result.provenance))
    counts = np.ma.getdata(result.counts)
    n_bytes = counts.nbytes + result.observables.nbytes + result.covariance.nbytes
    with _place(path, overwrite, n_bytes) as part, EnsembleFile(part, task, values, provenance) as file:
        file.add_seconds(result.provenance["seconds"])
        n_points = np.full(len(result), len(result.time))
        ends = Ends(n_points, result.status, result.n_events, result.firings, result.statistics)
        rows = Rows(counts, result.observables, result.covariance)
        if not task.records_events:
            file.write_block(0, rows, ends)
            return
        together = np.cumsum(result.n_events) // _TOGETHER
        for group in np.split(np.arange(len(result)), np.flatnonzero(np.diff(together)) + 1):
            first, numbers = int(group[0]), slice(group[0], group[-1] + 1)
            logs = [result.events(k) for k in group.tolist()]
            file.write_events(first, Fired(result.n_events[group], *(np.concatenate(arrays) for arrays in zip(*logs))))
            file.write_block(first, Rows(*(values[numbers] for values in rows)), ends.part(numbers))


def save_moments(result: MomentsResult, path: str | Path, overwrite: bool = False) -> None:
    """Write the file of a `MomentsResult`, see `MomentsResult.save`."""
    task = result._task
    assert task is not None  # `MomentsResult.save` refuses results without a task
    target = checks.new_run_file(path, overwrite)
    values = making.settings_values(task, result.method_reason)
    provenance = {
        "provenance/json": json.dumps(_plain(result.provenance)),
        "provenance/seconds": result.provenance["seconds"],
    }
    with _locked(target, overwrite):
        write_moments(target, result.moments, task, values | provenance)


def copy_file(source: Path, path: str | Path, overwrite: bool) -> None:
    """Copy the run file at `source`. Raises InputError while another process writes it."""
    target = checks.new_run_file(path, overwrite)
    source = checks.existing_file("run file", source, "it was there when the run was opened")
    if target.exists() and os.path.samefile(source, target):
        raise InputError(f"{path} is the file of this run: choose another name for the copy")
    if is_locked(source):
        raise InputError(f"{source} is being written by another process: wait until it has finished, then copy it")
    with _place(target, overwrite, source.stat().st_size) as part, open(source, "rb") as file, open(part, "xb") as made:
        shutil.copyfileobj(file, made)


def _plain(provenance: dict) -> dict:
    """The provenance in `/provenance/json`; `seconds` is a separate dataset."""
    return {name: value for name, value in provenance.items() if name != "seconds"}


@contextmanager
def _place(path: str | Path, overwrite: bool, n_bytes: int) -> Iterator[Path]:
    """A temporary path for a file of about `n_bytes`, which replaces `path` when it is complete."""
    target = checks.new_run_file(path, overwrite)
    with _locked(target, overwrite):
        hdf5_bytes.check_free(target, n_bytes)
        part = part_of(target)
        try:
            yield part
            move(part, target)
        except (OSError, StorageError) as error:
            # A StorageError names the temporary file; its cause does not.
            cause = error.__context__ if isinstance(error, StorageError) else error
            reason = hdf5_bytes.reason(cause) if isinstance(cause, Exception) else str(error)
            raise StorageError(
                f"cannot write {target}: {reason}; nothing was saved, and the previous file, if any, is unchanged"
            ) from None
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def _locked(target: Path, overwrite: bool) -> Iterator[None]:
    """Hold the lock of `target`, after removing temporary files of killed processes."""
    lock = Lock(target)
    try:
        # Again, under the lock: another process may have created the file in between.
        checks.new_run_file(target, overwrite)
        clear(target)
        yield
    finally:
        lock.release()
