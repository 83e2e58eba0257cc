"""`Run`, a run file that is open for reading. Only committed data are visible; rows are read when they are indexed."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..checks import InputError, printable
from ..crn import ReactionNetwork
from ..display.curves import MOLECULES
from ..simulation.evaluation import N_AVERAGED
from ..simulation.methods.method import units_of
from ..simulation.reaction_log import EventLog, JumpPath, valid
from ..simulation.result import Trajectories
from ..simulation.result_views import span
from ..simulation.sinks import reached
from ..simulation.task import EVENTS, TRAJECTORIES
from . import log_file
from .hdf5 import copy_file
from .schema import TRAINING
from .training_file import TrainingRecord
from .validate import version_of
from .values import damaged, is_of_hdf5, message_of, model_of, readable, understood

_BYTES = 1 << 24
"""About the size that is read at once [bytes]. All species are read, even if few are asked for."""


class LazyRows:
    """The committed part of `/counts` or `/observables`, indexed like an array [replicate, point, species] and read
    from disk, or of `/covariance`, whose rows are matrices. Counts of -1, which were not reached, are masked."""

    def __init__(self, path: Path, dataset: h5py.Dataset, replicates: np.ndarray, n_points: int):
        self.dtype, self.ndim = dataset.dtype, dataset.ndim
        self._path = path
        self._dataset, self._replicates, self._n_points = dataset, replicates, n_points

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self._replicates), self._n_points, *self._dataset.shape[2:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        key = key if isinstance(key, tuple) else (key,)
        n_axes = self.ndim
        if len(key) > n_axes + any(k is Ellipsis for k in key):
            axes = ", ".join(["replicate", "point"] + ["species"] * (n_axes - 2))
            raise IndexError(f"{self._dataset.name[1:]} have {n_axes} axes ({axes}), but the index has {len(key)}")
        if any(k is Ellipsis for k in key):
            # An ellipsis stands for as many full slices as the index lacks.
            at = next(a for a, k in enumerate(key) if k is Ellipsis)
            key = key[:at] + (slice(None),) * (n_axes + 1 - len(key)) + key[at + 1 :]
        with readable(self._path):
            return self._rows(key, n_axes)

    def _rows(self, key: tuple, n_axes: int) -> Any:
        replicate, point, *more = key + (slice(None),) * (n_axes - len(key))
        chosen, points = self._replicates[replicate], np.arange(self._n_points)[point]
        species = tuple(more)
        # The shape of a row after indexing, from an array that takes no memory.
        row = np.broadcast_to(np.int8(0), self._dataset.shape[2:])[species].shape
        values = np.empty((np.size(chosen), np.size(points), *row), dtype=self.dtype)
        self._fill(values, np.atleast_1d(chosen), np.atleast_1d(points), species)
        return reached(values.reshape(np.shape(chosen) + np.shape(points) + row))[()]

    def _fill(self, values: np.ndarray, chosen: np.ndarray, points: np.ndarray, species: tuple) -> None:
        """Read slabs of up to `_BYTES`, of as many points as fit and of consecutive replicates. Reading replicates one
        by one would take many times as long."""
        if not values.size:
            return
        place = (slice(None), slice(None), *species)
        first, last = int(points.min()), int(points.max())
        most = max(1, _BYTES // (self.dtype.itemsize * int(np.prod(self._dataset.shape[2:]))))  # rows
        n_points = min(most, last + 1 - first)
        gaps = np.flatnonzero(np.diff(chosen) != 1) + 1
        for run in np.split(np.arange(len(chosen)), gaps):
            for part in np.split(run, range(most // n_points, len(run), most // n_points)):
                slab = slice(int(chosen[part[0]]), int(chosen[part[-1]]) + 1)
                for start in range(first, last + 1, n_points):
                    stop = min(start + n_points, last + 1)
                    # Points may be in any order and may repeat, so each slab serves those that lie in it.
                    inside = np.flatnonzero((points >= start) & (points < stop))
                    if len(inside):
                        rows = self._dataset[slab, start:stop][:, points[inside] - start]
                        values[part[0] : part[-1] + 1, inside] = rows[place]

    def mean(self, *arguments: Any, **named: Any) -> Any:
        """As `mean` of a numpy array, over the points that were reached; reads all rows."""
        return self[:].mean(*arguments, **named)

    def std(self, *arguments: Any, **named: Any) -> Any:
        """As `std` of a numpy array, over the points that were reached; reads all rows."""
        return self[:].std(*arguments, **named)

    def var(self, *arguments: Any, **named: Any) -> Any:
        """As `var` of a numpy array, over the points that were reached; reads all rows."""
        return self[:].var(*arguments, **named)

    def sum(self, *arguments: Any, **named: Any) -> Any:
        """As `sum` of a numpy array, over the points that were reached; reads all rows."""
        return self[:].sum(*arguments, **named)

    def min(self, *arguments: Any, **named: Any) -> Any:
        """As `min` of a numpy array, over the points that were reached; reads all rows."""
        return self[:].min(*arguments, **named)

    def max(self, *arguments: Any, **named: Any) -> Any:
        """As `max` of a numpy array, over the points that were reached; reads all rows."""
        return self[:].max(*arguments, **named)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.ma.getdata(self[:]).astype(dtype or self.dtype, copy=False)


class Run(Trajectories):
    """A run file, with the attributes of `simulation.Result`; `counts` is read from disk when it is indexed.

    Use it as a context manager, or `close()` it.
    """

    _IN_FILE = True

    def __init__(self, path: Path, file: h5py.File):
        """`file` is valid, see `hdf5.opened`."""
        self.path, self._file = path, file
        self._datasets: dict[str, h5py.Dataset] = {}

    @property
    def version(self) -> tuple[int, int]:
        """Version of the file's format."""
        return version_of(self._file)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: Any, error: Any, _: Any) -> None:
        self.close()
        if kind is not None and is_of_hdf5(error):
            raise damaged(self.path, message_of(error)) from error

    def close(self) -> None:
        """Close the file. Data that has not been read is no longer available."""
        self._file.close()

    @property
    def units(self) -> str:
        """Units of `counts`: `molecules`, or `concentration`."""
        units = self._dataset("counts").attrs["units"]
        return units if units == MOLECULES else units_of(units, self.model, self.volume)

    @property
    def kind(self) -> str:
        """`ensemble` or `training`."""
        return self._text("kind")

    @property
    def record(self) -> str:
        """What is recorded: `trajectories`, or `events`, if every reaction is, too."""
        return EVENTS if self._has(log_file.GROUP) and not self._is_training else TRAJECTORIES

    @cached_property
    def model(self) -> ReactionNetwork:
        """The reaction network, before overrides of rates and initial counts.

        Raises InputError if the text is damaged."""
        with readable(self.path):
            return model_of(self.path, self._file)

    @property
    def provenance(self) -> dict:
        """Command, parameters, versions, machine, and `seconds` of wall time (NaN while running)."""
        return json.loads(self._read("provenance/json")) | {"seconds": float(self._read("provenance/seconds"))}

    @property
    def method(self) -> str:
        return self._text("method")

    @property
    def method_reason(self) -> str:
        """Why this method was used; empty in files of version 1.0."""
        return self._text("method_reason") if "method_reason" in self._file.attrs else ""

    @property
    def seed(self) -> int:
        return int(self._attribute("seed"))

    @property
    def volume(self) -> float:
        return float(self._attribute("volume"))

    @cached_property
    def species(self) -> tuple[str, ...]:
        # Reading the model checks these names.
        _ = self.model
        return self._names("species")

    @property
    def initial(self) -> np.ndarray:
        """[species], initial counts after overrides [molecules]: int64, or float64 where they are not whole, and in
        training runs with methods in real numbers."""
        index = self.model.index
        return self.initial_of_model[[index[name] for name in self.species]]

    @property
    def initial_of_model(self) -> np.ndarray:
        """`initial` of every species of the model, recorded or not."""
        return self._read("model/initial")

    @property
    def rates(self) -> np.ndarray:
        """float64[reaction], rate constants after overrides."""
        return self._read("model/rates")

    @property
    def model_digest(self) -> str:
        """SHA-256 (hexadecimal) of the model."""
        return self._attribute("model/digest")

    @property
    def model_bytes(self) -> int:
        """Size of the model's text [bytes]."""
        return int(self._dataset("model/text").size)

    @property
    def arguments(self) -> dict:
        """Further arguments that determine an ensemble; since version 1.5."""
        return json.loads(self._attribute("arguments"))

    @property
    def _species_asked(self) -> Sequence[str] | None:
        return super()._species_asked if "arguments" in self._file.attrs else None

    @property
    def n_replicates(self) -> int:
        """Replicates requested."""
        return int(self._dataset("committed").size)

    @property
    def n_planned(self) -> int:
        """Replicates requested; for a training run, records planned."""
        return self._shape("time")[0] if self._is_training else self.n_replicates

    @property
    def n_kept(self) -> int:
        """Replicates committed; for a training run, records written."""
        return self._n_points if self._is_training else int(self.committed.sum())

    @property
    def committed(self) -> np.ndarray:
        """bool[replicate of the file]: which replicates are complete in the file. All other attributes contain only
        these (for a training run, also the records of one that has not finished)."""
        return self._read("committed").astype(bool)

    @property
    def ended(self) -> bool:
        """Whether every replicate is committed, so that there is nothing to resume."""
        return bool(self.committed.all())

    @property
    def software_version(self) -> str:
        """Version of the software that started the run."""
        return self._text("software_version")

    @property
    def complete(self) -> bool:
        """Whether every replicate is committed and was simulated to the end."""
        return self.ended and all(status.complete for status in self.statuses)

    @property
    def time(self) -> np.ndarray:
        """float64[point] [s]."""
        return self._read("time", slice(self._n_points))

    @property
    def counts(self) -> LazyRows:
        """[replicate, point, species], read when indexed, in `units`."""
        # In this order: a writer writes the rows first, so what is committed now has its rows.
        replicates, n_points = self.replicates, self._n_points
        return LazyRows(self.path, self._dataset("counts"), replicates, n_points)

    @property
    def status(self) -> np.ndarray:
        return self._read("status")[self.replicates]

    @property
    def n_events(self) -> np.ndarray:
        return self._read("n_events")[self.replicates]

    @property
    def firings(self) -> np.ndarray:
        """int64[replicate, reaction], no columns unless requested."""
        return self._read("firings")[self.replicates]

    @property
    def statistics(self) -> dict[str, np.ndarray]:
        """Statistics that the method reports about its steps, by name: float64[replicate]; none before version 1.3."""
        names = self._file.get("statistics", {})
        return {name: self._read(f"statistics/{name}")[self.replicates] for name in names}

    @property
    def covariance(self) -> np.ndarray | LazyRows:
        """float64[replicate, point, species, species] [concentration^2] for `linear_noise`, read when it is indexed,
        like `counts`; empty for other methods."""
        if not self._has("covariance") or not self._dataset("covariance").size:
            return np.zeros((len(self.replicates), self._n_points, 0, 0))
        return LazyRows(self.path, self._dataset("covariance"), self.replicates, self._n_points)

    @property
    def training(self) -> TrainingRecord:
        """What a training run records besides its trajectory."""
        if not self._is_training:
            raise InputError(f"{self.path} is not a training run (as `train` writes): its kind is {self.kind!r}")
        return TrainingRecord(self)

    @property
    def case(self) -> str:
        """Name of the dataset of a training run."""
        return self._text("case")

    @property
    def weights(self) -> np.ndarray:
        """float64[record, weight] [concentration], for a training run."""
        return self._recorded("weights")

    @property
    def predictions(self) -> np.ndarray:
        """float64[record, output] [concentration]: output of the chemistry at the end of each recorded presentation; of
        a batch those of all samples, sample after sample."""
        return self._recorded("predictions")

    @property
    def observables(self) -> np.ndarray | LazyRows:
        """float64[replicate, point, observable]: values of rules, and of parameters that events change; read when
        indexed like `counts`."""
        if not self.observable_names:
            return np.zeros((len(self.replicates), self._n_points, 0))
        return LazyRows(self.path, self._dataset("observables"), self.replicates, self._n_points)

    @cached_property
    def observable_names(self) -> tuple[str, ...]:
        """Names of the observables; none in files before version 1.2."""
        _ = self.model
        return self._names("observable") if self._has("observable") else ()

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Copy the file to `path`. Raises InputError for an existing file without `overwrite`, and while a process is
        writing this run; StorageError if the copy cannot be written. An existing file is replaced only by a complete
        copy."""
        copy_file(self.path, path, overwrite)

    def jump_path(self, replicate: int) -> JumpPath:
        with understood(self.path):
            return super().jump_path(replicate)

    def _log_of(self, replicate: int) -> EventLog | None:
        if self.record != EVENTS:
            return None
        first, n = (int(self._read(name, replicate)) for name in (log_file.FIRST, "n_events"))
        part = slice(first, first + n)
        log = EventLog(self._read(log_file.TIME, part), self._read(log_file.REACTION, part))
        if not valid(*log, np.array([n]), float(self.time[-1]), len(self.model.reactions)):
            raise damaged(self.path, f"the reactions of replicate {replicate} are not in order, or not in the model")
        return log

    def _rows_of(self, replicate: int) -> tuple[np.ndarray, int]:
        # By the number of the replicate: its place among the committed ones changes while the file is written.
        return self._read("counts", replicate), int(self._read("status", replicate))

    def _more_columns(self) -> dict[str, np.ndarray]:
        if not self._is_training:
            return {}
        outputs = [f"prediction_{name}" for name in self.training.output_names]
        return dict(zip(self.training.weight_names, self.weights.T)) | dict(zip(outputs, self.predictions.T))

    def _title(self) -> str:
        if not self._file:
            return f"Run in {str(self.path)!r}, closed"
        if not self._is_training:
            return f"Run in {str(self.path)!r}: {span(self)}"
        records = f"{self.n_kept:,} of {self.n_planned:,} records"
        end = f" to {self.time[-1]:g} s" if self.n_kept else ""
        return f"Run in {str(self.path)!r}: training on {self.case}, {records}{end}, {len(self.species)} species"

    def __repr__(self) -> str:
        return super().__repr__() if self._file else self._title()

    def _has(self, name: str) -> bool:
        return name in self._file

    def _attribute(self, path: str) -> Any:
        group, _, name = path.rpartition("/")
        return (self._file[group] if group else self._file).attrs[name]

    def _text(self, path: str) -> str:
        """An attribute, without control characters."""
        return printable(self._attribute(path))

    def _read(self, name: str, key: Any = ()) -> Any:
        """Values of a dataset, as they are in the file now."""
        with readable(self.path):
            return self._dataset(name)[key]

    def _names(self, name: str) -> tuple[str, ...]:
        """The texts of a dataset."""
        with readable(self.path):
            return tuple(self._file[name].asstr()[:])

    def _shape(self, name: str) -> tuple[int, ...]:
        return self._dataset(name).shape

    def _dataset(self, name: str) -> h5py.Dataset:
        """A dataset, with what another process wrote since it was opened.

        There must be only one object for each dataset: if one of two is refreshed, HDF5 2.0 can read neither, or
        crashes.
        """
        if name not in self._datasets:
            self._datasets[name] = self._file[name]
        if self._file.swmr_mode:
            self._datasets[name].refresh()
        return self._datasets[name]

    def _recorded(self, name: str) -> np.ndarray:
        return self._read(f"{self.training.GROUP}/{name}", slice(self._n_points))

    @property
    def _is_training(self) -> bool:
        return self.kind == TRAINING

    @property
    def replicates(self) -> np.ndarray:
        """int64[replicate], numbers of the committed replicates."""
        return np.arange(1) if self._is_training else np.flatnonzero(self.committed)

    @property
    def _n_points(self) -> int:
        return int(self._read("training/n_recorded")) if self._is_training else self._shape("time")[0]


# Weights of a training run, averaged over presentations.


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean of each row of float64[n, k] and up to `window` - 1 rows before it."""
    return _mean_since(values, np.maximum(np.arange(1, len(values) + 1) - window, 0))


def _mean_since(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Mean of each row of float64[n, k] with those before it from row `first` int64[n] on."""
    # Sums over a window are differences of cumulative sums.
    total = np.cumsum(np.vstack([np.zeros((1, values.shape[1])), values]), axis=0)
    last = np.arange(1, len(values) + 1)
    return (total[last] - total[first]) / (last - first)[:, None]


def averaged_weights(run: Run) -> np.ndarray:
    """Recorded weights, each averaged over the records of the 100 presentations up to it, float64[record, weight]."""
    weights = run.weights
    # Records are not equally spaced: each evaluation is recorded, too.
    recorded = run.training.recorded[: len(weights)]
    return _mean_since(weights, np.searchsorted(recorded, recorded - N_AVERAGED, side="right"))
