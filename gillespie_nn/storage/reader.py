"""Reading run files: only what is committed, lazily from disk."""

import json
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from ..checks import InputError
from ..crn import ReactionNetwork
from ..simulation.result import dataset, of
from ..status import Status
from . import layout
from .moments_file import FILETYPE as MOMENTS


def open_run(path) -> "Run":
    """Open a run file for reading, also one that is still being written or was left by a killed process.

    Raises InputError for a missing file, another filetype, or a newer major version.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no such run file: {path}")
    file = _open(path)
    filetype, version = file.attrs.get("filetype"), file.attrs.get("version", [0])
    if filetype == MOMENTS:
        raise InputError(f"{path} holds moments, not trajectories: read it by gillespie_nn.open_moments")
    if filetype != layout.FILETYPE:
        raise InputError(f"{path} is not a run file: its filetype is {filetype!r}, expected {layout.FILETYPE!r}")
    if int(version[0]) != layout.VERSION[0]:
        raise InputError(
            f"{path} has format version {[int(v) for v in version]}, this software reads {layout.VERSION[0]}.x"
        )
    return Run(path, file)


def _open(path):
    try:
        return h5py.File(path, "r", swmr=True)
    except (OSError, ValueError):
        pass
    try:
        return h5py.File(path, "r")
    except OSError:
        raise InputError(f"{path} is not a readable HDF5 file") from None


class Run:
    """A run file, with the attributes of `simulation.Result`; `counts` slices lazily from disk.

    Use as a context manager, or `close()` it.
    """

    def __init__(self, path, file):
        self.path, self.file = path, file

    @property
    def version(self) -> tuple[int, int]:
        """Version of the file's format."""
        return tuple(int(n) for n in self.file.attrs["version"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()

    @property
    def units(self) -> str:
        """Of `counts`: `molecules`, or `concentration`."""
        return self.file["counts"].attrs["units"]

    @property
    def kind(self) -> str:
        """`ensemble` or `training`."""
        return self.file.attrs["kind"]

    @cached_property
    def model(self) -> ReactionNetwork:
        """The reaction network, as it was given (before overrides of rates and initial counts)."""
        network = ReactionNetwork.from_text(bytes(self.file["model/text"][:]).decode())
        if network.digest != self.file["model"].attrs["digest"]:
            raise InputError(f"{self.path}: the model's text does not match its digest; the file is damaged")
        return network

    @property
    def provenance(self) -> dict:
        """Command, parameters, versions, machine, and `seconds` of wall time (NaN while running)."""
        return json.loads(self.file["provenance/json"][()]) | {"seconds": float(self.file["provenance/seconds"][()])}

    @property
    def method(self) -> str:
        return self.file.attrs["method"]

    @property
    def method_reason(self) -> str:
        """Why this method; empty in files of version 1.0."""
        return self.file.attrs.get("method_reason", "")

    @property
    def seed(self) -> int:
        return int(self.file.attrs["seed"])

    @property
    def volume(self) -> float:
        return float(self.file.attrs["volume"])

    @cached_property
    def species(self) -> tuple[str, ...]:
        return tuple(self.file["species"].asstr()[:])

    @property
    def committed(self) -> np.ndarray:
        """bool[replicate of the file]: which replicates are whole. The other attributes hold only these
        (of a training run, also the records of one that has not ended)."""
        return self.file["committed"][:].astype(bool)

    @property
    def complete(self) -> bool:
        """Every replicate is committed and was simulated to the end."""
        return bool(self.committed.all()) and all(Status(int(s)).complete for s in self.status)

    @property
    def time(self) -> np.ndarray:
        """float64[point] [s]."""
        return self.file["time"][: self._n_points]

    @property
    def counts(self) -> "LazyRows":
        """[replicate, point, species], read when indexed, in `units`."""
        return LazyRows(self.file["counts"], self._replicates, self._n_points)

    @property
    def status(self) -> np.ndarray:
        return self.file["status"][:][self._replicates]

    @property
    def n_events(self) -> np.ndarray:
        return self.file["n_events"][:][self._replicates]

    @property
    def firings(self) -> np.ndarray:
        """int64[replicate, reaction], no columns unless asked for."""
        return self.file["firings"][:][self._replicates]

    @property
    def statistics(self) -> dict:
        """What the method says about its own steps: names and float64[replicate]; none before version 1.3."""
        return {name: values[:][self._replicates] for name, values in self.file.get("statistics", {}).items()}

    @property
    def covariance(self):
        """float64[replicate, point, species, species] [concentration^2] of `linear_noise`, read when indexed like
        `counts`; else no species."""
        if "covariance" not in self.file or not self.file["covariance"].size:
            return np.zeros((len(self._replicates), self._n_points, 0, 0))
        return LazyRows(self.file["covariance"], self._replicates, self._n_points)

    @property
    def training(self) -> h5py.Group:
        """The group of training records; see FORMAT.md."""
        if self.kind != "training":
            raise InputError(f"{self.path} is not a training run, its kind is {self.kind!r}")
        return self.file["training"]

    @property
    def case(self) -> str:
        """Name of the dataset of a training run."""
        return self.file.attrs["case"]

    @property
    def weights(self) -> np.ndarray:
        """float64[record, weight] [concentration], of a training run."""
        return self.training["weights"][: self._n_points]

    @property
    def predictions(self) -> np.ndarray:
        """float64[record, output] [concentration]: output of the chemistry at the end of each recorded presentation."""
        return self.training["predictions"][: self._n_points]

    @property
    def observables(self) -> np.ndarray:
        """float64[replicate, point, observable]: values of rules, and of parameters that events change."""
        if not self.observable_names:
            return np.zeros((len(self._replicates), self._n_points, 0))
        return self.file["observables"][:][self._replicates]

    @cached_property
    def observable_names(self) -> tuple[str, ...]:
        """Names of the observables; none in files before version 1.2."""
        return tuple(self.file["observable"].asstr()[:]) if "observable" in self.file else ()

    def of(self, name) -> np.ndarray:
        """One species, int64[replicate, point] [molecules], or one observable, float64[replicate, point], by name."""
        return of(self, name)

    def to_xarray(self):
        """An xarray Dataset with dimensions replicate, time, species."""
        return dataset(self)

    @property
    def _replicates(self):
        return np.arange(1) if self.kind == "training" else np.flatnonzero(self.committed)

    @property
    def _n_points(self):
        return int(self.file["training/n_recorded"][()]) if self.kind == "training" else self.file["time"].shape[0]

    def __repr__(self):
        return f"Run({str(self.path)!r}, {self.kind}, {int(self.committed.sum())} of {self.committed.size} committed)"


class LazyRows:
    """A view of the committed part of `/counts`, sliced from disk like an array [replicate, point, species], or of
    `/covariance`, whose rows are matrices."""

    def __init__(self, dataset, replicates, n_points):
        self.dtype, self.ndim = dataset.dtype, dataset.ndim
        self._dataset, self._replicates, self._n_points = dataset, replicates, n_points

    @property
    def shape(self):
        return (len(self._replicates), self._n_points, *self._dataset.shape[2:])

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, key):
        key = key if isinstance(key, tuple) else (key,)
        n_axes = self.ndim
        if len(key) > n_axes + any(k is Ellipsis for k in key):
            axes = ", ".join(["replicate", "point"] + ["species"] * (n_axes - 2))
            raise IndexError(f"{self._dataset.name[1:]} have {n_axes} axes ({axes}), indexed by {len(key)}")
        if any(k is Ellipsis for k in key):
            at = next(a for a, k in enumerate(key) if k is Ellipsis)
            key = key[:at] + (slice(None),) * (n_axes + 1 - len(key)) + key[at + 1 :]
        replicate, point, *species = key + (slice(None),) * (n_axes - len(key))
        species = tuple(species)
        chosen = self._replicates[replicate]
        points = np.arange(self._n_points)[point]
        if np.ndim(chosen) == 0:
            return self._part(int(chosen), points, species)
        parts = [self._part(int(r), points, species) for r in chosen]
        if parts:
            return np.stack(parts)
        return np.empty((0, *np.empty(self.shape[1:], dtype=np.int8)[(point, *species)].shape), dtype=self.dtype)

    def _part(self, replicate, points, species):
        if np.ndim(points) == 0:
            return self._dataset[replicate, int(points)][species]
        if len(points) == 0:
            return np.empty((0, *self.shape[2:]), dtype=self.dtype)[(slice(None), *species)]
        if self.ndim > 3:  # a row is large
            return np.stack([self._dataset[replicate, int(p)][species] for p in points])
        first, last = int(points.min()), int(points.max())
        return self._dataset[replicate, first : last + 1][points - first][(slice(None), *species)]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype=dtype)
