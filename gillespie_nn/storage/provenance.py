"""Provenance of a run: command, parameters, seed, versions, machine; and what opened runs have in common.

This module loads without h5py, because runs in memory have a provenance, too.
"""

import datetime
import importlib.metadata
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .._version import __version__

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
