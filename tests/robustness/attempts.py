"""Many attempts, and one report about all of them. Each attempt runs in a process that it may crash or hang."""

import os
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from gillespie_nn.processes import in_processes
from gillespie_nn.statistics.tests import Verdict

_PATIENCE = 20.0
"""Seconds after which an attempt counts as hanging."""
_PROCESSES = 2
_SHOWN = 10


class Report(NamedTuple):
    """What came of a number of attempts: how often each end was reached, and a text for each failure."""

    what: str
    ends: dict[str, int]
    failures: list[str]
    needed: tuple[str, ...]
    """Ends that must occur. Without them the attempts tested only a part: kills that all came too late, for example."""

    @property
    def never(self) -> list[str]:
        """The needed ends that did not occur."""
        return [end for end in self.needed if not self.ends[end]]

    @property
    def verdict(self) -> Verdict:
        return Verdict.FAILS if self.failures or self.never else Verdict.HOLDS

    def __str__(self) -> str:
        ends = ", ".join(f"{times} {end}" for end, times in self.ends.items())
        shown = self.failures[:_SHOWN]
        more = [f"{len(self.failures) - _SHOWN} more failures"] if len(self.failures) > _SHOWN else []
        more += [f"too few attempts, none {end}" for end in self.never]
        return f"{self.what}: {self.verdict} ({'; '.join([ends, *shown, *more])})"


def outcomes(n: int, attempt: Callable[[int], str]) -> dict[int, str]:
    """Outcome of each of `n` attempts by number: the text `attempt(number)`, or a description of the exception, the
    crash or the time limit of 20 s that ended the attempt. `attempt` must be picklable."""
    work = partial(outcome_of, attempt)
    return {k: str(result) for k, result in in_processes(work, range(n), _PROCESSES, _PATIENCE, _silent)}


def report_of(what: str, n: int, attempt: Callable[[int], str], good: Sequence[str]) -> Report:
    """The report of `n` attempts. Each must return a text of `good`, and each of these texts must occur."""
    results = outcomes(n, attempt)
    ends = {text: list(results.values()).count(text) for text in good}
    failures = [f"{k}: {text}" for k, text in sorted(results.items()) if text not in good]
    failures += [f"{k}: no outcome" for k in range(n) if k not in results]
    return Report(what, ends, failures, tuple(good))


def outcome_of(attempt: Callable[[int], str], number: int) -> str:
    """The text that the attempt returns, or the exception that it raises."""
    try:
        return attempt(number)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _silent() -> None:
    """Discard all output of the process: compiled libraries write to its file descriptors, not to `sys.stdout`."""
    warnings.simplefilter("ignore")
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
