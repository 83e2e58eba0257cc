"""Work in separate processes, for work that holds the GIL, may crash or may hang.

Processes are spawned: a fork would share locks of threads, of numba and of HDF5. Ctrl-C reaches only the parent, which
then ends the workers, as it does after any error. If a worker dies, only the item it worked on is lost.
"""

import multiprocessing
import pickle
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, TypeVar

from . import interrupts
from .checks import UnfinishedError

Item = TypeVar("Item")
_NONE: Any = object()
"""No further item: None can be an item."""
_READY, _DONE, _RAISED = "ready", "done", "raised"


class Lost(NamedTuple):
    """An item without a result, because its process ended or was ended."""

    exit_code: int | None
    limit: float | None
    """The time limit [s] that it exceeded; None if the process crashed."""

    def __str__(self) -> str:
        if self.limit is not None:
            return f"no result after {self.limit:g} s"
        return f"the process crashed (exit code {self.exit_code})"


def spread(work: Callable[[Item], Any], items: Iterable[Item], n: int, advice: str) -> Iterator[tuple[Item, Any]]:
    """Yield (item, `work(item)`) for every item, in the order of completion. With `n` = 1 this process does the work,
    otherwise `n` worker processes do.

    Raises what `work` raises, and UnfinishedError with `advice` if a process was killed.
    """
    if n == 1:
        for item in items:
            yield item, work(item)
        return
    for item, result in in_processes(work, items, n):
        if isinstance(result, Lost):
            raise UnfinishedError(f"a worker process was killed, perhaps because memory ran out: {advice}")
        yield item, result


def in_processes(
    work: Callable[[Item], Any],
    items: Iterable[Item],
    n: int,
    limit: float | None = None,
    begin: Callable[[], object] = bool,
) -> Iterator[tuple[Item, Any]]:
    """Yield (item, `work(item)`) for every item from `n` processes, in the order of completion.

    The result is `Lost` if the process crashed or took longer than `limit` [s]. Both functions and the items must be
    picklable. `begin` is called once in each process. Raises what `work` raises.
    """
    left, workers = iter(items), dict[Connection, _Worker]()
    try:
        while True:
            while len(workers) < n and (item := next(left, _NONE)) is not _NONE:
                worker = _Worker(work, begin, item)
                workers[worker.connection] = worker
            if not workers:
                return
            for connection in wait(list(workers), _patience(workers.values(), limit)):
                assert isinstance(connection, Connection)
                worker, item = workers[connection], workers[connection].item
                try:
                    kind, value = connection.recv()
                except (EOFError, OSError):
                    del workers[connection]
                    yield item, Lost(worker.end(), None)
                    continue
                if kind == _RAISED:
                    raise value
                # The time limit counts from here: starting Python and importing takes seconds.
                if kind == _READY:
                    worker.began = time.monotonic()
                    continue
                following = next(left, _NONE)
                if following is _NONE:
                    del workers[connection]
                    worker.end()
                else:
                    worker.give(following)
                yield item, value
            # Workers beyond the limit are killed; their places are filled in the next turn.
            for worker in [w for w in workers.values() if limit and time.monotonic() > w.began + limit]:
                del workers[worker.connection]
                yield worker.item, Lost(worker.end(now=True), limit)
    finally:
        for worker in workers.values():
            worker.end(now=True)


def _patience(workers: Iterable["_Worker"], limit: float | None) -> float | None:
    """Seconds until the first worker exceeds its limit."""
    ends = [worker.began + limit for worker in workers] if limit else []
    soonest = min(ends, default=float("inf"))
    return None if soonest == float("inf") else max(0.0, soonest - time.monotonic()) + 1e-3


class _Worker:
    """A process and the item that it works on."""

    def __init__(self, work: Callable, begin: Callable, item: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.item = item
        self.began = float("inf")
        """Time at which it began with the item [s]. A process that is still importing has not begun."""
        self._process = context.Process(target=_serve, args=(theirs, work, begin), daemon=True)
        with interrupts.not_for_children():
            self._process.start()
        theirs.close()
        self._send()

    def give(self, item: Any) -> None:
        """Begin with another item."""
        self.item, self.began = item, time.monotonic()
        self._send()

    def _send(self) -> None:
        # If the process has died, the next `recv` shows it.
        with suppress(OSError):
            self.connection.send(self.item)

    def end(self, now: bool = False) -> int | None:
        """Close the connection, wait until the process ends, and return its exit code; with `now`, kill it first."""
        if now:
            self._process.kill()
        self.connection.close()
        self._process.join()
        return self._process.exitcode


def _serve(connection: Connection, work: Callable[[Any], Any], begin: Callable[[], object]) -> None:
    """Main function of a worker: work on items one after the other, until the parent closes the connection."""
    interrupts.ignored()
    begin()
    connection.send((_READY, None))
    with suppress(EOFError):
        while True:
            item = connection.recv()
            try:
                answer = _DONE, work(item)
            except Exception as error:
                answer = _RAISED, _portable(error)
            connection.send(answer)


def _portable(error: Exception) -> Exception:
    """The exception with its traceback as a note, or a RuntimeError with its message if it cannot be pickled."""
    if hasattr(error, "add_note"):
        error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
