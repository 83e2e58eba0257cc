"""HDF5 files that are made under another name and moved into place, so that they are whole or absent at any moment."""

import datetime
import os
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from .._version import __version__
from ..checks import InputError, StorageError
from . import heap
from .schema import LIBVER


def stamp(file, filetype, version) -> None:
    """Root attributes `filetype`, `version` (int64[2]), `software_version` and `created` (ISO 8601, UTC)."""
    file.attrs["filetype"] = filetype
    file.attrs["version"] = np.array(version, dtype=np.int64)
    file.attrs["software_version"] = __version__
    file.attrs["created"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def move(part, path) -> None:
    """Put a whole file, safely on the disk, in the place of `path`."""
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


@contextmanager
def written(path, filetype, version):
    """A stamped file to fill, in the place of `path` once it is. Raises StorageError where that cannot be done."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with h5py.File(part, "w", libver=LIBVER) as file:
            stamp(file, filetype, version)
            yield file
        move(part, path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error}") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def opened(path, filetype, version, remedy):
    """The file, to be read. Raises InputError for one of another type or another major version, and for what is no
    HDF5 file, with `remedy`."""
    try:
        heap.check(path)
        with h5py.File(path, "r") as file:
            found, number = file.attrs.get("filetype"), np.atleast_1d(file.attrs.get("version", 0))
            if not isinstance(found, str) or found != filetype or number.dtype.kind not in "iu" or number.shape != (2,):
                raise InputError(f"{path} has filetype {str(found)[:100]!r}, expected {filetype!r}: {remedy}")
            if number[0] != version[0]:
                raise InputError(
                    f"{path} has format version {number.tolist()}, this software reads {version[0]}.x of {filetype!r}"
                )
            yield file
    except (OSError, KeyError):
        raise InputError(f"{path} is not a readable HDF5 file: {remedy}") from None
