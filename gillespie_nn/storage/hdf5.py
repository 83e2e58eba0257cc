"""Opening files of any kind for reading, also files of a running or killed process."""

import os
import shlex
from pathlib import Path

import h5py

from ..checks import InputError
from . import heap, superblock
from .damage import readable
from .lock import is_locked
from .schema import Format
from .validate import check

_OPEN_ALREADY = "file locking flag values don't match"


def opened(path: Path, expected: Format | None = None, *, ours: bool = False) -> h5py.File:
    """Open the file at `path` and validate it, also if it is being written or its process was killed. Close it, or use
    it as a context manager.

    `expected` is the required kind of file, by default any. `ours` says that the caller holds the lock, so no other
    process writes the file. Raises InputError for a file that is missing, damaged or of another kind.
    """
    try:
        heap.check(path)
        file = _opened(path, not ours and is_locked(path), ours)
    except OSError as error:
        if error.errno is not None:  # the system's, not HDF5's
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
    marked, swmr = superblock.marks(path)
    if marked and not swmr and not ours:
        raise InputError(
            f"{path} was not closed by the program that wrote it: if that program has ended, make the file readable "
            f"with gillespie-nn repair {shlex.quote(str(path))}"
        )
    if marked and written:
        return h5py.File(path, "r", swmr=True)
    if marked:
        return h5py.File(superblock.Closed(path), "r")
    try:
        return h5py.File(path, "r", locking=False)  # a lock of ours would stop a writer who is about to begin
    except OSError as error:
        if _OPEN_ALREADY not in str(error):
            raise
        return h5py.File(path, "r")  # this process has it open already, with locks: they have to agree
