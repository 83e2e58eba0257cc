"""Names of axes and units in a run file, as netCDF and xarray read them, from the schema."""

from .schema import SCHEMA

_BARE = "This is a netCDF dimension but not a netCDF variable. {:>10d}"
"""Name of a scale without values, in netCDF's own words."""
DTYPE = ">f4"
"""Of such a scale, of which nothing is ever written."""


def describe(file) -> None:
    """Give every dataset its unit, where that is always the same one, and every axis its scale."""
    for entry in SCHEMA:
        if entry.path in file:
            dataset = file[entry.path]
            if len(entry.units) == 1 and entry.units[0]:
                dataset.attrs["units"] = entry.units[0]
            _attach(dataset, entry.axes)
    for dataset in file["statistics"].values():
        _attach(dataset, ("replicate",))


def _attach(dataset, axes):
    for number, axis in enumerate(axes):
        scale = _scale(dataset, number, axis)
        if not scale.is_scale:
            scale.make_scale(axis)
        if scale != dataset:
            dataset.dims[number].attach_scale(scale)


def _scale(dataset, number, axis):
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
