"""Time courses: what happens when the input switches, and how slowly the weights follow."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..analysis.slices import per_concentration
from ..display.figures import COLOURS
from ..storage import Run, open_trajectories
from .base import Extent, Results, Study, Table
from .points import Course, Point, Record
from .settings import ACTIVATIONS

_EXACT, _VOLUME = "rejection", 1e3


class TimeCourse(Study):
    """One exact run of the first presentations beside the rate equations. Numbers are plus rails less minus rails."""

    name = "time-course"
    title = "the first presentations, molecule by molecule"
    summary = "outputs, and a hidden neuron with its error and weight, over time, with the input switches"
    cases = ("xor", "iris", "regression")
    most_seeds = 1

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [*self._courses(case, extent)]

    def _courses(self, case: str, extent: Extent) -> list[Course]:
        size = {"n_presentations": extent.of(6, 4), "n_points": extent.of(200, 100)}
        return [
            Course(case, extent.seed, method, _VOLUME, (("activation", activation),), **size)
            for activation in ACTIVATIONS
            for method in (_EXACT, "ode")
        ]

    def tables(self, results: Results) -> list[Table]:
        rows = []
        for course in self._courses(results.case, results.extent):
            record = results.record(course)
            if record is not None and course.method == _EXACT:
                with open_trajectories(record.path) as run:
                    activation = ACTIVATIONS[dict(course.settings)["activation"]]
                    rows.append((activation, f"{run.time[-1]:g}", f"{int(run.n_events[0]):.3g}"))
        return [Table("The runs that are drawn", ("activation", "time [s]", "reactions fired"), rows)]

    def draw(self, figure: Any, results: Results) -> None:
        figure.set_size_inches(11, 9)
        rows = figure.subplots(5, len(ACTIVATIONS), sharex=True, sharey="row")
        points = self._courses(results.case, results.extent)
        courses = [(p, _read(r)) for p in points if (r := results.record(p)) is not None]
        if not courses:
            return
        i, j = _liveliest([course for _, course in courses])
        for column, (activation, label) in zip(rows.T, ACTIVATIONS.items()):
            for point, course in courses:
                if dict(point.settings)["activation"] == activation:
                    _draw_one(column, point, course, i, j)
            column[0].set_title(label, fontsize=10)
            column[-1].set_xlabel("time [s]")
        hidden = f"pre-activation\nZ1_{i}", f"output\nY1_{i}", f"error\nD1_{i}", f"weight\nW1_{i}_{j}"
        for axes, text in zip(rows[:, 0], ("output, and\nits target", *hidden)):
            axes.set_ylabel(f"{text}\n[concentration]", fontsize=8)
        handles, names = rows[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=4, fontsize=8)
        running_time = points[0].decided["settings"]["running_time"]
        figure.suptitle(
            f"{results.case}: {self.title}, Omega = {_VOLUME:g}, seed {results.extent.seed}\n"
            f"the input switches every T = {running_time:g} s",
            fontsize=11,
        )


class _Numbers:
    """A course as concentrations: `of(stem)` float64[time] is a plus rail less its minus rail, if there are two."""

    def __init__(self, run: Run) -> None:
        self.time = run.time
        self._index = {s: k for k, s in enumerate(run.species)}
        self._values = run.counts[0] / per_concentration(run)

    def of(self, stem: str) -> np.ndarray:
        column = {end: self._index.get(f"{stem}{end}") for end in ("", "_p", "_m")}
        if column[""] is not None:
            return self._values[:, column[""]]
        plus = self._values[:, column["_p"]]
        return plus if column["_m"] is None else plus - self._values[:, column["_m"]]

    @property
    def n_layers(self) -> int:
        return max(int(s[1 : s.index("_")]) for s in self._index if s.startswith("Z"))

    def first_weights(self) -> list[tuple[int, int]]:
        """(neuron, input) of each weight of the first layer."""
        names = (s.split("_") for s in self._index if s.startswith("W1_") and s.endswith("_p"))
        return [(int(i), int(j)) for _, i, j, _ in names]


def _read(record: Record) -> "_Numbers":
    with open_trajectories(record.path) as run:
        return _Numbers(run)


def _liveliest(courses: Sequence["_Numbers"]) -> tuple[int, int]:
    """(neuron, input) of the weight that changes in every course: of the most, where it changes least."""
    changes = {(i, j): min(np.ptp(c.of(f"W1_{i}_{j}")) for c in courses) for i, j in courses[0].first_weights()}
    return max(changes, key=lambda pair: changes[pair])


def _draw_one(column: Any, point: Course, course: "_Numbers", i: int, j: int) -> None:
    exact = point.method == _EXACT
    style = {"color": COLOURS[0], "linewidth": 0.7} if exact else {"color": "black", "linewidth": 1.0}
    stems = (f"Z{course.n_layers}_0", f"Z1_{i}", f"Y1_{i}", f"D1_{i}", f"W1_{i}_{j}")
    for axes, stem in zip(column, stems):
        axes.plot(course.time, course.of(stem), label="molecules, exact" if exact else "rate equations", **style)
        if exact:
            for k, time in enumerate(course.time[: -1 : point.n_points]):
                label = None if k else "the input switches"
                axes.axvline(time, color="0.7", linestyle=":", linewidth=0.8, zorder=0, label=label)
    if exact:
        column[0].plot(
            course.time, course.of("T_0"), color=COLOURS[1], linewidth=1.0, drawstyle="steps-post", label="target"
        )
