"""Protection from what HDF5 cannot handle: full disks, damaged text heaps, and files of killed writers.

This module loads without h5py, which a run in memory does not need.
"""

from __future__ import annotations

import contextlib
import io
import mmap
import os
import re
import shutil
import signal
import struct
import threading
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ..checks import StorageError

if TYPE_CHECKING:
    import h5py

# Full disks: free space is checked before a write, and after a failed write nothing more is written.
#
# HDF5 writes again when a file is closed. If that fails, the process can crash, even as late as at its exit. The
# descriptor of a file that could not be written is therefore redirected to the null device.

_SPARE_BYTES = 1 << 22
"""Space left free for what HDF5 has in memory and writes when a file is closed."""


def check_free(path: str | Path, n_bytes: int) -> None:
    """Raise StorageError unless `n_bytes` and a reserve fit on the disk of `path`."""
    free = shutil.disk_usage(Path(path).parent).free
    if free < n_bytes + _SPARE_BYTES:
        raise StorageError(
            f"the disk is full: {free} bytes left for {path}; what is already committed stays readable: "
            "free space, or choose another output"
        )


def abandon(file: h5py.File, datasets: MutableMapping) -> None:
    """Close an h5py file without writing to the disk. The file stays as a killed process would leave it.

    `datasets` are the open datasets by name; the mapping is cleared.
    """
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), file.id.get_vfd_handle())
    datasets.clear()
    close(file)


def reason(error: Exception) -> str:
    """The error message of the operating system."""
    match = re.search(r"error message = '([^']*)'", str(error))
    return match[1] if match else getattr(error, "strerror", None) or str(error)


def close(file: h5py.File) -> None:
    """Close a file and ignore errors of HDF5."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        file.close()


class Quiet(io.FileIO):
    """A new file for HDF5 that stores a write error in `error` and pretends success.

    HDF5 would notice the error only when it closes the file, and may end the process then. Nothing is written after an
    error.
    """

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
    """A `Quiet` file as a context manager; a write error is raised at the end.

    Ctrl-C waits for the end, or for `raise_postponed`: HDF5 calls `write`, and an exception there ends the process.
    """
    with _postponed(), Quiet(path) as file:
        try:
            yield file
        finally:
            if file.error is not None:
                raise file.error


_came: list[tuple] = []
"""Arguments for the handler of SIGINT, of each postponed interrupt."""


@contextlib.contextmanager
def _postponed() -> Iterator[None]:
    """Inside the context, SIGINT in the main thread is stored; it is handled at the end."""
    handler = signal.getsignal(signal.SIGINT)
    # Python handles signals in the main thread only.
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


# Global heaps, in which HDF5 stores texts (HDF5 format 3.0, III.E), are checked before HDF5 reads them.
#
# HDF5 steps through a heap by the sizes of its objects. At an object of size zero it loops forever, and Python cannot
# interrupt it. Files of this software have all heaps before the rows of long runs: in the first kilobytes, or megabytes
# if there are many names. Other files can have them anywhere.

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAP_SIGNATURE = b"GCOL\x01\0\0\0"
_HEADER, _OBJECT = struct.Struct("<8sQ"), struct.Struct("<HH4xQ")
_FREE = 0
_TEXT = np.dtype([("length", "<u4"), ("collection", "<u8"), ("index", "<u4")])
"""A text in a dataset: its length, and the address of its heap and the number of the object in it."""
_LOOKED_AT = 16 * 2**20
"""The part of a large file that is searched [bytes]: about 30 ms. A training run of 784-32-10 has all texts in its
first 15 MB."""
_WHOLE = 256 * 2**20
"""Files up to this size are searched completely [bytes], which takes at most 0.2 s."""


def check(path: str | Path) -> None:
    """Raise OSError if a file does not start with the HDF5 signature, or a global heap is damaged.

    All heaps of a file of up to 256 MiB are checked, and those in the first 16 MiB of a larger file. (HDF5 would also
    accept its signature further inside the file, and count addresses from there. Files of this software start with it.)
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            raise OSError("it does not start with the HDF5 signature")
        with mmap.mmap(file.fileno(), size if size <= _WHOLE else _LOOKED_AT, access=mmap.ACCESS_READ) as data:
            # Heaps do not overlap, so their lengths add up to at most `size`. Twice that leaves room for other bytes
            # that look like a signature, and bounds the work for a file made to be slow.
            start, n_left = data.find(_HEAP_SIGNATURE), 2 * size
            while start >= 0:
                n_left -= _checked(file, start, min(size - start, n_left))
                start = data.find(_HEAP_SIGNATURE, start + 1)


def _checked(file: BinaryIO, start: int, most: int) -> int:
    """The length of the heap at byte `start`. Raises OSError if it exceeds `most` [bytes], or if its objects do not
    fill it."""
    file.seek(start)
    header = file.read(_HEADER.size)
    length = _HEADER.unpack(header)[1] if len(header) == _HEADER.size else 0
    if not _HEADER.size <= length <= most or not _walks(header + file.read(length - _HEADER.size)):
        raise OSError(f"the global heap at byte {start} is damaged")
    return length


def check_lengths(path: str | Path, dataset: h5py.Dataset) -> None:
    """Raise OSError if texts are longer than the file, or if their heap is damaged. HDF5 allocates memory for texts
    before it reads them."""
    import h5py

    if not dataset.id.get_storage_size() or h5py.check_string_dtype(dataset.dtype).length is not None:
        return
    place, n_bytes = dataset.id.get_offset(), dataset.size * _TEXT.itemsize
    with open(_opened(path, dataset), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if place is None or n_bytes > size - place:
            raise OSError(f"{dataset.name} is not stored in one piece")
        file.seek(place)
        data = file.read(n_bytes)
        texts = np.frombuffer(data[: len(data) // _TEXT.itemsize * _TEXT.itemsize], dtype=_TEXT)
        # In a large file `check` may not have reached these heaps.
        for start in np.unique(texts["collection"][texts["length"] > 0]).tolist() if size > _WHOLE else ():
            _checked(file, start, size - start)
    if len(data) < n_bytes or texts["length"].sum(dtype=np.uint64) > size:
        raise OSError(f"{dataset.name} contains strings longer than the file")


def _opened(path: str | Path, dataset: h5py.Dataset) -> str | Path:
    """A path of the file that HDF5 has open. Another process may have put a new file at `path` since."""
    try:
        name = f"/proc/self/fd/{dataset.file.id.get_vfd_handle()}"  # on Linux
    except (RuntimeError, NotImplementedError):
        return path
    return name if os.path.exists(name) else path


def _walks(collection: bytes) -> bool:
    """Whether stepping from object to object ends within a heap."""
    place = _HEADER.size
    while place + _OBJECT.size <= len(collection):
        index, _, size = _OBJECT.unpack_from(collection, place)
        taken = size if index == _FREE else _OBJECT.size + -(-size // 8) * 8
        if not _OBJECT.size <= taken <= len(collection) - place:
            return False
        place += taken
    return True


# The superblock, the first bytes of an HDF5 file (HDF5 format 3.0, II.A). It says whether a program has the file open
# for writing. A killed program leaves this mark, and HDF5 then refuses the file.
#
# Only superblocks of versions 2 and 3 are handled, as SWMR requires. Their last four bytes are a checksum of the rest.

_VERSION, _OFFSET_SIZE, _FLAGS = 8, 9, 11
_WRITE, _SWMR = 1, 4
_HEAD, _N_ADDRESSES, _END_OF_FILE = 12, 4, 2
"""Bytes before the addresses, their number, and which of them is the end of the file."""
HEAD_BYTES = 64


def marks(path: str | Path) -> tuple[bool, bool]:
    """Whether a file is marked as open for writing, and whether in SWMR mode; (False, False) for any other file."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    return (bool(head[_FLAGS] & _WRITE), bool(head[_FLAGS] & _SWMR)) if _known(head) else (False, False)


def closed(head: bytes, size: int) -> bytes:
    """The superblock at the start of `head`, as it would be after closing a file of `size` bytes."""
    width = head[_OFFSET_SIZE]
    superblock = bytearray(head[: _HEAD + _N_ADDRESSES * width])
    superblock[_FLAGS] = 0
    end = _HEAD + _END_OF_FILE * width
    superblock[end : end + width] = size.to_bytes(width, "little")
    return bytes(superblock) + struct.pack("<I", lookup3(bytes(superblock)))


class Closed(io.FileIO):
    """A file that a killed program left open, read as if it had been closed: `h5py.File(Closed(path), "r")`.

    `swmr=True` cannot be used instead: HDF5 then takes a wrong checksum for a write in progress, and tries again a
    hundred times, each time after twice the pause.
    """

    def __init__(self, path: str | Path):
        super().__init__(path, "rb")
        head = self.read(HEAD_BYTES)
        self._start = closed(head, os.fstat(self.fileno()).st_size) if _known(head) else b""

    def readinto(self, buffer: Any) -> int:
        place = self.tell()
        n = super().readinto(buffer)
        # HDF5 would use the rest of the buffer as it is.
        if n < memoryview(buffer).nbytes:
            raise OSError("the file is shorter than its header says")
        overlap = self._start[place : place + n]
        memoryview(buffer).cast("B")[: len(overlap)] = overlap
        return n


def _known(head: bytes) -> bool:
    return (
        len(head) >= _HEAD
        and head[:8] == _SIGNATURE
        and head[_VERSION] in (2, 3)
        and len(head) >= _HEAD + _N_ADDRESSES * head[_OFFSET_SIZE] + 4
    )


def lookup3(data: bytes) -> int:
    """Bob Jenkins's hash `lookup3` (hashlittle, 2006, public domain) of bytes, with initial value 0."""
    a = b = c = (0xDEADBEEF + len(data)) & 0xFFFFFFFF
    if not data:
        return c
    words = list(struct.unpack(f"<{-(-len(data) // 12) * 3}I", data.ljust(-(-len(data) // 12) * 12, b"\0")))
    # `_final` mixes the last three words, padded with zeros.
    while len(words) > 3:
        a, b, c = _mix(*(_sum(x, words.pop(0)) for x in (a, b, c)))
    return _final(*(_sum(x, word) for x, word in zip((a, b, c), words)))


def _sum(x: int, y: int) -> int:
    return (x + y) & 0xFFFFFFFF


def _rotated(x: int, n: int) -> int:
    return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for n in (4, 6, 8, 16, 19, 4):
        a = (a - c) & 0xFFFFFFFF ^ _rotated(c, n)
        c = _sum(c, b)
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    for n in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotated(b, n)) & 0xFFFFFFFF
        a, b, c = b, c, a
    # After seven turns the one that was changed last is in b.
    return b
