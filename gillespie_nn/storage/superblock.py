"""The first bytes of an HDF5 file, which say whether a program has it open for writing (HDF5 format 3.0, II.A).

A killed program leaves this mark, and HDF5 then refuses the file. Only superblocks of versions 2 and 3 are handled, as
SWMR requires; their last four bytes are a checksum of the rest.
"""

import io
import os
import struct
from pathlib import Path
from typing import Any

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_VERSION, _OFFSET_SIZE, _FLAGS = 8, 9, 11
_WRITE, _SWMR = 1, 4
_HEAD, _N_ADDRESSES, _END_OF_FILE = 12, 4, 2
HEAD_BYTES = 64


def marks(path: str | Path) -> tuple[bool, bool]:
    """Whether a file is marked as open for writing, and whether in SWMR mode; (False, False) for any other file."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    return (bool(head[_FLAGS] & _WRITE), bool(head[_FLAGS] & _SWMR)) if _known(head) else (False, False)


def closed(head: bytes, size: int) -> bytes:
    """The superblock at the start of `head`, as it would be after closing a file of `size` bytes."""
    width = head[_OFFSET_SIZE]
    block = bytearray(head[: _HEAD + _N_ADDRESSES * width])
    block[_FLAGS] = 0
    end = _HEAD + _END_OF_FILE * width
    block[end : end + width] = size.to_bytes(width, "little")
    return bytes(block) + struct.pack("<I", lookup3(bytes(block)))


class Closed(io.FileIO):
    """A file that was left open for writing, read as if it had been closed: for `h5py.File(Closed(path), "r")`.

    `swmr=True` cannot be used: with it HDF5 takes a wrong checksum for a write in progress, and waits a hundred times,
    each time twice as long.
    """

    def __init__(self, path: str | Path):
        super().__init__(path, "rb")
        head = self.read(HEAD_BYTES)
        self._start = closed(head, os.fstat(self.fileno()).st_size) if _known(head) else b""

    def readinto(self, buffer: Any) -> int:
        place = self.tell()
        n = super().readinto(buffer)
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
    # After seven turns the last one changed stands in b.
    return b
