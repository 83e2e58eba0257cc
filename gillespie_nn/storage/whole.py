"""Files that are created under a temporary name and moved into place, so that they are complete or absent at any
moment.

Nobody can predict the temporary name, and the file is always created and never opened: nothing is written through a
link at that name.
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
    """Remove temporary files that killed processes left for `path`. The caller must hold its lock."""
    for name in os.listdir(path.parent):
        middle = name.removeprefix(f".{path.name}.").removesuffix(PART_SUFFIX)
        if name == f".{path.name}.{middle}{PART_SUFFIX}" and len(middle) == 2 * PART_BYTES and middle.isalnum():
            with contextlib.suppress(OSError):
                (path.parent / name).unlink()


def move(part: Path, path: Path) -> None:
    """Replace `path` by a complete file, after forcing it to disk."""
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


def put(path: Path, data: bytes | memoryview) -> None:
    """Write a whole file in place of `path`. Raises StorageError if this fails."""
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
    """An empty HDF5 file that replaces `path` at the end of the context. Raises StorageError if this fails.

    It is created in memory and written as bytes: on a full disk HDF5 would notice the error only when it closes the
    file, and may end the process then.
    """
    own = secrets.token_hex(PART_BYTES)  # HDF5 takes two files of one name for one, also in memory
    with h5py.File(own, "w", driver="core", backing_store=False, libver=LIBVER) as file:
        yield file
        file.flush()
        image = file.id.get_file_image()
    put(Path(path), image)
