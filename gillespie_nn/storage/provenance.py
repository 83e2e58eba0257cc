"""Where a run came from: command, parameters, seed, library versions, machine."""

import datetime
import importlib.metadata
import json
import os
import platform
import sys
from functools import cache
from typing import Any

from .._version import __version__

_LIBRARIES = ("numpy", "numba", "scipy", "h5py")


def provenance(parameters: dict) -> str:
    """JSON text. `parameters` are the arguments of the run, with the seed even when it was drawn."""
    record = {
        "schema_version": "1.0.0",
        "software": {"name": "gillespie-nn", "version": __version__},
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


def resumed(record: dict) -> str:
    """The JSON text of a run that goes on, of which a file says `record`: that, and where and when it was resumed."""
    record = {key: value for key, value in record.items() if key != "seconds"}
    here = json.loads(provenance({}))
    record["resumed"] = [*record.get("resumed", []), {key: here[key] for key in ("command", "environment", "started")}]
    return json.dumps(record)
