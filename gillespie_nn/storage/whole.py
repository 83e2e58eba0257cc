"""Files that are made under another name and moved into place, so that they are whole or absent at any moment.

The other name is one that nobody can foresee, and it is made, never opened: what stands under a name already, such as a
link to somewhere else, is not written through.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from ..checks import PART_BYTES, PART_SUFFIX, StorageError, replaced
from .schema import LIBVER


def clear(path: Path) -> None:
    """Take away what killed processes left of `path`; whoever asks for it holds the lock on it."""
    for name in os.listdir(path.parent):
        middle = name.removeprefix(f".{path.name}.").removesuffix(PART_SUFFIX)
        if name == f".{path.name}.{middle}{PART_SUFFIX}" and len(middle) == 2 * PART_BYTES and middle.isalnum():
            with contextlib.suppress(OSError):
                (path.parent / name).unlink()


def move(part: Path, path: Path) -> None:
    """Put a whole file, safely on the disk, in the place of `path`."""
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


def put(path: Path, data: bytes | memoryview) -> None:
    """Write a whole file in the place of `path`. Raises StorageError where that cannot be done."""
    try:
        with replaced(path) as part, open(part, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}; the previous file, if any, is unchanged"
        ) from None


@contextmanager
def written(path: str | Path) -> Iterator[h5py.File]:
    """An empty HDF5 file to fill, in the place of `path` once it is. Raises StorageError where that cannot be done.

    It is made in memory and written as bytes: on a disk that is full HDF5 does not find out before it closes a file,
    and may end the process then.
    """
    own = secrets.token_hex(PART_BYTES)  # HDF5 takes two files of one name for one, also in memory
    with h5py.File(own, "w", driver="core", backing_store=False, libver=LIBVER) as file:
        yield file
        file.flush()
        image = file.id.get_file_image()
    put(Path(path), image)
