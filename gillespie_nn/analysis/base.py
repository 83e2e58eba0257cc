"""The base of every analysis: options in, a finding with numbers, tables and a figure out.

To add one: a subclass of `Analysis` and its line in `ANALYSES` of `registry.py`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import checks
from ..display.figures import Drawing, new_figure, save_figure
from ..display.html import fragment
from ..display.tables import Table, shown
from .slices import AnyRun


@dataclass(frozen=True)
class Ask:
    """Options of analyses. Each analysis uses the ones it needs."""

    species: tuple[str, ...] = ()
    """Names of species and observables; by default those that vary most."""
    time: float | None = None
    """Time of a histogram or a comparison [s]; by default the last."""
    start: float | None = None
    """Start of the stationary part [s]; by default the second half."""
    passage: str | None = None
    """A condition such as `A >= 10`, or the name of an observable that contains the passage time."""
    other: Any = None
    """Run to compare with."""
    confidence: float = 0.95
    log: str = ""
    """Logarithmic axes of trajectories: `x`, `y` or `xy`."""
    phase: tuple[str, str] | None = None
    """Two quantities to draw against each other, instead of against time."""

    def __post_init__(self) -> None:
        checks.confidence(self.confidence)


@dataclass(frozen=True)
class Finding:
    """The result of an analysis."""

    title: str
    tables: list[Table]
    record: dict
    """Numbers, texts and arrays by name, for JSON."""
    drawing: Drawing
    """Its figure."""
    notes: list[str] = field(default_factory=list)
    """Remarks on the method and its limits."""

    def __repr__(self) -> str:
        return f"Finding({self.title!r}: {len(self.tables)} tables, a figure of {len(self.drawing.panels)} panels)"

    def _repr_html_(self) -> str:
        return fragment(self.title, map(shown, self.tables), self.notes)

    def text(self) -> str:
        """For people."""
        return "\n".join([self.title, *(t.text() for t in self.tables), *self.notes])

    def plot(self, ax: Any = None) -> Any:
        """Draw the figure into `ax`, one axes for each panel, or into a new one. Returns the axes. Needs matplotlib."""
        return self.drawing.plot(ax)

    def draw(self, figure: Any) -> None:
        """Draw the figure into an empty matplotlib figure."""
        self.drawing.on(figure)

    def save(self, path: str | Path) -> None:
        """Save the figure to a file. Needs matplotlib."""
        figure = new_figure()
        self.draw(figure)
        save_figure(figure, path)


class Analysis:
    """One kind of analysis: class attributes `name`, `summary`, and the method `find`."""

    name: str
    summary: str
    in_report = True
    """Whether reports include it where `applies`."""

    @staticmethod
    def applies(run: AnyRun) -> bool:
        """Whether the analysis can treat `run` with default options."""
        return True

    @staticmethod
    def find(run: Any, ask: Ask) -> Finding:
        """Analyse a `Run` or a `Result`. Raises InputError if that is impossible."""
        raise NotImplementedError


def title_of(run: AnyRun) -> str:
    """The line of a figure that names its run."""
    return f"{run.method}, Omega = {run.volume:g}, seed {run.seed}"
