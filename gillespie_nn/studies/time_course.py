"""Time courses: what happens when the input switches, and how slowly the weights follow."""

import numpy as np

from ..analysis.figures import COLOURS
from ..storage import open_run
from .base import Study, Table
from .points import Course
from .settings import ACTIVATIONS

_EXACT = "rejection"


class TimeCourse(Study):
    """One exact run of the first presentations beside the rate equations. Numbers are plus rails less minus rails."""

    name = "time-course"
    title = "the first presentations, molecule by molecule"
    summary = "outputs, a hidden neuron, its error and its weight in time, with the switches of the input"
    cases = ("xor", "iris", "regression")
    most_seeds = 1

    def points(self, case, extent):
        size = {"n_presentations": extent.of(6, 4), "n_points": extent.of(200, 100)}
        return [
            Course(case, extent.seed, method, 1e3, (("activation", activation),), **size)
            for activation in ACTIVATIONS
            for method in (_EXACT, "ode")
        ]

    def tables(self, results):
        found = [results.record(p) for p in self.points(results.case, results.extent) if p.method == _EXACT]
        rows = []
        for record in found:
            if record is not None:
                with open_run(record.path) as run:
                    activation = ACTIVATIONS[dict(record.point.settings)["activation"]]
                    rows.append((activation, f"{run.time[-1]:g}", f"{int(run.n_events[0]):.3g}"))
        return [Table("The runs that are drawn", ("activation", "time [s]", "reactions fired"), rows)]

    def draw(self, figure, results):
        figure.set_size_inches(11, 9)
        rows = figure.subplots(5, len(ACTIVATIONS), sharex=True, sharey="row")
        points = self.points(results.case, results.extent)
        for column, (activation, label) in zip(rows.T, ACTIVATIONS.items()):
            for point in points:
                record = results.record(point)
                if record is not None and dict(point.settings)["activation"] == activation:
                    _draw_one(column, record)
            column[0].set_title(label, fontsize=10)
            column[-1].set_xlabel("time [s]")
        labels = ("output, and\nits target", "pre-activation\nZ1_0", "output Y1_0", "error D1_0", "weight W1_0_0")
        for axes, text in zip(rows[:, 0], labels):
            axes.set_ylabel(f"{text}\n[concentration]", fontsize=8)
        handles, names = rows[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=4, fontsize=8)
        own = next(p for p in points).decided["settings"]
        figure.suptitle(
            f"{results.case}: {self.title}, Omega = 1000, seed {results.extent.seed}\ndotted: the input switches every "
            f"T = {own['running_time']:g} s",
            fontsize=11,
        )


def _draw_one(column, record):
    with open_run(record.path) as run:
        index = {s: k for k, s in enumerate(run.species)}
        values = run.counts[0] / (run.volume if run.units == "molecules" else 1.0)
        time = run.time
    exact = record.point.method == _EXACT
    top = max(int(s[1 : s.index("_")]) for s in index if s.startswith("Z"))
    style = {"color": COLOURS[0], "linewidth": 0.7} if exact else {"color": "black", "linewidth": 1.0}

    def number(stem):
        if f"{stem}_p" not in index:
            return values[:, index[stem]]
        minus = values[:, index[f"{stem}_m"]] if f"{stem}_m" in index else 0.0
        return values[:, index[f"{stem}_p"]] - minus

    for axes, stem in zip(column, (f"Z{top}_0", "Z1_0", "Y1_0", "D1_0", "W1_0_0")):
        axes.plot(time, number(stem), label="molecules, exact" if exact else "rate equations", **style)
        if exact:
            for k in range(record.point.n_presentations):
                axes.axvline(time[k * record.point.n_points], color="0.7", linestyle=":", linewidth=0.8, zorder=0)
    if exact:
        target = np.round(number("T_0"), 9)
        column[0].plot(time, target, color=COLOURS[1], linewidth=1.0, drawstyle="steps-post", label="target")
