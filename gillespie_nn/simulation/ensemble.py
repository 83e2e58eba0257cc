"""Ensembles: replicates on threads (kernels release the GIL) or on the machines of a cluster, the same content whatever
the number and order of workers."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any, NamedTuple

from .task import Task
from .unit import Passing, hand_over, run_unit

__all__ = ["Job", "Task", "run_ensemble", "run_ensembles"]
_AHEAD = 64
"""Replicates handed out to a worker beyond the first that is not done: neither results nor work to do pile up."""


class Job(NamedTuple):
    """One of several ensembles that share the workers."""

    task: Task
    open: Callable[[], AbstractContextManager]
    """Opens its sink when the first of its units is about to be run; it is closed when the last one is in."""
    units: Callable[[Any], Iterable[int]] = lambda sink: ()
    """The units of work to carry out, increasing, of the sink."""


def run_ensemble(
    task: Task,
    sink,
    workers=1,
    progress: Callable[[float], None] = lambda done: None,
    units: Iterable[int] | None = None,
    cluster=None,
):
    """Run every replicate of a `task` into `sink`; `progress(done)` gets the number of replicates done, with fractions.

    `units` are the units of work to run, increasing; by default all. With a `cluster`, a `distribution.Cluster`, they
    run there, and `workers` is ignored. On KeyboardInterrupt, running replicates stop within a slice, finished ones
    stay in the sink, and the exception is raised again.
    """
    units = range(task.n_units) if units is None else units
    run_ensembles([Job(task, lambda: nullcontext(sink), lambda _: units)], workers, progress, cluster)


def run_ensembles(jobs: Iterable[Job], workers=1, progress: Callable[[float], None] = lambda done: None, cluster=None):
    """Run several ensembles, the `jobs`; `workers`, `progress` and `cluster` are those of `run_ensemble`. Workers that
    have finished one ensemble continue with the next."""
    with ExitStack() as opened:
        if cluster is None:
            _Threads(workers, progress).run(_work(jobs, opened))
        else:
            cluster.run(_work(jobs, opened), progress)


class Unit(NamedTuple):
    """A unit of work, and where it goes."""

    task: Task
    number: int
    sink: object
    close: Callable[[], None]
    """To be called when what it gave is in the sink."""


def _work(jobs, opened) -> Iterator[Unit]:
    """All units, sinks being opened on the way."""
    for job in jobs:
        stack = opened.enter_context(ExitStack())
        sink = stack.enter_context(job.open())
        waiting = None
        for number in job.units(sink):
            if waiting is not None:
                yield waiting
            waiting = Unit(job.task, number, sink, lambda: None)
        if waiting is None:
            stack.close()
        else:
            yield waiting._replace(close=stack.close)


def in_order(work: Iterator[Unit], submit, ahead, done=lambda unit: None) -> None:
    """Hand what comes of units over to their sinks, in order. `submit(unit)` gives a future, of which at most
    `ahead(task)` wait at any moment; `done(unit)` is called when a unit is in."""
    waiting: deque = deque()

    def take():
        unit, future = waiting.popleft()
        hand_over(future.result(), unit.sink)
        unit.close()
        done(unit)

    for unit in work:
        while len(waiting) >= ahead(unit.task):
            take()
        waiting.append((unit, submit(unit)))
    while waiting:
        take()


class _Threads:
    """Threads of this process."""

    def __init__(self, n, progress):
        self._n, self._progress = n, progress
        self._stop, self._lock, self._failure = threading.Event(), threading.Lock(), None
        self._running, self._n_done = {}, 0

    def run(self, work):
        if self._n == 1:
            for unit in work:
                hand_over(self._carry_out(unit), unit.sink)
                unit.close()
            return
        with ThreadPoolExecutor(self._n) as pool:
            try:
                in_order(
                    work,
                    lambda unit: pool.submit(self._try, unit),
                    lambda task: self._n * max(2, _AHEAD // task.n_together),
                )
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _try(self, unit):
        """What the unit gave. One that fails stops all the others, which give its exception too, so that nothing that
        comes after a gap is handed over."""
        try:
            part = None if self._stop.is_set() else self._carry_out(unit)
        except BaseException as failure:
            self._failure = self._failure or failure
            self._stop.set()
            raise
        if part is None and self._failure is not None:
            raise self._failure
        return part

    def _carry_out(self, unit):
        def pause(replicate, fraction):
            with self._lock:
                self._see((id(unit), replicate), fraction)
            return self._stop.is_set()

        return run_unit(unit.task, unit.number, lambda: Passing(unit.sink, self._lock), pause)

    def _see(self, replicate, fraction):
        """How many replicates are done, with the fractions of those that are running."""
        self._running[replicate] = fraction
        if fraction == 1.0:
            del self._running[replicate]
            self._n_done += 1
        self._progress(self._n_done + sum(self._running.values()))
