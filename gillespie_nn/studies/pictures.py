"""Studies that are figures first: confusion matrices, images of weights, loss curves, time courses."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis.analysis import per_concentration
from ..analysis.training_course import averaged_weights, float_network
from ..api.learning_trajectories import (
    LearningTrajectories,
    draw_panel,
    draw_switches,
    draw_target,
    liveliest,
    panels_of,
)
from ..datasets import case as case_of
from ..datasets.cases import SPECIES
from ..display.figures import COLOURS, LINES
from ..display.tables import Table
from ..statistics.intervals import estimate_error
from ..storage import open_trajectories
from .points import FirstPresentations, Point, Record
from .study import FEW, SMOOTH, Extent, Study, StudyResults, summary_columns, summary_row, training

# Confusion matrices, summed over seeds.

_NAMES = {"iris": SPECIES}
_PANELS = {"outputs": "chemistry", "outputs_gradient_descent": "float gradient descent"}


class Confusion(Study):
    name = "confusion"
    title = "confusion matrix"
    summary = "confusion matrices of the weights from the chemistry and from gradient descent"
    cases = ("iris", "digits", "mnist")

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [training(case, seed, extent) for seed in self.seeds(extent)]

    def _matrix(self, results: StudyResults, name: str) -> np.ndarray | None:
        """int64[true class, predicted class], summed over seeds; None if no run exists."""
        counts = [_count(r.path, name) for p in self._points(results) if (r := results.record(p)) is not None]
        return np.sum(counts, axis=0) if counts else None

    def _points(self, results: StudyResults) -> list[Point]:
        return self.points(results.case, results.extent)

    def _n_available(self, results: StudyResults) -> int:
        return sum(results.record(p) is not None for p in self._points(results))

    def tables(self, results: StudyResults) -> list[Table]:
        tables = []
        for name, label in _PANELS.items():
            matrix = self._matrix(results, name)
            if matrix is not None:
                names = _class_names(results.case, len(matrix))
                rows = [(f"**{n}**", *map(str, row)) for n, row in zip(names, matrix)]
                tables.append(Table(f"{label}, test samples (row: true class)", ("", *names), rows))
        return tables

    def draw(self, figure: Any, results: StudyResults) -> None:
        figure.set_size_inches(9.5, 4.8)
        every = figure.subplots(1, len(_PANELS))
        for axes, (name, label) in zip(every, _PANELS.items()):
            matrix = self._matrix(results, name)
            if matrix is None:
                axes.set_axis_off()
                continue
            share = 100.0 * matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
            image = axes.imshow(share, cmap="cividis", vmin=0, vmax=100)
            names = _class_names(results.case, len(matrix))
            axes.set_xticks(range(len(names)), names, fontsize=8)
            axes.set_yticks(range(len(names)), names, fontsize=8, rotation=90 if len(names) < 5 else 0, va="center")
            for (i, j), value in np.ndenumerate(share):
                axes.text(
                    j, i, f"{value:.0f}", ha="center", va="center", fontsize=8,
                    color="black" if value > 60 else "white",
                )  # fmt: skip
            axes.set_xlabel("predicted class")
            axes.set_ylabel("true class")
            axes.set_title(label, fontsize=10)
            figure.colorbar(image, ax=axes, label="share of the true class [%]", shrink=0.8)
        figure.suptitle(f"{results.case}: {self.title} over {self._n_available(results)} seeds", fontsize=11)


def _count(path: Path, name: str) -> np.ndarray:
    with open_trajectories(path) as run:
        predicted = np.argmax(run.training[name], axis=1)
        targets = run.training.targets
    matrix = np.zeros((targets.shape[1],) * 2, dtype=np.int64)
    np.add.at(matrix, (np.argmax(targets, axis=1), predicted), 1)
    return matrix


def _class_names(case: str, n: int) -> tuple[str, ...]:
    return _NAMES.get(case, tuple(str(k) for k in range(n)))


# The weights of the first layer as images, for cases whose inputs are images.

_COLUMNS = 8


class Images(Study):
    name = "weights"
    title = "weights of the hidden neurons, from counts of molecules"
    summary = "weights of the first layer as images"
    cases = ("digits", "mnist")
    most_seeds = 1

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [training(case, extent.seed, extent)]

    def tables(self, results: StudyResults) -> list[Table]:
        points = self.points(results.case, results.extent)
        row = (str(results.extent.seed), *summary_row(results, points))
        return [Table("The run that is drawn", ("seed", *summary_columns(results)), [row])]

    def draw(self, figure: Any, results: StudyResults) -> None:
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


# Loss curves: the error on the test set of the weights recorded during training, over seeds.

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

    def tables(self, results: StudyResults) -> list[Table]:
        rows = [(label, *summary_row(results, points)) for label, points in self._series(results.case, results.extent)]
        return [Table("After the last presentation", ("series", *summary_columns(results)), rows)]

    def draw(self, figure: Any, results: StudyResults) -> None:
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
        # A test set too large for the file is that of the case.
        if not len(x):
            x = case_of(run.case).load(run.seed).test_x
        x, t = x[:_MOST_SAMPLES] - run.training.centre, t[:_MOST_SAMPLES]
        network = float_network(run)
        error = [np.sqrt(np.mean(np.square(network.forward(w, x) - t))) for w in averaged_weights(run)]
        return run.training.recorded[: len(error)] + 1, np.array(error)


# Time courses: the network when the input switches, and how slowly the weights follow.

_EXACT, _VOLUME = "rejection", 1e3


class TimeCourse(Study):
    """The first presentations in one exact run and in rate equations. Numbers are plus rails minus minus rails."""

    name = "time-course"
    title = "the first presentations, molecule by molecule"
    summary = "outputs, and a hidden neuron with its error and weight, over time, with the input switches"
    cases = ("xor", "iris", "regression")
    most_seeds = 1

    def points(self, case: str, extent: Extent) -> list[Point]:
        return [*self._courses(case, extent)]

    def _courses(self, case: str, extent: Extent) -> list[FirstPresentations]:
        size = {"n_presentations": extent.of(6, 4), "n_points": extent.of(200, 100)}
        return [
            FirstPresentations(case, extent.seed, method, _VOLUME, tuple(settings.items()), **size)
            for settings in FEW.values()
            for method in (_EXACT, "ode")
        ]

    def tables(self, results: StudyResults) -> list[Table]:
        rows = []
        for course in self._courses(results.case, results.extent):
            record = results.record(course)
            if record is not None and course.method == _EXACT:
                with open_trajectories(record.path) as run:
                    rows.append((_contender(course), f"{run.time[-1]:g}", f"{int(run.n_events[0]):.3g}"))
        return [Table("The runs that are drawn", ("activation", "time [s]", "reactions fired"), rows)]

    def draw(self, figure: Any, results: StudyResults) -> None:
        figure.set_size_inches(11, 9)
        rows = figure.subplots(5, len(FEW), sharex=True, sharey="row")
        points = self._courses(results.case, results.extent)
        courses = [(p, _course(p, r)) for p in points if (r := results.record(p)) is not None]
        if not courses:
            return
        neuron = liveliest([course for _, course in courses])
        for column, contender in zip(rows.T, FEW):
            for point, course in courses:
                if _contender(point) == contender:
                    _draw_one(column, course, neuron)
            column[0].set_title(contender, fontsize=10)
            column[-1].set_xlabel("time [s]")
        first = courses[0][1]
        for axes, panel in zip(rows[:, 0], panels_of(first, first.shown(*neuron))):
            axes.set_ylabel(f"{panel.label}\n[concentration]", fontsize=8)
        handles, names = rows[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=4, fontsize=8)
        running_time = points[0].decided["settings"]["running_time"]
        figure.suptitle(
            f"{results.case}: {self.title}, Omega = {_VOLUME:g}, seed {results.extent.seed}\n"
            f"the input switches every T = {running_time:g} s",
            fontsize=11,
        )


def _contender(course: FirstPresentations) -> str:
    return next(name for name, settings in FEW.items() if settings == dict(course.settings))


def _course(point: FirstPresentations, record: Record) -> LearningTrajectories:
    spec = point.spec
    with open_trajectories(record.path) as run:
        time, switches = run.time, run.time[: -1 : point.n_points]
        return LearningTrajectories(
            spec, time, np.asarray(run.counts[0]), per_concentration(run), switches, np.empty((0, 1, spec.layers[0])),
            method=point.method,
        )  # fmt: skip


def _draw_one(column: Any, course: LearningTrajectories, neuron: tuple[int, int, int]) -> None:
    exact = course.method == _EXACT
    style = {"color": COLOURS[0], "linewidth": 0.7} if exact else {"color": "black", "linewidth": 1.0}
    for axes, panel in zip(column, panels_of(course, course.shown(*neuron))):
        draw_panel(axes, course, panel, label="molecules, exact" if exact else "rate equations", **style)
        if exact:
            draw_switches(axes, course)
            if panel.target is not None:
                draw_target(axes, course, panel.target)
