"""The course of a training run, from its recorded weights: the network in floating point, figures, learning curves."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..api.learning_trajectories import INITIAL
from ..api.resume import fit_of
from ..checks import GillespieError, InputError
from ..datasets import Dataset
from ..display.curves import finish
from ..display.figures import (
    COLOURS,
    LINES,
    MOST_IMAGES,
    Drawing,
    add_legend,
    around_zero,
    side_of,
    style,
    tiled,
    title,
)
from ..display.tables import Table, few, fragment, shown
from ..nn import Numbers
from ..nn.chemistry import TARGETS
from ..nn.floating import FloatNetwork
from ..nn.settings import Settings
from ..simulation.evaluation import N_AVERAGED
from ..storage import Run
from ..storage.reader import averaged_weights, running_mean
from ..storage.schema import TRAINING
from ..storage.values import understood
from .analysis import Analysis, AnyRun, Ask, Finding, blocks, check_data, per_concentration, read, title_of

__all__ = ["averaged_weights", "float_network", "numbers_of", "output_curves", "running_mean"]


def float_network(run: Run, **objects: Any) -> FloatNetwork:
    """The network of a training run in floating point, from the settings in its file. `objects` are the chemistry and
    the activations from outside the package, by name."""
    with understood(run.path):
        settings = Settings.restored(run.training.settings, **objects)
    parts = settings.activation, settings.output, settings.chemistry
    return FloatNetwork(run.training.layers, *parts, run.seed, settings.course.batch)


def numbers_of(run: Run) -> Numbers:
    """The dual-rail numbers in the network of a training run, from the settings in its file."""
    return Numbers(float_network(run).stack, run.species)


def output_curves(run: Run, inputs: np.ndarray) -> np.ndarray:
    """Outputs float64[record, sample, output] of the averaged weights at each record, by a float forward pass. `inputs`
    are as in `TrainingRecord.inputs`."""
    network, inputs = float_network(run), inputs - run.training.centre
    return np.array([network.forward(w, inputs) for w in averaged_weights(run)])


# The figure: success over training, errors of the outputs of the molecules, weights.

_MOST_SAMPLES = 8
"""Test samples whose outputs are drawn one by one."""
_MOST_LINES = 128
"""Weights that are drawn as lines; more are drawn as an image."""
_WINDOW = 100
"""Records in a running accuracy."""


def training_drawing(run: Run) -> Drawing:
    """The figure of a training run: its success, its errors, and its weights as lines or images."""
    presentation, n_inputs = run.training.recorded + 1, len(run.training.inputs)
    # Without species of targets, the file does not tell which sample was presented.
    listed = bool(numbers_of(run).select(TARGETS))
    target = _targets(run, len(presentation)) if listed else None
    many = run.weights.shape[1] > _MOST_LINES
    if 0 < n_inputs <= _MOST_SAMPLES:
        top = partial(_outputs, run=run, presentation=presentation)
    elif n_inputs:
        top = partial(_test_error, run=run, presentation=presentation)
    else:
        top = partial(_success, run=run, presentation=presentation, target=target)
    panels: tuple[Callable[[Any], Any], ...] = (top,)
    if target is not None:
        panels += (partial(_error, run=run, presentation=presentation, target=target),)
    if many:
        panels += (partial(_images, run=run, change=False), partial(_images, run=run, change=True))
    else:
        panels += (partial(_weights, run=run, presentation=presentation),)
    layers = "-".join(map(str, run.training.layers))
    heading = f"{run.case}, {layers}, {run.method}, Omega = {run.volume:g}, seed {run.seed}"
    return Drawing(panels, size=(8, (10.5 if many else 9) - (0 if listed else 2.5)), heading=heading, share_x=not many)


def _outputs(axes: Any, run: Run, presentation: np.ndarray) -> None:
    curves, targets = output_curves(run, run.training.inputs), run.training.targets
    for k, x in enumerate(run.training.inputs):
        label = f"input ({', '.join(f'{v:g}' for v in x)}), target {', '.join(f'{v:g}' for v in targets[k])}"
        axes.plot(presentation, curves[:, k, 0], LINES[k % 4], color=COLOURS[k % 8], label=label)
    for k, t in enumerate(np.unique(targets)):
        axes.axhline(t, color="0.7", linewidth=0.8, zorder=0, label="" if k else "targets")
    axes.set_xlabel("presentation")
    axes.set_ylabel(f"output of the weights\n({N_AVERAGED}-presentation mean) [conc.]")
    add_legend(axes, above=True)


def _test_error(axes: Any, run: Run, presentation: np.ndarray) -> None:
    """Error of the recorded weights on the test set, if there are too many samples to draw each."""
    inputs, targets = run.training.inputs, run.training.targets
    error = np.sqrt(np.mean(np.square(output_curves(run, inputs) - targets), axis=(1, 2)))
    axes.plot(presentation, error, color=COLOURS[0], label=f"weights, {N_AVERAGED}-presentation mean")
    descent = run.training.scores.get("rmse_gradient_descent", np.nan)
    if np.isfinite(descent):
        axes.axhline(descent, color=COLOURS[3], linestyle=":", linewidth=1, label="gradient descent, final weights")
    axes.set_xlabel("presentation")
    axes.set_ylabel("RMSE on the test set [conc.]")
    axes.set_ylim(bottom=0)
    add_legend(axes)


def _success(axes: Any, run: Run, presentation: np.ndarray, target: np.ndarray | None) -> None:
    """Success without test inputs in the file: that of the outputs of the molecules, if their targets are recorded, and
    the recorded scores."""
    record, scores = run.training, run.training.scores
    is_class = np.isfinite(scores["accuracy"]) or record.task != "regression"
    axes.set_xlabel("presentation")
    if is_class:
        score, column = "accuracy", 1
        if target is not None:
            right = _right(_predictions(run), target, record.task)[:, None]
            label = f"molecules' output, mean of {min(_WINDOW, len(right))} records"
            axes.plot(presentation, running_mean(right, _WINDOW), color=COLOURS[0], label=label)
        axes.set_ylabel("accuracy")
        axes.set_ylim(0, 1.02)
    else:
        score, column = "rmse", 0
        axes.set_ylabel("RMSE [conc.]")
    if len(record.evaluated):
        axes.plot(record.evaluated, record.validation[:, column], "s--", color=COLOURS[2], label="samples held out")
    for name, mark, label in (
        (score, "o", "test set, final weights"), (f"{score}_before", "^", "test set, initial weights")
    ):  # fmt: skip
        if np.isfinite(scores.get(name, np.nan)):
            at = record.n_presented if name == score else 0
            axes.plot([at], [scores[name]], mark, color=COLOURS[1], label=label, clip_on=False, zorder=4)
    descent = scores.get(f"{score}_gradient_descent", np.nan)
    if np.isfinite(descent):
        label = "test set, gradient descent, final weights"
        axes.axhline(descent, color=COLOURS[3], linestyle=":", linewidth=1, label=label)
    add_legend(axes, above=True)


def _right(outputs: np.ndarray, target: np.ndarray, task: str) -> np.ndarray:
    """float64[record], the share of the samples with the right class, or with all outputs on the right side of 1/2."""
    if task == "classification":
        right = outputs.argmax(axis=2) == target.argmax(axis=2)
    else:
        right = ((outputs > 0.5) == (target > 0.5)).all(axis=2)
    share: np.ndarray = right.mean(axis=1)
    return share


def _targets(run: Run, n: int) -> np.ndarray:
    """Targets float64[record, sample of the batch, output] [concentration] at each record."""
    # All plus rails, then all minus rails: the halves of a row are the two sides of the numbers.
    targets = [number.rails for number in numbers_of(run).select(TARGETS)]
    names = [*(rails.plus for rails in targets), *(rails.rail(-1) for rails in targets)]
    rails = np.concatenate([read(run, names, part)[0] for part in blocks(run, len(names))])[:n]
    values = (rails[:, : len(targets)] - rails[:, len(targets) :]) / per_concentration(run)
    return values.reshape(len(values), run.training.batch, -1)


def _predictions(run: Run) -> np.ndarray:
    """Outputs of the molecules float64[record, sample of the batch, output] [concentration] at each record."""
    predictions = run.predictions
    return predictions.reshape(len(predictions), run.training.batch, -1)


def _error(axes: Any, run: Run, presentation: np.ndarray, target: np.ndarray) -> None:
    """Errors of the outputs of the molecules at the end of each presentation, against its targets."""
    error = np.linalg.norm(_predictions(run) - target, axis=2).mean(axis=1)[:, None]
    axes.plot(presentation, error, ".", markersize=2, color="0.7", label="each recorded presentation")
    axes.plot(presentation, running_mean(error, 40), color=COLOURS[1], label="mean of 40 of them")
    axes.set_xlabel("presentation")
    leave = "sample leaves" if run.training.batch == 1 else "samples leave"
    axes.set_ylabel(f"error of the molecules' output\nwhen the {leave} [conc.]")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)


def _weights(axes: Any, run: Run, presentation: np.ndarray) -> None:
    each, mean = run.weights, averaged_weights(run)
    for values, look, label in (
        (each, {"color": COLOURS[2], "alpha": 0.35, "linewidth": 0.7}, "at the end of a presentation"),
        (mean, {"color": COLOURS[0], "linewidth": 0.9}, f"mean of {N_AVERAGED} presentations"),
    ):
        lines = axes.plot(presentation, values, **look)
        lines[0].set_label(label)
    axes.set_xlabel("presentation")
    axes.set_ylabel("weights and biases\n[molecules / Omega]")
    axes.legend(fontsize=8)


def _images(axes: Any, run: Run, change: bool) -> None:
    """The weights of the first layer at the end, or their change.

    If the inputs are an image, so are the weights of each of the neurons that changed most; else all are a heat map.
    """
    # A run that has not ended has no final weights yet.
    final = run.training.final_weights
    final = final if np.isfinite(final).all() else run.weights[-1]
    after, before = (float_network(run).matrices(w)[0][0] for w in (final, run.training.initial_weights))
    moved, weights = after - before, after - before if change else after  # [neuron, input]
    side = side_of(weights.shape[1])
    what = f"change over {run.training.n_presented} presentations" if change else "final weights"
    if side is None:
        image = axes.imshow(weights, cmap="PuOr", aspect="auto", interpolation="nearest", **around_zero(weights))
        axes.set_xlabel(f"input; colours: {what}")
        axes.set_ylabel("neuron of the first layer")
        axes.locator_params(integer=True)
    else:
        most = np.sort(np.argsort(-np.square(moved).sum(axis=1), kind="stable")[:MOST_IMAGES])
        sheet = tiled(weights[most].reshape(-1, side, side))
        image = axes.imshow(sheet, cmap="PuOr", interpolation="nearest", **around_zero(weights))
        axes.set_xticks([])
        axes.set_yticks([])
        neurons = f"{len(most)} of {len(weights)} neurons that changed most"
        neurons = neurons if len(most) < len(weights) else f"{len(weights)} neurons"
        axes.set_xlabel(f"{neurons}, first layer, {side} x {side} inputs each")
        axes.set_ylabel(what.replace(" over ", "\nover "))
    # The image may be lower than its axes; a bar in axes of its height matches it.
    axes.figure.colorbar(image, cax=axes.inset_axes((1.02, 0.0, 0.02, 1.0)), label="[concentration]")


# Learning curves as numbers: accuracy, error and size of the weights at evenly spread records.

_MOST_RECORDS = 400
"""Records whose averaged weights are evaluated, at most."""


class LearningCurves(NamedTuple):
    """Curves at evenly spread records; arrays are float64 but for `presentation`."""

    presentation: np.ndarray
    """int64[record], presentations done."""
    accuracy: np.ndarray
    """[record], by a float forward pass of the averaged weights on the test set; NaN for a regression, or if the file
    lacks the test inputs."""
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
        return (
            f"LearningCurves({len(self.presentation)} records to presentation {self.presentation[-1]}; {self.source})"
        )

    def _repr_html_(self) -> str:
        return fragment(f"learning; {self.source}", [shown(_table(self))])

    def plot(self, ax: Any = None) -> Any:
        """Draw accuracy, error and size of the weights over the presentations into new panels, or the first of them
        that is known into `ax`. Returns the axes."""
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


def course(run: Run, most: int = _MOST_RECORDS, **objects: Any) -> LearningCurves:
    """The course of a training `Run`, at up to `most` records. `objects`: `chemistry=`, `activation=` and
    `output_activation=` of a run with objects from outside the package. Raises InputError for another kind of run."""
    check_data(run)
    record = run.training
    chosen = few(len(run.time), most)
    weights, network = averaged_weights(run)[chosen], float_network(run, **objects)
    inputs, targets = record.inputs, record.targets
    accuracy, rmse = np.full(len(chosen), np.nan), np.full(len(chosen), np.nan)
    presented = inputs - record.centre
    if len(inputs):
        data = Dataset(run.case, record.task, inputs[:0], targets[:0], inputs, targets)
        for k, w in enumerate(weights):
            outputs = network.forward(w, presented)
            accuracy[k], rmse[k] = data.accuracy(outputs), data.rmse(outputs)
    layers, size, moved = _by_layer(network, weights, record.initial_weights)
    return LearningCurves(record.recorded[chosen] + 1, accuracy, rmse, layers, size, moved, title_of(run))


def _by_layer(
    network: FloatNetwork, weights: np.ndarray, initial: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    # Matrices of the positions in the weight vector: which columns each layer has.
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
        curves = course(run)
        tables = [_table(curves)]
        scores = run.training.scores
        known = [(name, score) for name, score in scores.items() if np.isfinite(score)]
        if known:
            tables.append(Table("final scores", ("score", "value"), known))
        validation = _validation(run)
        if validation:
            tables.append(Table("on the samples held out", ("presentation", "RMSE [conc.]", "accuracy"), validation))
        record = curves._asdict() | {"scores": scores}
        return Finding("learning", tables, record, training_drawing(run))


def _table(curves: LearningCurves) -> Table:
    rows = [
        (int(curves.presentation[i]), curves.accuracy[i], curves.rmse[i], *curves.size[i])
        for i in few(len(curves.presentation))
    ]
    columns = ("presentation", "accuracy", "RMSE [conc.]", *(f"rms {name}" for name in curves.layers))
    caption = f"of the weights averaged over up to {N_AVERAGED} presentations, by a float forward pass"
    return Table(caption, columns, rows)


def _validation(run: Run) -> list:
    record = run.training
    if not len(record.evaluated):
        return []
    rows = zip(record.evaluated, *record.validation.T)
    entries = [(int(n), rmse, accuracy) for n, rmse, accuracy in rows if np.isfinite(rmse)]
    return [entries[k] for k in few(len(entries))] if entries else []


# Trajectories: the trained network is simulated again, so it takes the file of a run that has ended.

_PRESENTED = 3
"""Presentations or samples by default."""
_MOST_REACTIONS = 20_000
"""Reactions of a network that a report simulates: it takes a second."""


class TrajectoriesAnalysis(Analysis):
    """The trained network at work."""

    name = "trajectories"
    summary = "all quantities of a trained network over time, while --samples are presented to it again"

    @staticmethod
    def applies(run: AnyRun) -> bool:
        if not isinstance(run, Run) or run.kind != TRAINING or not run.ended:
            return False
        # Networks that are not listed are too large for a report.
        if not 0 < len(run.model.reactions) <= _MOST_REACTIONS:
            return False
        # A file of an earlier version may not be loaded, and the samples of a case may not be here.
        try:
            return fit_of(run).spec.listed
        except GillespieError:
            return False

    @staticmethod
    def find(run: Run, ask: Ask) -> Finding:
        if not hasattr(run, "path"):
            raise InputError("trajectories need the file of a training run; of a fit, use fit.trajectories()")
        fit, samples = fit_of(run), ask.samples
        if samples is None:
            # Batches may be too large to list, where their samples are not.
            listed = fit.spec.listed
            samples = min(_PRESENTED, len(fit.plan.order)) if listed else fit.plan.order.ravel()[:_PRESENTED].tolist()
        t = fit.trajectories(samples, weights=INITIAL if ask.weights == INITIAL else None)
        neuron = next((name for name in ask.species if t.is_of_neuron(name)), None)
        record = {
            "time": t.time, "switches": t.switches, "samples": t.samples, "inputs": t.inputs, "targets": t.targets,
            "names": t.names, "method": t.method, "seed": t.seed,
            "drawn": {panel.rails.name: t.of(panel.rails) for panel in t.panels(neuron)},
        }  # fmt: skip
        notes = [f"method {t.method} ({t.method_reason})"]
        return Finding(f"trajectories of the {t.title}", [t.table()], record, t.drawing(neuron), notes)
