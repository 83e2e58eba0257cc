"""Points are carried out by worker processes, each into its own file: what has ended is skipped, what was interrupted
goes on, and the files are the same for any number of workers."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from .. import checks
from ..checks import StorageError, UnfinishedError
from ..kernels.jit import cached_kernels
from ..processes import spread
from ..progress import Progress
from .points import Point, compile_kernels

_ADVICE = "run the same command with fewer --workers; finished points are kept"
_compiled: set[tuple[str, bool]] = set()
"""Kernels that this process has, see `Point.kernels`."""


class TakesTooLong(UnfinishedError):
    """A point has used up its time: counts that run away make steps ever shorter."""


def unique(points: Iterable[Point]) -> list:
    """Each once, and what it needs before it; in the order given."""
    found: dict[str, Point] = {}
    for point in points:
        for needed in (*point.needs, point):
            found.setdefault(needed.stem, needed)
    return list(found.values())


def read_all(points: Iterable[Point], folder: str | Path) -> tuple[dict, dict, list]:
    """(records by stem, sentences by stem of those that blew up, points that are missing), from the files alone."""
    records, failed, missing = {}, {}, []
    for point in unique(points):
        blown = next((b for p in (*point.needs, point) if (b := _note(p, folder)) is not None), None)
        if blown is not None:
            failed[point.stem] = blown
            continue
        record = point.read(folder)
        if record is None:
            missing.append(point)
        else:
            records[point.stem] = record
    return records, failed, missing


def carry_out(
    points: Sequence[Point],
    folder: str | Path,
    workers: int | None = None,
    time_limit: float | None = None,
    progress: bool | None = None,
    say: Callable[[str], object] = print,
) -> None:
    """Carry out what is missing of `points`, into files in `folder`.

    Parameters
    ----------
    workers : processes; by default as many as there are cores. With 1 this process does it.
    time_limit : seconds of wall time after which a point counts as run away; None: never. It is noted beside the file
        and tried again where the limit is larger.
    progress : show progress; None: on a terminal and in a notebook.
    say : takes a line about each point that blew up.

    Raises
    ------
    UnfinishedError : the disk is full, or a worker was killed. On KeyboardInterrupt workers are ended at once and their
    files are gone on with at the next call.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise checks.InputError(f"cannot make the folder {folder}: {error.strerror}") from None
    workers = os.cpu_count() or 1 if workers is None else checks.whole("workers", workers)
    _forget_shorter_limits(points, folder, time_limit)
    _, failed, missing = read_all(points, folder)
    todo = [p for p in missing if not any(n.stem in failed for n in p.needs)]
    with Progress("points", len(todo), progress) as bar:
        done = 0
        if not cached_kernels():  # which workers see, and not this process
            bar.update(0, "first, every process compiles the kernels, which takes up to a minute")
        for stage in _stages(todo):
            work = partial(one, folder=folder, time_limit=time_limit)
            for point, blown in spread(work, stage, min(workers, len(stage)), _ADVICE):
                done += 1
                if blown is not None:
                    say(f"{point.stem}: {blown}")
                bar.update(done, f"{len(todo) - done} points left")


def _stages(points: Iterable[Point]) -> Iterator[list[Point]]:
    """First what needs nothing, then what needs that."""
    for stage in ([p for p in points if not p.needs], [p for p in points if p.needs]):
        if stage:
            yield stage


def one(point: Point, folder: str | Path, time_limit: float | None = None) -> str | None:
    """Carry out one point; a sentence if it cannot be finished, which is also kept beside its file."""
    if any(_note(p, folder) is not None for p in point.needs):
        return "a point that it needs blew up"
    if point.kernels not in _compiled:  # which takes a minute or more once, and is not the point's fault
        compile_kernels(*point.kernels)
        _compiled.add(point.kernels)
    try:
        with _alarm(time_limit):
            point.carry_out(folder)
    except StorageError:
        raise
    except UnfinishedError as error:
        limit = time_limit if isinstance(error, TakesTooLong) else None
        checks.write_text(_note_path(point, folder), f"{'' if limit is None else f'{limit:g}'}\n{error}\n")
        return str(error)
    return None


@contextmanager
def _alarm(seconds: float | None) -> Iterator[None]:
    """Raises TakesTooLong inside after so many seconds, where signals are to be had."""
    usable = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    if seconds is None or not usable:
        yield
        return

    def ring(*_: object) -> None:
        raise TakesTooLong(
            f"not finished after {seconds:g} s of wall time: the counts blow up, or the point is too large"
        )

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _note_path(point: Point, folder: str | Path) -> Path:
    return Path(folder) / f"{point.stem}.failed"


def _note(point: Point, folder: str | Path) -> str | None:
    """Why a point could not be finished; None if nothing of the sort is known."""
    path = _note_path(point, folder)
    return checks.printable(checks.read_text(path).partition("\n")[2].strip()) if path.is_file() else None


def _forget_shorter_limits(points: Sequence[Point], folder: str | Path, time_limit: float | None) -> None:
    """Points that were given less time than now are tried again."""
    for point in unique(points):
        path = _note_path(point, folder)
        if path.is_file():
            limit = checks.read_text(path).partition("\n")[0]
            if limit and (time_limit is None or float(limit) < time_limit):
                path.unlink()
