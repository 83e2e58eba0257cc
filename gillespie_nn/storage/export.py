"""Run files in other formats: tables in CSV and Parquet (see `simulation.result_views`), arrays in NetCDF. Only
committed data are exported, part by part, so that memory is bounded. To add a format, add its function to `FORMATS`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .. import checks
from ..checks import InputError, StorageError, replaced
from ..simulation.result_views import missing, write_csv
from ..simulation.run_options import EVENTS
from . import hdf5_bytes
from .open import MomentsRun, open_run
from .reader import Run
from .schema import TRAINING
from .schema.entries import replicates


def export(path: str | Path, format: str, output: str | Path, overwrite: bool = False) -> int:
    """Write the run file at `path` to `output` in a format of `FORMATS`. Returns the number of replicates written.

    Raises InputError for invalid arguments, MissingExtraError if the format's library is not installed.
    """
    checks.choice("format", format, FORMATS)
    output = checks.new_file(output, overwrite)
    with open_run(path) as run, _made(output) as part:
        if not isinstance(run, Run) and format != "csv":
            raise InputError(f"{path} contains {run.record}, which can only be exported as csv, got format {format!r}")
        if run.record == EVENTS:
            checks.warn(f"{output} has no reactions: read them with open_run({str(path)!r}).events(replicate)")
        FORMATS[format](run, part)
        return len(run)


@contextmanager
def _made(output: Path) -> Iterator[Path]:
    """A temporary path next to `output`, as a context manager; the file written there replaces `output`."""
    try:
        with replaced(output) as part:
            yield part
    except OSError as error:
        raise StorageError(f"cannot write {output}: {hdf5_bytes.reason(error)}") from None


def _observed(run: Run, names: list[str]) -> list[int]:
    """Columns of the observables in a table with these names."""
    return [names.index(name) for name in run.observable_names]


def _csv(run: Run | MomentsRun, path: Path) -> None:
    with open(path, "x", newline="", encoding="utf-8") as file:
        write_csv(run.table(), file)


def _parquet(run: Run, path: Path) -> None:
    arrow = checks.optional("pyarrow", "parquet", "Parquet")
    parquet = checks.optional("pyarrow.parquet", "parquet", "Parquet")
    names, blocks = run.table()
    n_counts = 2 + len(run.species)
    kinds = [arrow.int64(), arrow.float64(), *[arrow.from_numpy_dtype(run.counts.dtype)] * len(run.species)]
    kinds += [arrow.float64()] * (len(names) - n_counts)
    for column in _observed(run, names):
        kinds[column] = arrow.float64()
    units = ["", "s", *[run.units] * len(run.species), *[""] * (len(names) - n_counts)]
    fields = [arrow.field(n, k, metadata={"units": u} if u else None) for n, k, u in zip(names, kinds, units)]
    schema = arrow.schema(fields, metadata={"method": run.method, "seed": str(run.seed), "volume": str(run.volume)})
    with parquet.ParquetWriter(path, schema) as writer:
        for block in blocks:
            arrays = [arrow.array(c, mask=missing(c)) for c in block]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))


def _netcdf(run: Run, path: Path) -> None:
    h5netcdf = checks.optional("h5netcdf", "xarray", "NetCDF")
    with hdf5_bytes.quiet(path) as made, h5netcdf.File(made, "w") as file:
        _fill_netcdf(file, run)


def _fill_netcdf(file: Any, run: Run) -> None:
    n_replicates, n_points, n_species = run.counts.shape
    texts = {"species": run.species, "observable": run.observable_names}
    file.dimensions = {"replicate": n_replicates, "time": n_points, "species": n_species}
    if run.observable_names:
        file.dimensions["observable"] = len(run.observable_names)
    file.attrs.update({"method": run.method, "seed": run.seed, "volume": run.volume})
    for name, axis, data, units in (
        ("replicate", "replicate", run.replicates, ""),
        ("time", "time", run.time, "s"),
        ("status", "replicate", np.asarray(run.status), ""),
        ("n_events", "replicate", np.asarray(run.n_events), ""),
    ):
        file.create_variable(name, (axis,), data.dtype, data=data).attrs.update({"units": units} if units else {})
    for name, names in texts.items():
        if names:
            file.create_variable(name, (name,), h5py.string_dtype(), data=np.array(names, dtype=object))
    _trajectories(file, "counts", run.counts, "species", run.units)
    if run.observable_names:
        _trajectories(file, "observables", run.observables, "observable", "")
    if run.kind == TRAINING:
        _training(file, run)


def _trajectories(file: Any, name: str, rows: Any, axis: str, units: str) -> None:
    shape = rows.shape
    # The same chunks as in a run file, so that every chunk is read once.
    how = replicates(shape, rows.dtype.itemsize * int(np.prod(shape)), None) if all(shape) else {}
    variable = file.create_variable(
        name, ("replicate", "time", axis), rows.dtype, chunks=how.get("chunks"),
        compression="gzip" if all(shape) else None, fillvalue=-1 if rows.dtype.kind == "i" else None,
    )  # fmt: skip
    variable.attrs.update({"units": units} if units else {})
    together, length = how.get("chunks", (1, 1))[:2]
    for first in range(0, shape[0], together):
        for start in range(0, shape[1], length):
            part = slice(first, first + together), slice(start, start + length)
            variable[part] = np.asarray(rows[part])


def _training(file: Any, run: Run) -> None:
    for name, axis, data in (("weights", "weight", run.weights), ("predictions", "output", run.predictions)):
        file.dimensions[axis] = data.shape[1]
        file.create_variable(name, ("time", axis), data.dtype, data=data).attrs["units"] = "concentration"


FORMATS: dict[str, Callable[[Any, Path], None]] = {"csv": _csv, "parquet": _parquet, "netcdf": _netcdf}
SUFFIXES = {"csv": ".csv", "parquet": ".parquet", "netcdf": ".nc"}
