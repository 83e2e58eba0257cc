"""`train`: a reaction network learns a dataset by its own chemistry."""

import time
from contextlib import nullcontext
from dataclasses import replace

import numpy as np

from ..activations import ACTIVATIONS
from ..checks import InputError, UnfinishedError
from ..progress import Progress
from ..seeds import resolve_seed
from ..simulation.checkpoints import first_checkpoint, simulation_at
from ..simulation.evaluation import evaluate, evaluate_chemical
from ..simulation.training import run_training
from ..status import Status
from ..storage import TrainingFile
from ..storage.provenance import provenance
from .fit import Fit
from .plan import make_plan


def train(
    data,
    *,
    method=None,
    volume=None,
    seed=None,
    limit=None,
    record_every=None,
    checkpoint_every=None,
    patience=None,
    validation=None,
    evaluate_every=None,
    predict=None,
    noise=None,
    predict_noise=None,
    output=None,
    overwrite=False,
    progress=False,
    **settings,
) -> Fit:
    """Train a network by simulation of its reactions, or at the limit of slow learning.

    Parameters
    ----------
    data : a case's name (`gillespie_nn.datasets.CASES`), a `Dataset`, or arrays (x, t), which are a regression judged
        on the samples that train; for a classification, or a test set, give a `Dataset`.
    method : simulation method by name, or `auto`, an exact one (default; for MNIST `tau_leap`). `gradient_descent` and
        `gradient_flow` learn in floating point, from the same start, in the same order and with step
        s = learning_rate (running_time - hold), whatever the volume.
    volume : Omega; a weight w is held by Omega |w| molecules (default 1000; for MNIST 1e4).
    seed : decides initial weights, split, order and every reaction; None draws one, which is recorded.
    limit : take so many training samples, evenly spaced, presented once unless `presentations` says otherwise.
    record_every : record every so many presentations (default 1 below 1,000 weights, else about 100 a run).
    checkpoint_every : a run can be resumed from every so many presentations (default a hundredth of the run, at most
        500). Every run goes on afresh from its checkpoints, so another number gives another path of the same law.
    validation : fraction of the training samples, drawn by seed, that is held out and on which the weights are
        evaluated by a float forward pass (default none; 0.1 with `patience`).
    evaluate_every : evaluate them every so many presentations (default once a pass, and at least 20 times a run).
    patience : stop when the error on them has not improved for so many evaluations.
    predict : predict the first so many test samples by simulation in the end, or all (True); see `Fit.chemical`.
    noise : extrinsic noise in training, a `RateNoise`, `ConcentrationNoise` or `AdditiveNoise` or a list of them, see
        `noise`; weights are forced on request only.
    predict_noise : the same in that prediction, where each sample is a presentation.
    output : write the run to this HDF5 file, from which `resume` goes on; `overwrite` allows an existing one.
    progress : show progress on stderr.
    settings : fields of `datasets.Settings` that differ from the case's own: hidden, h [concentration^2],
        learning_rate [1/s], running_time [s], presentations, annihilation_rate, hold [s], derivative,
        activation, output_activation, initial_scale, order; and the options of the method, for example epsilon=0.03.

    Raises
    ------
    InputError : anything that cannot be used. UnfinishedError : a count overflows, gradient descent diverges, or the
    disk is full.
    """
    if isinstance(output, str) and output in (a.name for a in ACTIVATIONS):
        raise InputError(f"output={output!r} would be a file: the activation of the output layer is output_activation")
    plan = make_plan(
        data, method=method, volume=volume, seed=resolve_seed(seed), limit=limit, record_every=record_every,
        checkpoint_every=checkpoint_every, patience=patience, validation=validation, evaluate_every=evaluate_every,
        predict=predict, noise=noise, predict_noise=predict_noise, settings=settings,
    )  # fmt: skip
    with nullcontext() if output is None else new_file(output, plan, overwrite) as file:
        return carry_out(plan, file, progress)


def new_file(output, plan, overwrite) -> TrainingFile:
    """The file of a new run."""
    parameters = plan.arguments | {"method_reason": plan.method_reason, "checksums": plan.dataset.checksums}
    return TrainingFile(output, plan, provenance(parameters), overwrite)


def carry_out(plan, file, progress) -> Fit:
    """The run of `plan` to its end, recorded in `file` or nowhere; from where the file was resumed, or the start."""
    checkpoint, validated, started = first_checkpoint(plan), np.empty((0, 2)), 0.0
    if file is not None and file.resumed_from is not None:
        checkpoint, validated, started = file.resumed_from, file.scores, -file.seconds
    simulation = simulation_at(plan, checkpoint)
    started += time.perf_counter()
    if file is not None:
        file.started = started
    with Progress(f"train {plan.dataset.name}", len(plan.order), progress) as bar:
        trained = run_training(
            plan,
            simulation,
            checkpoint,
            validated,
            file,
            lambda done, events: bar.update(done, f"{events:.2e} reactions fired"),
        )
    seconds = time.perf_counter() - started
    if trained.status != Status.REACHED_END:
        less = "learning rate or initial scale" if plan.noise is None else "learning rate, initial scale or noise"
        raise UnfinishedError(f"training {trained.status}; try a smaller volume, {less}")
    arrays, scores = evaluate(plan, trained)
    fit = Fit(plan, trained, seconds, scores, None if file is None else str(file.path))
    if plan.n_predicted:
        test_x = plan.dataset.test_x[: plan.n_predicted]
        outputs = fit.predict(test_x, noise=plan.predict_noise, progress=progress)
        fit = replace(fit, scores=scores | evaluate_chemical(plan.dataset, outputs), chemical=outputs)
        arrays["outputs_chemical"] = outputs
    if file is not None:
        file.finish(trained, arrays, fit.scores, seconds)
    return fit
