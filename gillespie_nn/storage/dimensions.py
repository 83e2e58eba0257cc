"""Names of axes and units in a file, for netCDF and xarray, from the table of its kind."""

import h5py

from .schema import Entry, Format
from .values import ALL_SPECIES, PREDICTIONS, SHOWN_OUTPUT

_BARE = "This is a netCDF dimension but not a netCDF variable. {:>10d}"
"""Name of a scale without values, in netCDF's own words."""
DTYPE = ">f4"
"""Of such a scale, of which nothing is ever written."""


def describe(file: h5py.File, form: Format) -> None:
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
    """The datasets of an entry, in a file that is valid."""
    if entry.open:
        return list(file[entry.group].values()) if entry.group in file else []
    return [file[entry.path]] if entry.path in file else []


def axis_name(file: h5py.Group, entry: Entry, axis: str) -> str:
    """The name of an axis of an entry whose datasets are in the file; axes of the same name have the same length. The
    species of a model have their own where not all of them are recorded, and predictions theirs where several samples
    are presented at once."""
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
    """The dataset `axis` of the nearest group, or one without values beside `dataset`."""
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
