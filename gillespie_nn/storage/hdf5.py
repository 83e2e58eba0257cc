"""Locks, complete replacement, copying and opening of files.

Only one process writes a file, and its lock ends with the process. New files replace old ones only when complete. Files
of running and of killed processes can be read.
"""

import contextlib
import errno
import os
import secrets
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from .. import checks
from ..checks import PART_BYTES, PART_SUFFIX, InputError, StorageError, part_of, replaced, warn
from . import hdf5_bytes
from .schema import LIBVER, FileFormat
from .validate import check
from .values import readable

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be replaced anyway
    fcntl = None  # type: ignore[assignment]

_PATIENCE = 0.2
"""Time to wait for a lock [s]."""
_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""The name of the lock file is predictable, so another user may have put something there. A link is not followed, and a
pipe does not block."""


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
    """An advisory lock (flock) on a hidden file next to `path`, if the file system has such locks.

    The run file itself is not locked, because HDF5 locks it for its readers. A killed process leaves the hidden file,
    but no lock.

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
            # The previous holder may have deleted the file between `open` and `flock`: then this lock protects nothing.
            if self._is_there(descriptor):
                self._descriptor = descriptor
            else:
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
            # Deleted while the lock is held: later it could be the file of the next holder.
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def _is_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        except FileNotFoundError:
            return False


# Files are created under a temporary name and moved into place. A file is therefore complete or absent at any moment.
#
# The temporary name is unpredictable, and the file must not exist before: nothing is ever written through a link that
# somebody else put there.


def clear(path: Path) -> None:
    """Remove temporary files that killed processes left for `path`. The caller must hold its lock."""
    for name in os.listdir(path.parent):
        middle = name.removeprefix(f".{path.name}.").removesuffix(PART_SUFFIX)
        if name == f".{path.name}.{middle}{PART_SUFFIX}" and len(middle) == 2 * PART_BYTES and middle.isalnum():
            with contextlib.suppress(OSError):
                (path.parent / name).unlink()


def move(part: Path, path: Path) -> None:
    """Replace `path` by a complete file, after forcing it to disk."""
    # Without fsync, a crash of the machine could leave the new name with old or no content.
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
    # HDF5 treats two open files of the same name as one, even in memory.
    name = secrets.token_hex(PART_BYTES)
    with h5py.File(name, "w", driver="core", backing_store=False, libver=LIBVER) as file:
        yield file
        file.flush()
        image = file.id.get_file_image()
    put(Path(path), image)


# Opening files of any kind for reading, including those of a running or killed process.

_OPEN_ALREADY = "file locking flag values don't match"
"""In the message of HDF5 for a file that this process has open with other flags."""


def opened(path: Path, expected: FileFormat | None = None, *, ours: bool = False) -> h5py.File:
    """Open the file at `path` and validate it, even if it is being written or its process was killed. Close it, or use
    it as a context manager.

    `expected` is the required kind of file, by default any. With `ours`, the caller holds the lock, so that no other
    process writes the file. Raises InputError for a file that is missing, damaged or of another kind.
    """
    try:
        hdf5_bytes.check(path)
        file = _opened(path, not ours and is_locked(path), ours)
    except OSError as error:
        # Only errors of the operating system have a number; those of HDF5 have none.
        if error.errno is not None:
            raise InputError(f"cannot read {path}: {os.strerror(error.errno)}") from None
        remedy = f"; {expected.remedy}" if expected is not None else ""
        raise InputError(
            f"{path} is not a readable HDF5 file: it is truncated or damaged, or has another format{remedy}"
        ) from None
    try:
        with readable(path):
            check(path, file, expected)
    except BaseException:
        file.close()
        raise
    return file


def _opened(path: Path, written: bool, ours: bool) -> h5py.File:
    marked, swmr = hdf5_bytes.marks(path)
    # Without SWMR, a marked file may be incomplete anywhere: HDF5 wrote it in any order.
    if marked and not swmr and not ours:
        raise InputError(
            f"{path} was not closed by the program that wrote it: if that program has ended, make the file readable "
            f"with gillespie-nn repair {shlex.quote(str(path))}"
        )
    if marked and written:
        return h5py.File(path, "r", swmr=True)
    if marked:
        return h5py.File(hdf5_bytes.Closed(path), "r")
    try:
        # A lock of the reader would stop a writer that is about to begin.
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if _OPEN_ALREADY not in str(error):
            raise
        # This process has the file open with locks, and HDF5 demands the same flags again.
        return h5py.File(path, "r")


# Files that are complete or absent at any moment, and copies.


def copy_file(source: Path, path: str | Path, overwrite: bool) -> None:
    """Copy the run file at `source`. Raises InputError while another process writes it."""
    target = checks.new_run_file(path, overwrite)
    source = checks.existing_file("run file", source, "it was there when the run was opened")
    if target.exists() and os.path.samefile(source, target):
        raise InputError(f"{path} is the file of this run: choose another name for the copy")
    if is_locked(source):
        raise InputError(f"{source} is being written by another process: wait until it has finished, then copy it")
    with place(target, overwrite, source.stat().st_size) as part, open(source, "rb") as file, open(part, "xb") as made:
        shutil.copyfileobj(file, made)


@contextmanager
def place(path: str | Path, overwrite: bool, n_bytes: int) -> Iterator[Path]:
    """A temporary path for a file of about `n_bytes`, which replaces `path` when it is complete."""
    target = checks.new_run_file(path, overwrite)
    with locked(target, overwrite):
        hdf5_bytes.check_free(target, n_bytes)
        part = part_of(target)
        try:
            yield part
            move(part, target)
        except (OSError, StorageError) as error:
            # A StorageError names the temporary file; its cause does not.
            cause = error.__context__ if isinstance(error, StorageError) else error
            reason = hdf5_bytes.reason(cause) if isinstance(cause, Exception) else str(error)
            raise StorageError(
                f"cannot write {target}: {reason}; nothing was saved, and the previous file, if any, is unchanged"
            ) from None
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def locked(target: Path, overwrite: bool) -> Iterator[None]:
    """Hold the lock of `target`, after removing temporary files of killed processes."""
    lock = Lock(target)
    try:
        # Again, under the lock: another process may have created the file in between.
        checks.new_run_file(target, overwrite)
        clear(target)
        yield
    finally:
        lock.release()
