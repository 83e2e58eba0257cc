"""Files of a verification of bounds. Each write replaces the whole file, so it is complete at any moment."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError
from .damage import readable
from .hdf5 import opened
from .making import make
from .schema import BOUNDS
from .values import strings
from .whole import written


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
        found = json.loads(file.attrs["arguments"])
        other = sorted(k for k in {*found, *arguments} if found.get(k) != arguments.get(k))
        if other:
            raise InputError(
                f"{path} holds a verification with a different {', '.join(other)}: choose another output, or "
                "start again with overwrite=True (--overwrite)"
            )
        arrays: dict[str, Any] = {e.path: file[e.path][()] for e in BOUNDS.entries if e.path != "quantity"}
        return arrays | {"quantity": tuple(np.atleast_1d(strings(path, file["quantity"])))}
