"""From the arguments of `train` to the plan of a run; and again from those that a run file keeps."""

import inspect
from dataclasses import asdict, fields, replace

import numpy as np

from .. import checks
from ..checks import InputError
from ..datasets import Case, Dataset, Settings, case, own_data
from ..nn import training_network
from ..nn.compiler import rail_species
from ..noise import as_noises, from_record, plan_noise
from ..simulation import choose_method
from ..simulation.methods import OPTIONS
from ..simulation.methods.options import resolve
from ..simulation.presentations import presentation_order
from ..simulation.training import TrainingPlan
from ..simulation.validation import evaluation_points, held_out

ORDERS = ("random", "cyclic")
_SMALL = 1000
"""Below so many weights every presentation is recorded, else about a hundred."""
_CHECKPOINTS, _MOST_BETWEEN = 100, 500
"""A run has about so many checkpoints, and at most so many presentations between two."""
_EVALUATIONS = 20
"""Weights are validated once a pass, and at least so many times a run."""
_VALIDATION = 0.1
_OUTPUT = ("output", "overwrite", "progress")
"""Arguments of `train` that are none of the plan's."""


def make_plan(
    data, *, method, volume, seed, limit=None, record_every=None, checkpoint_every=None, patience=None,
    validation=None, evaluate_every=None, predict=None, noise=None, predict_noise=None, settings,
) -> TrainingPlan:  # fmt: skip
    """The plan of a run: arguments as of `train`, a seed drawn, and `settings` a dictionary that holds options, too.

    Raises InputError for what cannot be used. `make_plan(data, **plan.arguments)` is the same plan.
    """
    dataset, defaults = load_data(data, seed)
    if limit is not None:
        limit, n = checks.whole("limit", limit), len(dataset.train_x)
        kept = np.arange(min(limit, n)) * n // min(limit, n)  # evenly spaced, so of every class
        dataset = replace(dataset, train_x=dataset.train_x[kept], train_t=dataset.train_t[kept])
        defaults = replace(defaults, presentations=len(kept))
    options = {k: v for k, v in settings.items() if k in OPTIONS and v is not None}
    settings = _settings(defaults, {k: v for k, v in settings.items() if k not in OPTIONS})
    own = case(data) if isinstance(data, str) else Case
    method = own.method if method is None else method
    volume = own.volume if volume is None else volume
    volume = checks.positive("volume", volume, hint="the volume Omega, for example 1000")
    spec = training_network(
        (dataset.train_x.shape[1], *settings.hidden, dataset.train_t.shape[1]),
        **settings.of_network,
        signed_inputs=dataset.signed,
    )
    choice = choose_method(method, spec.network, training=True)
    options = resolve(choice.method, choice.method.training_options | options)
    noise, predict_noise = _noises(noise), _noises(predict_noise)
    if choice.method.training_only and noise:
        raise InputError(f"{choice.method.name} learns in floating point, and has no reactions for noise to act on")
    if predict_noise and not predict:
        raise InputError("noise of the prediction needs one: ask to predict, too")
    n, n_weights = settings.presentations, len(spec.weights)
    fraction, evaluate_every, patience, kept_out = _validation(dataset, n, patience, validation, evaluate_every, seed)
    evaluated = evaluation_points(n, evaluate_every)
    trained = np.setdiff1d(np.arange(len(dataset.train_x)), kept_out)
    if record_every is None:
        record_every = 1 if n_weights < _SMALL else max(1, n // 100)
    record_every = checks.whole("record_every", record_every)
    if checkpoint_every is None:
        checkpoint_every = min(max(1, n // _CHECKPOINTS), _MOST_BETWEEN)
    checkpoint_every = checks.whole("checkpoint_every", checkpoint_every)
    weights = spec.floating.initial_weights(seed, settings.initial_scale)
    counts = spec.start(weights, volume, choice.method.dtype)
    if not counts.any():
        largest = float(np.max(np.abs(weights)))
        raise InputError(
            f"volume = {volume:g} is too small: the largest weight of the start, {largest:.2g}, is "
            f"{volume * largest:.2g} molecules, and none is left; take an Omega of some hundred or more"
        )
    return TrainingPlan(
        spec=spec,
        dataset=dataset,
        settings=settings,
        method=choice.method,
        method_reason=choice.reason,
        volume=volume,
        seed=seed,
        counts=counts,
        order=trained[presentation_order(len(trained), n, settings.order, seed)],
        # A run may end at any evaluation, and the last presentation is always recorded.
        recorded=np.unique(np.concatenate([np.arange(record_every - 1, n, record_every), evaluated - 1])),
        checkpoint_every=checkpoint_every,
        held_out=kept_out,
        evaluated=evaluated,
        patience=patience,
        n_predicted=_n_predicted(predict, dataset, choice.method),
        arguments={
            "method": choice.method.name,
            "volume": volume,
            "seed": seed,
            "limit": limit,
            "record_every": record_every,
            "checkpoint_every": checkpoint_every,
            "patience": patience,
            "validation": fraction,
            "evaluate_every": evaluate_every,
            "predict": _n_predicted(predict, dataset, choice.method),
            "noise": [n.record() for n in noise],
            "predict_noise": [n.record() for n in predict_noise],
            "settings": asdict(settings) | options,
        },
        own_data=not isinstance(data, str),
        options=options,
        noise=plan_noise(noise, spec.network, slow=rail_species(spec.weights)),
        predict_noise=predict_noise,
    )


def _noises(given):
    """Noises, or their records in a file."""
    if isinstance(given, (tuple, list)):
        given = [from_record(n) if isinstance(n, dict) else n for n in given]
    return as_noises(given)


def load_data(data, seed) -> tuple[Dataset, Settings]:
    """The samples of a case, a `Dataset` or a pair of arrays, and the settings that train them by default."""
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
    beside = [*inspect.signature(make_plan).parameters, *OPTIONS, *_OUTPUT]
    for name in overrides:
        checks.choice("setting", name, [f.name for f in fields(defaults)], "a training run has", beside=beside)
    settings = replace(defaults, **{k: v for k, v in overrides.items() if v is not None})
    running_time = checks.positive("running_time", settings.running_time, "s", "how long a sample is presented")
    hold = checks.not_negative("hold", settings.hold, "s")
    if hold >= running_time:
        raise InputError(
            f"hold must end before the sample does, for something to be learnt, got {hold:g} s of {running_time:g} s: "
            "give a shorter hold, or 0"
        )
    hidden = settings.hidden if isinstance(settings.hidden, (tuple, list)) else (settings.hidden,)
    return replace(
        settings,
        hidden=tuple(checks.whole("hidden layer size", n) for n in hidden),
        running_time=running_time,
        hold=hold,
        presentations=checks.whole("presentations", settings.presentations),
        initial_scale=checks.positive("initial_scale", settings.initial_scale),
        order=checks.choice("order", settings.order, ORDERS),
    )


def _validation(dataset, n_presentations, patience, fraction, every, seed):
    """(fraction, evaluate_every, patience, samples held out); without validation (None, None, None, none)."""
    if patience is None and fraction is None:
        if every is not None:
            raise InputError("evaluate_every says when to validate: give validation too, the fraction held out for it")
        return None, None, None, np.empty(0, dtype=np.int64)
    left_at_default = ", the default with patience: give one" if fraction is None else ""
    fraction = checks.finite("validation", _VALIDATION if fraction is None else fraction)
    n_samples = len(dataset.train_x)
    kept_out = held_out(n_samples, fraction, seed) if 0 < fraction < 1 else ()
    if not 0 < len(kept_out) < n_samples:
        raise InputError(
            f"validation must be the fraction of the {n_samples} training samples that is held out, between 0 and 1 "
            f"and at least one sample but not all, got {fraction!r}{left_at_default}"
        )
    if every is None:
        every = max(1, min(n_samples - len(kept_out), n_presentations // _EVALUATIONS))
    return (
        fraction,
        checks.whole("evaluate_every", every),
        None if patience is None else checks.whole("patience", patience),
        kept_out,
    )


def _n_predicted(predict, dataset, method) -> int:
    if predict is None or predict is False or predict == 0:
        return 0
    if method.training_only:
        raise InputError(f"predict simulates reactions, and {method.name} has none: leave it out")
    n_samples = len(dataset.test_x)
    return n_samples if predict is True else min(n_samples, checks.whole("predict", predict))
