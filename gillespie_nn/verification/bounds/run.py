"""A verification from choice to verdict: tasks on threads, committed to a file as they end."""

import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ... import checks
from ...progress import Progress
from ...storage.lock import Lock
from ...storage.whole import clear
from . import results as files
from .judgements import FAILS, HOLDS, INCONCLUSIVE, Judgement, together
from .results import Results
from .source import Source

_SECONDS = 2.0
"""Between two writings of the file, and the longest work that a kill can cost, but for tasks in progress."""


def carry_out(
    source: Source, output: Path, workers: int | None = None, overwrite: bool = False, progress: bool | None = None
) -> Results:
    """Complete the `Results` of a `Source`. Paths that the file `output` already has are kept; the others are simulated
    and committed to it.

    Parameters
    ----------
    workers : threads, by default one per core; does not change the results.
    overwrite : replace a file with other content and start from the beginning.
    progress : show progress on stderr; None: on a terminal and in a notebook.

    Raises
    ------
    InputError : the file has other content, or another process writes it. ModelError : a simulation stops.
    StorageError : the disk is full.
    """
    arguments = source.setting.record() | source.record() | {"paths": source.paths, "seed": source.seed}
    workers = os.cpu_count() or 1 if workers is None else checks.whole("workers", workers)
    output = checks.new_file(output, overwrite=True)
    lock = Lock(output)
    try:
        clear(output)
        found = None if overwrite else files.read(output, arguments)
        found = source.empty() if found is None else found
        tasks = source.tasks(found)
        if tasks:
            files.write(output, arguments, found)  # a disk that cannot be written is found out before the work
            _complete(source, found, tasks, workers, progress, lambda: files.write(output, arguments, found))
        return found
    finally:
        lock.release()


def _complete(
    source: Source, found: Results, tasks: list, workers: int, progress: bool | None, commit: Callable[[], None]
) -> None:
    try:
        with Progress("paths", len(tasks), progress) as bar:
            _on_threads(source, found, tasks, min(workers, len(tasks)), bar, commit)
    finally:
        commit()


def _on_threads(
    source: Source, found: Results, tasks: list, workers: int, bar: Progress, commit: Callable[[], None]
) -> None:
    """Carry out `tasks`; results are disjoint, and a task is marked as committed when all of its own stand."""
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    ended: queue.SimpleQueue = queue.SimpleQueue()
    stop = threading.Event()
    for task in tasks:
        waiting.put(task)

    def work() -> None:
        try:
            carry_out = source.worker()
            while not stop.is_set():
                carry_out(found, waiting.get_nowait())
                ended.put(None)
        except queue.Empty:
            pass
        except BaseException as error:
            ended.put(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    written = time.monotonic()
    try:
        for done in range(1, len(tasks) + 1):
            error = ended.get()
            if error is not None:
                raise error
            bar.update(done, f"{len(tasks) - done} left")
            if time.monotonic() - written > _SECONDS:
                commit()
                written = time.monotonic()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def verdict(source: Source, results: Results, say: Callable[[str], object] = lambda line: None) -> dict:
    """Apply every check to complete `results`; returns a dictionary of plain values."""
    found = source.judgements(results, say)
    for judgement in found:
        say(f"{judgement.name}: {judgement.verdict}; {judgement.sentence}")
    decided = together(found)
    by_name = {j.name: j for j in found}
    slope = by_name["slope"].numbers
    largest = results.ended().theta.max(axis=2)
    return {
        "verdict": decided,
        "reason": _reason(source, found, decided),
        "proposition": source.setting.proposition,
        "noise": source.name,
        "case": source.setting.case,
        "activation": source.setting.activation,
        "paths": source.paths,
        "seed": source.seed,
        "described": source.setting.described(),
        "notes": list(source.notes),
        "sizes": results.size,
        "slope": slope["by_quantity"][slope["worst"]][0],
        "slope_of": slope["worst"],
        "slope_interval": slope["envelope"],
        "violations": by_name["upper bound"].numbers["violations"],
        "theta_quantiles": _quantiles(largest),
        "sharp_constant_error": by_name["sharp constant"].numbers["sharp_constant_error"],
        "checks": [j._asdict() for j in found],
    }


def _quantiles(largest: np.ndarray) -> dict[str, np.ndarray]:
    """Of the Theta of the proposition, the largest of all quantities: rows of eps, by probability."""
    return {f"{p:g}": np.quantile(largest, p, axis=0) for p in (0.05, 0.5, 0.95)}


def _reason(source: Source, found: list[Judgement], decided: str) -> str:
    """Why, in a sentence."""
    # What a case is about speaks of the kink of a ReLU; other activations have none.
    kinked = any(r.threshold is not None for r in source.setting.network.reactions)
    remark = source.setting.remark if kinked else ""
    if decided == HOLDS:
        return f"every check holds{f'; {remark}' if remark else ''}"
    own = [j for j in found if j.verdict == decided]
    names = ", ".join(j.name for j in own)
    outside: list = next((j.numbers["outside"] for j in own if j.numbers.get("outside")), [])
    where = f", for {checks.shortened(outside, 5)}" if outside else ""
    remark = f"; {remark}" if remark and decided == FAILS else ""
    if decided == INCONCLUSIVE:
        unresolved = [name for j in found for name in j.numbers.get("unresolved", ())]
        remark = f"; the errors of {checks.shortened(unresolved, 5)} are at the level of rounding" if unresolved else ""
    kind = "failed" if decided == FAILS else "inconclusive"
    return f"{kind} {'check' if len(own) == 1 else 'checks'}: {names}{where}{remark}"
