"""The figure of a training run: outputs of the weights, errors of the molecules, weights."""

from typing import Any

import numpy as np

from ..display.figures import COLOURS, LINES
from ..simulation.validation import N_AVERAGED
from ..storage import Run
from .learning import averaged_weights, output_curves, running_mean
from .slices import per_concentration, series

_MOST_SAMPLES = 8
_MOST_WEIGHTS = 64


def draw_training(figure: Any, run: Run) -> None:
    """Put a training run on an empty figure."""
    figure.set_size_inches(8, 9)
    top, middle, bottom = figure.subplots(3, 1, sharex=True)
    presentation = run.training.recorded + 1
    layers = "-".join(map(str, run.training.layers))
    top.set_title(f"{run.case}, {layers}, {run.method}, Omega = {run.volume:g}, seed {run.seed}")
    inputs = run.training.inputs
    if 0 < len(inputs) <= _MOST_SAMPLES:
        _outputs(top, presentation, run, inputs)
    else:
        _loss_of_targets(top, presentation, run)
    _error(middle, presentation, run)
    _weights(bottom, presentation, run)
    bottom.set_xlabel("presentation")


def _outputs(axes: Any, presentation: np.ndarray, run: Run, inputs: np.ndarray) -> None:
    curves, targets = output_curves(run, inputs), run.training.targets
    for k, x in enumerate(inputs):
        label = f"input ({', '.join(f'{v:g}' for v in x)}), target {', '.join(f'{v:g}' for v in targets[k])}"
        axes.plot(presentation, curves[:, k, 0], LINES[k % 4], color=COLOURS[k % 8], label=label)
    for t in np.unique(targets):
        axes.axhline(t, color="0.7", linewidth=0.8, zorder=0)
    axes.set_ylabel(f"output of the weights\n({N_AVERAGED}-presentation mean) [conc.]")
    axes.figure.legend(*axes.get_legend_handles_labels(), fontsize=8, ncols=2, loc="outside upper center")


def _loss_of_targets(axes: Any, presentation: np.ndarray, run: Run) -> None:
    """Too many samples to draw each: how the recorded weights do on the test set."""
    inputs, targets = run.training.inputs, run.training.targets
    if not len(inputs):
        axes.text(0.5, 0.5, "the test inputs are too large to be kept in the file", ha="center")
        return
    error = np.sqrt(np.mean(np.square(output_curves(run, inputs) - targets), axis=(1, 2)))
    axes.plot(presentation, error, color=COLOURS[0])
    axes.set_ylabel(f"RMSE on the test set\n({N_AVERAGED}-presentation mean) [conc.]")
    axes.set_ylim(bottom=0)


def _error(axes: Any, presentation: np.ndarray, run: Run) -> None:
    """The chemistry's own output at the end of each presentation, against the target then present."""
    plus = [s for s in run.species if s.startswith("T_") and s.endswith("_p")]
    names = [*plus, *(f"{s[:-1]}m" for s in plus)]
    rails = np.column_stack([series(run, name, slice(0, len(presentation)), 0) for name in names])
    target = (rails[:, : len(plus)] - rails[:, len(plus) :]) / per_concentration(run)
    error = np.linalg.norm(run.predictions - target, axis=1)[:, None]
    axes.plot(presentation, error, ".", markersize=2, color="0.7", label="each recorded presentation")
    axes.plot(presentation, running_mean(error, 40), color=COLOURS[1], label="mean of 40 of them")
    axes.set_ylabel("error of the molecules' output\nwhen the sample leaves [conc.]")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)


def _weights(axes: Any, presentation: np.ndarray, run: Run) -> None:
    weights = run.weights
    shown = weights[:, :_MOST_WEIGHTS]
    axes.plot(presentation, shown, color=COLOURS[2], alpha=0.35, linewidth=0.7)
    axes.plot(presentation, averaged_weights(run)[:, :_MOST_WEIGHTS], color=COLOURS[0], linewidth=0.9)
    more = f" (first {_MOST_WEIGHTS} of {weights.shape[1]})" if weights.shape[1] > _MOST_WEIGHTS else ""
    axes.set_ylabel(f"weights and biases{more}\n[molecules / Omega]")
