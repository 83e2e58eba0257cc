"""Ctrl-C in the command: one sentence and exit code 130, from the first import on.

Python raises KeyboardInterrupt wherever the main thread is: within an import, where libraries turn it into errors of
their own, or where nothing can be raised, and it is printed and forgotten. So before a run begins the process ends at
once, as nothing is open yet; while it goes on, an interrupt that was lost is raised again, as is one that was turned
into another error; after it, interrupts are ignored. This module imports nothing that takes time.
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
_came = False


def end_at_once() -> None:
    """From now on SIGINT ends the process with a sentence, unless it is ignored or handled already."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


@contextmanager
def raised() -> Iterator[None]:
    """Inside, SIGINT raises KeyboardInterrupt in a command that `end_at_once` has begun; behind it SIGINT is ignored.
    In any other process nothing changes."""
    global _came
    _came = False
    if signal.getsignal(signal.SIGINT) is not _end:
        yield
        return
    hook = sys.unraisablehook

    def again(lost: Any) -> None:
        if lost.exc_type is not None and issubclass(lost.exc_type, KeyboardInterrupt):
            # Not from here, where it would be lost again.
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
        if _came:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.unraisablehook = hook


@contextmanager
def not_for_children() -> Iterator[None]:
    """Processes that are started inside never see Ctrl-C, which reaches the whole group: their parent ends them. One
    that comes meanwhile waits for the end of it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(*_: object) -> NoReturn:
    os.write(2, b"gillespie-nn: interrupted before the run began\n")
    os._exit(EXIT_CODE)


def _raise(*_: object) -> NoReturn:
    global _came
    _came = True
    raise KeyboardInterrupt


def ignored() -> None:
    """In a worker process: ignore Ctrl-C, which reaches the whole group of processes; the parent ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
