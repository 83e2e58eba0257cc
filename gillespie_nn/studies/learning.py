"""Loss curves: the error on the test set of the weights recorded on the way, over seeds."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..analysis.learning import averaged_weights, float_network
from ..datasets import case as case_of
from ..display.figures import COLOURS, LINES
from ..display.tables import Table
from ..statistics.intervals import estimate_error
from ..storage import open_trajectories
from .base import Extent, Results, Study, summary_columns, summary_row, training
from .points import Point, Record
from .settings import FEW, SMOOTH

_MOST_SAMPLES = 1000
_DESCENT = "float gradient descent, smooth ReLU"


class Learning(Study):
    name = "learning"
    title = "loss curves"
    summary = "the error on the test set during training, for each activation and for gradient descent"

    def _series(self, case: str, extent: Extent) -> Iterator[tuple[str, list[Point]]]:
        """(label, points) of each line."""
        seeds = self.seeds(extent)
        for contender, settings in FEW.items():
            yield contender, [training(case, s, extent, **settings) for s in seeds]
        yield (
            _DESCENT,
            [training(case, s, extent, method="gradient_descent", **FEW[SMOOTH]) for s in seeds],
        )

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [p for _, points in self._series(case, extent) for p in points]

    def tables(self, results: Results) -> list[Table]:
        rows = [(label, *summary_row(results, points)) for label, points in self._series(results.case, results.extent)]
        return [Table("After the last presentation", ("series", *summary_columns(results)), rows)]

    def draw(self, figure: Any, results: Results) -> None:
        figure.set_size_inches(7.5, 4.6)
        axes = figure.subplots()
        for k, (label, points) in enumerate(self._series(results.case, results.extent)):
            records = [r for p in points if (r := results.record(p)) is not None]
            if not records:
                continue
            presentations, curves = zip(*(_curve(r) for r in records))
            every = [estimate_error(column) for column in np.array(curves).T]
            mean, low, high = (np.array([getattr(e, n) for e in every]) for n in ("mean", "low", "high"))
            colour = COLOURS[k]
            axes.plot(presentations[0], mean, LINES[k], color=colour, label=f"{label} ({len(records)} seeds)")
            axes.fill_between(presentations[0], low, high, color=colour, alpha=0.18, linewidth=0)
        axes.set_xlabel("presentations")
        axes.set_ylabel("test RMSE of the recorded weights [concentration]\nmean, band: 95 % interval over seeds")
        # Bands of few seeds may reach far beyond the curves.
        largest = max((np.nanmax(line.get_ydata()) for line in axes.lines), default=1.0)
        axes.set_ylim(0, min(axes.get_ylim()[1], 2.0 * largest))
        axes.set_title(f"{results.case}: {self.title}", fontsize=11)
        if axes.lines:
            axes.legend(fontsize=8)


def _curve(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """(presentations done int64[record], RMSE on the test set float64[record]) of a run."""
    with open_trajectories(record.path) as run:
        x, t = run.training.inputs, run.training.targets
        if not len(x):  # too large for the file: they are the case's own
            x = case_of(run.case).load(run.seed).test_x
        x, t = x[:_MOST_SAMPLES] - run.training.centre, t[:_MOST_SAMPLES]
        network = float_network(run)
        error = [np.sqrt(np.mean(np.square(network.forward(w, x) - t))) for w in averaged_weights(run)]
        return run.training.recorded[: len(error)] + 1, np.array(error)
