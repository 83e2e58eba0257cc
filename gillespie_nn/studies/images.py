"""The weights of the first layer as images, where the inputs are one."""

import math

import numpy as np

from ..analysis.learning import float_network
from ..storage import open_run
from .base import Study, Table, summary_columns, summary_row, training

_COLUMNS = 8


class Images(Study):
    name = "weights"
    title = "weights of the hidden neurons, as the molecules hold them"
    summary = "weights of the first layer as images"
    cases = ("digits", "mnist")
    most_seeds = 1

    def points(self, case, extent):
        return [training(case, extent.seed, extent, sweep=False)]

    def tables(self, results):
        points = self.points(results.case, results.extent)
        row = (str(results.extent.seed), *summary_row(results, points))
        return [Table("The run that is drawn", ("seed", *summary_columns(results)), [row])]

    def draw(self, figure, results):
        record = results.record(self.points(results.case, results.extent)[0])
        if record is None:
            return
        with open_run(record.path) as run:
            weights, _ = float_network(run).matrices(run.training["final_weights"][:])[0]
            before, _ = float_network(run).matrices(run.training["initial_weights"][:])[0]
            volume, n = run.volume, int(run.training["n_presented"][()])
        side = math.isqrt(weights.shape[1])
        shown = [("before training", before), (f"after {n} presentations", weights)]
        largest = max(np.abs(w).max() for _, w in shown)
        n_rows = -(-len(weights) // _COLUMNS)
        figure.set_size_inches(11, 1.2 + 0.75 * n_rows)
        halves = figure.subfigures(1, 2)
        for half, (title, values) in zip(halves, shown):
            half.suptitle(title, fontsize=10)
            panels = half.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
            for axes in panels:
                axes.set_axis_off()
            for axes, row in zip(panels, values):
                image = axes.imshow(row.reshape(side, side), cmap="PuOr", vmin=-largest, vmax=largest)
        halves[1].colorbar(image, ax=list(panels), label=f"weight [concentration], Omega = {volume:g}", shrink=0.9)
        figure.suptitle(f"{results.case}: {self.title}, seed {record.point.seed}", fontsize=11)
