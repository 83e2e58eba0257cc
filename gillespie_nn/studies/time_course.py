"""Time courses: what happens when the input switches, and how slowly the weights follow."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..analysis.slices import per_concentration
from ..crn.dual_rail import Rails
from ..display.figures import COLOURS
from ..display.tables import Table
from ..nn import Number
from ..nn.chemistry import ERRORS, OUTPUTS, PREACTIVATIONS, WEIGHTS
from ..storage import open_trajectories
from .base import Extent, Results, Study
from .points import Course, Point, Record
from .settings import FEW

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
            Course(case, extent.seed, method, _VOLUME, tuple(settings.items()), **size)
            for settings in FEW.values()
            for method in (_EXACT, "ode")
        ]

    def tables(self, results: Results) -> list[Table]:
        rows = []
        for course in self._courses(results.case, results.extent):
            record = results.record(course)
            if record is not None and course.method == _EXACT:
                with open_trajectories(record.path) as run:
                    rows.append((_contender(course), f"{run.time[-1]:g}", f"{int(run.n_events[0]):.3g}"))
        return [Table("The runs that are drawn", ("activation", "time [s]", "reactions fired"), rows)]

    def draw(self, figure: Any, results: Results) -> None:
        figure.set_size_inches(11, 9)
        rows = figure.subplots(5, len(FEW), sharex=True, sharey="row")
        points = self._courses(results.case, results.extent)
        courses = [(p, _Numbers(p, r)) for p in points if (r := results.record(p)) is not None]
        if not courses:
            return
        i, j = _liveliest([course for _, course in courses])
        for column, contender in zip(rows.T, FEW):
            for point, course in courses:
                if _contender(point) == contender:
                    _draw_one(column, point, course, i, j)
            column[0].set_title(contender, fontsize=10)
            column[-1].set_xlabel("time [s]")
        names = [number.name for number in courses[0][1].shown(i, j)]
        hidden = [f"{what}\n{name}" for what, name in zip(("pre-activation", "output", "error", "weight"), names)]
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


def _contender(course: Course) -> str:
    return next(name for name, settings in FEW.items() if settings == dict(course.settings))


class _Numbers:
    """A course as concentrations: `of(rails)` float64[time] is a plus rail less its minus rail, if there are two."""

    def __init__(self, point: Course, record: Record) -> None:
        self.spec = point.spec
        with open_trajectories(record.path) as run:
            self.time, self._values = run.time, run.counts[0] / per_concentration(run)

    def of(self, rails: Rails) -> np.ndarray:
        return self.spec.read([rails], self._values, 1.0)[:, 0]

    def first_weights(self) -> list[Number]:
        """The weights of the first layer."""
        return list(self.spec.numbers.select(WEIGHTS, layer=1))

    def shown(self, i: int, j: int) -> list[Number]:
        """What is drawn of hidden neuron `i` and its input `j`."""
        of_neuron = [self.spec.numbers.one(meaning, 1, i) for meaning in (PREACTIVATIONS, OUTPUTS, ERRORS)]
        return [*of_neuron, self.spec.numbers.one(WEIGHTS, 1, i, j)]


def _liveliest(courses: Sequence["_Numbers"]) -> tuple[int, int]:
    """(neuron, input) of the weight that changes in every course: of the most, where it changes least."""
    weights = courses[0].first_weights()
    changes = [min(np.ptp(course.of(weight.rails)) for course in courses) for weight in weights]
    i, j = weights[int(np.argmax(changes))].indices
    return i, j


def _draw_one(column: Any, point: Course, course: "_Numbers", i: int, j: int) -> None:
    exact = point.method == _EXACT
    style = {"color": COLOURS[0], "linewidth": 0.7} if exact else {"color": "black", "linewidth": 1.0}
    for axes, rails in zip(column, (course.spec.outputs[0], *(number.rails for number in course.shown(i, j)))):
        axes.plot(course.time, course.of(rails), label="molecules, exact" if exact else "rate equations", **style)
        if exact:
            for k, time in enumerate(course.time[: -1 : point.n_points]):
                label = None if k else "the input switches"
                axes.axvline(time, color="0.7", linestyle=":", linewidth=0.8, zorder=0, label=label)
    if exact:
        target = course.of(course.spec.targets[0])
        column[0].plot(course.time, target, color=COLOURS[1], linewidth=1.0, drawstyle="steps-post", label="target")
