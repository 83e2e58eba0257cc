"""Progress of long work: a bar on a terminal, a changing line in a notebook, a line every ten seconds in a log.

`update` only stores numbers, and a thread draws them. The clock on the screen therefore runs while kernels are
compiled. Work that takes less than a second shows nothing.

Compilation that took more than a second is reported in one line on stderr, even if progress is not shown: it explains
why the first call was much slower than the next. `shown=False` asks for silence.
"""

import sys
import threading
import time
from typing import Any

from . import interrupts

_PATIENCE = 1.0
"""Work that takes no longer shows nothing [s]."""
_active = 0
"""Number of displays on the screen. Work inside of displayed work shows nothing, unless `shown` is True."""
_reporting = 0
"""Number of open `Progress` that report compilation; only the outermost does."""


def somebody_looks() -> bool:
    """Whether stderr is a terminal, or a notebook runs this process."""
    terminal = getattr(sys.stderr, "isatty", None)  # there is no stderr where there is no console
    return _notebook() is not None or bool(terminal and terminal())


class Progress:
    """Context manager. `update(done, note)` may be called often, from any thread.

    Parameters
    ----------
    label : what is being done.
    total : the value of `done` at the end; None if it is unknown.
    shown : True or False; None shows progress on a terminal or in a notebook, unless another progress is shown.
        Compilation is reported unless it is False.
    kernels : name of the method whose kernels may have to be compiled first.
    """

    def __init__(self, label: str, total: float | None, shown: bool | None = None, kernels: str = "") -> None:
        self.label, self.total, self.kernels = label, total, kernels
        self.done, self.note = 0.0, ""
        self._asked, self._shown, self._ended = shown, False, False
        self._over = threading.Event()

    def __enter__(self) -> "Progress":
        global _active, _reporting
        self._shown = (somebody_looks() and not _active) if self._asked is None else self._asked
        self._reports = self._asked is not False and not _reporting
        _reporting += self._reports
        if self._shown or self._reports:
            self._start, self._compiler = time.monotonic(), Compilation()
        if self._shown:
            _active += 1
            self._thread = threading.Thread(target=self._draw, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        global _active, _reporting
        if self._shown:
            _active -= 1
            self._ended = kind is None
            self._over.set()
            self._thread.join()
        if self._shown or self._reports:
            self._compiler.close()
        if self._reports:
            _reporting -= 1
            self._report()

    def _report(self) -> None:
        seconds = self._compiler.seconds
        if seconds > _PATIENCE and sys.stderr is not None:
            of = f" of {self.kernels}" if self.kernels else ""
            print(
                f"gillespie-nn: compiled the kernels{of} for this machine in {seconds:.1f} s (once per version; "
                "`gillespie-nn warm` compiles all)",
                file=sys.stderr,
                flush=True,
            )

    def update(self, done: float, note: str = "") -> None:
        self.done, self.note = done, note

    def text(self) -> str:
        """The state in one line."""
        elapsed = time.monotonic() - self._start
        if self._ended:
            return f"{self.label}: done after {span(elapsed)}"
        return "; ".join(filter(None, (f"{self.label}: {self._share(elapsed)}", self.remark())))

    def _share(self, elapsed: float) -> str:
        if not self.total:
            return f"{span(elapsed)} so far"
        # Compilation happens once, so it does not count for the estimate.
        working = elapsed - self._compiler.seconds
        left = f", about {span(working * (self.total - self.done) / self.done)} left" if self.done > 0 else ""
        return f"{100.0 * self.done / self.total:.0f} % after {span(elapsed)}{left}"

    def remark(self) -> str:
        """The last note, or that kernels are being compiled."""
        if not self._compiler.is_busy:
            return self.note
        of = f" of {self.kernels}" if self.kernels else ""
        return f"compiling the kernels{of} (first run of this version on this machine, up to a minute)"

    def _draw(self) -> None:
        # Only the main thread handles Ctrl-C.
        with interrupts.not_for_children():
            if self._over.wait(_PATIENCE):
                return
            screen = _screen(self)
            try:
                while not self._over.wait(screen.seconds):
                    screen.show(self)
                if self._ended:
                    screen.show(self)
            finally:
                screen.close()


class Compilation:
    """Listens to numba until `close`: whether something is being compiled, for how long [s], and how many kernels."""

    def __init__(self) -> None:
        self._depth, self._seconds, self._since, self._listener = 0, 0.0, 0.0, None
        self.n_kernels = 0
        # Without numba nothing is compiled, and importing it here would take a second.
        if "numba" not in sys.modules:
            return
        from numba.core import event

        outer = self

        class Listener(event.Listener):
            def on_start(self, _: Any) -> None:
                # Kernels compile the functions they call: only the outermost event is timed.
                if not outer._depth:
                    outer._since = time.monotonic()
                outer._depth += 1

            def on_end(self, _: Any) -> None:
                outer._depth = max(0, outer._depth - 1)
                outer.n_kernels += 1
                if not outer._depth:
                    outer._seconds += time.monotonic() - outer._since

        self._listener = Listener()
        event.register("numba:compile", self._listener)

    @property
    def is_busy(self) -> bool:
        return self._depth > 0

    @property
    def seconds(self) -> float:
        return self._seconds + (time.monotonic() - self._since if self.is_busy else 0.0)

    def close(self) -> None:
        if self._listener is not None:
            from numba.core import event

            event.unregister("numba:compile", self._listener)


def span(seconds: float) -> str:
    """A duration in seconds, minutes or hours."""
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 36_000 else f"{seconds / 3600:.1f} h"


def _notebook() -> Any:
    """The module IPython if a notebook runs this process, else None. It imports nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return ipython if getattr(shell, "kernel", None) is not None else None


def _screen(progress: Progress) -> Any:
    if (notebook := _notebook()) is not None:
        return _Cell(notebook)
    return _ProgressBar(progress) if sys.stderr is not None and sys.stderr.isatty() else _Lines()


class _Lines:
    """A new line every ten seconds, for a log."""

    seconds = 10.0

    def __init__(self) -> None:
        self._n = 0

    def show(self, progress: Progress) -> None:
        if not progress._ended or self._n:
            print(progress.text(), file=sys.stderr, flush=True)
        self._n += 1

    def close(self) -> None:
        pass


class _Cell:
    """A changing line below the cell of a notebook."""

    seconds = 0.5

    def __init__(self, notebook: Any) -> None:
        self._display, self._handle = notebook.display.display, None

    def show(self, progress: Progress) -> None:
        line = {"text/plain": progress.text()}
        if self._handle is None:
            self._handle = self._display(line, raw=True, display_id=True)
        else:
            self._handle.update(line, raw=True)

    def close(self) -> None:
        pass


class _ProgressBar:
    """A bar on a terminal."""

    seconds = 0.1

    def __init__(self, progress: Progress) -> None:
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
        self._bar = Bar(*columns, console=Console(stderr=True), auto_refresh=False)
        self._task = self._bar.add_task(progress.label, total=progress.total, note="")
        self._bar.tasks[0].start_time = progress._start
        self._bar.start()

    def show(self, progress: Progress) -> None:
        total = progress.total or (1 if progress._ended else None)
        done = total if progress._ended else progress.done
        self._bar.update(self._task, total=total, completed=done, note=progress.remark(), refresh=True)

    def close(self) -> None:
        self._bar.stop()
