"""Disks that are full: looked at before, and left in peace after a write that failed.

HDF5 writes on when a file is closed, and where that fails the process can crash, as late as at its exit. So the
descriptor of a file that could not be written is pointed elsewhere: what HDF5 still has to say goes there.
"""

import contextlib
import os
import re
import shutil
from pathlib import Path

from ..checks import StorageError

_SPARE_BYTES = 1 << 22
"""Left free for what HDF5 has in memory, and writes as a file is closed."""


def check_free(path, n_bytes) -> None:
    """Raises StorageError unless `n_bytes` more, and some to spare, fit beside `path`."""
    free = shutil.disk_usage(Path(path).parent).free
    if free < n_bytes + _SPARE_BYTES:
        raise StorageError(
            f"the disk is full: {free} bytes left for {path}; what was committed stays readable. "
            "Free some space, or choose another --output"
        )


def abandon(file, datasets) -> None:
    """Close an h5py file, of which `datasets` by name are open, without another byte for its disk: there it stays as a
    killed process would leave it."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), file.id.get_vfd_handle())
    datasets.clear()
    close(file)


def reason(error) -> str:
    """What the system said, in the words of HDF5 or its own."""
    found = re.search(r"error message = '([^']*)'", str(error))
    return found[1] if found else str(error)


def close(file) -> None:
    """Close a file of which nothing is wanted any more, whatever HDF5 says to that."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        file.close()
