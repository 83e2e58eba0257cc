"""Creating files from the tables of `schema`: the values of a new file, its datasets, and its axes and units.

This module loads without h5py: runs in memory use the values, too.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._version import __version__
from ..checks import InternalError
from ..crn import ReactionNetwork
from ..simulation.methods import TrainingMethod, name_of
from ..simulation.sinks import covariance_size
from ..simulation.task import Task
from ..simulation.training import TrainingPlan
from .schema import NAME, Entry, FileFormat
from .schema.file_kinds import SAMPLES
from .values import ALL_SPECIES, PREDICTIONS, SHOWN_OUTPUT

if TYPE_CHECKING:
    import h5py

# Names of axes and units, as netCDF and xarray expect them.

_BARE = "This is a netCDF dimension but not a netCDF variable. {:>10d}"
"""Name of a scale without values, as the netCDF library writes it."""
DTYPE = ">f4"
"""dtype of such a scale, of which nothing is ever written."""


def describe(file: h5py.File, form: FileFormat) -> None:
    """Set the unit of every dataset that has one, and the scale of every axis."""
    for entry in form.entries:
        for dataset in datasets_of(file, entry):
            unit = entry.unit(dataset.dtype.name)
            if unit:
                dataset.attrs["units"] = unit
            for number, axis in enumerate(entry.axes):
                if form.scaled is None or axis in form.scaled:
                    _attach(dataset, number, axis_name(file, entry, axis))


def datasets_of(file: h5py.File, entry: Entry) -> list[h5py.Dataset]:
    """The datasets of an entry in a valid file."""
    if entry.open:
        return list(file[entry.group].values()) if entry.group in file else []
    return [file[entry.path]] if entry.path in file else []


def axis_name(file: h5py.Group, entry: Entry, axis: str) -> str:
    """The name of an axis of an entry whose datasets are in the file. Axes of the same name have the same length.

    Two axes are exceptions: that of the species of the model if not all of them are recorded, and that of predictions
    if several samples are presented at once.
    """
    if entry.path == PREDICTIONS and axis == "output" and SHOWN_OUTPUT in file:
        return SHOWN_OUTPUT.rpartition("/")[2]
    return ALL_SPECIES if f"{entry.group}/{axis}" == ALL_SPECIES and ALL_SPECIES in file else axis


def _attach(dataset: h5py.Dataset, number: int, axis: str) -> None:
    scale = _scale(dataset, number, axis)
    if not scale.is_scale:
        scale.make_scale(axis)
    if scale != dataset:
        dataset.dims[number].attach_scale(scale)


def _scale(dataset: h5py.Dataset, number: int, axis: str) -> h5py.Dataset:
    """The dataset `axis` of the nearest group above `dataset`; without one, a new one without values in its group."""
    group = dataset.parent
    while axis not in group and group.name != "/":
        group = group.parent
    if axis in group:
        return group[axis]
    grows = dataset.maxshape[number] is None
    scale = dataset.parent.create_dataset(
        axis,
        (dataset.shape[number],),
        DTYPE,
        **({"maxshape": (None,), "chunks": dataset.chunks[number : number + 1]} if grows else {}),
    )
    scale.make_scale(_BARE.format(dataset.shape[number]))
    return scale


# Contents of a new file: values and lengths of axes by name. The table says how they are stored.

_LEAST_ROWS = 8
"""Smallest number of records in a chunk."""
_SMALL_BYTES = 1 << 20
"""Test inputs up to this size are stored [bytes]."""


def settings_values(task: Task, reason: str) -> dict[str, Any]:
    """The attributes of an ensemble. `reason` says why this method was chosen."""
    settings = {"method": name_of(task.method), "method_reason": reason, "seed": task.seed, "volume": task.volume}
    return settings | {"arguments": json.dumps(task.arguments)}


def model_values(network: ReactionNetwork, rates: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
    """The model as given, its digest, and the rates and initial counts after overrides."""
    index = network.index
    changes = [(r, index[s], n) for r, x in enumerate(network.reactions) for s, n in x.net_change().items()]
    return {
        "model/digest": network.digest,
        "model/text": np.frombuffer(network.to_text().encode(), dtype=np.uint8),
        "model/reactions": [r.name for r in network.reactions],
        "model/stoichiometry": np.array(changes, dtype=np.int64).reshape(-1, 3),
        "model/rates": rates,
        "model/initial": counts,
    }


def trajectory_values(network: ReactionNetwork, n_replicates: int, statistics_names: Sequence[str]) -> dict[str, Any]:
    """Names of what is recorded, and statistics that are still NaN."""
    return {
        "species": network.species,
        "observable": network.observables,
        "replicate": np.arange(n_replicates, dtype=np.int64),
    } | {f"statistics/{name}": np.full(n_replicates, np.nan) for name in statistics_names}


def trajectory_lengths(method: TrainingMethod, n_species: int, n_points: int) -> dict[str, int]:
    """Lengths of the axes of recorded trajectories."""
    size = covariance_size(method, n_species)
    return {"time": n_points, "covariance_row": size, "covariance_column": size}


def ensemble_values(task: Task) -> dict[str, Any]:
    """Values that follow from the task of an ensemble."""
    network: Any = task.network
    counted = network.reactions if task.count_firings else ()
    values: dict[str, Any] = {"time": task.grid, "reaction": [r.name for r in counted]}
    if task.records_events:
        from . import log_file  # loads h5py

        first = np.full(task.n_replicates, log_file.ABSENT, dtype=np.int64)
        values |= {log_file.TIME: np.empty(0), log_file.REACTION: np.empty(0, np.uint32), log_file.FIRST: first}
    values |= trajectory_values(network, task.n_replicates, task.statistics_names) | {"species": task.species}
    return values if task.recorded is None else values | {ALL_SPECIES: network.species}


def ensemble_lengths(task: Task) -> dict[str, int]:
    """Lengths of axes that do not follow from the values."""
    return trajectory_lengths(task.method, len(task.species), len(task.grid))


def training_values(plan: TrainingPlan) -> dict[str, Any]:
    """Everything that determines a training run."""
    spec, data = plan.spec, plan.dataset
    schedule, shown = plan.presentations, [rails.name for rails in spec.outputs]
    n_evaluations = len(schedule.evaluated) if schedule.validates else 0
    about = {"own": plan.has_user_data, "digest": data.digest, "checksums": data.checksums, "notice": data.notice}
    # `resume` loads the data of a case again, and gets other data from the file.
    if plan.has_user_data:
        about |= {name: value for name in ("classes", "scaled", "image") if (value := getattr(data, name))}
    values: dict[str, Any] = {
        "layers": np.array(spec.layers, dtype=np.int64),
        "settings": json.dumps(plan.settings.record()),
        "task": data.task,
        "arguments": json.dumps(plan.options.arguments),
        "weight": [rails.name for rails in spec.weights],
        "output": [name.removesuffix(spec.sample_suffix(0)) for name in shown[: spec.layers[-1]]],
        "presentations": np.asarray(plan.order, dtype=np.int64).ravel(),
        "recorded": np.asarray(schedule.recorded, dtype=np.int64),
        "held_out": schedule.held_out,
        "evaluated": schedule.evaluated[:n_evaluations],
        "initial_weights": plan.learner.initial_weights,
        "targets": data.test_t,
        "inputs": data.test_x if data.test_x.nbytes <= _SMALL_BYTES else data.test_x[:0],
    }
    if spec.batch > 1:
        values["shown_output"] = shown
    if plan.settings.centred:
        values["centre"] = plan.centre
    # The samples of a case have length 0.
    for of, scale in (("feature", data.feature_scale), ("target", data.target_scale)):
        if scale is not None:
            about["scale"] = scale.kind
            values |= {f"{of}_offset": scale.offset, f"{of}_width": scale.width}
    values |= {"data": json.dumps(about)}
    values |= {f"samples/{name}": getattr(data, name)[: None if plan.has_user_data else 0] for name in SAMPLES}
    return {f"training/{name}": value for name, value in values.items()} | trajectory_values(
        spec.declared, 1, plan.method.statistics_names
    )


def training_lengths(plan: TrainingPlan) -> dict[str, int]:
    n_species, n_points = len(plan.spec.declared.species), len(plan.presentations.recorded)
    return trajectory_lengths(plan.method, n_species, n_points) | {"memory_place": 0}


def records_together(plan: TrainingPlan) -> int:
    """About the number of records between two checkpoints of a training run. They are flushed together, and a chunk
    that is flushed in parts would be compressed as often. There is a minimum, because many small chunks make a file
    large.
    """
    n, every = len(plan.presentations.recorded), plan.options.checkpoint_every
    assert every is not None  # `api.train` computes it
    return min(n, max(_LEAST_ROWS, -(-n * every // len(plan.order))))


# Creating a file: every group, dataset and attribute of its table.


def make(
    file: h5py.File,
    form: FileFormat,
    values: Mapping[str, Any],
    lengths: Mapping[str, int] | None = None,
    *,
    kind: str = "",
    dtypes: Mapping[str, Any] | None = None,
    together: int | None = None,
) -> None:
    """Create everything that a file of this form and kind contains in the empty `file`.

    `values` are attributes and datasets by path. A dataset without a value gets the initial value of its entry. Its
    shape follows from the `lengths` of axes, and from those of the values. Its dtype is in `dtypes` if the entry allows
    several. At most `together` rows are flushed at once (default: no limit). Raises InternalError for a value that is
    missing, that no entry describes, or of another dtype or shape than its entry.
    """
    values, lengths = _stamp() | dict(values), dict(form.lengths) | dict(lengths or {})
    file.attrs["filetype"] = form.filetype
    file.attrs["version"] = np.array(form.version, dtype=np.int64)
    for group in form.groups:
        file.require_group(group)
    for attribute in form.attributes_of(kind):
        group = file.require_group(attribute.group) if attribute.group else file
        group.attrs[attribute.name] = _taken(values, attribute.path)
    for entry in form.entries_of(kind):
        for path in _paths(entry, values):
            if path in values:
                _make_given(file, entry, path, values.pop(path), lengths, together)
            else:
                _make_empty(file, entry, path, (dtypes or {}).get(path), lengths, together)
    if values:
        raise InternalError(f"a {form.name} cannot store {', '.join(values)}")
    describe(file, form)


def names(file: h5py.Group, path: str, strings: Iterable[str]) -> None:
    """Create a dataset of texts.

    `group[name] = texts` would create it without a name and link it later. If the texts fill the metadata cache,
    HDF5 2.0 loses it in between, and the next dataset overwrites it.
    """
    import h5py

    file.create_dataset(path, data=np.array([s.encode() for s in strings], dtype=h5py.string_dtype()))


def _stamp() -> dict[str, Any]:
    """Version of this software and time, for every file."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    return {"software_version": __version__, "created": now}


def _taken(values: dict[str, Any], path: str) -> Any:
    try:
        return values.pop(path)
    except KeyError:
        raise InternalError(f"no value is given for {path}") from None


def _paths(entry: Entry, values: Mapping[str, Any]) -> list[str]:
    """The paths of an entry in a file with these values."""
    if entry.open:
        return [path for path in values if path.rpartition("/")[0] == entry.group]
    return [] if (entry.optional or entry.sometimes) and entry.path not in values else [entry.path]


def _make_given(
    file: h5py.File, entry: Entry, path: str, value: Any, lengths: dict[str, int], together: int | None
) -> None:
    if entry.dtypes == (NAME,):
        if not entry.axes:
            file.create_dataset(path, data=value)
            return
        names(file, path, value)
        shape: tuple[int, ...] = (len(value),)
    else:
        data = np.asarray(value)
        shape = data.shape
        if data.dtype.name not in entry.dtypes or len(shape) != len(entry.axes):
            raise InternalError(f"{path} must be {entry.dtypes} {entry.axes}, got {data.dtype} {shape}")
        file.create_dataset(path, data=data, **entry.stored(shape, data.nbytes, together))
    for written, length in zip(entry.axes, shape):
        axis = axis_name(file, entry, written)
        if lengths.setdefault(axis, length) != length:
            raise InternalError(f"{path} has {length} of {axis}, and there are {lengths[axis]}")


def _make_empty(
    file: h5py.File, entry: Entry, path: str, dtype: Any, lengths: Mapping[str, int], together: int | None
) -> None:
    if entry.start is None:
        raise InternalError(f"no value is given for {path}")
    dtype = np.dtype(entry.dtypes[0] if dtype is None else dtype)
    try:
        shape = tuple(lengths[axis_name(file, entry, axis)] for axis in entry.axes)
    except KeyError as error:
        raise InternalError(f"{path} needs the length of axis {error}") from None
    start = entry.filling(dtype.name)
    how = entry.stored(shape, int(np.prod(shape, dtype=object)) * dtype.itemsize, together)
    if entry.filled_later:
        file.create_dataset(path, shape, dtype, fillvalue=start, **how)
    else:
        file.create_dataset(path, data=np.full(shape, start, dtype=dtype), **how)
