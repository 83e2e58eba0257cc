"""Many attempts that may crash the process or hang, in processes of their own."""

import os
import warnings
from collections.abc import Callable, Sequence
from functools import partial

from ..processes import in_processes
from .check import Outcome

_PATIENCE = 20.0
"""Seconds after which an attempt hangs."""
_PROCESSES = 2
_SHOWN = 10


def outcomes(n: int, attempt: Callable[[int], str]) -> dict[int, str]:
    """Outcome of each of `n` attempts by number: the text `attempt(number)` (which can be pickled), or what went wrong:
    an exception, a crash, or an attempt that takes longer than 20 s."""
    work = partial(outcome_of, attempt)
    return {k: str(found) for k, found in in_processes(work, range(n), _PROCESSES, _PATIENCE, _silent)}


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


def outcome_of(attempt: Callable[[int], str], number: int) -> str:
    """What it returns, or the exception that it raises."""
    try:
        return attempt(number)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _silent() -> None:
    """Compiled libraries print to the process's own streams."""
    warnings.simplefilter("ignore")
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
