"""Saving results in memory as files, digests of the content of files, and export in other formats.

To add a format of export, add its function to `FORMATS`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .. import checks
from ..checks import InputError, StorageError, replaced
from ..display.curves import has_units
from ..simulation.moments import MomentsResult
from ..simulation.reaction_log import Fired
from ..simulation.result import Result
from ..simulation.result_views import missing, write_csv
from ..simulation.run_options import EVENTS
from ..simulation.sinks import Ends, Rows
from . import hdf5_bytes, making
from .ensemble_file import EnsembleFile
from .hdf5 import locked, place
from .moments_file import write_moments
from .open import MomentsRun, open_run
from .reader import Run
from .schema import TRAINING
from .schema.entries import replicates

# Digests of content: everything in a file except `created` and `/provenance`.

_PLACES = ("REFERENCE_LIST", "DIMENSION_LIST")
"""Attributes that contain addresses in the file, which differ between equal files."""


def content_digest(path: str | Path) -> str:
    """SHA-256 of the content of a run file; files of the same content have the same digest."""
    parts = []
    with h5py.File(path, "r", swmr=True, locking=False) as file:

        def visit(name: str, item: Any) -> None:
            if name.split("/")[0] != "provenance":
                parts.append(name.encode() + _attributes(item))
                if isinstance(item, h5py.Dataset):
                    parts.append(f"{item.dtype} {item.shape}".encode() + _bytes(item[()]))

        file.visititems(visit)
        parts.append(_attributes(file))
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _attributes(item: Any) -> bytes:
    names = sorted(key for key in item.attrs if key not in _PLACES and not (item.name == "/" and key == "created"))
    return b"".join(key.encode() + b"=" + _bytes(item.attrs[key]) for key in names)


def _bytes(value: Any) -> bytes:
    """Numbers as their bytes, so that NaN equals NaN; texts as a list with quotes, so that their borders count."""
    array = np.asarray(value)
    if array.dtype.kind in "OUS":
        return repr(array.tolist()).encode()
    return np.ascontiguousarray(array).tobytes()


# Saving results in memory as files. A file is complete or absent at any moment.

_TOGETHER = 1 << 20
"""About the number of reactions that are written at once."""


def save_trajectories(result: Result, path: str | Path, overwrite: bool = False) -> None:
    """Write the run file of a `Result`, see `Result.save`."""
    task = result._task
    assert task is not None  # `Result.save` refuses results without a task
    values, provenance = making.settings_values(task, result.method_reason), json.dumps(_plain(result.provenance))
    counts = np.ma.getdata(result.counts)
    n_bytes = counts.nbytes + result.observables.nbytes + result.covariance.nbytes
    with place(path, overwrite, n_bytes) as part, EnsembleFile(part, task, values, provenance) as file:
        file.add_seconds(result.provenance["seconds"])
        n_points = np.full(len(result), len(result.time))
        ends = Ends(n_points, result.status, result.n_events, result.firings, result.statistics)
        rows = Rows(counts, result.observables, result.covariance)
        if not task.records_events:
            file.write_block(0, rows, ends)
            return
        together = np.cumsum(result.n_events) // _TOGETHER
        for group in np.split(np.arange(len(result)), np.flatnonzero(np.diff(together)) + 1):
            first, numbers = int(group[0]), slice(group[0], group[-1] + 1)
            logs = [result.events(k) for k in group.tolist()]
            file.write_events(first, Fired(result.n_events[group], *(np.concatenate(arrays) for arrays in zip(*logs))))
            file.write_block(first, Rows(*(values[numbers] for values in rows)), ends.part(numbers))


def save_moments(result: MomentsResult, path: str | Path, overwrite: bool = False) -> None:
    """Write the file of a `MomentsResult`, see `MomentsResult.save`."""
    task = result._task
    assert task is not None  # `MomentsResult.save` refuses results without a task
    target = checks.new_run_file(path, overwrite)
    values = making.settings_values(task, result.method_reason)
    provenance = {
        "provenance/json": json.dumps(_plain(result.provenance)),
        "provenance/seconds": result.provenance["seconds"],
    }
    with locked(target, overwrite):
        write_moments(target, result.moments, task, values | provenance)


def _plain(provenance: dict) -> dict:
    """The provenance in `/provenance/json`; `seconds` is a separate dataset."""
    return {name: value for name, value in provenance.items() if name != "seconds"}


# Run files in other formats: tables in CSV and Parquet (see `simulation.result_views`), arrays in NetCDF. Only what is
# committed is exported, part by part, so that memory is bounded.


def export(
    path: str | Path, format: str, output: str | Path, overwrite: bool = False, species: Sequence[str] = ()
) -> int:
    """Write the run file at `path` to `output` in a format of `FORMATS`. Returns the number of replicates written.

    `species` are the columns of a table, names of species, observables and signed numbers; by default all.

    Raises InputError for invalid arguments, MissingExtraError if the format's library is not installed.
    """
    checks.choice("format", format, FORMATS)
    species = tuple(dict.fromkeys(species))
    output = checks.new_file(output, overwrite)
    with open_run(path) as run, _made(output) as part:
        if not isinstance(run, Run) and format != "csv":
            raise InputError(f"{path} contains {run.record}, which can only be exported as csv, got format {format!r}")
        if run.record == EVENTS:
            checks.warn(f"{output} has no reactions: read them with open_run({str(path)!r}).events(replicate)")
        if species and format not in TABLES:
            raise InputError(f"species only apply to tables ({' and '.join(TABLES)}), got format {format!r}")
        FORMATS[format](run, part, species)
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


def _csv(run: Run | MomentsRun, path: Path, species: Sequence[str]) -> None:
    with open(path, "x", newline="", encoding="utf-8") as file:
        write_csv(run.table(species), file)


def _parquet(run: Run, path: Path, species: Sequence[str]) -> None:
    arrow = checks.optional("pyarrow", "parquet", "Parquet")
    parquet = checks.optional("pyarrow.parquet", "parquet", "Parquet")
    names, blocks = run.table(species)
    if species:
        kinds = [arrow.int64()] + [arrow.float64()] * (len(names) - 1)
        units = ["", "s", *(run.units if has_units(run, name) else "" for name in names[2:])]
    else:
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


def _netcdf(run: Run, path: Path, species: Sequence[str]) -> None:
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


FORMATS: dict[str, Callable[[Any, Path, Sequence[str]], None]] = {"csv": _csv, "parquet": _parquet, "netcdf": _netcdf}
TABLES = ("csv", "parquet")
"""Formats that are tables, whose columns can be chosen."""
SUFFIXES = {"csv": ".csv", "parquet": ".parquet", "netcdf": ".nc"}
