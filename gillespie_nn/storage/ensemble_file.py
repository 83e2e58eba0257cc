"""The file of an ensemble during its simulation, and copying of replicates from one file to another."""

import threading
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from ..simulation.reaction_log import Fired
from ..simulation.sinks import Ends, Rows
from ..simulation.task import Task
from ..status import Status
from . import hdf5_bytes, log_file, making
from .hdf5 import opened
from .log_file import ChunkedRows
from .schema import ENSEMBLE, RUNS
from .writer import RunFile

_COPIED_BYTES = 1 << 22
"""Size of the parts in which replicates are copied, so that memory is bounded."""


def copy_replicates(
    source: h5py.Dataset, target: h5py.Dataset, replicates: np.ndarray, n_points: int | None = None
) -> None:
    """Copy the first `n_points` recorded points (default: all) of these replicates, whose numbers must increase."""
    if not source.size:
        return
    length, *row = source.shape[1:]
    n_points = length if n_points is None else n_points
    most = max(1, _COPIED_BYTES // (source.dtype.itemsize * int(np.prod(row))))  # rows
    together, n_rows = max(1, most // length), min(most, length)
    # Runs of consecutive numbers are read and written as slices, which is much faster than one by one.
    for run in np.split(replicates, np.flatnonzero(np.diff(replicates) != 1) + 1):
        for first in range(0, len(run), together):
            numbers = slice(int(run[first]), int(run[min(first + together, len(run)) - 1]) + 1)
            for start in range(0, n_points, n_rows):
                hdf5_bytes.raise_postponed()
                part = slice(start, min(start + n_rows, n_points))
                target[numbers, part] = source[numbers, part]


# The file. Any thread may add replicates, and one thread writes them in groups. A group is written when it is large
# enough, or half a second after the last commit if a replicate is complete.
#
# The order makes a commit safe: rows, flush, `committed`, flush. A process that is killed at any moment loses only what
# was not committed.

_GROUP_BYTES = 1 << 22
"""Size of a group. Its two flushes take about a millisecond, a tenth of the time of its rows."""
_MOST_BYTES = 1 << 24
"""Callers wait while more than this waits to be written."""
_SECONDS = 0.5
"""Time that a complete replicate waits for others [s]. With the time to write a group it stays below a second."""
_REPLICATE_BYTES = 64
"""Size of a replicate besides its rows, so that a group of tiny replicates is bounded, too."""
_ROWS = ("counts", "observables", "covariance")


class _Ended(NamedTuple):
    """Replicates that are complete but not committed."""

    numbers: np.ndarray  # int64[replicate]
    values: dict[str, np.ndarray]  # [replicate] by the name of the dataset


class EnsembleFile(RunFile):
    """A sink (`simulation.sinks.Sink`) that writes trajectories; a replicate is valid once it is committed.

    With `resumes`, it replaces the interrupted file of the same task at `path`, and starts with its committed
    replicates. `missing` are the other replicates, each a unit of work. After a failed write every method raises
    StorageError.
    """

    kind = ENSEMBLE

    def __init__(
        self, path: str | Path, task: Task, settings: dict[str, Any], provenance_json: str, overwrite: bool = False,
        resumes: bool = False,
    ):  # fmt: skip
        self._task, self._resumes = task, resumes
        self.missing: Sequence[int] = range(task.n_replicates)
        self._committed: np.ndarray | None = None  # bool[replicate], at the start of a resumed run
        self._turn = threading.Condition()  # guards all attributes below
        self._reached: dict[int, int] = {}  # points that have arrived of replicates that are not complete
        self._ended: list[_Ended] = []
        self._n_bytes = 0
        self._committed_at = time.monotonic()
        self._hurries = self._writes = self._closes = self._told = False
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        values = settings | {"provenance/json": provenance_json} | making.ensemble_values(task)
        values |= making.model_values(task.network, task.rates, task.counts)
        lengths = making.ensemble_lengths(task)
        super().__init__(path, overwrite or resumes, values, lengths, dtypes={"counts": task.method.dtype})

    def _begin(self) -> None:
        if self._resumes:
            with opened(self.path, RUNS, ours=True) as earlier:  # now that no other process writes it
                self._take_over(earlier)

    def _take_over(self, earlier: h5py.File) -> None:
        """Copy what is committed."""
        self._committed = committed = earlier["committed"][:].astype(bool)
        self.missing = np.flatnonzero(~committed).tolist()
        replicates = np.flatnonzero(committed)
        for name in (*_ROWS, "firings"):
            copy_replicates(earlier[name], self._file[name], replicates)
        if self._task.records_events:
            log_file.copy_log(earlier, self._file, replicates)
        # `committed` comes last: until then the copy has no replicate.
        for name in ("status", "n_events", *(f"statistics/{name}" for name in earlier["statistics"]), "committed"):
            self._file[name][:] = np.where(committed, earlier[name][:], self._file[name][:])
        self.add_seconds(earlier["provenance/seconds"][()])
        self._file.attrs["created"] = earlier.attrs["created"]

    def write(self, replicate: int, start: int, rows: np.ndarray, observed: np.ndarray, covariance: np.ndarray) -> None:
        """Add rows of a replicate from recorded point `start` on, with their observables and covariances. Rows of a
        replicate are written before it is complete, so that memory is bounded."""
        with self._turn:
            self._wait_for_room()
            self._add(replicate, start, Rows(rows[None], observed[None], covariance[None]))
            self._reached[replicate] = start + len(rows)
            self._arrived(rows.nbytes + observed.nbytes + covariance.nbytes)

    def finish(
        self, replicate: int, status: Status, n_events: int, firings: np.ndarray, statistics: Mapping[str, float]
    ) -> None:
        """Complete a replicate: it is committed with the next group."""
        with self._turn:
            self._raise_failure()
            reached = self._reached.pop(replicate, 0)
            self._end(
                replicate,
                Ends(
                    np.array([reached]),
                    np.array([int(status)]),
                    np.array([n_events]),
                    firings[None],
                    {name: np.array([value]) for name, value in statistics.items()},
                ),
            )

    def write_block(self, first: int, rows: Rows, ends: Ends) -> None:
        """Add complete replicates first, first + 1, ..., in parts of bounded size."""
        n_points = rows.counts.shape[1]
        each = max(1, sum(values[:1].nbytes for values in rows))
        size = max(1, _GROUP_BYTES // each)
        for start in range(0, len(ends.status), size):
            part = slice(start, start + size)
            ended = ends.part(part)
            with self._turn:
                self._wait_for_room()
                if (ended.n_points == n_points).all():
                    self._add(first + start, 0, Rows(*(values[part] for values in rows)))
                else:
                    for k, reached in enumerate(ended.n_points.tolist(), start):
                        self._add(first + k, 0, Rows(*(values[k : k + 1, :reached] for values in rows)))
                self._end(first + start, ended)
                self._arrived(each * len(ended.status))

    def write_events(self, first: int, fired: Fired) -> None:
        """Add reactions of replicates first, first + 1, ...; those of a replicate in progress wait in a temporary
        file."""
        with self._turn:
            self._raise_failure()
            self._log.add(first, fired)

    def commit(self) -> None:
        """Commit every complete replicate now, without waiting for more."""
        with self._turn:
            self._hurries = True
            self._start_thread()
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._failure is not None or not (self._hurries or self._writes))
            self._raise_failure()

    def close(self) -> None:
        """Commit what is complete, close the file and release its lock."""
        with self._turn:
            self._closes = True
            self._turn.notify_all()
        try:
            if self._thread is not None:
                _join(self._thread)
        finally:
            self.__dict__.pop("_chunked", None)
            if (log := self.__dict__.pop("_log", None)) is not None:
                log.close()
            super().close()
        if not self._told:
            self._raise_failure()

    @cached_property
    def _chunked(self) -> dict[str, ChunkedRows]:
        """The datasets of rows by name, without empty ones."""
        names = [name for name in (*_ROWS, "firings") if self._at(name).size]
        return {name: ChunkedRows(self._at(name), self._committed) for name in names}

    @cached_property
    def _log(self) -> log_file.FileLog:
        """The reactions of a run that records them."""

        def room(n_bytes: int) -> None:
            self._wait_for_room()
            self._arrived(n_bytes)

        time, reaction, scale = (self._at(name) for name in (log_file.TIME, log_file.REACTION, log_file.SCALE))
        return log_file.FileLog(time, reaction, scale, self._task.n_replicates, room)

    def _add(self, first: int, start: int, rows: Rows) -> None:
        for name, values in zip(_ROWS, rows):
            if name in self._chunked:
                self._chunked[name].add(first, start, values)

    def _end(self, first: int, ends: Ends) -> None:
        """Note that replicates first, first + 1, ... are complete."""
        n, n_points = len(ends.status), len(self._task.grid)
        if "firings" in self._chunked:
            self._chunked["firings"].add(first, 0, ends.firings)
            self._chunked["firings"].end(first, n, ends.firings.shape[1])
        for name in self._chunked.keys() & set(_ROWS):
            if (ends.n_points == n_points).all():
                self._chunked[name].end(first, n, n_points)
            else:
                for k, reached in enumerate(ends.n_points.tolist()):
                    self._chunked[name].end(first + k, 1, reached)
        values = {"status": ends.status, "n_events": ends.n_events}
        values |= {f"statistics/{name}": numbers for name, numbers in ends.statistics.items()}
        if self._task.records_events:
            self._log.end(first, n)
            values[log_file.FIRST] = self._log.first[first : first + n]
        # This comes last: after an interrupt before it, the replicates stay uncommitted.
        self._ended.append(_Ended(np.arange(first, first + n), {k: np.array(v) for k, v in values.items()}))
        if len(self._ended) == 1:
            self._start_thread()
            self._turn.notify_all()
        self._arrived(n * _REPLICATE_BYTES)

    def _arrived(self, n_bytes: int) -> None:
        """Count what waits to be written. The writing thread is woken when it is enough for a group."""
        before, self._n_bytes = self._n_bytes, self._n_bytes + n_bytes
        if before < _GROUP_BYTES <= self._n_bytes:
            self._turn.notify_all()

    def _wait_for_room(self) -> None:
        self._turn.wait_for(lambda: self._failure is not None or self._n_bytes < _MOST_BYTES)
        self._raise_failure()
        self._start_thread()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            self._told = True
            raise self._failure

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_writing, name="gillespie-nn writer", daemon=True)
            self._thread.start()

    def _keep_writing(self) -> None:
        """Main function of the writing thread."""
        try:
            while self._await_group():
                self._write_group()
        except BaseException as error:
            with self._turn:
                self._failure, self._writes = error, False
                self._turn.notify_all()

    def _await_group(self) -> bool:
        """Wait until a group has to be written; False at the end."""
        with self._turn:
            while not (self._closes or self._hurries or self._n_bytes >= _GROUP_BYTES):
                left = self._committed_at + _SECONDS - time.monotonic() if self._ended else None
                if left is not None and left <= 0:
                    break
                self._turn.wait(left)
            return not self._closes or bool(self._ended)

    def _write_group(self) -> None:
        """Write full chunks, and commit every complete replicate."""
        # Under the lock everything is only taken over; compression and disk run without it, so callers can go on.
        with self._turn:
            taken = [(chunked, chunked.take()) for chunked in self._chunked.values()]
            reactions = self._log.take() if self._task.records_events else None
            ended, self._ended = self._ended, []
            n_bytes, self._n_bytes = self._n_bytes, 0
            self._hurries, self._writes = False, True
            self._turn.notify_all()
        with self._guard(n_bytes):
            for chunked, chunks in taken:
                for chunk, rows in chunks:
                    chunked.store(chunk, rows)
            if reactions is not None:
                self._log.store(reactions)
            if ended:
                self._commit(ended)
        with self._turn:
            self._committed_at, self._writes = time.monotonic(), False
            self._turn.notify_all()

    def _commit(self, ended: list[_Ended]) -> None:
        numbers = np.concatenate([each.numbers for each in ended])
        for name in ended[0].values:
            self._set(name, numbers, np.concatenate([each.values[name] for each in ended]))
        self._file.flush()
        self._mark(numbers)

    def _mark(self, numbers: np.ndarray) -> None:
        """Commit these replicates, whose data are flushed."""
        self._set("committed", numbers, 1)
        self._at("committed").flush()

    def _set(self, name: str, numbers: np.ndarray, values: Any) -> None:
        """Set values of these replicates in one write; values between them are written unchanged."""
        first, last = int(numbers.min()), int(numbers.max())
        dataset = self._at(name)
        part = dataset[first : last + 1]
        part[numbers - first] = values
        dataset[first : last + 1] = part


def _join(thread: threading.Thread) -> None:
    """Wait for the end of a thread. An interrupt is raised only after the end: the file must not be closed while the
    thread writes it."""
    try:
        thread.join()
    except BaseException:
        thread.join()
        raise
