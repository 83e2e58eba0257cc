"""Reading files of moments, which may come from anywhere."""

from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from .. import checks
from ..simulation.moments import ARRAYS, N_STATUSES, Moments
from ..simulation.moments_result import MomentsResult
from ..simulation.sketch import Sketch, possible
from ..simulation.task import BLOCK, quantities_of
from . import heap
from .damage import damaged, readable
from .moments_file import FILETYPE, KIND, SKETCH, VERSION, load
from .schema import BYTE, INTEGER, NAME, REAL, Entry
from .validate import check_dataset
from .values import json_object, model_of, positive_number, strings, text, whole_number
from .whole import opened

_BOTH = ("time", "quantity")
_SCHEMA = (
    Entry("time", ("time",), (REAL,), ("s",)),
    Entry("quantity", ("quantity",), (NAME,)),
    *(Entry(f"moments/{name}", _BOTH, (INTEGER if name == "n" else REAL,)) for name in ARRAYS),
    Entry("statuses", ("status",), (INTEGER,)),
    Entry("model/text", ("byte",), (BYTE,)),
    Entry("model/initial", ("species",), (INTEGER, REAL), ("molecules",)),
    Entry("model/rates", ("reactions",), (REAL,)),
    Entry("provenance/json", (), (NAME,)),
    Entry("provenance/seconds", (), (REAL,), ("s",)),
)
_SKETCH = (
    Entry("sketch/whole", ("cell",), ("bool",)),
    *(Entry(f"sketch/{name}", ("entry",), (INTEGER,)) for name in SKETCH),
)


@dataclass(frozen=True, repr=False)
class MomentsRun(MomentsResult):
    """A `MomentsResult` read from a file."""

    path: Path = Path()
    provenance: dict = field(default_factory=dict)
    """Command, parameters, versions, machine, and `seconds` of wall time."""
    version: tuple[int, int] = VERSION
    """Of the format."""
    software_version: str = ""
    initial: np.ndarray | None = None
    """int64[species], counts in force after overrides [molecules]."""
    rates: np.ndarray | None = None
    """float64[reaction], rate constants in force after overrides."""
    arguments: str = ""
    """What else decides the ensemble, JSON."""
    kind = KIND

    @property
    def ended(self) -> bool:
        """Every replicate is in: there is nothing to go on with."""
        return self.n_done == self.n_replicates

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def close(self):
        """The file is read when it is opened: there is nothing to close."""


def open_moments(path) -> MomentsRun:
    """What the file of moments at `path` holds, also one that is still being written or was left by a killed process.

    Raises InputError for a missing file, another filetype, a newer major version, or a damaged file.
    """
    path = checks.existing_file("file of moments", path, "open_moments takes the path of a file of moments")
    with opened(path, FILETYPE, VERSION, "make it again") as file, readable(path):
        return _read(path, file)


def is_moments(path) -> bool:
    """Whether there is a file of moments, of whatever version."""
    try:
        heap.check(path)
        with h5py.File(path, "r") as file:
            found = file.attrs.get("filetype")
            return isinstance(found, str) and found == FILETYPE
    except (OSError, ValueError, RuntimeError, KeyError, TypeError):
        return False


def _read(path, file):
    _check(path, file)
    attributes = file.attrs
    network = model_of(path, file)
    quantities = tuple(strings(path, file["quantity"]))
    if quantities != quantities_of(network):
        raise damaged(path, "/quantity does not name what the model has")
    provenance = json_object(path, "/provenance/json", strings(path, file["provenance/json"]))
    moments = Moments.__new__(Moments)
    moments.sketch = Sketch(file["sketch/whole"][:]) if "sketch" in file else None
    load(file, moments)
    return MomentsRun(
        time=file["time"][:], quantities=quantities, moments=moments,
        n_replicates=int(attributes["n_replicates"]), method=attributes["method"], seed=int(attributes["seed"]),
        volume=float(attributes["volume"]), model=network, units=attributes["units"],
        method_reason=attributes["method_reason"], path=path,
        provenance=provenance | {"seconds": float(file["provenance/seconds"][()])},
        version=tuple(attributes["version"].tolist()), software_version=attributes["software_version"],
        initial=file["model/initial"][:], rates=file["model/rates"][:], arguments=attributes.get("arguments", ""),
    )  # fmt: skip


def _check(path, file):
    """Raises InputError for what is not as `moments_file` says."""
    lengths = {"status": N_STATUSES}
    for entry in _SCHEMA + (_SKETCH if "sketch" in file else ()):
        check_dataset(path, file, entry, lengths)
    if lengths.get("cell", lengths["time"] * lengths["quantity"]) != lengths["time"] * lengths["quantity"]:
        raise damaged(path, "/sketch/whole has not one entry of each time and quantity")
    if not isinstance(file.get("statistics"), h5py.Group):
        raise damaged(path, "/statistics is no group")
    for name in file["statistics"]:
        check_dataset(path, file, Entry(f"statistics/{name}", (), (REAL,)), lengths)
    new = file.attrs["version"].tolist() >= [1, 1]
    for name in ("software_version", "created", "method", "method_reason", "units", *(("arguments",) if new else ())):
        text(path, file, name)
    for name, least in (("seed", 0), ("n_replicates", 1), ("n_done", 0), ("n_events", 0)):
        whole_number(path, file, name, least)
    positive_number(path, file, "volume")
    _check_numbers(path, file)


def _check_numbers(path, file):
    n, statuses = file["moments/n"][:], file["statuses"][:]
    n_done, n_replicates = int(file.attrs["n_done"]), int(file.attrs["n_replicates"])
    if n_done > n_replicates or (n_done % BLOCK and n_done < n_replicates):
        raise damaged(path, f"{n_done} of {n_replicates} replicates are in, expected blocks of {BLOCK}")
    if (statuses < 0).any() or statuses.sum() != n_done or (n < 0).any() or (n > n_done).any():
        raise damaged(path, f"its numbers of replicates do not fit the {n_done} that are in")
    if "sketch" not in file:
        return
    cells, buckets, counts = (file[f"sketch/{name}"][:] for name in SKETCH)
    if not possible(cells, buckets, counts, n.ravel()):
        raise damaged(path, "/sketch does not hold as many numbers in each cell as /moments/n says")
