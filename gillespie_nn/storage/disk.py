"""Disks that are full: looked at before, and left in peace after a write that failed.

HDF5 writes on when a file is closed, and where that fails the process can crash, as late as at its exit. So the
descriptor of a file that could not be written is pointed elsewhere: what HDF5 still has to say goes there.
"""

import contextlib
import io
import os
import re
import shutil
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import h5py

from ..checks import StorageError

_SPARE_BYTES = 1 << 22
"""Left free for what HDF5 has in memory, and writes as a file is closed."""


def check_free(path: str | Path, n_bytes: int) -> None:
    """Raises StorageError unless `n_bytes` more, and some to spare, fit beside `path`."""
    free = shutil.disk_usage(Path(path).parent).free
    if free < n_bytes + _SPARE_BYTES:
        raise StorageError(
            f"the disk is full: {free} bytes left for {path}; what is already committed stays readable. "
            "Free some space, or choose another output"
        )


def abandon(file: h5py.File, datasets: MutableMapping) -> None:
    """Close an h5py file, of which `datasets` by name are open, without another byte for its disk: there it stays as a
    killed process would leave it."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), file.id.get_vfd_handle())
    datasets.clear()
    close(file)


def reason(error: Exception) -> str:
    """What the system said, in the words of HDF5 or its own."""
    found = re.search(r"error message = '([^']*)'", str(error))
    return found[1] if found else getattr(error, "strerror", None) or str(error)


def close(file: h5py.File) -> None:
    """Close a file of which nothing is wanted any more, whatever HDF5 says to that."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        file.close()


class Quiet(io.FileIO):
    """A new file for HDF5 to write in, that tells `error` and not HDF5 when it cannot be written: HDF5 takes notice of
    that only as it closes a file, and may end the process then. Nothing is written after an error."""

    def __init__(self, path: Path):
        super().__init__(path, "x+")
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        while self.error is None and done < len(view):
            try:
                done += super().write(view[done:])
            except OSError as error:
                self.error = error
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0


@contextlib.contextmanager
def quiet(path: Path) -> Iterator[Quiet]:
    """A `Quiet` file; its error is raised at the end, whatever HDF5 made of it."""
    with Quiet(path) as file:
        try:
            yield file
        finally:
            if file.error is not None:
                raise file.error
