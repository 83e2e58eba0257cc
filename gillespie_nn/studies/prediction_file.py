"""The file of a prediction by simulation: made under another name and moved into place, so that it is whole or absent.

HDF5, with root attributes `filetype` ("gillespie-nn prediction"), `version` (int64[2]), `software_version`, `created`
(ISO 8601, UTC), `task`, and `arguments` (JSON: all that decides the content, the training run's own included), and the
datasets `targets` and `outputs`, float64[sample, output] [concentration].
"""

import datetime
import json
import os
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from .._version import __version__
from ..checks import InputError, StorageError
from ..datasets import Dataset

FILETYPE = "gillespie-nn prediction"
VERSION = (1, 0)


class Found(NamedTuple):
    """What a file says."""

    arguments: dict
    task: str
    targets: np.ndarray  # float64[sample, output] [concentration]
    outputs: np.ndarray  # float64[sample, output] [concentration]
    software_version: str


def write(path, arguments, task, targets, outputs):
    """Write the file, or say in a sentence why not."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with h5py.File(part, "w") as file:
            file.attrs["filetype"] = FILETYPE
            file.attrs["version"] = np.array(VERSION, dtype=np.int64)
            file.attrs["software_version"] = __version__
            file.attrs["created"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
            file.attrs["task"] = task
            file.attrs["arguments"] = json.dumps(arguments)
            for name, values in (("targets", targets), ("outputs", outputs)):
                file[name] = np.asarray(values, dtype=np.float64)
                file[name].attrs["units"] = "concentration"
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def read(path) -> Found:
    """Raises InputError for a file of another type or a newer major version."""
    try:
        with h5py.File(path, "r") as file:
            filetype, version = file.attrs.get("filetype"), [int(v) for v in file.attrs.get("version", [0])]
            if filetype != FILETYPE or version[0] != VERSION[0]:
                raise InputError(
                    f"{path} has filetype {filetype!r}, version {version}: expected {FILETYPE!r}, {VERSION[0]}.x"
                )
            attributes = file.attrs
            return Found(
                json.loads(attributes["arguments"]),
                attributes["task"],
                file["targets"][:],
                file["outputs"][:],
                attributes["software_version"],
            )
    except OSError:
        raise InputError(f"{path} is not a readable HDF5 file: take it away and try again") from None


def scores(found: Found) -> dict:
    """`accuracy` and `rmse` of the outputs."""
    none = found.targets[:0]
    data = Dataset("", found.task, none, none, none, found.targets)
    return {"accuracy": data.accuracy(found.outputs), "rmse": data.rmse(found.outputs)}
