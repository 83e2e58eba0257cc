"""Full disks: free space is checked before a write, and after a failed write nothing more is written.

HDF5 continues to write when a file is closed. If that fails, the process can crash, as late as at its exit. So the
descriptor of a file that could not be written is redirected to the null device.
"""

import contextlib
import io
import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import h5py

from ..checks import StorageError

_SPARE_BYTES = 1 << 22
"""Left free for what HDF5 has in memory, and writes as a file is closed."""


def check_free(path: str | Path, n_bytes: int) -> None:
    """Raise StorageError unless `n_bytes` and a reserve fit on the disk of `path`."""
    free = shutil.disk_usage(Path(path).parent).free
    if free < n_bytes + _SPARE_BYTES:
        raise StorageError(
            f"the disk is full: {free} bytes left for {path}; what is already committed stays readable. "
            "Free some space, or choose another output"
        )


def abandon(file: h5py.File, datasets: MutableMapping) -> None:
    """Close an h5py file, of which `datasets` by name are open, without writing to its disk: the file stays as a killed
    process would leave it."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), file.id.get_vfd_handle())
    datasets.clear()
    close(file)


def reason(error: Exception) -> str:
    """The error message of the operating system."""
    found = re.search(r"error message = '([^']*)'", str(error))
    return found[1] if found else getattr(error, "strerror", None) or str(error)


def close(file: h5py.File) -> None:
    """Close a file and ignore errors of HDF5."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        file.close()


class Quiet(io.FileIO):
    """A new file for HDF5 that stores a write error in `error` instead of reporting it: HDF5 would notice it only when
    it closes the file, and may end the process then. Nothing is written after an error."""

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
    """A `Quiet` file as a context manager; a write error is raised at the end. Ctrl-C waits for the end, or for
    `raise_postponed`: HDF5 calls `write`, and an exception that comes out of that ends the process."""
    with _postponed(), Quiet(path) as file:
        try:
            yield file
        finally:
            if file.error is not None:
                raise file.error


_came: list[tuple] = []
"""Arguments of the handler of SIGINT, of one that is postponed."""


@contextlib.contextmanager
def _postponed() -> Iterator[None]:
    """Inside, SIGINT in the main thread is noted, and handled at the end."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    _came.clear()
    signal.signal(signal.SIGINT, lambda *arguments: _came.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        came = _came[:1]
        _came.clear()
        for arguments in came:
            handler(*arguments)


def raise_postponed() -> None:
    """Raise KeyboardInterrupt if one is postponed. For long work, between calls of HDF5."""
    if _came:
        raise KeyboardInterrupt
