"""Whether the chemistry trains as well as float gradient descent at the same start, order and step."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..display.figures import COLOURS
from ..display.tables import Table
from ..statistics.intervals import estimate, estimate_ratio
from ..statistics.verdict import Verdict
from .base import ACCURACY, LEAPING, Extent, Goal, Results, Study, summary_columns, summary_row, training
from .points import Point

_METHODS = {("rejection", 1e3): "exact, Omega = 1000", (LEAPING, 1e4): "tau-leaping, Omega = 10000"}
_QUICK_METHODS = {("rejection", 1e2): "exact, Omega = 100", (LEAPING, 1e4): "tau-leaping, Omega = 10000"}
LEAST_DIFFERENCE, LARGEST_RATIO = -0.01, 1.1


class Parity(Study):
    """Paired over seeds, of which each has its own split, start and order."""

    name = "parity"
    title = "chemistry against float gradient descent"
    summary = "paired comparison with gradient descent, and the goals for it"
    cases = ("iris", "regression", "digits")
    most_seeds = 60

    def _series(self, case: str, extent: Extent) -> Iterator[tuple[str, list[Point]]]:
        for (method, volume), label in extent.of(_METHODS, _QUICK_METHODS).items():
            yield label, [training(case, s, extent, method=method, volume=volume) for s in self.seeds(extent)]

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [p for _, points in self._series(case, extent) for p in points]

    def tables(self, results: Results) -> list[Table]:
        every = self._series(results.case, results.extent)
        rows = [(label, *summary_row(results, points)) for label, points in every]
        return [Table("", ("method", *summary_columns(results)), rows)]

    def goals(self, results: Results) -> list[Goal]:
        found = []
        for label, points in self._series(results.case, results.extent):
            ours, theirs = results.scores(points), results.scores(points, "_gradient_descent")
            if results.measure is ACCURACY:
                difference = estimate(ours - theirs)
                goal = f"accuracy minus that of gradient descent above {LEAST_DIFFERENCE:g} ({label})"
                verdict = Verdict.of(difference.low > LEAST_DIFFERENCE, difference.high < LEAST_DIFFERENCE)
                found.append(Goal(goal, results.case, f"{difference}, {difference.n} seeds", verdict))
            else:
                ratio = estimate_ratio(ours, theirs)
                goal = f"RMSE at most {LARGEST_RATIO:g} times gradient descent's ({label})"
                verdict = Verdict.of_interval(ratio.low, ratio.high, most=LARGEST_RATIO)
                found.append(Goal(goal, results.case, f"{ratio}, {ratio.n} seeds", verdict))
        return found

    def draw(self, figure: Any, results: Results) -> None:
        figure.set_size_inches(9, 4.4)
        every = list(self._series(results.case, results.extent))
        panels = figure.subplots(1, len(every), sharex=True, sharey=True, squeeze=False)[0]
        for k, (axes, (label, points)) in enumerate(zip(panels, every)):
            ours, theirs = results.scores(points), results.scores(points, "_gradient_descent")
            known = np.isfinite(ours) & np.isfinite(theirs)
            if known.any():
                low, high = (f(np.concatenate([ours[known], theirs[known]])) for f in (np.min, np.max))
                axes.plot([low, high], [low, high], color="0.5", linewidth=0.8, label="equal")
                axes.plot(theirs[known], ours[known], "os"[k % 2], color=COLOURS[k], alpha=0.5, label="one seed")
                axes.legend(fontsize=8)
            axes.set_title(label, fontsize=10)
            axes.set_xlabel(f"float gradient descent:\n{results.measure.label}")
        panels[0].set_ylabel(f"chemistry:\n{results.measure.label}")
        figure.suptitle(f"{results.case}: {self.title}", fontsize=11)
