"""Creating a file from the table of its kind: every group, dataset and attribute, with values by name."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import h5py
import numpy as np

from .._version import __version__
from ..checks import InternalError
from .dimensions import axis_name, describe
from .schema import NAME, Entry, Format


def make(
    file: h5py.File,
    form: Format,
    values: Mapping[str, Any],
    lengths: Mapping[str, int] | None = None,
    *,
    kind: str = "",
    dtypes: Mapping[str, Any] | None = None,
    together: int | None = None,
) -> None:
    """Create everything that a file of this form and kind contains in the empty `file`.

    `values` are attributes and datasets by path. A dataset without a value is filled as its entry says. Its shape
    follows from `lengths` of axes, completed by those of the values; its dtype is in `dtypes` if the entry allows
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
    """Create a dataset of texts. It is created under its name: `group[name] = texts` creates it without one and links
    it later, and HDF5 2.0 loses it if the texts fill its metadata cache, so that the next dataset overwrites it."""
    file.create_dataset(path, data=np.array([s.encode() for s in strings], dtype=h5py.string_dtype()))


def _stamp() -> dict[str, Any]:
    """What every file says of where it came from."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    return {"software_version": __version__, "created": now}


def _taken(values: dict[str, Any], path: str) -> Any:
    try:
        return values.pop(path)
    except KeyError:
        raise InternalError(f"no value is given for {path}") from None


def _paths(entry: Entry, values: Mapping[str, Any]) -> list[str]:
    """Those of the datasets that an entry stands for."""
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
