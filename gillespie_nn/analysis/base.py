"""What an analysis is: a question to a run, and a finding with numbers, tables and a figure.

To add one: a subclass of `Analysis` and its line in `ANALYSES` of `registry.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import checks
from ..checks import InputError
from ..display.figures import new_figure, save_figure
from ..display.tables import Table
from .slices import AnyRun


@dataclass(frozen=True)
class Ask:
    """What an analysis is asked for; each takes what it needs."""

    species: tuple[str, ...] = ()
    """Names of species and observables; none: those that vary most."""
    time: float | None = None
    """Of a histogram or a comparison [s]; None: the last."""
    start: float | None = None
    """Stationary analyses leave out what was recorded before [s]; None: the first half."""
    passage: str | None = None
    """`A >= 10`, or the name of an observable that holds the time of passage."""
    other: Any = None
    """The run to compare with."""
    confidence: float = 0.95

    def __post_init__(self) -> None:
        confidence_of(self.confidence)


@dataclass(frozen=True)
class Finding:
    """What an analysis found."""

    title: str
    tables: list[Table]
    record: dict
    """For machines: numbers, texts and arrays by name."""
    draw: Callable
    """`draw(figure)` puts it on a matplotlib figure."""
    notes: list[str] = field(default_factory=list)
    """How it was done, and what it does not say."""

    def text(self) -> str:
        """For people."""
        return "\n".join([self.title, *(t.text() for t in self.tables), *self.notes])

    def save(self, path: str | Path) -> None:
        """Draw it to a file. Needs matplotlib."""
        figure = new_figure()
        self.draw(figure)
        save_figure(figure, path)


class Analysis:
    """One kind of analysis: class attributes `name`, `summary`, and the method `find`."""

    name: str
    summary: str
    in_report = True
    """Whether a report has it wherever `applies`, without being asked."""

    @staticmethod
    def applies(run: AnyRun) -> bool:
        """Whether it says something about `run`, asked for nothing in particular."""
        return True

    @staticmethod
    def find(run: Any, ask: Ask) -> Finding:
        """Carry it out on a `Run` or a `Result`. Raises InputError where it cannot be done."""
        raise NotImplementedError


def confidence_of(value: Any) -> float:
    """`value`, which must be a confidence level between 0 and 1."""
    value = checks.positive("confidence", value, hint="for example 0.95")
    if value >= 1:
        raise InputError(f"confidence must be below 1, got {value!r}: for example 0.95")
    return value


def title_of(run: AnyRun) -> str:
    """What a figure says of where it comes from."""
    return f"{run.method}, Omega = {run.volume:g}, seed {run.seed}"
