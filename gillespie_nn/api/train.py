"""`train`: a reaction network learns a dataset by its own chemistry."""

import time
from contextlib import nullcontext
from dataclasses import asdict, replace

import numpy as np

from .. import checks
from ..checks import InputError, UnfinishedError
from ..datasets import Dataset, Settings, case, own_data
from ..nn import training_network
from ..progress import Progress
from ..seeds import resolve_seed
from ..simulation import choose_method
from ..simulation.evaluation import evaluate
from ..simulation.methods import OPTIONS
from ..simulation.methods.options import resolve
from ..simulation.presentations import presentation_order
from ..simulation.training import TrainingPlan, run_training, start
from ..status import Status
from ..storage import TrainingFile
from ..storage.provenance import provenance
from .fit import Fit

ORDERS = ("random", "cyclic")
_SMALL = 1000
"""Below so many weights every presentation is recorded, else about a hundred."""


def train(
    data,
    *,
    method="auto",
    volume=1000.0,
    seed=None,
    limit=None,
    record_every=None,
    output=None,
    overwrite=False,
    progress=False,
    **settings,
) -> Fit:
    """Train a network by simulation of its reactions, or at the limit of slow learning.

    Parameters
    ----------
    data : a case's name (`gillespie_nn.datasets.CASES`), a `Dataset`, or arrays (x, t).
    method : simulation method by name, or `auto`; `gradient_descent` and `gradient_flow` learn in floating point, from
        the same start, in the same order and with step s = learning_rate * running_time, whatever the volume.
    volume : Omega; a weight w is held by Omega |w| molecules.
    seed : decides initial weights, split, order and every reaction; None draws one, which is recorded.
    limit : take the first so many training samples, presented once unless `presentations` says otherwise.
    record_every : record every so many presentations (default 1 below 1,000 weights, else about 100 a run).
    output : write the run to this HDF5 file; `overwrite` allows an existing one.
    progress : show progress on stderr.
    settings : fields of `datasets.Settings` that differ from the case's own: hidden, h [concentration^2],
        learning_rate [1/s], running_time [s], presentations, annihilation_rate, derivative, activation,
        output_activation, initial_scale, order; and the options of the method, for example epsilon=0.03.

    Raises
    ------
    InputError : anything that cannot be used. UnfinishedError : a count overflows, gradient descent diverges, or the
    disk is full.
    """
    plan = _plan(data, method, volume, resolve_seed(seed), limit, record_every, settings)
    with _file(plan, output, overwrite, limit) as file:
        simulation = start(plan)
        started = time.perf_counter()
        with Progress(f"train {plan.dataset.name}", len(plan.order), progress) as bar:
            trained = run_training(
                plan, simulation, file, lambda done, events: bar.update(done, f"{events:.2e} reactions fired")
            )
        seconds = time.perf_counter() - started
        if trained.status != Status.REACHED_END:
            raise UnfinishedError(f"training {trained.status}; try a smaller volume, learning rate or initial scale")
        arrays, scores = evaluate(plan, trained.weights)
        if file is not None:
            file.finish(trained, arrays, scores)
    return Fit(plan, trained, seconds, scores, None if file is None else str(file.path))


def _plan(data, method, volume, seed, limit, record_every, settings) -> TrainingPlan:
    dataset, defaults = _data(data, seed)
    if limit is not None:
        limit = checks.whole("limit", limit)
        dataset = replace(dataset, train_x=dataset.train_x[:limit], train_t=dataset.train_t[:limit])
        defaults = replace(defaults, presentations=len(dataset.train_x))
    options = {k: v for k, v in settings.items() if k in OPTIONS}
    settings = _settings(defaults, {k: v for k, v in settings.items() if k not in OPTIONS})
    volume = checks.positive("volume", volume, hint="the volume Omega, for example 1000")
    layers = (dataset.train_x.shape[1], *settings.hidden, dataset.train_t.shape[1])
    spec = training_network(
        layers,
        settings.activation,
        h=settings.h,
        learning_rate=settings.learning_rate,
        derivative=settings.derivative,
        output=settings.output_activation,
        annihilation_rate=settings.annihilation_rate,
        signed_inputs=dataset.signed,
    )
    weights = spec.floating.initial_weights(seed, settings.initial_scale)
    order = presentation_order(len(dataset.train_x), settings.presentations, settings.order, seed)
    choice = choose_method(method, spec.network, training=True)
    options = resolve(choice.method, options)
    return TrainingPlan(
        spec=spec,
        dataset=dataset,
        settings=settings,
        method=choice.method,
        method_reason=choice.reason,
        volume=volume,
        seed=seed,
        counts=spec.start(weights, volume, choice.method.dtype),
        order=order,
        recorded=_recorded(len(order), record_every, len(spec.weights)),
        options=options,
    )


def _file(plan, output, overwrite, limit):
    if output is None:
        return nullcontext()
    root = {
        "method": plan.method.name,
        "method_reason": plan.method_reason,
        "seed": plan.seed,
        "volume": plan.volume,
        "case": plan.dataset.name,
    }
    return TrainingFile(
        output,
        plan,
        root,
        provenance(root | asdict(plan.settings) | plan.options | {"limit": limit, "checksums": plan.dataset.checksums}),
        overwrite,
    )


def _data(data, seed) -> tuple[Dataset, Settings]:
    if isinstance(data, str):
        chosen = case(data)
        return chosen.load(seed), chosen.settings
    if isinstance(data, Dataset):
        return data, Settings()
    try:
        x, t = data
    except (TypeError, ValueError):
        raise InputError("data must be a case's name, a Dataset, or a pair of arrays (inputs, targets)") from None
    return own_data(x, t), Settings()


def _settings(defaults, overrides) -> Settings:
    for name in overrides:
        checks.choice("setting", name, asdict(defaults), "a training run has")
    settings = replace(defaults, **{k: v for k, v in overrides.items() if v is not None})
    hidden = settings.hidden if isinstance(settings.hidden, (tuple, list)) else (settings.hidden,)
    return replace(
        settings,
        hidden=tuple(checks.whole("hidden layer size", n) for n in hidden),
        running_time=checks.positive("running_time", settings.running_time, "s", "how long a sample is presented"),
        presentations=checks.whole("presentations", settings.presentations),
        initial_scale=checks.positive("initial_scale", settings.initial_scale),
        order=checks.choice("order", settings.order, ORDERS),
    )


def _recorded(n_presentations, record_every, n_weights) -> np.ndarray:
    """Numbers of the presentations that are recorded, int64, the last always."""
    if record_every is None:
        record_every = 1 if n_weights < _SMALL else max(1, n_presentations // 100)
    step = checks.whole("record_every", record_every)
    return np.unique(np.append(np.arange(step - 1, n_presentations, step), n_presentations - 1))
