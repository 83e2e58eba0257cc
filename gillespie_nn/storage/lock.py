"""A lock on a run file: only one process writes it. The lock ends with its process."""

import errno
import os
import time
from pathlib import Path

from ..checks import InputError, StorageError, warn

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be replaced anyway
    fcntl = None  # type: ignore[assignment]

_PATIENCE = 0.2
_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""Whatever stands under the name that anybody can foresee: a link is not followed, a pipe is not waited for."""


def is_locked(path: str | Path) -> bool:
    """Whether a process holds the lock on `path`; False on file systems without locks."""
    try:
        descriptor = os.open(_lock_file(path), os.O_RDONLY | _SAFELY)
    except OSError:  # no such file
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, AttributeError):  # no locks here
        return False
    finally:
        os.close(descriptor)
    return False


def _lock_file(path: str | Path) -> Path:
    return Path(path).with_name(f".{Path(path).name}.lock")


class Lock:
    """An advisory lock (flock) on a hidden file next to `path`, if the file system has such locks. The run file itself
    is not locked: HDF5 locks it for its readers. A killed process leaves the hidden file, but no lock.

    Raises InputError if another process, or another part of this one, holds the lock for longer than `_PATIENCE`
    (`is_locked` holds it for a moment), and StorageError if the hidden file cannot be created.
    """

    def __init__(self, path: str | Path):
        self._path = _lock_file(path)
        self._descriptor: int | None = None
        deadline = time.monotonic() + _PATIENCE
        while fcntl is not None and self._descriptor is None:
            descriptor = self._opened(path)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                if time.monotonic() < deadline:
                    time.sleep(_PATIENCE / 10)
                    continue
                raise InputError(
                    f"{path} is being written by another process: wait until it ends, or stop it, then try again"
                ) from None
            except OSError:  # a file system without locks
                os.close(descriptor)
                self._path.unlink(missing_ok=True)
                warn(f"the file system of {path} has no locks: make sure that no other process writes this file")
                return
            if self._is_there(descriptor):
                self._descriptor = descriptor
            else:  # its holder took it away in the meantime
                os.close(descriptor)

    def _opened(self, path: str | Path) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | _SAFELY, 0o666)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise InputError(f"{self._path}, the lock file of {path}, is a symbolic link: remove it") from None
            raise StorageError(f"cannot write {path}: {error.strerror} ({self._path})") from None

    def release(self) -> None:
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def _is_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        except FileNotFoundError:
            return False
