"""The log of reactions in a file: `/events/time` and `/events/reaction`, replicate after replicate, each of which
begins at `/events/first`.

The arrays only grow. A replicate is added when all its reactions are there; what belongs to no committed replicate is
never read. Chunks are written whole, see `chunks`: only the last is written again, when more has come.
"""

import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..checks import StorageError
from ..simulation.event_log import Fired, LogBuilder
from ..simulation.jump_path import valid
from . import disk
from .chunks import Chunk, store
from .schema.entries import streamed

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

    def _keep(self, replicate: int, time: np.ndarray, reaction: np.ndarray) -> None:
        if replicate not in self._spools:
            self._spools[replicate] = tempfile.SpooledTemporaryFile(_SPOOL_BYTES, dir=str(self._folder))  # noqa: SIM115
        piece = np.empty(len(time), dtype=_PIECE)
        piece["time"], piece["reaction"] = time, reaction
        try:
            self._spools[replicate].write(piece.tobytes())
        except OSError as error:
            raise StorageError(f"cannot write a temporary file in {self._folder}: {disk.reason(error)}") from None

    def _is_kept(self, replicate: int) -> bool:
        return replicate in self._spools

    def _anything_kept(self) -> bool:
        return bool(self._spools)

    def _store_kept(self, replicate: int) -> None:
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
            disk.raise_postponed()
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
