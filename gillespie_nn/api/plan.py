"""From the arguments of `train` to the plan of a run; and again from those that a run file keeps."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .. import checks
from ..checks import InputError
from ..datasets import CASES, Case, Dataset, case, own_data
from ..nn import TrainingNetwork, training_network
from ..nn.settings import Course, Settings, setting_options
from ..noise import plan_noise
from ..options import options_of
from ..seeds import resolve_seed
from ..simulation.learner import Learner
from ..simulation.methods import (
    OPTIONS,
    Method,
    TrainingMethod,
    choose_for_training,
    elsewhere,
    known_to_training,
    training_method,
)
from ..simulation.methods.options import resolve
from ..simulation.options import Destination
from ..simulation.presentations import PresentationPlan, presentation_order
from ..simulation.presented import Presented
from ..simulation.slow_limit import Level
from ..simulation.training import TrainingPlan
from ..simulation.training_options import TrainingOptions
from ..simulation.validation import evaluation_points, held_out

_SMALL = 1000
"""Below so many weights every presentation is recorded."""
_RECORDS, _FEWEST_RECORDS, _RECORDED_WEIGHTS = 100, 20, 4_000_000
"""Larger networks have about so many records, and the largest fewer: about so many weights in all."""
_LARGE = 30_000
"""Weights of the first layer times samples of a batch; a network with more is not listed for floating point."""
_CHECKPOINTS, _MOST_BETWEEN = 100, 500
"""A run has about so many checkpoints, and at most so many presentations between two."""
_EVALUATIONS = 20
"""Weights are validated once a pass, and at least so many times a run."""
_VALIDATION = 0.1


def make_plan(data: Any, asked: TrainingOptions) -> TrainingPlan:
    """The plan of a run on the data that `train` takes, a seed drawn.

    Raises InputError for what cannot be used. `make_plan(data, TrainingOptions.of(plan.options.arguments))` is the same
    plan.
    """
    seed = resolve_seed(asked.seed)
    dataset, defaults = load_data(data, seed, bool(asked.quick))
    dataset = _limited(dataset, asked.limit)
    settings = _settings(defaults, asked.settings, None if asked.limit is None else len(dataset.train_x))
    learner = _learner(dataset, settings, asked, case(data) if isinstance(data, str) else Case, seed)
    n, n_samples = settings.presentations, len(dataset.train_x)
    fraction, evaluate_every, kept_out = _validation(n_samples, settings.course, asked, seed)
    evaluated = evaluation_points(n, evaluate_every)
    trained = np.setdiff1d(np.arange(n_samples), kept_out)
    record_every = asked.record_every
    if record_every is None:
        n_weights = len(learner.spec.weights)
        n_records = min(_RECORDS, max(_FEWEST_RECORDS, _RECORDED_WEIGHTS // n_weights))
        record_every = 1 if n_weights < _SMALL else max(1, n // n_records)
    options = replace(
        asked,
        method=learner.method.name if learner.method in known_to_training() else learner.method,
        volume=learner.volume,
        seed=seed,
        record_every=record_every,
        checkpoint_every=asked.checkpoint_every or min(max(1, n // _CHECKPOINTS), _MOST_BETWEEN),
        validation=fraction,
        evaluate_every=evaluate_every,
        predict=_n_predicted(asked.predict, dataset, learner),
        settings=settings,
        options=learner.options,
    )
    presentations = PresentationPlan(
        order=trained[presentation_order(len(trained), n, settings.order, seed, settings.batch)],
        # A run may end at any evaluation, and the last presentation is always recorded.
        recorded=np.unique(np.concatenate([np.arange(record_every - 1, n, record_every), evaluated - 1])),
        held_out=kept_out,
        evaluated=evaluated,
    )
    presented = Presented.of(dataset, settings, presentations.order, seed)
    return TrainingPlan(options, dataset, not isinstance(data, str), learner, presentations, presented)


def _learner(
    dataset: Dataset, settings: Settings, asked: TrainingOptions, own: Case | type[Case], seed: int
) -> Learner:
    """The network for the samples; `own` has the defaults of their case."""
    volume = own.volume if asked.volume is None else asked.volume
    asked_for, noises = training_method(own.method if asked.method is None else asked.method), asked.noise or ()
    if asked_for is not None and not issubclass(asked_for, Method):
        _refuse_reactions(asked_for, {"noise": noises, "rates": asked.rates})
    spec = training_network(
        (dataset.train_x.shape[1], *settings.hidden, dataset.train_t.shape[1]),
        **settings.of_network,
        signed_inputs=dataset.signed or settings.centred,
        listed=_needs_list(asked_for, dataset, settings),
        seed=seed,
    )
    method, reason = choose_for_training(asked_for, spec)
    if asked.method is None and asked_for is not None:
        reason = "default of the case"
    options = resolve(method, method.training_options | dict(asked.options), elsewhere)
    if asked.predict_noise and not asked.predict:
        raise InputError("noise of the prediction needs a prediction by simulation: set predict, too")
    weights = spec.floating.initial_weights(seed, settings.initial_scale)
    if np.issubdtype(method.dtype, np.integer):
        for which, numbers in (("initial", weights), ("fixed", spec.floating.fixed_values)):
            _check_held(f"largest {which} weight", numbers, volume)
        _check_helpers(spec, volume)
    counts = spec.start(weights, volume, method.dtype)
    rates = spec.declared.rates(asked.rates)
    noise = plan_noise(noises, spec.declared, rates, unforced=spec.unforced if noises else ())
    if noise is not None and issubclass(method, Method):
        method.refuse(noise.network)  # with the reactions that noise adds
    return Learner(spec, settings, method, reason, options, volume, counts, rates, noise)


def _refuse_reactions(method: TrainingMethod, given: Mapping[str, Any]) -> None:
    """Raise InputError for an option that acts on reactions one by one, which this method does not have."""
    for name in (name for name, value in given.items() if value):
        if issubclass(method, Level):
            raise InputError(f"{name}: {method.name} learns in floating point and has no reactions: leave {name} out")
        raise InputError(
            f"{name}: {method.name} has no list of reactions: leave {name} out, or use tau_leap, which needs a network "
            "that can be listed: with a smaller batch and fewer neurons"
        )


def _needs_list(method: TrainingMethod | None, dataset: Dataset, settings: Settings) -> bool:
    """Whether the network has to be listed: methods that follow reactions need it, floating point has it unless the
    network is large."""
    if method is None or issubclass(method, Method):
        return True
    n_weights = dataset.train_x.shape[1] * settings.hidden[0]
    return issubclass(method, Level) and n_weights * settings.course.batch < _LARGE


def _check_helpers(spec: TrainingNetwork, volume: float) -> None:
    """Raise InputError if a species that an activation needs from the start would have no molecule."""
    for function in filter(None, (spec.hidden_activation, spec.output_activation)):
        for name, value in function.helpers.items():
            if value and round(value * volume) == 0:
                raise InputError(
                    f"volume = {volume:g} is too small: species {name} of activation {function.name} starts at "
                    f"concentration {value:g}, which would be {value * volume:.2g} molecules; use a volume of a few "
                    "hundred or more"
                )


def _check_held(what: str, numbers: np.ndarray, volume: float) -> None:
    """Raise InputError if all of these numbers are rounded to 0 molecules."""
    if len(numbers) and np.rint((largest := float(np.max(np.abs(numbers)))) * volume) == 0:
        raise InputError(
            f"volume = {volume:g} is too small: the {what}, {largest:.2g}, would be {volume * largest:.2g} molecules; "
            "use a volume of a few hundred or more"
        )


def _limited(dataset: Dataset, limit: int | None) -> Dataset:
    """The dataset with only `limit` training samples."""
    if limit is None:
        return dataset
    n = len(dataset.train_x)
    kept = np.arange(min(limit, n)) * n // min(limit, n)  # evenly spaced, so of every class
    return replace(dataset, train_x=dataset.train_x[kept], train_t=dataset.train_t[kept])


def load_data(data: Any, seed: int, quick: bool = False) -> tuple[Dataset, Settings]:
    """The samples of a case, a `Dataset` or a pair of arrays, and the settings that train them by default, or with
    `quick` in a short run."""
    if quick and not (isinstance(data, str) and case(data).quick):
        have = " and ".join(c.name for c in CASES if c.quick)
        raise InputError(f"quick: only {have} has a short run: give the number of presentations instead")
    if isinstance(data, str):
        chosen = case(data)
        return chosen.load(seed), chosen.settings.replace(**chosen.quick) if quick else chosen.settings
    if isinstance(data, Dataset):
        return data, Settings()
    try:
        x, t = data
    except (TypeError, ValueError):
        raise InputError(
            "data must be a case's name, a Dataset (Dataset.from_csv reads a file), or a pair of "
            "arrays (inputs, targets)"
        ) from None
    return own_data(x, t), Settings()


def _settings(defaults: Settings, given: Mapping[str, Any] | Settings, n_shown: int | None) -> Settings:
    """Those of the run; `n_shown` samples are shown where neither says otherwise."""
    if isinstance(given, Settings):
        settings = given
    else:
        beside = [*options_of(TrainingOptions), *OPTIONS, *options_of(Destination)]
        names = Settings.names({**defaults.given, **given})
        every = setting_options()
        for name in given:
            if name not in every:
                checks.choice("setting", name, names, "a training run has", beside=beside)
        settings = defaults.taking(given, n_shown)
    settings.record()  # refuses what no file could hold, with a file or without
    fixed, running_time = settings.chemistry.fixed_time, settings.running_time
    if fixed >= running_time:
        phases = " and ".join(phase.name for phase in settings.chemistry.phases if phase.duration)
        raise InputError(
            f"{phases} must be shorter than running_time, got {fixed:g} s and {running_time:g} s: use a shorter "
            f"{phases}, or 0"
        )
    return settings


def _validation(
    n_samples: int, course: Course, asked: TrainingOptions, seed: int
) -> tuple[float | None, int | None, np.ndarray]:
    """(fraction, evaluate_every, samples held out); without validation (None, None, none)."""
    fraction, every = asked.validation, asked.evaluate_every
    if asked.patience is None and fraction is None:
        if every is not None:
            raise InputError("evaluate_every needs validation: set validation, the fraction of samples held out, too")
        return None, None, np.empty(0, dtype=np.int64)
    left_at_default = ", the default with patience: set validation" if fraction is None else ""
    fraction = _VALIDATION if fraction is None else fraction
    kept_out = held_out(n_samples, fraction, seed) if 0 < fraction < 1 else np.empty(0, dtype=np.int64)
    if not 0 < len(kept_out) < n_samples:
        raise InputError(
            f"validation must hold out a fraction of the {n_samples} training samples, between 0 and 1, "
            f"at least one sample but not all, got {fraction!r}{left_at_default}"
        )
    if every is None:
        a_pass = -(-(n_samples - len(kept_out)) // course.batch)
        every = max(1, min(a_pass, course.presentations // _EVALUATIONS))
    return fraction, every, kept_out


def _n_predicted(predict: int | bool | None, dataset: Dataset, learner: Learner) -> int:
    if not predict:
        return 0
    if learner.in_floating_point:
        raise InputError(f"predict simulates reactions, but {learner.method.name} has none: leave predict out")
    n_samples = len(dataset.test_x)
    return n_samples if predict is True else min(n_samples, predict)
