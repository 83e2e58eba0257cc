"""Units of an ensemble's work, a replicate or some whose moments are summed together; and where their rows go."""

import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ..status import Status
from .blocks import Pause, Replicates, go_in_blocks
from .moments import Moments
from .stopping import END_TIME, end_time
from .task import Task

_NEARLY = 1.0 - 2.0**-53
"""Fraction of a replicate that has come to the last time, and is not finished."""


class Passing:
    """Passes rows of a trajectory to the sink as they arrive, one thread at a time."""

    def __init__(self, sink, lock):
        self._sink, self._lock = sink, lock

    def write(self, *rows):
        with self._lock:
            self._sink.write(*rows)

    def finish(self, *end):
        with self._lock:
            self._sink.finish(*end)

    def write_block(self, *block):
        with self._lock:
            self._sink.write_block(*block)

    def write_events(self, *piece):
        with self._lock:
            self._sink.write_events(*piece)


class Kept:
    """Buffers rows of a trajectory from another process until they can be written."""

    def __init__(self):
        self._calls: list[tuple] = []

    def write(self, *rows):
        self._calls.append(("write", rows))

    def finish(self, *end):
        self._calls.append(("finish", end))

    def write_block(self, *block):
        self._calls.append(("write_block", copy.deepcopy(block)))  # the arrays are the caller's

    def write_events(self, *piece):
        self._calls.append(("write_events", piece))

    def hand_over(self, sink):
        """Write everything to the sink."""
        for name, arguments in self._calls:
            getattr(sink, name)(*arguments)


class Work(NamedTuple):
    """What came of several units of work."""

    parts: list
    """What received the rows: one object for trajectories, `Moments` for each unit."""
    n_candidates: int
    """What the replicates that ran in blocks took, in candidates."""


def run_units(task: Task, units: Sequence[int], kept, pause: Pause = lambda done: False) -> Work | None:
    """Run consecutive units of work of a `Task`; None if it was interrupted.

    `kept` makes the object that receives the rows of trajectories; moments are summed. `pause(replicates done, with
    fractions)` is called between slices; the run is interrupted if it returns True.
    """
    first, last = task.replicates(units[0]).start, task.replicates(units[-1]).stop
    with _replicates(task) as replicates:
        before = replicates.n_candidates
        if task.records_rows:
            parts = [kept()]
            if go_in_blocks(task):
                log = parts[0].write_events if task.records_events else None
                finished = replicates.block(first, last - first, pause, parts[0].write_block, log)
            else:
                finished = _one_by_one(replicates, range(first, last), parts[0], pause)
        elif go_in_blocks(task):
            parts = []

            def add(_, rows, ends):
                parts.extend(Moments(task).summed(rows, ends))

            finished = replicates.block(first, last - first, pause, add)
        else:
            parts = [Moments(task) for _ in units]
            finished = all(
                _one_by_one(replicates, task.replicates(unit), part, pause, task.replicates(unit).start - first)
                for unit, part in zip(units, parts)
            )
        return Work(parts, replicates.n_candidates - before) if finished else None


def hand_over(parts, sink) -> None:
    """Write the remaining results of units of work to the sink, in the order of units."""
    for part in parts:
        if isinstance(part, Kept):
            part.hand_over(sink)
        elif isinstance(part, Moments):
            sink.merge(part)


def _one_by_one(replicates, numbers, part, pause, before=0):
    """Run replicates alone, `before` of the units' being done; returns whether they finished."""
    log = part.write_events if replicates.task.records_events else None
    for k, replicate in enumerate(numbers, before):
        method, status = replicates.alone(replicate, part.write, lambda done, k=k: pause(k + min(done, _NEARLY)), log)
        if status == Status.INTERRUPTED:
            return False
        # A copy: the next replicate uses the same memory. Noise adds reactions behind those of the network.
        firings = method.firings[: len(replicates.task.network.reactions)].copy()
        statistics = method.statistics
        if replicates.task.stopping is not None:
            statistics = statistics | {END_TIME: end_time(status, method.time)}
        part.finish(replicate, status, method.n_events, firings, statistics)
        if pause(k + 1.0):
            return False
    return True


_latest = threading.local()


@contextmanager
def _replicates(task: Task) -> Iterator[Replicates]:
    """What runs replicates of a task in this thread, with the simulation kept from the last call: to start the first
    takes as long as many replicates of a large network."""
    kept = getattr(_latest, "replicates", None)
    if kept is None or kept.task is not task:
        kept = Replicates(task)
    _latest.replicates = None  # where an exception comes, nothing is kept
    with kept:
        yield kept
    _latest.replicates = kept


def forget() -> None:
    """Let go of what this thread keeps of its last task."""
    _latest.replicates = None
