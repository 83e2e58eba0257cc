"""Rows and reactions in a file that is being written: they are collected in memory and written as whole chunks.

HDF5 would compress such rows at half the speed. It may also rewrite a chunk in place, and a process killed during that
damages replicates that were committed before. Here the bytes of committed replicates never change:

- A chunk that is rewritten compressed usually has another length. HDF5 then gives it another place. Under SWMR it never
  reuses the old place, and the file points there until the new chunk is complete.
- A chunk that keeps its place is stored uncompressed: the bytes of committed replicates are rewritten with equal bytes.

HDF5 2.0 remembers the filter mask of the last chunk that it looked up, and does not notice that `write_direct_chunk`
changed it. The process that writes such a chunk must not read it back.
"""

import tempfile
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..checks import StorageError
from ..simulation.reaction_log import Fired, LogBuilder, valid
from . import hdf5_bytes
from .schema.entries import streamed

_UNFILTERED = 0b11
"""Filter mask of HDF5: neither shuffled nor deflated."""

Place = tuple[int, int]
"""Numbers of a chunk along the axes replicate and point."""


def compressed(rows: np.ndarray) -> bytes:
    """`rows` after the filters shuffle and deflate of HDF5.

    Deflate only looks for runs of equal bytes (Z_RLE). Shuffled counts consist of such runs; a search for other
    repetitions takes longer and saves less.
    """
    shuffled = rows.reshape(-1).view(np.uint8).reshape(-1, rows.itemsize).T.tobytes()
    packer = zlib.compressobj(1, zlib.DEFLATED, strategy=zlib.Z_RLE)
    return packer.compress(shuffled) + packer.flush()


class Chunk:
    """One chunk.

    `n_left` of its points have not arrived. `due` is set while it has rows of a complete replicate that are not in the
    file. `spent` is the space in the file that was used for it so far [bytes].
    """

    __slots__ = ("due", "in_file", "n_left", "place", "rows", "spent")

    def __init__(self, place: Place, rows: np.ndarray, n_left: int, in_file: bool):
        self.place, self.rows, self.n_left, self.in_file = place, rows, n_left, in_file
        self.due, self.spent = False, 0


def store(dataset: h5py.Dataset, offset: tuple[int, ...], chunk: Chunk, rows: np.ndarray) -> None:
    """Write a chunk that begins at `offset` in the dataset. However often it is written, it takes at most twice its
    uncompressed size of the file."""
    data = compressed(rows)
    old = dataset.id.get_chunk_info_by_coord(offset) if chunk.in_file else None
    # HDF5 writes a chunk of the old length in place. Compressed, all its bytes would differ, and a kill halfway would
    # damage committed replicates. Uncompressed, it gets another place, or its committed rows keep their bytes.
    in_place = old is not None and (old.filter_mask or old.size == len(data))
    if in_place or chunk.spent + len(data) >= rows.nbytes:
        dataset.id.write_direct_chunk(offset, rows, _UNFILTERED)
    else:
        dataset.id.write_direct_chunk(offset, data)
        chunk.spent += len(data)
    chunk.in_file = True


class ChunkedRows:
    """The chunks of a dataset [replicate, point, ...] that are being filled. `committed` bool[replicate] are the
    replicates that are already in the file.

    Rows of a replicate arrive in order, each once. Calls come from one thread at a time; only `store` may run at the
    same time as others. In memory are the chunks that replicates in progress share, and one chunk for each long
    replicate in progress.
    """

    def __init__(self, dataset: h5py.Dataset, committed: np.ndarray | None):
        self._dataset, self._committed = dataset, committed
        self._shape, self._chunks, self._dtype = dataset.shape, dataset.chunks, dataset.dtype  # slow to look up
        self._n, self._length = dataset.chunks[:2]  # replicates and points in a chunk; one of them or all points
        self._open: dict[Place, Chunk] = {}
        self._full: list[Chunk] = []

    def add(self, first: int, start: int, rows: np.ndarray) -> None:
        """Add points start, start + 1, ... of replicates first, first + 1, ...; rows [replicate, point, ...]."""
        n_replicates, n_points = rows.shape[:2]
        for replicates in _parts(first, n_replicates, self._n):
            for points in _parts(start, n_points, self._length):
                place = (replicates.start // self._n, points.start // self._length)
                part = rows[_shifted(replicates, first), _shifted(points, start)]
                # A whole chunk needs no buffer, only a copy: the caller may reuse its array.
                if part.shape == self._chunks:
                    self._full.append(Chunk(place, np.array(part, dtype=self._dtype), 0, False))
                    continue
                chunk = self._chunk(place)
                chunk.rows[_shifted(replicates, place[0] * self._n), _shifted(points, place[1] * self._length)] = part
                self._arrived(chunk, (replicates.stop - replicates.start) * (points.stop - points.start))

    def end(self, first: int, n_replicates: int, start: int) -> None:
        """Note that these replicates have ended; their points from `start` on were not reached."""
        n_points = self._shape[1]
        for replicates in _parts(first, n_replicates, self._n):
            for points in _parts(start, n_points - start, self._length):
                place = (replicates.start // self._n, points.start // self._length)
                # A chunk of a single replicate without any row is never written.
                if self._n > 1 or place in self._open:
                    count = (replicates.stop - replicates.start) * (points.stop - points.start)
                    self._arrived(self._chunk(place), count)
            if (chunk := self._open.get((replicates.start // self._n, 0))) is not None:
                chunk.due = True

    def take(self) -> list[tuple[Chunk, np.ndarray]]:
        """Chunks to store now, with their rows: full ones, and those in which a replicate has ended since the last
        call."""
        taken = [(chunk, chunk.rows) for chunk in self._full]
        self._full = []
        for chunk in self._open.values():
            if chunk.due:
                # A copy: rows of other replicates may arrive while it is stored.
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
                # Only a chunk of several replicates has committed ones, and then it has all points.
                rows[: here.stop - first] = self._dataset[here]
            self._open[place] = Chunk(place, rows, n_left, n_committed > 0)
        return self._open[place]

    def _arrived(self, chunk: Chunk, n_points: int) -> None:
        chunk.n_left -= n_points
        if chunk.n_left == 0:
            # In this order: an interrupt in between must not lose the chunk.
            self._full.append(chunk)
            del self._open[chunk.place]


def _parts(first: int, n: int, size: int) -> list[slice]:
    """Slices of first, ..., first + n - 1, cut at multiples of `size`."""
    cuts = [first, *range((first // size + 1) * size, first + n, size), first + n]
    return [slice(a, b) for a, b in zip(cuts, cuts[1:])] if n else []


def _shifted(part: Any, by: int) -> slice:
    return slice(part.start - by, part.stop - by)


# The log of reactions: `/events/time` and `/events/reaction` contain replicate after replicate. Each begins at its
# number in `/events/first`.
#
# The arrays only grow. A replicate is added when it has all its reactions, and what belongs to no committed replicate
# is never read. Chunks are written whole, as above; only the last is written again when more reactions arrive.

GROUP, SCALE = "events", "events/event"
TIME, REACTION, FIRST = "events/time", "events/reaction", "events/first"
ABSENT = -1
"""Value in `/events/first` of a replicate that is not complete."""
_PIECE = np.dtype([("time", "<f8"), ("reaction", "<u4")])
_SPOOL_BYTES = 1 << 20
"""Memory for the reactions of a replicate in progress [bytes]; more go to a temporary file."""
_TOGETHER = 1 << 18
"""Reactions that are moved, read or checked at once."""


class FileLog(LogBuilder):
    """The log of a file that is being written. Calls come from one thread at a time; `store` may come from another."""

    def __init__(self, time: h5py.Dataset, reaction: h5py.Dataset, scale: h5py.Dataset, n_replicates: int, room: Any):
        """`room(n_bytes)` is called before more reactions wait to be written; it returns when there is room for
        them."""
        self._datasets, self._scale, self._room = (time, reaction), scale, room
        self._size = time.chunks[0]
        self._folder = Path(time.file.filename).parent
        self.first = np.full(n_replicates, ABSENT, dtype=np.int64)
        self._n = len(time)  # reactions in the file and in `_full` and `_last`
        self._full: list[tuple[Chunk, ...]] = []
        self._spools: dict[int, Any] = {}
        self._changed = False
        self._last = self._new()
        # A resumed file ends with a chunk that is partly filled.
        n_in_last = self._n % self._size
        for chunk, dataset in zip(self._last, self._datasets if n_in_last else ()):
            chunk.rows[:n_in_last], chunk.in_file = dataset[self._n - n_in_last :], True

    def take(self) -> tuple[list[tuple[Chunk, np.ndarray]], list[tuple[Chunk, np.ndarray]], int]:
        """What to store now: chunks of times, chunks of reactions, and the length of both arrays."""
        parts = [*self._full, *([self._last] if self._changed else ())]
        taken = [[(p[k], p[k].rows.copy() if p is self._last else p[k].rows) for p in parts] for k in (0, 1)]
        self._full, self._changed = [], False
        return taken[0], taken[1], self._n

    def store(self, taken: tuple) -> None:
        """Write what was taken."""
        *chunks, n = taken
        for dataset, parts in zip(self._datasets, chunks):
            if n > len(dataset):
                dataset.resize(n, axis=0)
            for chunk, rows in parts:
                store(dataset, (chunk.place[0] * self._size,), chunk, rows)
        # The scale has no values, but must be as long as its axis.
        if n > len(self._scale):
            self._scale.resize(n, axis=0)

    def close(self) -> None:
        """Delete the reactions of replicates that are not complete."""
        for spool in self._spools.values():
            spool.close()
        self._spools.clear()

    def _new(self) -> tuple[Chunk, ...]:
        place = (self._n // self._size, 0)
        return tuple(Chunk(place, np.zeros(self._size, d.dtype), 0, False) for d in self._datasets)

    def _store(self, first: int, fired: Fired) -> None:
        start = self._n
        self._append(fired.time, fired.reaction)
        self.first[first : first + len(fired.sizes)] = start + np.cumsum(fired.sizes) - fired.sizes

    def _append(self, time: np.ndarray, reaction: np.ndarray) -> None:
        done = 0
        while done < len(time):
            n = min(self._size, len(time) - done)
            self._room(n * _PIECE.itemsize)
            at = self._n % self._size
            n = min(self._size - at, len(time) - done)
            for chunk, values in zip(self._last, (time, reaction)):
                chunk.rows[at : at + n] = values[done : done + n]
            done += n
            self._changed = True
            # This comes last: after an interrupt before it, the same places are written again.
            self._n += n
            if self._n % self._size == 0:
                self._full.append(self._last)
                self._last, self._changed = self._new(), False

    def _hold(self, replicate: int, time: np.ndarray, reaction: np.ndarray) -> None:
        if replicate not in self._spools:
            self._spools[replicate] = tempfile.SpooledTemporaryFile(_SPOOL_BYTES, dir=str(self._folder))  # noqa: SIM115
        piece = np.empty(len(time), dtype=_PIECE)
        piece["time"], piece["reaction"] = time, reaction
        try:
            self._spools[replicate].write(piece.tobytes())
        except OSError as error:
            raise StorageError(f"cannot write a temporary file in {self._folder}: {hdf5_bytes.reason(error)}") from None

    def _is_pending(self, replicate: int) -> bool:
        return replicate in self._spools

    def _any_pending(self) -> bool:
        return bool(self._spools)

    def _store_pending(self, replicate: int) -> None:
        start, spool = self._n, self._spools[replicate]
        spool.seek(0)
        while data := spool.read(_TOGETHER * _PIECE.itemsize):
            piece = np.frombuffer(data, dtype=_PIECE)
            self._append(piece["time"], piece["reaction"])
        self.first[replicate] = start
        del self._spools[replicate]
        spool.close()

    def end(self, first: int, n: int) -> None:
        super().end(first, n)
        ended = self.first[first : first + n]
        # Replicates without reactions begin where the next one does.
        ended[ended == ABSENT] = self._n


def groups(first: np.ndarray, n_events: np.ndarray, replicates: np.ndarray) -> list[np.ndarray]:
    """`replicates` in groups; those of a group are consecutive in the log and read at once. A long one is a group."""
    replicates = replicates[np.lexsort((n_events[replicates], first[replicates]))]
    start, n = first[replicates], n_events[replicates]
    gaps = np.flatnonzero(start[1:] != start[:-1] + n[:-1]) + 1
    parts: list[np.ndarray] = []
    for run in np.split(replicates, gaps) if len(replicates) else ():
        part = np.cumsum(n_events[run]) // _TOGETHER
        parts += np.split(run, np.flatnonzero(np.diff(part)) + 1)
    return parts


def copy_log(source: h5py.File, target: h5py.File, replicates: np.ndarray) -> None:
    """Copy the reactions of these replicates, int64[replicate], into the empty log of `target`."""
    first, n_events = source[FIRST][:], source["n_events"][:]
    made, n = np.full(len(first), ABSENT), 0
    for name in (TIME, REACTION, SCALE):
        if name in target:
            target[name].resize(int(n_events[replicates].sum()), axis=0)
    for group in groups(first, n_events, replicates):
        made[group] = n + np.cumsum(n_events[group]) - n_events[group]
        start, length = int(first[group[0]]), int(n_events[group].sum())
        for k in range(0, length, _TOGETHER):
            hdf5_bytes.raise_postponed()
            size = min(_TOGETHER, length - k)
            for name in (TIME, REACTION):
                target[name][n + k : n + k + size] = source[name][start + k : start + k + size]
        n += length
    target[FIRST][:] = made


def make_empty(target: h5py.File, name: str, dtype: np.dtype) -> h5py.Dataset:
    """Create an empty array of the log, in the copy of a file."""
    return target.create_dataset(name, (0,), dtype, **streamed((0,), 0, None))


def wrong_replicates(file: h5py.File, replicates: np.ndarray) -> list[int]:
    """Those of `replicates` whose reactions cannot be read, or are not in order, or not in the model."""
    first, n_events, wrong = file[FIRST][:], file["n_events"][:], []
    t_end, n_reactions = float(file["time"][-1]), file["model/rates"].shape[0]
    for group in groups(first, n_events, replicates):
        # First the whole group, which is usually right; then each replicate alone, to name the wrong ones.
        for part in (group, *([] if len(group) == 1 else group[:, None])):
            start, sizes = int(first[part[0]]), n_events[part]
            stop = start + int(sizes.sum())
            try:
                right = _right(file, start, stop, sizes, t_end, n_reactions)
            except (OSError, RuntimeError):
                right = np.zeros(len(part), dtype=bool)
            if right.all() and part is group:
                break
            if len(part) == 1 and not right.all():
                wrong.append(int(part[0]))
    return wrong


def _right(file: h5py.File, start: int, stop: int, sizes: np.ndarray, t_end: float, n_reactions: int) -> np.ndarray:
    if len(sizes) > 1 or stop - start <= _TOGETHER:
        return valid(file[TIME][start:stop], file[REACTION][start:stop], sizes, t_end, n_reactions)
    right, before = True, 0.0
    for k in range(start, stop, _TOGETHER):
        part = slice(k, min(k + _TOGETHER, stop))
        time, reaction = file[TIME][part], file[REACTION][part]
        right = right and bool(valid(time, reaction, np.array([len(time)]), t_end, n_reactions)) and time[0] >= before
        before = time[-1]
    return np.array([right])
