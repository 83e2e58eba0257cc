"""Chunks of rows, collected in memory and written as whole chunks.

HDF5 itself compresses such rows at half the speed. It may also rewrite a chunk in place, so that a process killed
meanwhile damages replicates that were committed before. Here bytes of committed replicates never change:

- A chunk that is rewritten compressed has another length. HDF5 gives it another place, and under SWMR never reuses the
  old one, to which the file points until the new chunk is complete.
- A chunk stored uncompressed is rewritten in place: the bytes of committed replicates stay what they are.

HDF5 2.0 remembers the filter mask of the last chunk that it looked up, and does not notice that `write_direct_chunk`
changed it: in the process that writes, such a chunk must not be read back.
"""

import zlib
from typing import Any

import h5py
import numpy as np

_UNFILTERED = 0b11
"""Filter mask: neither shuffled nor deflated."""

Place = tuple[int, int]


def compressed(rows: np.ndarray) -> bytes:
    """`rows` through HDF5's filters shuffle and deflate. Only runs of equal bytes are sought (Z_RLE): shuffled counts
    consist of such runs, and a search for other repetitions takes longer and finds less."""
    shuffled = rows.reshape(-1).view(np.uint8).reshape(-1, rows.itemsize).T.tobytes()
    packer = zlib.compressobj(1, zlib.DEFLATED, strategy=zlib.Z_RLE)
    return packer.compress(shuffled) + packer.flush()


class Chunk:
    """One chunk. `n_left` of its points have not arrived; `due` is set while rows of a complete replicate in it are not
    in the file; `spent` bytes of the file have been used for it."""

    __slots__ = ("due", "in_file", "n_left", "place", "rows", "spent")

    def __init__(self, place: Place, rows: np.ndarray, n_left: int, in_file: bool):
        self.place, self.rows, self.n_left, self.in_file = place, rows, n_left, in_file
        self.due, self.spent = False, 0


def store(dataset: h5py.Dataset, offset: tuple[int, ...], chunk: Chunk, rows: np.ndarray) -> None:
    """Write a chunk, which begins at `offset` in the dataset. At most twice its plain size of the file is used for it,
    however often it is written."""
    data = compressed(rows)
    old = dataset.id.get_chunk_info_by_coord(offset) if chunk.in_file else None
    in_place = old is not None and (old.filter_mask or old.size == len(data))
    if in_place or chunk.spent + len(data) >= rows.nbytes:
        dataset.id.write_direct_chunk(offset, rows, _UNFILTERED)
    else:
        dataset.id.write_direct_chunk(offset, data)
        chunk.spent += len(data)
    chunk.in_file = True


class ChunkedRows:
    """The chunks of a dataset [replicate, point, ...] that are being filled. `committed` bool[replicate]: replicates in
    the file already.

    Rows of a replicate arrive in order, each once. One thread at a time makes the calls; `store` may run meanwhile. In
    memory are the chunks that replicates in progress share with others, and one for each long replicate in progress.
    """

    def __init__(self, dataset: h5py.Dataset, committed: np.ndarray | None):
        self._dataset, self._committed = dataset, committed
        self._shape, self._chunks, self._dtype = dataset.shape, dataset.chunks, dataset.dtype  # slow to look up
        self._n, self._length = dataset.chunks[:2]  # replicates and points in a chunk; one of them or all points
        self._open: dict[Place, Chunk] = {}
        self._full: list[Chunk] = []

    def add(self, first: int, start: int, rows: np.ndarray) -> None:
        """Points start, start + 1, ... of replicates first, first + 1, ...: rows [replicate, point, ...]."""
        n_replicates, n_points = rows.shape[:2]
        for replicates in _parts(first, n_replicates, self._n):
            for points in _parts(start, n_points, self._length):
                place = (replicates.start // self._n, points.start // self._length)
                part = rows[_shifted(replicates, first), _shifted(points, start)]
                if part.shape == self._chunks:
                    self._full.append(Chunk(place, np.array(part, dtype=self._dtype), 0, False))
                    continue
                chunk = self._chunk(place)
                chunk.rows[_shifted(replicates, place[0] * self._n), _shifted(points, place[1] * self._length)] = part
                self._arrived(chunk, (replicates.stop - replicates.start) * (points.stop - points.start))

    def end(self, first: int, n_replicates: int, start: int) -> None:
        """These replicates have ended; their points from `start` on were not reached."""
        n_points = self._shape[1]
        for replicates in _parts(first, n_replicates, self._n):
            for points in _parts(start, n_points - start, self._length):
                place = (replicates.start // self._n, points.start // self._length)
                if self._n > 1 or place in self._open:  # else nothing of this chunk is ever written
                    count = (replicates.stop - replicates.start) * (points.stop - points.start)
                    self._arrived(self._chunk(place), count)
            if (chunk := self._open.get((replicates.start // self._n, 0))) is not None:
                chunk.due = True

    def take(self) -> list[tuple[Chunk, np.ndarray]]:
        """Chunks to be stored now, with what is to be stored: all that are full, and those in which a replicate has
        ended since the last time."""
        taken = [(chunk, chunk.rows) for chunk in self._full]
        self._full = []
        for chunk in self._open.values():
            if chunk.due:
                taken.append((chunk, chunk.rows.copy()))
                chunk.due = False
        return taken

    def store(self, chunk: Chunk, rows: np.ndarray) -> None:
        """Write a chunk that was taken."""
        offset = (chunk.place[0] * self._n, chunk.place[1] * self._length, *(0 for _ in self._shape[2:]))
        store(self._dataset, offset, chunk, rows)

    def _chunk(self, place: Place) -> Chunk:
        if place not in self._open:
            first, start = place[0] * self._n, place[1] * self._length
            n_replicates, n_points = self._shape[:2]
            here = slice(first, min(first + self._n, n_replicates))
            n_committed = 0 if self._committed is None else int(self._committed[here].sum())
            n_left = (here.stop - first - n_committed) * (min(start + self._length, n_points) - start)
            rows = np.full(self._chunks, self._dataset.fillvalue, dtype=self._dtype)
            if n_committed:
                rows[: here.stop - first] = self._dataset[here]  # of one chunk: it has several replicates, all points
            self._open[place] = Chunk(place, rows, n_left, n_committed > 0)
        return self._open[place]

    def _arrived(self, chunk: Chunk, n_points: int) -> None:
        chunk.n_left -= n_points
        if chunk.n_left == 0:
            self._full.append(chunk)  # first: an interrupt in between must not lose it
            del self._open[chunk.place]


def _parts(first: int, n: int, size: int) -> list[slice]:
    """first, ..., first + n - 1, cut at the multiples of `size`."""
    cuts = [first, *range((first // size + 1) * size, first + n, size), first + n]
    return [slice(a, b) for a, b in zip(cuts, cuts[1:])] if n else []


def _shifted(part: Any, by: int) -> slice:
    return slice(part.start - by, part.stop - by)
