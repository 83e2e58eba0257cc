"""`train`: from arguments to the plan of a run, and the run itself. `resume` uses the same functions."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks, storage
from ..activations import ACTIVATIONS
from ..checks import InputError, UnfinishedError
from ..datasets import CASES, Case, Dataset, case, own_data
from ..datasets.dataset import REGRESSION, FileOptions, is_data_file
from ..nn import TrainingNetwork, training_network
from ..nn.settings import OBJECTS, PresentationSettings, Settings, setting_options
from ..noise import plan_noise
from ..options import options_of, takes
from ..progress import Progress
from ..seeds import resolve_seed
from ..simulation.evaluation import evaluate, evaluate_chemical, evaluation_points, held_out
from ..simulation.methods import (
    OPTIONS,
    Method,
    TrainingMethod,
    choose_for_training,
    elsewhere,
    known_to_training,
    name_of,
    training_method,
)
from ..simulation.methods.method import resolve
from ..simulation.presentations import (
    Learner,
    PresentationPlan,
    Presented,
    first_checkpoint,
    presentation_order,
    simulation_at,
)
from ..simulation.run_options import Destination, TrainingOptions, noises
from ..simulation.slow_limit import Level
from ..simulation.training import TrainingPlan, WeightRecord, run_training
from ..status import Status
from ..storage.provenance import provenance
from .fit import Fit, predict_by_simulation
from .learning_trajectories import network_of

if TYPE_CHECKING:
    from ..storage import TrainingFile

# Objects of classes from outside this package. A file has their names and settings, and `resume` needs them again.

METHOD = "method"
NOISES = ("noise", "predict_noise")
OF_ENSEMBLES: Collection[str] = (METHOD, "noise")
OF_TRAINING: Collection[str] = (*OBJECTS, METHOD, *NOISES)
"""Arguments of `simulate` and `train` that can be such objects."""


def taken(
    path: str | Path | None, recorded: Mapping[str, Any], given: Mapping[str, Any], function: str
) -> dict[str, Any]:
    """The objects among `given`, by name, that continue the run in the file at `path`.

    `recorded` are the names in the file by argument; for noises, their records. `function` is the function of
    `gillespie_nn` to call with the objects. Raises InputError for an object that is missing, or that differs from the
    one in the file.
    """
    for name in given:
        checks.choice("object", name, recorded, f"{function} takes")
    objects = {name: value for name, value in given.items() if value is not None}
    missing = {name: _outside(name, value) for name, value in recorded.items() if name not in objects}
    missing = {name: classes for name, classes in missing.items() if classes}
    if missing:
        classes = list(dict.fromkeys(each for names in missing.values() for each in names))
        do = "does" if len(classes) == 1 else "do"
        arguments = ", ".join(f"{name}={_example(name, recorded[name])}" for name in missing)
        raise InputError(
            f"{path} needs {' and '.join(classes)}, which {do} not come with this package: in Python, call "
            f"gillespie_nn.{function}({str(path)!r}, {arguments})"
        )
    if METHOD in objects:
        _same(path, METHOD, _bare(recorded[METHOD]), _bare(name_of(objects[METHOD])))
    for name in NOISES:
        if name in objects:
            objects[name] = noises(name, objects[name])
            records = json.loads(json.dumps([noise.record() for noise in objects[name]]))
            bare = [[each | {"noise": _bare(each["noise"])} for each in of] for of in (recorded[name], records)]
            _same(path, name, *bare)
    return objects


def _outside(name: str, recorded: Any) -> list[str]:
    """The classes from outside, as `module:Class`, of an argument."""
    names = [each["noise"] for each in recorded or ()] if name in NOISES else [recorded]
    return [each for each in names if isinstance(each, str) and ":" in each]


def _example(name: str, recorded: Any) -> str:
    if name not in NOISES:
        return _bare(recorded) + ("" if name == METHOD else "(...)")
    return f"{_bare(recorded[0]['noise'])}(...)" if len(recorded) == 1 else "[...]"


def _bare(name: str) -> str:
    """The name without its module: the class may have moved, and a script is the module `__main__`."""
    return name.rpartition(":")[2]


def _same(path: str | Path | None, name: str, recorded: Any, given: Any) -> None:
    if given != recorded:
        raise InputError(f"the {name} of {path} is {recorded}, got {given}: give the {name} that the run started with")


# From arguments to a plan; `resume` makes the same plan from the arguments in a run file.

_SMALL = 1000
"""With fewer weights, every presentation is recorded."""
_RECORDS, _FEWEST_RECORDS, _RECORDED_WEIGHTS = 100, 20, 4_000_000
"""Larger networks have about 100 records. The largest have fewer, at least 20, with about 4,000,000 weights in all."""
_LARGE = 30_000
"""Weights of the first layer times samples of a batch: above this, the reactions are not listed for floating point."""
_CHECKPOINTS, _MOST_BETWEEN = 100, 500
"""About the number of checkpoints of a run, and the largest number of presentations between two."""
_EVALUATIONS = 20
"""Weights are validated after each pass over the samples, and at least this often in a run."""
_VALIDATION = 0.1
"""Default fraction of samples held out, with `patience`."""


def make_plan(data: Any, asked: TrainingOptions) -> TrainingPlan:
    """The plan of a run on the data that `train` takes; draws a seed if there is none.

    `make_plan(data, TrainingOptions.of(plan.options.arguments))` is the same plan. Raises InputError for invalid
    arguments.
    """
    seed = resolve_seed(asked.seed)
    dataset, defaults = load_data(data, seed, bool(asked.quick))
    dataset = _limited(dataset, asked.limit)
    settings = _settings(defaults, asked.settings, None if asked.limit is None else len(dataset.train_x))
    learner = _learner(dataset, settings, asked, case(data) if isinstance(data, str) else Case, seed)
    n, n_samples = settings.presentations, len(dataset.train_x)
    fraction, evaluate_every, kept_out = _validation(n_samples, settings.course, asked, seed)
    evaluated = evaluation_points(n, evaluate_every)
    # Presentations are drawn from the samples that are not held out.
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
    dataset: Dataset, settings: Settings, asked: TrainingOptions, defaults: Case | type[Case], seed: int
) -> Learner:
    """The network for the samples; `defaults` are those of their case."""
    volume = defaults.volume if asked.volume is None else asked.volume
    asked_for, noises = training_method(defaults.method if asked.method is None else asked.method), asked.noise or ()
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
        raise InputError(
            "noise in the prediction only applies to a prediction by simulation: also set predict (--predict)"
        )
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
    """Raise InputError for options that act on single reactions, because this method has none."""
    for name in (name for name, value in given.items() if value):
        if issubclass(method, Level):
            raise InputError(f"{name}: {method.name} learns in floating point and has no reactions: leave {name} out")
        raise InputError(
            f"{name}: {method.name} has no list of reactions: leave {name} out, or use tau_leap, which needs a network "
            "that can be listed: with a smaller batch and fewer neurons"
        )


def _needs_list(method: TrainingMethod | None, dataset: Dataset, settings: Settings) -> bool:
    """Whether the reactions have to be listed. Methods that simulate reactions need the list. For floating point it is
    made only if the network is small."""
    if method is None or issubclass(method, Method):
        return True
    n_weights = dataset.train_x.shape[1] * settings.hidden[0]
    return issubclass(method, Level) and n_weights * settings.course.batch < _LARGE


def _check_helpers(spec: TrainingNetwork, volume: float) -> None:
    """Raise InputError if a species that an activation needs at the start would have no molecule."""
    for function in filter(None, (spec.hidden_activation, spec.output_activation)):
        for name, value in function.helpers.items():
            if value and round(value * volume) == 0:
                raise InputError(
                    f"volume = {volume:g} is too small: species {name} of activation {function.name} starts at "
                    f"concentration {value:g}, which would be {value * volume:.2g} molecules; use a volume of a few "
                    "hundred or more"
                )


def _check_held(what: str, numbers: np.ndarray, volume: float) -> None:
    """Raise InputError if all of these numbers would be rounded to 0 molecules."""
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
    # Samples may be sorted by class: evenly spaced ones contain every class.
    chosen = np.arange(min(limit, n)) * n // min(limit, n)
    return replace(dataset, train_x=dataset.train_x[chosen], train_t=dataset.train_t[chosen])


def load_data(data: Any, seed: int, quick: bool = False) -> tuple[Dataset, Settings]:
    """The samples of a case, a `Dataset` or a pair of arrays, and their default settings; with `quick` those of a short
    run."""
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
            "data must be a case's name, the path of a CSV file, a Dataset, or a pair of arrays (inputs, targets)"
        ) from None
    return own_data(x, t), Settings()


def read_file(data: Any, how: FileOptions, asked: TrainingOptions) -> tuple[Any, TrainingOptions]:
    """`data`, or the samples if it is the path of a data file, and the options `asked` for. The seed then decides the
    split, too, so one is drawn if none is given. Raises InputError for options of a file without a file."""
    if not is_data_file(data, [c.name for c in CASES]):
        for name in how.given:
            raise InputError(
                f"{name} only applies to a data file: give the path of a CSV file"
                + (f" in place of {data!r}" if isinstance(data, str) else ", or give it to Dataset.from_arrays")
            )
        return data, asked
    asked = replace(asked, seed=resolve_seed(asked.seed))
    return Dataset.from_csv(data, seed=asked.seed, **how.given), asked


def _settings(defaults: Settings, given: Mapping[str, Any] | Settings, n_shown: int | None) -> Settings:
    """The settings of the run. If neither argument sets the number of presentations, `n_shown` samples are
    presented."""
    if isinstance(given, Settings):
        settings = given
    else:
        names_elsewhere = [*options_of(TrainingOptions), *options_of(FileOptions), *OPTIONS, *options_of(Destination)]
        names = Settings.names({**defaults.given, **given})
        every = setting_options()
        for name in given:
            if name not in every:
                checks.choice("setting", name, names, "a training run has", elsewhere=names_elsewhere)
        settings = defaults.taking(given, n_shown)
    # Refuses what no file could store, whether or not there is a file.
    settings.record()
    fixed, running_time = settings.chemistry.fixed_time, settings.running_time
    if fixed >= running_time:
        phases = " and ".join(phase.name for phase in settings.chemistry.phases if phase.duration)
        raise InputError(
            f"{phases} must be shorter than running_time, got {fixed:g} s and {running_time:g} s: use a shorter "
            f"{phases}, or 0"
        )
    return settings


def _validation(
    n_samples: int, course: PresentationSettings, asked: TrainingOptions, seed: int
) -> tuple[float | None, int | None, np.ndarray]:
    """(fraction, evaluate_every, samples held out); without validation (None, None, none)."""
    fraction, every = asked.validation, asked.evaluate_every
    if asked.patience is None and fraction is None:
        if every is not None:
            raise InputError(
                "evaluate_every only applies with validation: also give a fraction of samples to hold out, "
                "validation=0.1"
            )
        return None, None, np.empty(0, dtype=np.int64)
    left_at_default = ", the default with patience: set validation" if fraction is None else ""
    fraction = _VALIDATION if fraction is None else fraction
    # A fraction outside 0 to 1 holds out nothing, and is refused below with the others.
    kept_out = held_out(n_samples, fraction, seed) if 0 < fraction < 1 else np.empty(0, dtype=np.int64)
    if not 0 < len(kept_out) < n_samples:
        raise InputError(
            f"validation must be a fraction between 0 and 1 that holds out at least one of the {n_samples} training "
            f"samples, but not all of them, got {fraction!r}{left_at_default}"
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


# The run.


@takes(options_of(TrainingOptions), options_of(FileOptions), setting_options(), options_of(Destination))
def train(data: Any, **settings: Any) -> Fit:
    """Train a network by simulation of its reactions, or in the limit of slow learning.

    Parameters
    ----------
    data : a case's name (`gillespie_nn.datasets.CASES`), the path of a CSV file, a `Dataset`, or arrays (x, t). A file
        needs the `target`. Arrays of numbers are a regression, names t[sample] a classification, and the training
        samples are also the test set; for another task or test set, give a `Dataset`.
    ...
    output : HDF5 file to write, from which `resume` can continue.
    chemistry, activation, output_activation : a name, or an object with settings. An object has all of its settings:
        those of the case are not used for it. A setting by name, as above, that the chosen chemistry and activations do
        not have is an error. Options of the method are also given by name, for example epsilon=0.03.

    Raises
    ------
    InputError : an invalid argument. UnfinishedError : a count overflows, gradient descent diverges, or the
    disk is full.
    """
    destination, given = Destination.taken(settings)
    how, given = FileOptions.taken(given)
    output = destination.output
    if isinstance(output, str) and output in (a.name for a in ACTIVATIONS):
        raise InputError(f"output={output!r} would name a file: set output_activation for the output layer")
    with Progress("prepare the network", None, destination.progress):
        data, asked = read_file(data, how, TrainingOptions.of(given))
        plan = make_plan(data, asked)
    # A run that is certain to diverge may take minutes until it does.
    if plan.has_user_data and (refusal := plan.size_error):
        raise InputError(refusal)
    if plan.has_user_data and (large := plan.size_warning):
        checks.warn(large)
    changed = plan.learner.changed_rates
    in_forward = network_of(plan, plan.batch).network.reaction_index if changed else {}
    if forward := [name for name in changed if name in in_forward]:
        checks.warn(
            f"rates change reactions of the forward pass ({checks.shortened(forward, 3)}), and what is computed in "
            "floating point (outputs, scores, validation, exact_forward) uses the settings of the network: set h, for "
            "example, in place of a rate, or judge by simulation (predict=True, --predict)"
        )
    if (
        not isinstance(data, (str, Dataset))
        and plan.dataset.task == REGRESSION
        and (likely := _class_warning(plan.dataset.train_t))
    ):
        checks.warn(likely)
    with nullcontext() if output is None else new_file(output, plan, destination.overwrite) as file:
        return execute_training(plan, file, destination.progress)


def _class_warning(targets: np.ndarray) -> str:
    """A warning if `targets` float64[sample, output] look like numbers of classes (0, 1 or 1, 2, 3, with repeats), else
    an empty text."""
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


def execute_training(plan: TrainingPlan, file: TrainingFile | None, progress: bool | None) -> Fit:
    """Run `plan` to its end, from the checkpoint of a resumed `file` or from the start, and write into `file` if there
    is one."""
    checkpoint, validated, earlier = first_checkpoint(plan), np.empty((0, 2)), 0.0
    if file is not None and file.resumed_from is not None:
        checkpoint, validated, earlier = file.resumed_from, file.scores, file.seconds
    memory = WeightRecord(plan) if file is None else None
    with Progress(f"train {plan.dataset.name}", len(plan.order), progress, plan.method.name) as bar:
        simulation = simulation_at(plan, checkpoint)
        # `seconds` then includes the time of earlier processes.
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
