"""`run_experiment`: simulate what a SED-ML file asks for, and write its reports and plots."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import checks
from ..checks import InputError
from ..seeds import resolve_seed
from ..status import Status
from . import outputs, sedml
from .files import files_of
from .tasks import Tasks

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
    needed = outputs.targets_of(document)
    reports = [checks.new_file(folder / f"{report}.csv", overwrite) for report in document.reports]
    plots = [checks.new_file(folder / f"{plot}.svg", overwrite) for plot in document.plots]
    if plots:
        checks.optional("matplotlib", "plot", "drawing a plot of the experiment")
    tasks = Tasks(document, files, name, before.seed, folder / "runs", overwrite=overwrite, **settings)
    values = {task: tasks.values(task, needed.get(task, set())) for task in needed or document.tasks}
    data = {g: outputs.generated(document, g, values) for g in outputs.generators_of(document)}
    for path, rows in zip(reports, document.reports.values()):
        checks.write_text(path, outputs.report(rows, data.__getitem__))
    for path, (title, curves) in zip(plots, document.plots.values()):
        outputs.plot(document, title, curves, data.__getitem__, path)
    return ExperimentResult(
        before.seed, before.data | {name: data}, (*before.reports, *reports), (*before.plots, *plots),
        (*before.runs, *tasks.written), (*before.unintended, *tasks.unintended),
    )  # fmt: skip
