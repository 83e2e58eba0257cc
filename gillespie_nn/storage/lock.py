"""A lock on a run file by the process that writes it, so that no second one does; it ends with the process."""

import os
from pathlib import Path

from ..checks import InputError

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be replaced anyway
    fcntl = None


class Lock:
    """An advisory lock (flock) on a hidden file beside `path`, where the file system has such locks. Not on the run
    file itself: HDF5 locks that for its readers. A killed process leaves the hidden file, and no lock.

    Raises InputError if another process, or another part of this one, holds the lock.
    """

    def __init__(self, path):
        self._path = Path(path).with_name(f".{Path(path).name}.lock")
        self._descriptor = None
        while fcntl is not None and self._descriptor is None:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                raise InputError(
                    f"{path} is being written by another process: wait for it to end, or end it, and try again"
                ) from None
            except OSError:  # a file system without locks
                os.close(descriptor)
                return
            if self._is_there(descriptor):
                self._descriptor = descriptor
            else:  # its holder took it away in the meantime
                os.close(descriptor)

    def release(self):
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def _is_there(self, descriptor):
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        except FileNotFoundError:
            return False
