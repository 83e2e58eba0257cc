"""Reports and plots of an experiment: data generators over values of tasks, as CSV files and figures."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from .. import checks
from ..checks import InputError
from ..display import figures
from .models import evaluated
from .sedml import Curve, Document, Maths
from .tasks import Values

_FAINT = 0.4
"""Opacity of the lines of a repeated task."""


def targets_of(document: Document) -> dict[str, set[str]]:
    """The targets of each task that outputs need. Raises InputError for unknown generators."""
    found: dict[str, set[str]] = {}
    for name in generators_of(document):
        for task, target in _maths(document, name).variables.values():
            found.setdefault(checks.choice("task", task, document.tasks, "the experiment has"), set()).add(target)
    return found


def generators_of(document: Document) -> list[str]:
    """The data generators of all outputs, each once."""
    of_reports = [generator for rows in document.reports.values() for _, generator in rows]
    of_plots = [g for _, curves in document.plots.values() for curve in curves for g in (curve.x, curve.y)]
    return list(dict.fromkeys([*of_reports, *of_plots]))


def generated(document: Document, name: str, values: dict[str, Values]) -> np.ndarray:
    """Values float64[..., point] of a data generator. Raises InputError."""
    maths = _maths(document, name)
    read = {variable: values[task][target] for variable, (task, target) in maths.variables.items()}
    try:
        return np.atleast_1d(np.asarray(evaluated(maths.expression, read), dtype=np.float64))
    except ValueError:
        shapes = ", ".join(f"{variable} {array.shape}" for variable, array in read.items())
        raise InputError(f"data generator {name}: its variables have different shapes: {shapes}") from None


def _maths(document: Document, name: str) -> Maths:
    generators = document.generators
    return generators[checks.choice("data generator", name, generators, "the experiment has")][1]


def report(rows: Sequence[tuple[str, str]], data: Callable[[str], np.ndarray]) -> str:
    """A report as CSV: a column for each data set, with `[k]` for each iteration of a repeated task."""
    labels: list[str] = []
    columns: list[np.ndarray] = []
    for label, generator in rows:
        array = data(generator)
        for place in np.ndindex(array.shape[:-1]):
            labels.append(f"{label}[{','.join(map(str, place))}]" if place else label)
            columns.append(array[place])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(labels)
    for k in range(max(map(len, columns))):
        writer.writerow([repr(float(c[k])) if k < len(c) else "" for c in columns])
    return text.getvalue()


def plot(
    document: Document, title: str, curves: Sequence[Curve], data: Callable[[str], np.ndarray], path: Path
) -> None:
    """Draw a plot into a file. Raises MissingExtraError without matplotlib."""
    figure = figures.new_figure((6.4, 4))
    axes = figure.subplots()
    for k, curve in enumerate(curves):
        x, y = np.broadcast_arrays(data(curve.x), data(curve.y))
        x, y = x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])
        opacity = 1.0 if len(y) == 1 else _FAINT
        for j, (one, other) in enumerate(zip(x, y)):
            label = document.generators[curve.y][0] if j == 0 else None
            axes.plot(one, other, label=label, alpha=opacity, linewidth=1.2, **figures.style(k))
    if any(curve.log_x for curve in curves):
        axes.set_xscale("log")
    if any(curve.log_y for curve in curves):
        axes.set_yscale("log")
    axes.set_xlabel(document.generators[curves[0].x][0])
    figures.title(axes, title)
    figures.add_legend(axes)
    figures.save_figure(figure, path)
