"""Tasks of an experiment, simulated: values over time of all that its data generators read."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import checks
from ..api import simulate
from ..checks import InputError
from ..crn import ReactionNetwork
from ..crn.expressions import number
from ..status import Status
from .files import Archive, Folder, next_to
from .models import Model, evaluated, recorded_as
from .sedml import MOST_RUNS, TIME, Change, Document, Maths, Repeated, Simulation, Task

Values = dict[str, np.ndarray]
"""float64[iteration, ..., point] by target; a task that is not repeated has float64[point]."""


class Tasks:
    """The tasks of a document.

    Parameters
    ----------
    document : see `sedml`.
    files : of the experiment.
    name : of the document in them.
    seed : of all random numbers. Each run of a simulation has random streams of its own.
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
        """How runs ended that did not end as intended."""

    def values(self, task: str, targets: Iterable[str]) -> Values:
        """Simulate a task; values of `targets`. Raises InputError."""
        self._check(task)
        return self._values(task, sorted(set(targets) | {TIME}), (), task)

    def _values(self, name: str, targets: list[str], changes: tuple[Change, ...], file: str) -> Values:
        task = self._task(name)
        if isinstance(task, Task):
            return self._simulated(name, task, targets, changes, file, None)
        inner = self._task(task.task)
        if not task.changes and isinstance(inner, Task):
            # An ensemble is one simulation: its runs share all but their random numbers.
            return self._simulated(task.task, inner, targets, changes, file, task.n)
        rows = []
        for k in range(task.n):
            values = _range_values(task, k)
            now = tuple(_at(change, values) for change in task.changes)
            rows.append(self._values(task.task, targets, changes + now, f"{file}-{k}"))
        return {target: np.stack([row[target] for row in rows]) for target in targets}

    def _task(self, name: str) -> Task | Repeated:
        return self._document.tasks[checks.choice("task", name, self._document.tasks, "the experiment has")]

    def _check(self, name: str) -> None:
        """Raise InputError if tasks contain one another or have too many runs."""
        inside, runs = [name], 1
        while isinstance(task := self._task(name), Repeated):
            runs, name = runs * task.n, task.task
            if name in inside:
                raise InputError(f"the repeated task {name} contains itself")
            inside.append(name)
            if runs > MOST_RUNS:
                raise InputError(f"the task {inside[0]} has more than {MOST_RUNS:,} runs: use fewer iterations")

    def _simulated(
        self, name: str, task: Task, targets: list[str], changes: tuple[Change, ...], file: str, n: int | None
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
        found = self._run(network, simulation, file, n or 1)
        self.unintended += [status for status in found.statuses if not status.intended]
        shape = (n or 1, len(simulation.time))
        values = {TIME: np.broadcast_to(simulation.time, shape)}
        for target, identifier in names.items():
            recorded = np.ma.filled(np.ma.asarray(found.of(recorded_as(identifier))[:], dtype=np.float64), np.nan)
            values[target] = recorded.reshape(shape)
        if hasattr(found, "close"):
            found.close()
        return values if n is not None else {target: rows[0] for target, rows in values.items()}

    def _model(self, name: str, inside: tuple[str, ...]) -> Model:
        """The model with its changes; a copy that may be changed further."""
        models = self._document.models
        source, changes = models[checks.choice("model", name.removeprefix("#"), models, "the experiment has")]
        if name in inside:
            raise InputError(f"the model {name} is a change of itself")
        if source.removeprefix("#") in models:
            model = self._model(source.removeprefix("#"), (*inside, name))
        else:
            model = Model(self._files.read(next_to(self._name, source)))
        for change in changes:
            _apply(model, change)
        return model

    def _run(self, network: ReactionNetwork, simulation: Simulation, file: str, n: int) -> Any:
        options: dict[str, Any] = dict(simulation.options)
        seed = checks.whole("the seed of the algorithm", options.pop("seed", self._seed), 0)
        if simulation.ignored:
            warnings.warn(f"without effect on {simulation.method}: {', '.join(simulation.ignored)}", stacklevel=2)
        output = None if self._runs is None else self._runs / f"{file}.h5"
        found = simulate(
            network, time=simulation.time, method=simulation.method, replicates=n, output=output,
            seed=int(np.random.SeedSequence([seed, *file.encode()]).generate_state(1)[0]),
            **options, **self._settings,
        )  # fmt: skip
        if output is not None:
            self.written.append(output)
        return found


def _apply(model: Model, change: Change) -> None:
    if change.text is not None:
        model.change(change.target, change.text)
        return
    assert change.maths is not None
    values = {name: model.value(target) for name, (_, target) in change.maths.variables.items()}
    found = checks.finite(f"the new value of {change.target}", float(evaluated(change.maths.expression, values)))
    model.change(change.target, repr(found))


def _range_values(task: Repeated, k: int) -> dict[str, float]:
    """The value of each range at iteration k. Functional ranges may read those before them."""
    values = {name: float(range_[k]) for name, range_ in task.ranges.items() if isinstance(range_, np.ndarray)}
    for name, range_ in task.ranges.items():
        if not isinstance(range_, np.ndarray):
            maths = range_[1]
            if maths.variables:
                raise InputError(f"the functional range {name} reads variables, which is not supported")
            values[name] = float(evaluated(maths.expression, values))
    return values


def _at(change: Change, ranges: Mapping[str, float]) -> Change:
    """`change` with the values of ranges put in."""
    assert change.maths is not None
    expression = change.maths.expression.substitute({name: number(value) for name, value in ranges.items()})
    return change._replace(maths=Maths(expression, change.maths.variables))
