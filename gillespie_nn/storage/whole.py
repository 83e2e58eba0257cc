"""HDF5 files that are made under another name and moved into place, so that they are whole or absent at any moment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from ..checks import StorageError
from .schema import LIBVER


def move(part: Path, path: Path) -> None:
    """Put a whole file, safely on the disk, in the place of `path`."""
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


@contextmanager
def written(path: str | Path) -> Iterator[h5py.File]:
    """An empty file to fill, in the place of `path` once it is. Raises StorageError where that cannot be done."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with h5py.File(part, "w", libver=LIBVER) as file:
            yield file
        move(part, path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error}") from error
    finally:
        part.unlink(missing_ok=True)
