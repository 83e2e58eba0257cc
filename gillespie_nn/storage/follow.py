"""Following a run file while it is written: it is opened anew at each look (see FORMAT.md)."""

import time
from collections.abc import Iterator
from typing import NamedTuple

from ..checks import InputError
from .lock import is_locked
from .moments_reader import is_moments, open_moments
from .reader import open_run
from .schema import ENSEMBLE

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


def follow(path, interval, sleep=time.sleep) -> Iterator[Look]:
    """A `Look` at the file now, and every `interval` [s] one if there is more in it, until the run has ended or no
    process writes it; the last says which. Raises InputError as `open_run` does."""
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


def _look(path, written):
    if is_moments(path):
        found = open_moments(path)
        return Look(found.kind, found.n_done, found.n_replicates, found.n_events, found.ended, written)
    with open_run(path) as run:
        training = run.kind != ENSEMBLE
        return Look(
            run.kind,
            len(run.time) if training else int(run.committed.sum()),
            run.file["time"].shape[0] if training else run.committed.size,
            int(run.n_events.sum()),
            run.ended,
            written,
        )
