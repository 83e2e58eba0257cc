"""Experiments in SED-ML: changes of models, simulation of tasks, and reports and plots."""

import csv
import io
import re
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import checks
from ..api import simulate
from ..checks import InputError
from ..crn import ReactionNetwork
from ..crn.expressions import number
from ..display import figures
from ..seeds import resolve_seed
from ..status import Status
from . import sedml
from .sedml import (
    DECLARATION,
    MOST_RUNS,
    TIME,
    Archive,
    Curve,
    Document,
    Folder,
    Maths,
    Repeated,
    SedmlChange,
    SedmlSimulation,
    SedmlTask,
    files_of,
    next_to,
)

# SBML models: targets in them, changes, and values to record.

_STEP = re.compile(r"(?:[\w.-]+:)?([\w.-]+)(?:\[\s*@([\w.:-]+)\s*=\s*(?:'([^'\]]*)'|\"([^\"\]]*)\")\s*\])?")
_VALUE = {"parameter": "value", "localParameter": "value", "compartment": "size", "speciesReference": "stoichiometry"}
_RECORDED = ("species", "parameter", "compartment", "reaction", "speciesReference")
_PREFIX = "sedml_value_of_"


class ExperimentModel:
    """An SBML document that can be changed. Raises InputError if the text is not XML."""

    def __init__(self, text: str) -> None:
        try:
            self._root = ElementTree.fromstring(text)
        except (ElementTree.ParseError, ValueError) as error:
            raise InputError(f"the model is not XML: {error}") from None

    def text(self) -> str:
        return DECLARATION + ElementTree.tostring(self._root, encoding="unicode")

    def identifier(self, target: str) -> str:
        """The identifier of the element that a target of a variable names. Raises InputError."""
        element, attribute = self._element(target)
        kind, name = _local(element.tag), element.get("id")
        if attribute not in (None, "id", *_of(element)) or kind not in _RECORDED or not name:
            raise InputError(
                f"the target {target!r} has no value over time: use one of a {', '.join(_RECORDED[:-1])} with an id"
            )
        return name

    def value(self, target: str) -> float:
        """The number in an attribute. Raises InputError."""
        element, attribute = self._element(target)
        text = element.get(attribute or _attribute(element, target), "")
        try:
            return float(text)
        except ValueError:
            raise InputError(f"the target {target!r} has no number, but {text[:60]!r}") from None

    def change(self, target: str, text: str) -> None:
        """Set an attribute. Raises InputError."""
        element, attribute = self._element(target)
        attribute = attribute or _attribute(element, target)
        if attribute in ("id", "metaid"):
            raise InputError(f"the target {target!r} is an identifier, which cannot be changed")
        # A species has only one of these.
        for other in ("initialAmount", "initialConcentration"):
            if attribute.startswith("initial") and other != attribute:
                element.attrib.pop(other, None)
        element.set(attribute, text)

    def network(self, recorded: Iterable[str], substance: str | None) -> ReactionNetwork:
        """The network, with an assignment rule for each of these identifiers. The name of the rule is `recorded_as`."""
        sbml = checks.optional("libsbml", "sbml", "reading SBML")
        document = sbml.readSBMLFromString(self.text())
        model = document.getModel()
        for name in recorded if model is not None else ():
            parameter, rule = model.createParameter(), model.createAssignmentRule()
            if parameter is None or rule is None:
                raise InputError("values of a model of SBML level 1 cannot be recorded: convert it to level 2 or 3")
            parameter.setId(recorded_as(name))
            parameter.setConstant(False)
            rule.setVariable(recorded_as(name))
            # Made as a name: a formula read from text takes names such as `pi` and `time` for constants.
            node = sbml.ASTNode(sbml.AST_NAME)
            node.setName(name)
            rule.setMath(node)
        return ReactionNetwork.from_sbml(sbml.writeSBMLToString(document), substance=substance)

    def _element(self, target: str) -> tuple[ElementTree.Element, str | None]:
        """The element of an XPath such as `/sbml:sbml/sbml:model/.../sbml:parameter[@id='k']/@value`, and the name of
        the attribute, if it ends in one."""
        path, _, attribute = target.strip().partition("/@")
        steps = [_STEP.fullmatch(step) for step in re.split(r"/(?![^\[]*\])", path.lstrip("/"))]
        if not path.startswith("/") or path.startswith("//") or None in steps:
            raise InputError(
                f"the target {target[:120]!r} is not supported: write the whole path, such as "
                "/sbml:sbml/sbml:model/sbml:listOfParameters/sbml:parameter[@id='k']/@value"
            )
        elements = [self._root]
        for k, step in enumerate(steps):
            assert step is not None
            name, key, one, other = step.groups()
            value = one if one is not None else other
            nodes = elements if k == 0 else [child for element in elements for child in element]
            elements = [e for e in nodes if _local(e.tag) == name and (key is None or e.get(key) == value)]
        if len(elements) != 1:
            raise InputError(f"the target {target!r} fits {len(elements)} elements of the model, and must fit one")
        return elements[0], attribute or None


def recorded_as(name: str) -> str:
    """Name of the rule that gives the value of an identifier."""
    return _PREFIX + name


def _local(tag: Any) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _of(element: ElementTree.Element) -> tuple[str, ...]:
    kind = _local(element.tag)
    return ("initialAmount", "initialConcentration") if kind == "species" else (_VALUE.get(kind, "id"),)


def _attribute(element: ElementTree.Element, target: str) -> str:
    """The attribute with the value of an element. Raises InputError."""
    kind = _local(element.tag)
    if kind == "species":
        amounts = element.get("hasOnlySubstanceUnits") == "true" or "initialAmount" in element.attrib
        return "initialAmount" if amounts else "initialConcentration"
    if kind not in _VALUE:
        raise InputError(f"the target {target!r} has no value: name an attribute, such as /@value")
    return _VALUE[kind]


def evaluated(expression: Any, values: Mapping[str, Any]) -> Any:
    """The value of an expression; its names must be among `values`. Raises InputError."""
    for name in sorted(expression.names()):
        checks.choice("name in a formula of the experiment", name, values, "known are")
    return expression.evaluate(values)


# Tasks: simulation of the values that data generators read.

Values = dict[str, np.ndarray]
"""float64[iteration, ..., point] by target; a task that is not repeated has float64[point]."""


class Tasks:
    """The tasks of a document.

    Parameters
    ----------
    document : see `sedml`.
    files : files of the experiment.
    name : name of the document in them.
    seed : seed of all random numbers. Each run of a simulation has separate random streams.
    runs : folder for the run files, or None.
    settings : further arguments of `simulate`.
    """

    def __init__(
        self, document: Document, files: Archive | Folder, name: str, seed: int, runs: Path | None,
        substance: str | None = None, **settings: Any,
    ) -> None:  # fmt: skip
        self._document, self._files, self._name = document, files, name
        self._seed, self._runs, self._substance, self._settings = seed, runs, substance, settings
        self.written: list[Path] = []
        """Run files."""
        self.unintended: list[Status] = []
        """Status of the runs that did not end as intended."""

    def values(self, task: str, targets: Iterable[str]) -> Values:
        """Simulate a task. Returns the values of `targets`. Raises InputError."""
        self._check(task)
        return self._values(task, sorted(set(targets) | {TIME}), (), task)

    def _values(self, name: str, targets: list[str], changes: tuple[SedmlChange, ...], file: str) -> Values:
        task = self._task(name)
        if isinstance(task, SedmlTask):
            return self._simulated(name, task, targets, changes, file, None)
        inner = self._task(task.task)
        if not task.changes and isinstance(inner, SedmlTask):
            # An ensemble is one simulation: its runs share all but their random numbers.
            return self._simulated(task.task, inner, targets, changes, file, task.n)
        rows = []
        for k in range(task.n):
            values = _range_values(task, k)
            # Changes of an outer task come first, so that an inner one can replace them.
            now = tuple(_at(change, values) for change in task.changes)
            rows.append(self._values(task.task, targets, changes + now, f"{file}-{k}"))
        return {target: np.stack([row[target] for row in rows]) for target in targets}

    def _task(self, name: str) -> SedmlTask | Repeated:
        return self._document.tasks[checks.choice("task", name, self._document.tasks, "the experiment has")]

    def _check(self, name: str) -> None:
        """Raise InputError if tasks contain one another or have too many runs."""
        # Every step goes to the task inside. A task that comes twice would never end.
        inside, runs = [name], 1
        while isinstance(task := self._task(name), Repeated):
            runs, name = runs * task.n, task.task
            if name in inside:
                raise InputError(f"the repeated task {name} contains itself")
            inside.append(name)
            if runs > MOST_RUNS:
                raise InputError(f"the task {inside[0]} has more than {MOST_RUNS:,} runs: use fewer iterations")

    def _simulated(
        self, name: str, task: SedmlTask, targets: list[str], changes: tuple[SedmlChange, ...], file: str, n: int | None
    ) -> Values:
        """Values float64[point], or of `n` runs float64[run, point]."""
        simulations = self._document.simulations
        simulation = simulations[checks.choice("simulation", task.simulation, simulations, "the experiment has")]
        model = self._model(task.model, ())
        for change in changes:
            if change.model not in ("", task.model):
                raise InputError(f"task {name}: setValue changes the model {change.model}, which the task does not use")
            _apply(model, change)
        names = {target: model.identifier(target) for target in targets if target != TIME}
        network = model.network(sorted(set(names.values())), self._substance)
        result = self._run(network, simulation, file, n or 1)
        self.unintended += [status for status in result.statuses if not status.intended]
        shape = (n or 1, len(simulation.time))
        values = {TIME: np.broadcast_to(simulation.time, shape)}
        for target, identifier in names.items():
            recorded = np.ma.filled(np.ma.asarray(result.of(recorded_as(identifier))[:], dtype=np.float64), np.nan)
            values[target] = recorded.reshape(shape)
        if hasattr(result, "close"):
            result.close()
        return values if n is not None else {target: rows[0] for target, rows in values.items()}

    def _model(self, name: str, inside: tuple[str, ...]) -> ExperimentModel:
        """A new copy of the model with its changes, which may be changed further."""
        models = self._document.models
        source, changes = models[checks.choice("model", name.removeprefix("#"), models, "the experiment has")]
        if name in inside:
            raise InputError(f"the model {name} is a change of itself")
        if source.removeprefix("#") in models:
            model = self._model(source.removeprefix("#"), (*inside, name))
        else:
            model = ExperimentModel(self._files.read(next_to(self._name, source)))
        for change in changes:
            _apply(model, change)
        return model

    def _run(self, network: ReactionNetwork, simulation: SedmlSimulation, file: str, n: int) -> Any:
        options: dict[str, Any] = dict(simulation.options)
        seed = checks.whole("the seed of the algorithm", options.pop("seed", self._seed), 0)
        if simulation.ignored:
            warnings.warn(f"without effect on {simulation.method}: {', '.join(simulation.ignored)}", stacklevel=2)
        # The seed depends on the name of the run, so that repeated tasks have different random numbers.
        output = None if self._runs is None else self._runs / f"{file}.h5"
        result = simulate(
            network, time=simulation.time, method=simulation.method, replicates=n, output=output,
            seed=int(np.random.SeedSequence([seed, *file.encode()]).generate_state(1)[0]),
            **options, **self._settings,
        )  # fmt: skip
        if output is not None:
            self.written.append(output)
        return result


def _apply(model: ExperimentModel, change: SedmlChange) -> None:
    if change.text is not None:
        model.change(change.target, change.text)
        return
    assert change.maths is not None
    values = {name: model.value(target) for name, (_, target) in change.maths.variables.items()}
    value = checks.finite(f"the new value of {change.target}", float(evaluated(change.maths.expression, values)))
    model.change(change.target, repr(value))


def _range_values(task: Repeated, k: int) -> dict[str, float]:
    """The value of each range at iteration k. A functional range may read the ranges before it."""
    values = {name: float(range_[k]) for name, range_ in task.ranges.items() if isinstance(range_, np.ndarray)}
    for name, range_ in task.ranges.items():
        if not isinstance(range_, np.ndarray):
            maths = range_[1]
            if maths.variables:
                raise InputError(f"the functional range {name} reads variables, which is not supported")
            values[name] = float(evaluated(maths.expression, values))
    return values


def _at(change: SedmlChange, ranges: Mapping[str, float]) -> SedmlChange:
    """`change` with the names of ranges replaced by their values."""
    assert change.maths is not None
    expression = change.maths.expression.substitute({name: number(value) for name, value in ranges.items()})
    return change._replace(maths=Maths(expression, change.maths.variables))


# Reports and plots: data generators, computed from the values of tasks, as CSV files and figures.

_FAINT = 0.4
"""Opacity of the lines of a repeated task."""


def targets_of(document: Document) -> dict[str, set[str]]:
    """The targets of each task that outputs need. Raises InputError for unknown generators."""
    targets: dict[str, set[str]] = {}
    for name in generators_of(document):
        for task, target in _maths(document, name).variables.values():
            targets.setdefault(checks.choice("task", task, document.tasks, "the experiment has"), set()).add(target)
    return targets


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


# The whole experiment.

ENDINGS = (".omex", ".sedml")
"""Endings of files with an experiment."""


@dataclass(frozen=True)
class ExperimentResult:
    """The results of an experiment."""

    seed: int
    data: dict[str, dict[str, np.ndarray]]
    """Values float64[iteration, ..., point] by document and data generator."""
    reports: tuple[Path, ...]
    plots: tuple[Path, ...]
    runs: tuple[Path, ...]
    """Files that were written."""
    unintended: tuple[Status, ...]
    """Status of the runs that did not end as intended."""


def run_experiment(
    path: str | Path, output: str | Path, seed: int | None = None, overwrite: bool = False, **settings: Any
) -> ExperimentResult:
    """Simulate the experiment in a `.sedml` file or a COMBINE archive (`.omex`).

    Parameters
    ----------
    path : path of the file. Models are read from its folder, or from the archive; nothing is fetched.
    output : folder to write: `REPORT.csv`, `PLOT.svg`, and a run file `runs/TASK.h5` for each simulation. If there are
        several documents, each has a subfolder.
    seed : seed of all random numbers; if an algorithm of the experiment has a seed, its simulations use that.
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
    result = ExperimentResult(seed, {}, (), (), (), ())
    for k, (name, document) in enumerate(documents.items()):
        place = folder if len(documents) == 1 else folder / f"{k + 1}-{Path(name).stem}"
        result = _document(result, document, files, name, place, overwrite, settings)
    return result


def _document(
    before: ExperimentResult, document: sedml.Document, files: Any, name: str, folder: Path, overwrite: bool,
    settings: dict[str, Any],
) -> ExperimentResult:  # fmt: skip
    # Everything is checked before anything is simulated or written.
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
