"""The weights of the first layer as images, where the inputs are one."""

import math
from typing import Any

import numpy as np

from ..analysis.learning import float_network
from ..display.tables import Table
from ..storage import open_trajectories
from .base import Extent, Results, Study, summary_columns, summary_row, training
from .points import Point

_COLUMNS = 8


class Images(Study):
    name = "weights"
    title = "weights of the hidden neurons, as the molecules hold them"
    summary = "weights of the first layer as images"
    cases = ("digits", "mnist")
    most_seeds = 1

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [training(case, extent.seed, extent)]

    def tables(self, results: Results) -> list[Table]:
        points = self.points(results.case, results.extent)
        row = (str(results.extent.seed), *summary_row(results, points))
        return [Table("The run that is drawn", ("seed", *summary_columns(results)), [row])]

    def draw(self, figure: Any, results: Results) -> None:
        record = results.record(self.points(results.case, results.extent)[0])
        if record is None:
            return
        with open_trajectories(record.path) as run:
            weights, _ = float_network(run).matrices(run.training.final_weights)[0]
            before, _ = float_network(run).matrices(run.training.initial_weights)[0]
            volume, n = run.volume, run.training.n_presented
        side = math.isqrt(weights.shape[1])
        shown = [("before training", before), (f"after {n} presentations", weights)]
        largest = max(np.abs(w).max() for _, w in shown)
        n_rows = -(-len(weights) // _COLUMNS)
        figure.set_size_inches(13, 1.3 + 0.75 * n_rows)
        panels = figure.subplots(n_rows, 2 * _COLUMNS + 1, squeeze=False)
        for axes in panels.ravel():
            axes.set_axis_off()
        for (title, values), half in zip(shown, (panels[:, :_COLUMNS], panels[:, _COLUMNS + 1 :])):
            half[0, _COLUMNS // 2].set_title(title, fontsize=10)
            for axes, row in zip(half.ravel(), values):
                image = axes.imshow(row.reshape(side, side), cmap="PuOr", vmin=-largest, vmax=largest)
        figure.colorbar(image, ax=panels, label="weight [concentration]", aspect=12, pad=0.01)
        figure.suptitle(f"{results.case}: {self.title}, Omega = {volume:g}, seed {record.point.seed}", fontsize=11)
