"""Many attempts that may crash the process or hang, in processes of their own."""

import faulthandler
import multiprocessing
import os
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from .base import Outcome

_PATIENCE = 20.0
_PROCESSES = 2
_SHOWN = 10


def outcomes(n: int, attempt: Callable[[int], str]) -> dict[int, str]:
    """Outcome of each of `n` attempts by number: the text `attempt(number)` (which can be pickled), or what went wrong:
    an exception, a crash, or an attempt that takes longer than 20 s."""
    context = multiprocessing.get_context("spawn")
    process: BaseProcess
    found: dict[int, str] = {}
    waiting = [list(range(k, n, _PROCESSES)) for k in range(min(n, _PROCESSES))]
    running: dict[object, tuple[Connection, BaseProcess, list[int]]] = {}
    while waiting or running:
        while waiting and len(running) < _PROCESSES:
            numbers = waiting.pop()
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_try_all, args=(theirs, numbers, attempt), daemon=True)
            process.start()
            theirs.close()
            running[ours] = ours, process, numbers
        for ready in wait([ours for ours, _, _ in running.values()]):
            connection, process, numbers = running[ready]
            try:
                found[numbers[0]] = connection.recv()
            except EOFError:
                # The attempt that ended its process is the first without an outcome; those after it go on in another.
                process.join()
                found[numbers[0]] = f"the process crashed or hung (exit code {process.exitcode})"
                if len(numbers) > 1:
                    waiting.append(numbers[1:])
                numbers.clear()
            else:
                numbers.pop(0)
            if numbers:
                continue
            del running[ready]
            connection.close()
            process.join()
    return found


def outcome_of_all(n: int, attempt: Callable[[int], str], good: Sequence[str]) -> Outcome:
    """All of `n` attempts as one outcome: p = 1 if each ended in a text of `good` and none of these texts is without
    one, else 0, with the numbers and first texts of the others."""
    found = outcomes(n, attempt)
    kinds = {text: list(found.values()).count(text) for text in good}
    failures = {str(k): v for k, v in sorted(found.items()) if v not in good}
    shown = dict(list(failures.items())[:_SHOWN])
    note = ", ".join(f"{count} {text}" for text, count in kinds.items()) + "".join(
        f"; {k}: {v}" for k, v in shown.items()
    )
    p = float(not failures and len(found) == n and all(kinds.values()))
    return Outcome(f"{len(found)} mutants", p, {"inputs": len(found), **kinds, "failures": shown}, note)


def _try_all(connection: Connection, numbers: list[int], attempt: Callable[[int], str]) -> None:
    """Send the outcome of each attempt, in order, from a process of its own."""
    _silent()
    warnings.simplefilter("ignore")
    for number in numbers:
        faulthandler.dump_traceback_later(_PATIENCE, exit=True)
        connection.send(outcome_of(attempt, number))
        faulthandler.cancel_dump_traceback_later()


def outcome_of(attempt: Callable[[int], str], number: int) -> str:
    """What it returns, or the exception that it raises."""
    try:
        return attempt(number)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _silent() -> None:
    """Compiled libraries print to the process's own streams."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
