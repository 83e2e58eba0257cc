"""`train`: a reaction network learns a dataset by its own chemistry."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks, storage
from ..activations import ACTIVATIONS
from ..checks import InputError, UnfinishedError
from ..datasets import Dataset
from ..nn.settings import setting_options
from ..options import options_of, takes
from ..progress import Progress
from ..simulation.checkpoints import first_checkpoint, simulation_at
from ..simulation.evaluation import evaluate, evaluate_chemical
from ..simulation.options import Destination
from ..simulation.training import TrainingPlan, run_training
from ..simulation.training_options import TrainingOptions
from ..simulation.weight_record import WeightRecord
from ..status import Status
from ..storage.provenance import provenance
from .fit import Fit
from .plan import make_plan
from .prediction import predict_by_simulation

if TYPE_CHECKING:
    from ..storage import TrainingFile


@takes(options_of(TrainingOptions), setting_options(), options_of(Destination))
def train(data: Any, **settings: Any) -> Fit:
    """Train a network by simulation of its reactions, or in the limit of slow learning.

    Parameters
    ----------
    data : a case's name (`gillespie_nn.datasets.CASES`), a `Dataset`, or arrays (x, t). Arrays are a regression, and
        the training samples are also the test set; for a classification or another test set, give a `Dataset`.
    ...
    output : HDF5 file to write, from which `resume` can continue.
    chemistry, activation, output_activation : a name, or an object with its own settings. An object brings all of its
        settings: those that a case has for a chemistry by name do not reach it. Settings by name, as above, are refused
        where they do not apply. `settings` are also the options of the method, for example
        epsilon=0.03.

    Raises
    ------
    InputError : an invalid argument. UnfinishedError : a count overflows, gradient descent diverges, or the
    disk is full.
    """
    destination, given = Destination.taken(settings)
    output = destination.output
    if isinstance(output, str) and output in (a.name for a in ACTIVATIONS):
        raise InputError(f"output={output!r} would name a file: set output_activation for the output layer")
    with Progress("prepare the network", None, destination.progress):
        plan = make_plan(data, TrainingOptions.of(given))
    if plan.own_data and (large := plan.size_warning):
        checks.warn(large)
    if not isinstance(data, (str, Dataset)) and (likely := _class_warning(plan.dataset.train_t)):
        checks.warn(likely)
    with nullcontext() if output is None else new_file(output, plan, destination.overwrite) as file:
        return carry_out(plan, file, destination.progress)


def _class_warning(targets: np.ndarray) -> str:
    """A sentence if `targets` float64[sample, output] are numbered like classes, 0, 1 or 1, 2, 3, with repeats; else
    nothing."""
    numbers = np.unique(targets)
    if targets.shape[1] != 1 or not 2 <= len(numbers) < len(targets) or numbers[0] not in (0, 1):
        return ""
    if (numbers != numbers[0] + np.arange(len(numbers))).any():
        return ""
    return (
        f"the targets are the whole numbers {numbers[0]:g} to {numbers[-1]:g}, and they are learned as amounts, by "
        "regression: to learn them as classes, train on Dataset.from_arrays(x, t, task='classification'); "
        "task='regression' avoids this warning"
    )


def new_file(output: Any, plan: TrainingPlan, overwrite: bool) -> TrainingFile:
    """The file of a new run."""
    parameters = plan.options.arguments | {
        "method_reason": plan.learner.method_reason,
        "checksums": plan.dataset.checksums,
    }
    return storage.TrainingFile(output, plan, provenance(parameters), overwrite)


def carry_out(plan: TrainingPlan, file: TrainingFile | None, progress: bool | None) -> Fit:
    """The run of `plan` to its end, recorded in `file` or nowhere; from where the file was resumed, or the start."""
    checkpoint, validated, earlier = first_checkpoint(plan), np.empty((0, 2)), 0.0
    if file is not None and file.resumed_from is not None:
        checkpoint, validated, earlier = file.resumed_from, file.scores, file.seconds
    memory = WeightRecord(plan) if file is None else None
    with Progress(f"train {plan.dataset.name}", len(plan.order), progress, plan.method.name) as bar:
        simulation = simulation_at(plan, checkpoint)
        started = time.perf_counter() - earlier
        if file is not None:
            file.started = started
        trained = run_training(
            plan,
            simulation,
            checkpoint,
            validated,
            memory if file is None else file,
            lambda done, events: bar.update(done, f"{events:.2e} reactions fired"),
        )
    seconds = time.perf_counter() - started
    if trained.status != Status.REACHED_END:
        less = (
            "learning rate or initial scale" if plan.learner.noise is None else "learning rate, initial scale or noise"
        )
        raise UnfinishedError(f"training {trained.status}; try a smaller volume, {less}")
    with Progress("evaluate", None, progress):
        arrays, scores = evaluate(plan, trained)
    output = None if file is None else str(file.path)
    course = None if memory is None else memory.course()
    fit = Fit(plan, trained, seconds, scores, output, earlier_seconds=earlier, course=course)
    if plan.options.predict:
        test_x = plan.dataset.test_x[: plan.options.predict]
        outputs, last = predict_by_simulation(
            plan, test_x, fit.weights, plan.seed, plan.options.predict_noise, progress
        )
        chemical = evaluate_chemical(plan.dataset, outputs, last)
        fit = replace(fit, scores=scores | chemical, chemical=outputs)
        arrays["outputs_chemical"] = outputs
    if file is not None:
        file.finish(trained, arrays, fit.scores, seconds)
    return fit
