"""The file of a prediction by simulation, which is complete or absent at any moment."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..checks import printable
from ..datasets import Dataset
from .damage import readable
from .hdf5 import opened
from .making import make
from .schema import PREDICTIONS
from .whole import written


class Found(NamedTuple):
    """The contents of a file."""

    arguments: dict
    task: str
    targets: np.ndarray  # float64[sample, output] [concentration]
    outputs: np.ndarray  # float64[sample, output] [concentration]
    software_version: str


def write(path: Path, arguments: dict, task: str, targets: np.ndarray, outputs: np.ndarray) -> None:
    """Write the file. Raises StorageError if this fails. `arguments` are everything that determines the content,
    including those of the training run."""
    values: dict[str, Any] = {"task": task, "arguments": json.dumps(arguments)}
    values |= {"targets": np.asarray(targets, dtype=np.float64), "outputs": np.asarray(outputs, dtype=np.float64)}
    with written(path) as file:
        make(file, PREDICTIONS, values)


def read(path: Path) -> Found:
    """The contents of the file. Raises InputError for a file of another type or a newer major version, and for a
    damaged one."""
    with opened(path, PREDICTIONS) as file, readable(path):
        return Found(
            json.loads(file.attrs["arguments"]),
            printable(file.attrs["task"]),
            file["targets"][:],
            file["outputs"][:],
            printable(file.attrs["software_version"]),
        )


def scores(found: Found) -> dict[str, float]:
    """`accuracy` and `rmse` of the outputs."""
    none = found.targets[:0]
    data = Dataset("", found.task, none, none, none, found.targets)
    return {"accuracy": data.accuracy(found.outputs), "rmse": data.rmse(found.outputs)}
