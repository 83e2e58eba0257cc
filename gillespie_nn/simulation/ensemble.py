"""Ensembles: their units of work, run by threads of this process or by the workers of a cluster.

A unit is one replicate, or a group of replicates whose moments are summed together. Results do not depend on the number
or the order of the workers.
"""

import copy
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from .._version import __version__
from ..checks import GillespieError, InputError, UnfinishedError
from ..noise import NOISES
from ..options import recorded_name
from ..status import Status
from .methods import METHODS
from .moments import Moments
from .replicate_events import END_TIME, end_time
from .replicate_groups import Pause, Replicates, block_size, go_in_blocks
from .task import Task

__all__ = ["Cluster", "EnsembleJob", "Task", "run_ensemble", "run_ensembles"]

_NEARLY = 1.0 - 2.0**-53
"""Fraction done of a replicate that has reached the last time and is not finished."""
_AHEAD = 64
"""Units given to a worker beyond the first that is not done, so that neither results nor pending work pile up."""
_CANDIDATES = 20_000_000
"""A portion of work takes about this number of candidates, half a second: results are saved often, and the work is
shared evenly."""
_MOMENTS = 8
"""Largest number of units of moments in a portion: each keeps its sums until its turn to be merged."""
_SHARE = 4
"""A portion is at most 1 / (`_SHARE` * workers) of the work that is left, so that all workers end together."""
_CONNECT_SECONDS = 30.0
_AHEAD_ON_CLUSTER = 4
"""Units submitted per thread of a cluster; their results wait there until their turn."""
_LEAST_AHEAD = 32
_VERSIONS = {"gillespie-nn": __version__, "numpy": np.__version__}


# Running units of work


class LockedSink:
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


class BufferedSink:
    """Buffers rows of a trajectory from another process until they can be written."""

    def __init__(self):
        self._calls: list[tuple] = []

    def write(self, *rows):
        self._calls.append(("write", rows))

    def finish(self, *end):
        self._calls.append(("finish", end))

    def write_block(self, *block):
        # A copy: the caller may change the arrays after the call.
        self._calls.append(("write_block", copy.deepcopy(block)))

    def write_events(self, *piece):
        self._calls.append(("write_events", piece))

    def flush(self, sink):
        """Write everything to the sink."""
        for name, arguments in self._calls:
            getattr(sink, name)(*arguments)


class UnitResults(NamedTuple):
    """The results of several units of work."""

    parts: list
    """One receiver of rows for trajectories, or `Moments` for each unit."""
    n_candidates: int
    """Candidates of the replicates that ran in blocks."""


def run_units(task: Task, units: Sequence[int], receiver, pause: Pause = lambda done: False) -> UnitResults | None:
    """Run consecutive units of work of a `Task`; None if it was interrupted.

    `receiver()` makes the object that receives the rows of trajectories; moments are summed. `pause(done)` is called
    between slices with the number of replicates done, fractions included; the run is interrupted if it returns True.
    """
    first, last = task.replicates(units[0]).start, task.replicates(units[-1]).stop
    with _replicates(task) as replicates:
        before = replicates.n_candidates
        if task.records_rows:
            parts = [receiver()]
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
        return UnitResults(parts, replicates.n_candidates - before) if finished else None


def write_parts(parts, sink) -> None:
    """Write the remaining results of units of work to the sink, in the order of units."""
    for part in parts:
        if isinstance(part, BufferedSink):
            part.flush(sink)
        elif isinstance(part, Moments):
            sink.merge(part)


def _one_by_one(replicates, numbers, part, pause, before=0):
    """Run replicates one after another; returns whether they finished. `before` replicates of the units are done."""
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
    """The `Replicates` of a task in this thread, reused between calls."""
    # To start the first replicate of a large network takes as long as to run many.
    replicates = getattr(_latest, "replicates", None)
    if replicates is None or replicates.task is not task:
        replicates = Replicates(task)
    # An exception leaves a simulation in the middle of a replicate: it is then not reused.
    _latest.replicates = None
    with replicates:
        yield replicates
    _latest.replicates = replicates


def forget() -> None:
    """Release the simulation that this thread reuses."""
    _latest.replicates = None


# Ensembles on threads: kernels release the GIL, so that threads run at the same time.


class EnsembleJob(NamedTuple):
    """One of several ensembles that share the workers."""

    task: Task
    open: Callable[[], AbstractContextManager]
    """Opens the sink, just before the first unit runs; it is closed after the last one is written."""
    units: Callable[[Any], Sequence[int]]
    """The units of work to run, increasing, given the sink."""


def run_ensemble(
    task: Task,
    sink,
    workers=1,
    progress: Callable[[float], None] = lambda done: None,
    units: Sequence[int] | None = None,
    cluster=None,
):
    """Run every replicate of a `task` into `sink`; `progress(done)` gets the number of replicates done, with fractions.

    `units` are the units of work to run, increasing; by default all. With a `cluster`, a `Cluster`, they run there, and
    `workers` is ignored. On KeyboardInterrupt, running replicates stop within a slice, finished ones stay in the sink,
    and the exception is raised again.
    """
    units = range(task.n_units) if units is None else units
    run_ensembles([EnsembleJob(task, lambda: nullcontext(sink), lambda _: units)], workers, progress, cluster)


def run_ensembles(
    jobs: Iterable[EnsembleJob], workers=1, progress: Callable[[float], None] = lambda done: None, cluster=None
):
    """Run several ensembles, the `jobs`; `workers`, `progress` and `cluster` are those of `run_ensemble`. Workers that
    have finished one ensemble continue with the next."""
    with ExitStack() as opened:
        if cluster is None:
            _Threads(workers, progress).run(_work(jobs, opened, workers))
        else:
            cluster.run(_work(jobs, opened, cluster.n_threads), progress)


class Portion(NamedTuple):
    """Consecutive units of work that run together, and the sink of their results."""

    task: Task
    units: Sequence[int]
    sink: object
    close: Callable[[], None]
    """To be called when the results are in the sink."""
    record_cost: Callable[[int, int], None]
    """To be called with the number of replicates, and of the candidates that they took."""

    @property
    def n_replicates(self) -> int:
        return self.task.replicates(self.units[-1]).stop - self.task.replicates(self.units[0]).start


def _work(jobs, opened, workers) -> Iterator[Portion]:
    """All units of all jobs; each sink is opened before its first unit."""
    for job in jobs:
        stack = opened.enter_context(ExitStack())
        sink = stack.enter_context(job.open())
        units, start, sizes = job.units(sink), 0, _Sizes(job.task, workers)
        if not len(units):
            stack.close()
        while start < len(units):
            stop = start + sizes.next(len(units) - start)
            # A portion is a range of units: it ends before a unit that is done already.
            while units[stop - 1] - units[start] > stop - 1 - start:
                stop -= 1
            close = stack.close if stop == len(units) else lambda: None
            yield Portion(job.task, units[start:stop], sink, close, sizes.record_cost)
            start = stop


class _Sizes:
    """The number of units of a task in a portion. Results do not depend on it."""

    def __init__(self, task, workers):
        self._workers, self._together = workers, task.n_together
        self._most = block_size(task)
        if not task.records_rows:
            self._most = min(self._most // task.n_together, _MOMENTS)
        self._n_replicates = self._n_candidates = 0

    def next(self, n_left) -> int:
        """Size of the next portion of `n_left` units."""
        if self._most <= 1 or not self._n_replicates:
            return 1  # the first unit also shows what a replicate costs
        each = self._n_candidates / self._n_replicates + 1
        by_work = _CANDIDATES / each / self._together
        return int(max(1, min(self._most, by_work, -(-n_left // (_SHARE * self._workers)), n_left)))

    def record_cost(self, n_replicates, n_candidates):
        """Note that `n_replicates` took `n_candidates`."""
        self._n_replicates += n_replicates
        self._n_candidates += n_candidates


def in_order(work: Iterator[Portion], submit, ahead, done=lambda portion: None) -> None:
    """Write the results of portions to their sinks, in order.

    `submit(portion)` returns a future. At most `ahead(portion)` units are submitted and not yet written.
    `done(portion)` is called when a portion is written.
    """
    waiting: deque = deque()

    def take():
        portion, future = waiting.popleft()
        _write_results(portion, future.result())
        done(portion)

    for portion in work:
        while waiting and sum(len(p.units) for p, _ in waiting) + len(portion.units) > ahead(portion):
            take()
        waiting.append((portion, submit(portion)))
    while waiting:
        take()


def _write_results(portion: Portion, work: UnitResults) -> None:
    """Write the results of a portion to its sink."""
    write_parts(work.parts, portion.sink)
    portion.close()
    portion.record_cost(portion.n_replicates, work.n_candidates)


class _Threads:
    """Threads of this process."""

    def __init__(self, n, progress):
        self._n, self._progress = n, progress
        self._stop, self._lock, self._failure = threading.Event(), threading.Lock(), None
        self._running, self._n_done = {}, 0

    def run(self, work):
        if self._n == 1:
            try:
                for portion in work:
                    _write_results(portion, self._run_portion(portion))
            finally:
                forget()
            return
        with ThreadPoolExecutor(self._n) as pool:
            try:
                in_order(
                    work,
                    lambda portion: pool.submit(self._try, portion),
                    lambda portion: 2 * self._n * max(len(portion.units), _AHEAD // portion.task.n_together, 2),
                )
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _try(self, portion):
        """The results of a portion. A failure stops all other portions."""
        # They raise the same exception: nothing that comes after a gap is written.
        try:
            work = None if self._stop.is_set() else self._run_portion(portion)
        except BaseException as failure:
            self._failure = self._failure or failure
            self._stop.set()
            raise
        if work is None and self._failure is not None:
            raise self._failure
        return work

    def _run_portion(self, portion):
        def pause(done):
            with self._lock:
                self._running[id(portion)] = done
                self._report_progress()
            return self._stop.is_set()

        work = run_units(portion.task, portion.units, lambda: LockedSink(portion.sink, self._lock), pause)
        with self._lock:
            self._running.pop(id(portion), None)
            # The replicates of an interrupted portion are not done.
            self._n_done += 0 if work is None else portion.n_replicates
            self._report_progress()
        return work

    def _report_progress(self):
        """Report the number of replicates done, with the fractions of those that are running."""
        self._progress(self._n_done + sum(self._running.values()))


# Ensembles on many machines with dask.distributed: workers run units of work; this process alone collects the results
# in order and passes them to the sinks. A unit depends only on its task and its number: if a worker is lost, its
# undelivered units run again elsewhere with the same results, and each unit is collected once.


class Cluster:
    """The workers of a dask scheduler at `address`, for example `tcp://10.0.0.1:8786`. A context manager.

    Raises
    ------
    MissingExtraError : dask.distributed is not installed. InputError : no scheduler answers, or it has no workers.
    UnfinishedError, from `run` : the connection to the scheduler was lost, or a unit crashed several workers.
    """

    def __init__(self, address):
        self._distributed = checks.optional("distributed", "distributed", "a cluster")
        if not isinstance(address, str) or not address:
            raise InputError(f"scheduler must be an address such as tcp://10.0.0.1:8786, got {address!r}")
        self._address = address
        try:
            self._client = self._distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError):
            raise InputError(
                f"no dask scheduler answers at {address}: start one with `dask scheduler`, workers with `dask worker "
                "ADDRESS`, and give the address that it prints"
            ) from None
        try:
            self._client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
        except TimeoutError:
            self.close()
            raise InputError(
                f"the dask scheduler at {address} has no workers: start one with `dask worker {address}`"
            ) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def n_threads(self):
        """Threads of all workers."""
        return max(1, sum(self._client.nthreads().values()))

    def close(self):
        """Disconnect from the cluster and cancel the pending work of this process."""
        self._client.close()

    def run(self, work, progress) -> None:
        """Run `work`, an iterator of `Portion`; `progress(done)` gets the number of replicates done."""
        n_ahead = max(_LEAST_AHEAD, _AHEAD_ON_CLUSTER * self.n_threads)
        delivered, n_done = None, 0

        def submit(portion):
            nonlocal delivered
            if delivered is None or delivered[0] is not portion.task:
                self._check_classes(portion.task)
                # The scheduler keeps the task, not a worker alone, so that it outlives every worker.
                delivered = portion.task, self._client.submit(_deliver, portion.task, pure=False)
            return self._client.submit(_run_on_worker, delivered[1], portion.units, _VERSIONS, pure=False)

        def done(portion):
            nonlocal n_done
            n_done += portion.n_replicates
            progress(n_done)

        try:
            in_order(work, submit, lambda portion: n_ahead * len(portion.units), done)
        except GillespieError:
            raise  # from a sink or a unit; its message is complete
        except self._distributed.KilledWorker as error:
            raise UnfinishedError(
                f"workers of {self._address} were lost repeatedly in one unit of work: check their logs and their "
                f"memory ({error})"
            ) from error
        except ImportError as error:
            raise InputError(
                f"a worker of {self._address} cannot load its task: install the same gillespie-nn on every "
                f"machine ({error})"
            ) from error
        except (self._distributed.CancelledError, OSError, TimeoutError) as error:
            raise UnfinishedError(
                f"lost the connection to the dask scheduler at {self._address}; completed work is saved "
                f"({type(error).__name__}: {error})"
            ) from error

    def _check_classes(self, task):
        """Raise InputError unless every process of the cluster can load the classes of a task that come from outside
        this package."""
        # A worker that cannot load its task would wait for it forever.
        noises = () if task.noise is None else task.noise.noises
        classes = [kind for kind in (task.method, *map(type, noises)) if ":" in _recorded_name(kind)]
        if not classes:
            return
        pickled = self._distributed.protocol.pickle.dumps(classes)
        errors = [*self._client.run(_load_error, pickled).values(), self._client.run_on_scheduler(_load_error, pickled)]
        if error := next(filter(None, errors), None):
            names = " and ".join(map(_recorded_name, classes))
            raise InputError(
                f"the cluster at {self._address} cannot load {names} ({error}): install its module on every machine, "
                "or leave scheduler out and use workers, threads of this process"
            )


def _recorded_name(kind):
    return recorded_name(kind, (*METHODS, *NOISES))


def _load_error(pickled):
    """On every process of a cluster: why it cannot load this, or an empty text."""
    from distributed.protocol import pickle

    try:
        pickle.loads(pickled)
    except (ImportError, AttributeError) as error:
        return str(error)
    return ""


def _deliver(task):
    """On a worker: the task, sent once."""
    return task


def _run_on_worker(task, units, versions):
    """On a worker: run units of work."""
    if versions != _VERSIONS:
        raise InputError(
            f"a worker runs {_named(_VERSIONS)}, and this process {_named(versions)}: results may differ; install the "
            "same versions on every machine"
        )
    return run_units(task, units, BufferedSink)


def _named(versions):
    return " with ".join(f"{name} {version}" for name, version in versions.items())
