"""A lock on a run file by the process that writes it, so that no second one does; it ends with the process."""

import os

from ..checks import InputError

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be replaced anyway
    fcntl = None


class Lock:
    """An advisory lock (flock), where the file system has such. A writer holds a `shared` one, beside which HDF5 still
    lets readers open the file; to get one that is not shared is to know that there is no writer.

    Raises InputError if another process holds a lock that stands against it.
    """

    def __init__(self, path, shared=False):
        self._descriptor = None
        if fcntl is None:
            return
        self._descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(self._descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise InputError(
                f"{path} is being written by another process: wait for it to end, or end it, and try again"
            ) from None
        except OSError:  # a file system without locks
            self.release()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def release(self):
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
