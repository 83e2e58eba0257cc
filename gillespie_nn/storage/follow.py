"""Following a run file while it is written. The file is reopened for each look (see FORMAT.md)."""

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
    """The state of a file at one moment."""

    kind: str
    kept: int
    """Replicates that are committed, or records."""
    planned: int
    n_events: int
    ended: bool
    written: bool
    """Whether a process is writing it."""


def follow(path: str | Path, interval: float, sleep: Callable[[float], None] = time.sleep) -> Iterator[Look]:
    """Yield a `Look` at the file now, and one every `interval` [s] if it contains more, until the run has ended or no
    process writes the file; the last look says which. Raises InputError as `open_run` does."""
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
