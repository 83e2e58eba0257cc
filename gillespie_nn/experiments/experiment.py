"""Reports and plots of an experiment: data generators over values of tasks, as CSV files and figures."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import checks
from ..checks import InputError
from ..display import figures
from ..seeds import resolve_seed
from ..status import Status
from . import sedml
from .archives import files_of
from .experiment_tasks import Tasks, Values, evaluated
from .sedml import Curve, Document, Maths

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


# `run_experiment`: simulate what a SED-ML file asks for, and write its reports and plots.

ENDINGS = (".omex", ".sedml")


@dataclass(frozen=True)
class ExperimentResult:
    """What an experiment gave."""

    seed: int
    data: dict[str, dict[str, np.ndarray]]
    """Values float64[iteration, ..., point] by document and data generator."""
    reports: tuple[Path, ...]
    plots: tuple[Path, ...]
    runs: tuple[Path, ...]
    """Files that were written."""
    unintended: tuple[Status, ...]
    """How runs ended that did not reach their end."""


def run_experiment(
    path: str | Path, output: str | Path, seed: int | None = None, overwrite: bool = False, **settings: Any
) -> ExperimentResult:
    """Simulate the experiment in a `.sedml` file or a COMBINE archive (`.omex`).

    Parameters
    ----------
    path : of the file. Models are read from its folder, or from the archive; nothing is fetched.
    output : folder to write: `REPORT.csv`, `PLOT.svg`, and a run file `runs/TASK.h5` for each simulation. If there are
        several documents, each has a folder of its own in it.
    seed : of all random numbers; a seed of an algorithm of the experiment replaces it for its simulations.
    overwrite : replace files that exist.
    settings : further arguments of `simulate`, such as `workers`; `substance` as in `ReactionNetwork.from_sbml`.

    Raises
    ------
    InputError : the file is wrong, or asks for what is not supported. MissingExtraError : the extra `sedml` is missing.
    """
    seed = resolve_seed(seed)
    files = files_of(path)
    documents = {name: sedml.read(files.read(name)) for name in files.documents}
    folder = checks.path_of("output", output, f"output must be the path of a folder, got {output!r}")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"output {folder} is a file: name a folder")
    found = ExperimentResult(seed, {}, (), (), (), ())
    for k, (name, document) in enumerate(documents.items()):
        place = folder if len(documents) == 1 else folder / f"{k + 1}-{Path(name).stem}"
        found = _document(found, document, files, name, place, overwrite, settings)
    return found


def _document(
    before: ExperimentResult, document: sedml.Document, files: Any, name: str, folder: Path, overwrite: bool,
    settings: dict[str, Any],
) -> ExperimentResult:  # fmt: skip
    # All that can be refused is refused before anything is simulated or written.
    needed = targets_of(document)
    reports = [checks.new_file(folder / f"{report}.csv", overwrite) for report in document.reports]
    plots = [checks.new_file(folder / f"{plot}.svg", overwrite) for plot in document.plots]
    if plots:
        checks.optional("matplotlib", "plot", "drawing a plot of the experiment")
    tasks = Tasks(document, files, name, before.seed, folder / "runs", overwrite=overwrite, **settings)
    values = {task: tasks.values(task, needed.get(task, set())) for task in needed or document.tasks}
    data = {g: generated(document, g, values) for g in generators_of(document)}
    for path, rows in zip(reports, document.reports.values()):
        checks.write_text(path, report(rows, data.__getitem__))
    for path, (title, curves) in zip(plots, document.plots.values()):
        plot(document, title, curves, data.__getitem__, path)
    return ExperimentResult(
        before.seed, before.data | {name: data}, (*before.reports, *reports), (*before.plots, *plots),
        (*before.runs, *tasks.written), (*before.unintended, *tasks.unintended),
    )  # fmt: skip
