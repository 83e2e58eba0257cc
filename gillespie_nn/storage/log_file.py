"""Chunks of rows, collected in memory and written as whole chunks.

HDF5 itself compresses such rows at half the speed. It may also rewrite a chunk in place, so that a process killed
meanwhile damages replicates that were committed before. Here bytes of committed replicates never change:

- A chunk that is rewritten compressed has another length. HDF5 gives it another place, and under SWMR never reuses the
  old one, to which the file points until the new chunk is complete.
- A chunk stored uncompressed is rewritten in place: the bytes of committed replicates stay what they are.

HDF5 2.0 remembers the filter mask of the last chunk that it looked up, and does not notice that `write_direct_chunk`
changed it: in the process that writes, such a chunk must not be read back.
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


# The log of reactions in a file: `/events/time` and `/events/reaction`, replicate after replicate, each of which
# begins at `/events/first`.
#
# The arrays only grow. A replicate is added when all its reactions are there; what belongs to no committed replicate is
# never read. Chunks are written whole, see `chunks`: only the last is written again, when more has come.

GROUP, SCALE = "events", "events/event"
TIME, REACTION, FIRST = "events/time", "events/reaction", "events/first"
ABSENT = -1
"""In `/events/first`, of a replicate that is not complete."""
_PIECE = np.dtype([("time", "<f8"), ("reaction", "<u4")])
_SPOOL_BYTES = 1 << 20
"""Reactions of a replicate in progress, in memory; more are in a temporary file."""
_TOGETHER = 1 << 18
"""Reactions that are moved, read or checked at once."""


class FileLog(LogBuilder):
    """The log of a file that is being written. One thread at a time makes the calls, `store` another."""

    def __init__(self, time: h5py.Dataset, reaction: h5py.Dataset, scale: h5py.Dataset, n_replicates: int, room: Any):
        """`room(bytes)` is called before so much more waits to be written, and waits until there is room."""
        self._datasets, self._scale, self._room = (time, reaction), scale, room
        self._size = time.chunks[0]
        self._folder = Path(time.file.filename).parent
        self.first = np.full(n_replicates, ABSENT, dtype=np.int64)
        self._n = len(time)  # reactions in the file, and of those that wait
        self._full: list[tuple[Chunk, ...]] = []
        self._spools: dict[int, Any] = {}
        self._changed = False
        self._last = self._new()
        kept = self._n % self._size
        for chunk, dataset in zip(self._last, self._datasets if kept else ()):
            chunk.rows[:kept], chunk.in_file = dataset[self._n - kept :], True

    def take(self) -> tuple[list[tuple[Chunk, np.ndarray]], list[tuple[Chunk, np.ndarray]], int]:
        """What is to be stored now: chunks of times and of reactions, and the length of both."""
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
        if n > len(self._scale):
            self._scale.resize(n, axis=0)

    def close(self) -> None:
        """Forget the replicates that are not whole."""
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
            self._n += n  # last: what an interrupt leaves half done is written over
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
        ended[ended == ABSENT] = self._n  # without reactions


def groups(first: np.ndarray, n_events: np.ndarray, replicates: np.ndarray) -> list[np.ndarray]:
    """`replicates` in groups that follow one another in the log and are read at once. A long one is a group."""
    replicates = replicates[np.lexsort((n_events[replicates], first[replicates]))]
    start, n = first[replicates], n_events[replicates]
    gaps = np.flatnonzero(start[1:] != start[:-1] + n[:-1]) + 1
    found: list[np.ndarray] = []
    for run in np.split(replicates, gaps) if len(replicates) else ():
        part = np.cumsum(n_events[run]) // _TOGETHER
        found += np.split(run, np.flatnonzero(np.diff(part)) + 1)
    return found


def copy_log(source: h5py.File, target: h5py.File, replicates: np.ndarray) -> None:
    """Put the reactions of these replicates, int64[replicate], into the log of `target`, which has no others."""
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
    """An array of the log in a file that is being copied, without the reactions."""
    return target.create_dataset(name, (0,), dtype, **streamed((0,), 0, None))


def wrong_replicates(file: h5py.File, replicates: np.ndarray) -> list[int]:
    """Those of `replicates` whose reactions cannot be read, or cannot be right."""
    first, n_events, wrong = file[FIRST][:], file["n_events"][:], []
    t_end, n_reactions = float(file["time"][-1]), file["model/rates"].shape[0]
    for group in groups(first, n_events, replicates):
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
