"""Global heaps of an HDF5 file (HDF5 format 3.0, III.E), in which it stores texts, checked before HDF5 reads them.

HDF5 steps through a heap by the sizes of its objects. At an object of size zero it loops forever, and Python cannot
interrupt it. Files of this software have all heaps before the rows of long runs: in their first kilobytes, or megabytes
if there are many names. Files from elsewhere can have them anywhere.
"""

import mmap
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

if TYPE_CHECKING:
    import h5py

_SIGNATURE = b"GCOL\x01\0\0\0"
_HEADER, _OBJECT = struct.Struct("<8sQ"), struct.Struct("<HH4xQ")
_FREE = 0
_TEXT = np.dtype([("length", "<u4"), ("collection", "<u8"), ("index", "<u4")])
"""What stands for a text in a dataset."""
_LOOKED_AT = 16 * 2**20
"""How much of a large file is searched [bytes], some 30 ms; all texts of 784-32-10 are in its first 15 MB."""
_WHOLE = 256 * 2**20
"""Files up to this size are searched to their end [bytes], which takes 0.2 s at most."""
_BEGINNING = b"\x89HDF\r\n\x1a\n"


def check(path: str | Path) -> None:
    """Raise OSError if a file does not start with the HDF5 signature, or a global heap is damaged. All heaps of a file
    of up to 256 MiB are checked; in a larger file those in its first 16 MiB. (HDF5 would also accept its signature
    further inside the file, and count addresses from there. Files of this software start with it.)"""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(len(_BEGINNING)) != _BEGINNING:
            raise OSError("it does not start with the HDF5 signature")
        with mmap.mmap(file.fileno(), size if size <= _WHOLE else _LOOKED_AT, access=mmap.ACCESS_READ) as data:
            start, n_left = data.find(_SIGNATURE), 2 * size  # they do not overlap; some bytes may look like one
            while start >= 0:
                n_left -= _checked(file, start, min(size - start, n_left))
                start = data.find(_SIGNATURE, start + 1)


def _checked(file: BinaryIO, start: int, most: int) -> int:
    """The length of the collection at byte `start`. Raises OSError where it is more than `most` [bytes], or cannot be
    walked through."""
    file.seek(start)
    header = file.read(_HEADER.size)
    length = _HEADER.unpack(header)[1] if len(header) == _HEADER.size else 0
    if not _HEADER.size <= length <= most or not _walks(header + file.read(length - _HEADER.size)):
        raise OSError(f"the global heap at byte {start} is damaged")
    return length


def check_lengths(path: str | Path, dataset: "h5py.Dataset") -> None:
    """Raise OSError if texts are longer than the file (HDF5 allocates memory for them before it reads them), or if
    their heap is damaged."""
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
        for start in np.unique(texts["collection"][texts["length"] > 0]).tolist() if size > _WHOLE else ():
            _checked(file, start, size - start)
    if len(data) < n_bytes or texts["length"].sum(dtype=np.uint64) > size:
        raise OSError(f"{dataset.name} contains strings longer than the file")


def _opened(path: str | Path, dataset: "h5py.Dataset") -> str | Path:
    """A name of the very file that HDF5 has open: another process may have put a new one at `path` since."""
    try:
        name = f"/proc/self/fd/{dataset.file.id.get_vfd_handle()}"  # on Linux
    except (RuntimeError, NotImplementedError):
        return path
    return name if os.path.exists(name) else path


def _walks(collection: bytes) -> bool:
    place = _HEADER.size
    while place + _OBJECT.size <= len(collection):
        index, _, size = _OBJECT.unpack_from(collection, place)
        taken = size if index == _FREE else _OBJECT.size + -(-size // 8) * 8
        if not _OBJECT.size <= taken <= len(collection) - place:
            return False
        place += taken
    return True
