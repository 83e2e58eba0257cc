"""Studies of one number: a score against it, with a line for each series and a panel for each group of these."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..display.figures import COLOURS, LINES
from ..display.tables import Table
from ..statistics.intervals import Estimate
from .base import Extent, Results, Study, summary_columns, summary_row
from .points import Point

_MARKERS = "osD^vP*X"


class Condition(NamedTuple):
    """One setting, carried out with every seed."""

    panel: str
    series: str
    x: float
    make: Callable[[int], Point]
    """The point of a seed."""


class ScoreStudy(Study):
    """A study whose points are `conditions`."""

    x_label: ClassVar[str]
    x_scale: ClassVar[str] = "linear"
    shows_descent: ClassVar[bool] = False
    """Draw float gradient descent of each series, too."""

    @abstractmethod
    def conditions(self, case: str, extent: Extent) -> list[Condition]:
        """In the order of the table; x increasing in each series."""

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [c.make(seed) for c in self.conditions(case, extent) for seed in self.seeds(extent)]

    def of_seeds(self, condition: Condition, results: Results) -> list[Point]:
        """The points of a condition."""
        return [condition.make(seed) for seed in self.seeds(results.extent)]

    def tables(self, results: Results) -> list[Table]:
        conditions = self.conditions(results.case, results.extent)
        with_panels = len({c.panel for c in conditions}) > 1
        rows = [
            (*((c.panel,) if with_panels else ()), c.series, f"{c.x:g}")
            + summary_row(results, self.of_seeds(c, results))
            for c in conditions
        ]
        columns = (*(("where",) if with_panels else ()), "series", self.x_label, *summary_columns(results))
        return [Table("", columns, rows)]

    def draw(self, figure: Any, results: Results) -> None:
        conditions = self.conditions(results.case, results.extent)
        panels = list(dict.fromkeys(c.panel for c in conditions))
        series = list(dict.fromkeys(c.series for c in conditions))
        figure.set_size_inches(max(6.0, 4.0 * len(panels)), 4.4)
        every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, panel in zip(every, panels):
            for k, name in enumerate(series):
                chosen = [c for c in conditions if (c.panel, c.series) == (panel, name)]
                self._line(axes, k, name, chosen, results)
            if self.shows_descent:
                self._descent(axes, [c for c in conditions if c.panel == panel], series, results)
            axes.set_title(panel, fontsize=10)
            axes.set_xscale(self.x_scale)
            axes.set_xlabel(self.x_label, fontsize=9 if len(panels) == 1 else 8)
            self._ticks(axes, [c.x for c in conditions if c.panel == panel])
        every[0].set_ylabel(f"{results.measure.label}\nmean, 95 % interval over seeds")
        handles, labels = every[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=min(2 if len(labels) > 5 else 3, len(labels)), fontsize=8
        )
        figure.suptitle(f"{results.case}: {self.title}", fontsize=11)

    def _line(self, axes: Any, k: int, name: str, conditions: list[Condition], results: Results) -> None:
        if not conditions:
            return
        colour, marker = COLOURS[k % len(COLOURS)], _MARKERS[k % len(_MARKERS)]
        x = np.array([c.x for c in conditions])
        # Side by side, so that intervals do not hide each other.
        x = x * 1.03**k if self.x_scale == "log" else x + 0.008 * k * np.ptp(x)
        found = [results.estimate(self.of_seeds(c, results)) for c in conditions]
        errorbars(axes, x, found, color=colour, marker=marker, linestyle=LINES[k % 4], label=name)

    def _descent(self, axes: Any, conditions: list[Condition], series: list[str], results: Results) -> None:
        """Float gradient descent: one line if it is the same for every series, else one for each."""
        found: dict[str, dict[float, float]] = {name: {} for name in series}
        for c in conditions:
            found[c.series][c.x] = results.estimate(self.of_seeds(c, results), "_gradient_descent").mean
        together: dict[float, list[float]] = {}
        for by_x in found.values():
            for at, mean in by_x.items():
                together.setdefault(at, []).append(mean)
        style = {"linestyle": ":", "marker": "x", "markersize": 4.5}
        if all(np.allclose(means, means[0], equal_nan=True) for means in together.values()):
            x = sorted(together)
            axes.plot(x, [together[v][0] for v in x], color="0.5", label="float gradient descent", **style)
            return
        for k, (name, means) in enumerate(found.items()):
            label = f"float gradient descent, {name}"
            axes.plot(
                list(means), list(means.values()), color=COLOURS[k % len(COLOURS)], alpha=0.6, label=label, **style
            )

    def _ticks(self, axes: Any, x: Iterable[float]) -> None:
        x = sorted(set(x))
        if self.x_scale == "log" and len(x) <= 10:
            axes.set_xticks(x, [f"{v:g}" for v in x], fontsize=8)
            axes.set_xticks([], minor=True)


def errorbars(axes: Any, x: np.ndarray, estimates: Sequence[Estimate], **style: Any) -> None:
    """Means with their intervals; a mean of one seed has none."""
    mean = np.array([e.mean for e in estimates])
    ends = np.nan_to_num([[e.mean - e.low for e in estimates], [e.high - e.mean for e in estimates]])
    axes.errorbar(x, mean, yerr=np.maximum(ends, 0.0), capsize=3, markersize=4.5, linewidth=1.3, **style)
