"""Weights and accuracy over training, from the records of a training run."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..datasets import Dataset
from ..display.figures import Drawing, style, title
from ..display.html import fragment
from ..display.tables import Table, few, shown
from ..display.trajectories import finish
from ..nn.floating import FloatNetwork
from ..simulation.validation import N_AVERAGED
from ..storage import Run
from .base import Analysis, Ask, Finding, title_of
from .learning import averaged_weights, float_network
from .slices import AnyRun, check_data
from .training_figure import training_drawing

_MOST_RECORDS = 400
"""Whose averaged weights are evaluated."""


class Course(NamedTuple):
    """At some records, evenly; arrays float64 but for `presentation`."""

    presentation: np.ndarray
    """int64[record], presentations done."""
    accuracy: np.ndarray
    """[record], float forward pass of the averaged weights on the test set; NaN for a regression,
    or where the file does not hold the test inputs."""
    rmse: np.ndarray
    """[record] [concentration], of the same outputs."""
    layers: tuple[str, ...]
    """Names of the arrays of weights and biases, layer by layer."""
    size: np.ndarray
    """[record, layer], root mean square weight or bias [concentration]."""
    moved: np.ndarray
    """[record, layer], root mean square distance from the initial ones [concentration]."""
    source: str = ""
    """Method, volume and seed of the run."""

    def __repr__(self) -> str:
        return f"Course({len(self.presentation)} records to presentation {self.presentation[-1]}; {self.source})"

    def _repr_html_(self) -> str:
        return fragment(f"learning; {self.source}", [shown(_table(self))])

    def plot(self, ax: Any = None) -> Any:
        """Draw accuracy, error and size of the weights over the presentations into new panels; into `ax` only the
        first that is known. Returns the axes."""
        panels: list[tuple[str, np.ndarray, tuple[str, ...]]] = [
            ("accuracy on the test set", self.accuracy[:, None], ("accuracy",)),
            ("RMSE on the test set [conc.]", self.rmse[:, None], ("RMSE",)),
            ("rms weight [concentration]", self.size, self.layers),
        ]
        known = [panel for panel in panels if np.isfinite(panel[1]).any()]
        parts = tuple(partial(self._panel, panel=panel, first=panel is known[0]) for panel in known)
        return Drawing(parts if ax is None else parts[:1], size=(6.4, 1.5 + 2 * len(parts)), share_x=True).plot(ax)

    def _panel(self, axes: Any, panel: tuple[str, np.ndarray, tuple[str, ...]], first: bool) -> None:
        label, values, names = panel
        for k, name in enumerate(names):
            axes.plot(self.presentation, values[:, k], label=name, **style(k))
        finish(axes, label, x_label="presentation")
        title(axes, self.source if first else "")


def course(run: Run, most: int = _MOST_RECORDS) -> Course:
    """The course of a training `Run`, at up to `most` records. Raises InputError for another kind of run."""
    check_data(run)
    record = run.training
    chosen = few(len(run.time), most)
    weights, network = averaged_weights(run)[chosen], float_network(run)
    inputs, targets = record.inputs, record.targets
    accuracy, rmse = np.full(len(chosen), np.nan), np.full(len(chosen), np.nan)
    presented = inputs - record.centre
    if len(inputs):
        data = Dataset(run.case, record.task, inputs[:0], targets[:0], inputs, targets)
        for k, w in enumerate(weights):
            outputs = network.forward(w, presented)
            accuracy[k], rmse[k] = data.accuracy(outputs), data.rmse(outputs)
    layers, size, moved = _by_layer(network, weights, record.initial_weights)
    return Course(record.recorded[chosen] + 1, accuracy, rmse, layers, size, moved, title_of(run))


def _by_layer(
    network: FloatNetwork, weights: np.ndarray, initial: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    pieces = [p for layer in network.matrices(np.arange(len(initial))) for p in layer]
    columns = [piece.ravel() for piece in pieces]
    size, moved = (
        np.column_stack([np.sqrt(np.mean(np.square(w[:, c]), axis=1)) for c in columns])
        for w in (weights, weights - initial)
    )
    return network.weight_groups, size, moved


class LearningAnalysis(Analysis):
    """Weights and accuracy over training."""

    name = "learning"
    summary = "weights and accuracy over training, of a training run"

    @staticmethod
    def applies(run: AnyRun) -> bool:
        return getattr(run, "kind", None) == "training"

    @staticmethod
    def find(run: Run, ask: Ask) -> Finding:
        found = course(run)
        tables = [_table(found)]
        scores = run.training.scores
        kept = [(name, score) for name, score in scores.items() if np.isfinite(score)]
        if kept:
            tables.append(Table("scores in the end", ("score", "value"), kept))
        validation = _validation(run)
        if validation:
            tables.append(Table("on the samples held out", ("presentation", "RMSE [conc.]", "accuracy"), validation))
        record = found._asdict() | {"scores": scores}
        return Finding("learning", tables, record, training_drawing(run))


def _table(found: Course) -> Table:
    rows = [
        (int(found.presentation[i]), found.accuracy[i], found.rmse[i], *found.size[i])
        for i in few(len(found.presentation))
    ]
    columns = ("presentation", "accuracy", "RMSE [conc.]", *(f"rms {name}" for name in found.layers))
    caption = f"of the weights averaged over up to {N_AVERAGED} presentations, by a float forward pass"
    return Table(caption, columns, rows)


def _validation(run: Run) -> list:
    record = run.training
    if not len(record.evaluated):
        return []
    rows = zip(record.evaluated, *record.validation.T)
    found = [(int(n), rmse, accuracy) for n, rmse, accuracy in rows if np.isfinite(rmse)]
    return [found[k] for k in few(len(found))] if found else []
