"""Ctrl-C in the command: one sentence and exit code 130, from the first import on.

Python raises KeyboardInterrupt wherever the main thread is. During an import a library may turn it into another error.
In a destructor or a callback of C code Python prints it and continues. The command therefore has three phases:

- Before a run, the process ends at once: no file is open yet.
- During a run, an interrupt that was lost, or turned into another error, is raised again.
- After a run, interrupts are ignored.

This module imports nothing that takes time.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

EXIT_CODE = 130
_SOON = 0.02
"""Delay before a lost interrupt is raised again [s]."""
_came = False
"""Whether SIGINT came during the run."""


def end_at_once() -> None:
    """From now on SIGINT ends the process with a sentence, unless it is ignored or handled already."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


@contextmanager
def raised() -> Iterator[None]:
    """Inside the context, SIGINT raises KeyboardInterrupt; after it, SIGINT is ignored. This holds in a command that
    called `end_at_once`; in any other process nothing changes."""
    global _came
    _came = False
    if signal.getsignal(signal.SIGINT) is not _end:
        yield
        return
    hook = sys.unraisablehook

    def again(lost: Any) -> None:
        if lost.exc_type is not None and issubclass(lost.exc_type, KeyboardInterrupt):
            # Raised here it would be lost again: Python ignores errors of this hook. The timer sends a new signal.
            later = threading.Timer(_SOON, os.kill, (os.getpid(), signal.SIGINT))
            later.daemon = True
            later.start()
        else:
            hook(lost)

    sys.unraisablehook = again
    signal.signal(signal.SIGINT, _raise)
    try:
        yield
    except Exception:
        # A library may have turned KeyboardInterrupt into this error.
        if _came:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.unraisablehook = hook


@contextmanager
def not_for_children() -> Iterator[None]:
    """Processes and threads that are started inside the context never see Ctrl-C; their parent ends them.

    The terminal sends Ctrl-C to the whole process group. One that comes inside is delivered at the end.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Children inherit the mask.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(*_: object) -> NoReturn:
    # Not `sys.exit`, which raises, and would be caught in an import; not `print`, which may hold a lock here.
    os.write(2, b"gillespie-nn: interrupted before the run began\n")
    os._exit(EXIT_CODE)


def _raise(*_: object) -> NoReturn:
    global _came
    _came = True
    raise KeyboardInterrupt


def ignored() -> None:
    """In a worker process: ignore Ctrl-C, which reaches the whole group of processes; the parent ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
