"""Reading run files: only what is committed, lazily from disk."""

import json
import shlex
from functools import cached_property

import h5py
import numpy as np

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork
from ..simulation.result import dataset, frame, of
from ..status import Status
from . import heap, superblock
from .damage import damaged, is_of_hdf5, readable, said
from .lock import is_locked
from .rows import LazyRows
from .validate import check, check_filetype
from .values import model_of


def open_run(path) -> "Run":
    """Open the run file at `path` for reading, also one that is still being written or was left by a killed process.

    Raises InputError for a missing file, another filetype, a newer major version, and a file that is damaged.
    """
    return _checked(path, lambda path: _open(path, is_locked(path)))


def open_left(path) -> "Run":
    """Open a run file that nobody writes, as whoever holds its lock knows, whatever it says of itself."""
    return _checked(path, lambda path: _open_left(path, superblock.marks(path)[0]))


def _checked(path, opened):
    path = checks.existing_file("run file", path, f"expected the path of a run file, got {path!r}")
    try:
        heap.check(path)
        file = opened(path)
    except OSError:
        raise InputError(f"{path} is not a readable HDF5 file: it is none, or it is cut short or damaged") from None
    try:
        with readable(path):
            check_filetype(path, file)
            check(path, file)
    except BaseException:
        file.close()
        raise
    return Run(path, file)


def _open(path, written):
    marked, swmr = superblock.marks(path)
    if marked and not swmr:
        raise InputError(
            f"{path} was not closed by the program that wrote in it: if none does any more, make it readable by "
            f"gillespie-nn repair {shlex.quote(str(path))}"
        )
    if marked and written:
        return h5py.File(path, "r", swmr=True)
    return _open_left(path, marked)


def _open_left(path, marked):
    if marked:
        return h5py.File(superblock.Closed(path), "r")
    return h5py.File(path, "r", locking=False)  # a lock of ours would stop a writer who is about to begin


class Run:
    """A run file, with the attributes of `simulation.Result`; `counts` slices lazily from disk.

    Use as a context manager, or `close()` it.
    """

    def __init__(self, path, file):
        self.path, self.file = path, file
        self._datasets = {}

    @property
    def version(self) -> tuple[int, ...]:
        """Version of the file's format."""
        return tuple(int(n) for n in self.file.attrs["version"])

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        self.close()
        if kind is not None and is_of_hdf5(error):
            raise damaged(self.path, said(error)) from error

    def close(self):
        """Close the file; what was not read can no longer be."""
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
        """The reaction network, as it was given (before overrides of rates and initial counts).

        Raises InputError where the text is damaged."""
        with readable(self.path):
            return model_of(self.path, self.file)

    @property
    def provenance(self) -> dict:
        """Command, parameters, versions, machine, and `seconds` of wall time (NaN while running)."""
        return json.loads(self._read("provenance/json")) | {"seconds": float(self._read("provenance/seconds"))}

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
        return self._read("committed").astype(bool)

    @property
    def ended(self) -> bool:
        """Every replicate is committed: there is nothing to go on with."""
        return bool(self.committed.all())

    @property
    def software_version(self) -> str:
        """Of the software that began the run."""
        return self.file.attrs["software_version"]

    @property
    def complete(self) -> bool:
        """Every replicate is committed and was simulated to the end."""
        return self.ended and all(Status(int(s)).complete for s in self.status)

    @property
    def time(self) -> np.ndarray:
        """float64[point] [s]."""
        return self._read("time", slice(self._n_points))

    @property
    def counts(self) -> "LazyRows":
        """[replicate, point, species], read when indexed, in `units`."""
        replicates, n_points = self._replicates, self._n_points  # before the rows, which are written before these
        return LazyRows(self.path, self._now("counts"), replicates, n_points)

    @property
    def status(self) -> np.ndarray:
        return self._read("status")[self._replicates]

    @property
    def n_events(self) -> np.ndarray:
        return self._read("n_events")[self._replicates]

    @property
    def firings(self) -> np.ndarray:
        """int64[replicate, reaction], no columns unless asked for."""
        return self._read("firings")[self._replicates]

    @property
    def statistics(self) -> dict:
        """What the method says about its own steps: names and float64[replicate]; none before version 1.3."""
        names = self.file.get("statistics", ())
        return {name: self._read(f"statistics/{name}")[self._replicates] for name in names}

    @property
    def covariance(self):
        """float64[replicate, point, species, species] [concentration^2] of `linear_noise`, read when indexed like
        `counts`; else no species."""
        if "covariance" not in self.file or not self.file["covariance"].size:
            return np.zeros((len(self._replicates), self._n_points, 0, 0))
        return LazyRows(self.path, self._now("covariance"), self._replicates, self._n_points)

    @property
    def training(self) -> h5py.Group:
        """The group of training records; see FORMAT.md."""
        if self.kind != "training":
            raise InputError(f"{self.path} is not a training run, which `train` writes: its kind is {self.kind!r}")
        return self.file["training"]

    @property
    def case(self) -> str:
        """Name of the dataset of a training run."""
        return self.file.attrs["case"]

    @property
    def weights(self) -> np.ndarray:
        """float64[record, weight] [concentration], of a training run."""
        return self._record("weights")

    @property
    def predictions(self) -> np.ndarray:
        """float64[record, output] [concentration]: output of the chemistry at the end of each recorded presentation."""
        return self._record("predictions")

    @property
    def observables(self):
        """float64[replicate, point, observable]: values of rules, and of parameters that events change; read when
        indexed like `counts`."""
        if not self.observable_names:
            return np.zeros((len(self._replicates), self._n_points, 0))
        return LazyRows(self.path, self._now("observables"), self._replicates, self._n_points)

    @cached_property
    def observable_names(self) -> tuple[str, ...]:
        """Names of the observables; none in files before version 1.2."""
        return tuple(self.file["observable"].asstr()[:]) if "observable" in self.file else ()

    def of(self, name) -> np.ndarray:
        """One species, int64[replicate, point] [molecules], or one observable, float64[replicate, point], by name."""
        return of(self, name)

    def to_xarray(self):
        """An xarray Dataset with dimensions replicate, time, species; NaN where a replicate did not get."""
        return dataset(self)

    def to_dataframe(self):
        """A pandas DataFrame indexed by (replicate, time), one column a species or observable; NaN where a replicate
        did not get."""
        return frame(self)

    def _read(self, name, key=()):
        """Of a dataset, as it is in the file now."""
        with readable(self.path):
            return self._now(name)[key]

    def _now(self, name):
        """A dataset with what another process wrote since it was opened. One object each, and no more often than it
        must be: where one of two is refreshed, HDF5 2.0 reads neither any more, or crashes."""
        if name not in self._datasets:
            self._datasets[name] = self.file[name]
        if self.file.swmr_mode:
            self._datasets[name].refresh()
        return self._datasets[name]

    def _record(self, name):
        return self._read(self.training[name].name, slice(self._n_points))

    @property
    def _replicates(self):
        return np.arange(1) if self.kind == "training" else np.flatnonzero(self.committed)

    @property
    def _n_points(self):
        return int(self._read("training/n_recorded")) if self.kind == "training" else self.file["time"].shape[0]

    def __repr__(self):
        return f"Run({str(self.path)!r}, {self.kind}, {int(self.committed.sum())} of {self.committed.size} committed)"
