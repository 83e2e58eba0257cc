"""The file of a prediction by simulation: made under another name and moved into place, so that it is whole or absent.

HDF5, with root attributes `filetype` ("gillespie-nn prediction"), `version` (int64[2]), `software_version`, `created`
(ISO 8601, UTC), `task`, and `arguments` (JSON: all that decides the content, the training run's own included), and the
datasets `targets` and `outputs`, float64[sample, output] [concentration].
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..datasets import Dataset
from ..storage.whole import opened, written

FILETYPE = "gillespie-nn prediction"
VERSION = (1, 0)


class Found(NamedTuple):
    """What a file says."""

    arguments: dict
    task: str
    targets: np.ndarray  # float64[sample, output] [concentration]
    outputs: np.ndarray  # float64[sample, output] [concentration]
    software_version: str


def write(path: Path, arguments: dict, task: str, targets: np.ndarray, outputs: np.ndarray) -> None:
    """Write the file, or say in a sentence why not."""
    with written(path, FILETYPE, VERSION) as file:
        file.attrs["task"] = task
        file.attrs["arguments"] = json.dumps(arguments)
        for name, values in (("targets", targets), ("outputs", outputs)):
            file[name] = np.asarray(values, dtype=np.float64)
            file[name].attrs["units"] = "concentration"


def read(path: Path) -> Found:
    """Raises InputError for a file of another type or a newer major version."""
    with opened(path, FILETYPE, VERSION, "take it away and try again") as file:
        attributes = file.attrs
        return Found(
            json.loads(attributes["arguments"]),
            attributes["task"],
            file["targets"][:],
            file["outputs"][:],
            attributes["software_version"],
        )


def scores(found: Found) -> dict:
    """`accuracy` and `rmse` of the outputs."""
    none = found.targets[:0]
    data = Dataset("", found.task, none, none, none, found.targets)
    return {"accuracy": data.accuracy(found.outputs), "rmse": data.rmse(found.outputs)}
