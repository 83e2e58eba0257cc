"""Reading files of moments: the whole file is read when it is opened."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..checks import printable
from ..simulation.glance import span
from ..simulation.methods.base import units_of
from ..simulation.moments import Moments
from ..simulation.moments_result import MomentsResult
from ..simulation.task import MOMENTS as RECORDED_MOMENTS
from ..simulation.task import QUANTILES
from ..statistics.sketch import Sketch
from .moments_file import load
from .save import copy_file
from .schema.moments import KIND
from .validate import version_of
from .values import model_of


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
