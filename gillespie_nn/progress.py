"""Progress of long work: a bar on a terminal, plain lines elsewhere, nothing when not asked for. On stderr."""

import sys
import time
from typing import Any


class Progress:
    """Context manager. `update(done, note)` may be called often, from any thread that holds the caller's lock.

    Parameters
    ----------
    label : what is being done.
    total : the value of `done` at the end.
    enabled : False makes every call do nothing.
    """

    _LINE_SECONDS = 10.0
    _BAR_SECONDS = 0.1

    def __init__(self, label: str, total: float, enabled: bool = True) -> None:
        self.label, self.total, self.enabled = label, total, enabled
        self._bar: Any = None
        self._task: Any = None
        self._next = 0.0

    def __enter__(self) -> "Progress":
        self._start = time.monotonic()
        if self.enabled and sys.stderr.isatty():
            self._bar, self._task = _bar(self.label, self.total)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self.enabled and kind is None:
            self._line(self.total, "")

    def update(self, done: float, note: str = "") -> None:
        if not self.enabled:
            return
        now = time.monotonic()
        if now < self._next:
            return
        if self._bar is not None:
            self._bar.update(self._task, completed=done, note=note)
            self._next = now + self._BAR_SECONDS
        else:
            if self._next:
                self._line(done, note)
            self._next = now + self._LINE_SECONDS

    def _line(self, done: float, note: str) -> None:
        share = 100.0 * done / self.total if self.total else 100.0
        seconds = time.monotonic() - self._start
        left = f", some {_span(seconds * (self.total - done) / done)} left" if 0 < done < self.total else ""
        print(f"{self.label}: {share:.0f} % after {_span(seconds)}{left}{'; ' + note if note else ''}", file=sys.stderr)


def _span(seconds: float) -> str:
    """A time for people."""
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 36_000 else f"{seconds / 3600:.1f} h"


def _bar(label: str, total: float) -> tuple:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    bar = Bar(*columns, console=Console(stderr=True))
    return bar, bar.add_task(label, total=total, note="")
