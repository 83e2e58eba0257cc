"""Accuracy of trained networks on the whole test set, with the outputs computed by simulation."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..analysis.training_course import averaged_weights, float_network
from ..datasets import Dataset
from ..datasets import case as case_of
from ..display.figures import COLOURS, LINES
from ..display.tables import Table
from ..statistics.intervals import Estimate, estimate, estimate_fraction
from ..statistics.tests import Verdict
from ..storage import Run, open_trajectories
from .points import Point, Record
from .study import Extent, Goal, Study, StudyResults, training

_AS_IT_IS, _SHIFTED = "images as they are", "images shifted by a pixel"
_TRAINED: dict[str, dict[str, Any]] = {_AS_IT_IS: {}, _SHIFTED: {"shift": 1}}
_SHARE = 4.0
"""Float gradient descent diverges at the steps of the chemistry, so its steps are smaller by this factor. They are the
largest tried at which it did not diverge, on training images that were held out."""
GOALS = {_AS_IT_IS: 0.980, _SHIFTED: 0.984}
"""Goals for the headline accuracy of each training, at least."""
_NEURONS, _COLUMNS = 48, 8
"""Neurons whose weights are drawn, and how many in a row."""
_HOUR = 3600.0


class _Scores(NamedTuple):
    """Scores and costs of one training, over seeds."""

    floating: Estimate
    averaged: Estimate
    at_one_moment: Estimate
    same_step: Estimate
    """Float gradient descent at the step of the chemistry."""
    twin: Estimate
    """Float gradient descent at a smaller step."""
    minutes: Estimate
    """Wall time."""
    hours: float
    """Chemical time."""

    @property
    def headline(self) -> Estimate:
        """The lower of the two accuracies by simulation."""
        return min(self.averaged, self.at_one_moment, key=lambda e: e.mean)


class Accuracy(Study):
    """Start, order and shifts differ between seeds. Outputs by simulation are read twice: at the end of a presentation,
    and averaged over its second half."""

    name = "accuracy"
    title = "handwritten digits: training and prediction by simulated reactions"
    summary = "accuracy on all test images by simulation, compared with floating point and gradient descent"
    cases = ("mnist",)
    most_seeds = 5

    def _series(self, case: str, extent: Extent) -> dict[str, list[Point]]:
        return {
            label: [training(case, seed, extent, predict=True, **settings) for seed in self.seeds(extent)]
            for label, settings in _TRAINED.items()
        }

    def _twins(self, case: str, extent: Extent, label: str) -> list[Point]:
        """Runs of gradient descent with the same start and the same batches, at a smaller step."""
        rate = case_of(case).settings.learning_rate / _SHARE
        return [
            training(case, seed, extent, method="gradient_descent", learning_rate=rate, **_TRAINED[label])
            for seed in self.seeds(extent)
        ]

    def points(self, case: str, extent: Extent) -> list[Point]:
        every = self._series(case, extent)
        return [p for label, points in every.items() for p in (*points, *self._twins(case, extent, label))]

    def _scores(self, results: StudyResults, label: str, points: Sequence[Point]) -> _Scores | None:
        records = [r for p in points if (r := results.record(p)) is not None]
        if not records:
            return None
        names = ("accuracy", "accuracy_chemical", "accuracy_chemical_moment", "accuracy_gradient_descent")
        floating, averaged, moment, same = (estimate_fraction([r.scores[name] for r in records]) for name in names)
        twin = results.estimate(self._twins(results.case, results.extent, label))
        times = np.array([_times(r) for r in records])
        minutes, hours = estimate(times[:, 0] / 60.0), float(times[:, 1].mean() / _HOUR)
        return _Scores(floating, averaged, moment, same, twin, minutes, hours)

    def tables(self, results: StudyResults) -> list[Table]:
        rows = []
        for label, points in self._series(results.case, results.extent).items():
            scores = self._scores(results, label, points)
            if scores is not None:
                low = f"{scores.headline.low:.4f}"
                means = (
                    f"{e.mean:.4f}"
                    for e in (scores.at_one_moment, scores.averaged, scores.floating, scores.same_step, scores.twin)
                )
                rows.append((label, *means, low, str(scores.minutes), f"{scores.hours:.0f}", str(scores.floating.n)))
        columns = (
            "training", "by simulation, at one moment", "by simulation, averaged", "weights in floating point",
            "float gradient descent, same step", f"float gradient descent, {_SHARE:g} times smaller step",
            "lower end of the headline", "wall time [min]", "chemical time [h]", "seeds",
        )  # fmt: skip
        return [Table("Accuracy on the test set; the headline is the lower of the two by simulation", columns, rows)]

    def goals(self, results: StudyResults) -> list[Goal]:
        goals = []
        for label, points in self._series(results.case, results.extent).items():
            scores = self._scores(results, label, points)
            if scores is not None and not results.extent.quick:
                headline, limit = scores.headline, GOALS[label]
                verdict = Verdict.of_interval(headline.low, headline.high, least=limit)
                goal = f"accuracy by simulation at least {limit:g} ({label})"
                goals.append(Goal(goal, results.case, f"{headline}, {headline.n} seeds", verdict))
        return goals

    def draw(self, figure: Any, results: StudyResults) -> None:
        figure.set_size_inches(12.5, 5.4)
        left, right = figure.subfigures(1, 2, width_ratios=(1.15, 1.0))
        axes = right.subplots()
        shown = None
        for k, (label, points) in enumerate(self._series(results.case, results.extent).items()):
            records = [r for p in points if (r := results.record(p)) is not None]
            if not records:
                continue
            shown = records[0] if shown is None else shown
            hours, curves = zip(*(_curve(r) for r in records))
            colour = COLOURS[k]
            axes.plot(hours[0], np.mean(curves, axis=0), LINES[k], color=colour, label=label)
            axes.fill_between(hours[0], np.min(curves, axis=0), np.max(curves, axis=0), color=colour, alpha=0.2)
            scores = self._scores(results, label, points)
            assert scores is not None
            axes.plot(
                hours[0][-1], scores.headline.mean, "os"[k % 2], color=colour, markeredgecolor="black", clip_on=False,
                label=f"the same, read by simulation: {scores.headline.mean:.4f}",
            )  # fmt: skip
        if shown is None:
            return
        seconds, simulated = _times(shown)
        minutes = axes.secondary_xaxis(
            "top",
            functions=(lambda h: h * _HOUR * seconds / simulated / 60, lambda m: m * 60 * simulated / seconds / _HOUR),
        )
        minutes.set_xlabel("wall time to simulate it [min]")
        axes.set_xlabel("simulated time [h]")
        axes.set_ylabel("accuracy on the 10,000 test images")
        axes.set_ylim(0.93, 1.0)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="lower right")
        self._weights(left, shown)

    def _weights(self, figure: Any, record: Record) -> None:
        with open_trajectories(record.path) as run:
            weights, _ = float_network(run).matrices(run.training.final_weights)[0]
            volume = run.volume
        strongest = np.argsort(-np.abs(weights).sum(axis=1), kind="stable")[:_NEURONS]
        largest = float(np.abs(weights[strongest]).max())
        side = int(np.sqrt(weights.shape[1]))
        panels = figure.subplots(_NEURONS // _COLUMNS, _COLUMNS)
        for axes in panels.ravel():
            axes.set_axis_off()
        for axes, neuron in zip(panels.ravel(), np.sort(strongest)):
            image = axes.imshow(weights[neuron].reshape(side, side), cmap="PuOr", vmin=-largest, vmax=largest)
        bar = figure.colorbar(image, ax=panels, orientation="horizontal", aspect=40, shrink=0.8, pad=0.02)
        bar.set_label(f"weight [concentration]; 1 is {volume:,.0f} molecules")
        figure.suptitle(f"input weights of {len(strongest)} of {len(weights)} hidden neurons", fontsize=11)


def _times(record: Record) -> tuple[float, float]:
    """Wall time of the presentations, and their chemical time [s]."""
    with open_trajectories(record.path) as run:
        return run.training.seconds, run.training.n_presented * run.training.settings["running_time"]


def _curve(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """(time float64[record] [h], accuracy of the recorded weights in floating point float64[record])."""
    with open_trajectories(record.path) as run:
        data, x = _test_set(run)
        network, weights = float_network(run), averaged_weights(run)
        accuracy = [data.accuracy(network.forward(w, x)) for w in weights]
        presented = run.training.recorded[: len(weights)] + 1
        return presented * run.training.settings["running_time"] / _HOUR, np.array(accuracy)


def _test_set(run: Run) -> tuple[Dataset, np.ndarray]:
    """The dataset of a run, and its centred test inputs. Run files do not hold so many inputs."""
    data = case_of(run.case).load(run.seed)
    return data, data.test_x - run.training.centre
