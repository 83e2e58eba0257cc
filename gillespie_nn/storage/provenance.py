"""Where a run came from: command, parameters, seed, library versions, machine."""

import datetime
import importlib.metadata
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterable
from functools import cache
from typing import Any

from .._version import __version__

_LIBRARIES = ("numpy", "numba", "scipy", "h5py")
_SOFTWARE = {"name": "gillespie-nn", "version": __version__}


def provenance(parameters: dict) -> str:
    """JSON text. `parameters` are the arguments of the run, with the seed even when it was drawn."""
    record = {
        "schema_version": "1.0.0",
        "software": _SOFTWARE,
        "command": sys.argv,
        "parameters": parameters,
        "environment": _environment(),
        "started": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
    return json.dumps(record, default=_plain)


@cache
def _environment() -> dict[str, Any]:
    """Does not change in a process, and takes milliseconds."""
    return {
        "python": platform.python_version(),
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }


def _plain(value: Any) -> Any:
    """Arrays and numpy scalars as lists and numbers; anything else by its text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def described(record: dict | None = None, libraries: Iterable[str] = ()) -> list[tuple[str, str]]:
    """What a report says of where a result came from, as rows (what, value): of the provenance `record` of a run, or of
    this process, with the versions of further `libraries`."""
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
    """The JSON text of a run that goes on, of which a file says `record`: that, and where and when it was resumed."""
    record = {key: value for key, value in record.items() if key != "seconds"}
    here = json.loads(provenance({}))
    record["resumed"] = [*record.get("resumed", []), {key: here[key] for key in ("command", "environment", "started")}]
    return json.dumps(record)
