"""Following a run file while it is written: it is opened anew at each look (see FORMAT.md)."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError
from .lock import is_locked
from .open import open_run

_TRIES = 5
"""Looks in a row that may fail while a writer is at work."""


class Look(NamedTuple):
    """A file at one moment."""

    kind: str
    kept: int
    """Replicates that are committed, or records."""
    planned: int
    n_events: int
    ended: bool
    written: bool
    """Whether a process is writing it."""


def follow(path: str | Path, interval: float, sleep: Callable[[float], None] = time.sleep) -> Iterator[Look]:
    """A `Look` at the file now, and every `interval` [s] one if there is more in it, until the run has ended or no
    process writes it; the last says which. Raises InputError as `open_run` does."""
    path = checks.existing_file("run file", path, f"expected the path of a run file, got {path!r}")
    before, failed = None, 0
    while True:
        written = is_locked(path)  # first: what is written before it is let go is seen
        try:
            look = _look(path, written)
            failed = 0
        except InputError:
            failed += 1
            if not written or failed == _TRIES:
                raise
            sleep(interval)
            continue
        if look != before:
            yield look
        if look.ended or not written:
            return
        before = look
        sleep(interval)


def _look(path: str | Path, written: bool) -> Look:
    with open_run(path) as run:
        return Look(run.kind, run.n_kept, run.n_planned, int(np.sum(run.n_events)), run.ended, written)
