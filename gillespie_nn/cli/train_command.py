"""Train a network of reactions on a dataset. `resume` prints a run by the same functions."""

import argparse
import shlex
import time
from pathlib import Path

import numpy as np

from .. import checks
from ..api import Fit, train
from ..api.fit import TOLERANCE
from ..checks import InputError
from ..datasets import CASES
from ..datasets.dataset import CLASSIFICATION, REGRESSION, SUFFIXES, FileOptions
from ..display.tables import Table, counted
from ..nn.settings import setting_options
from ..options import any_of, options_of
from ..simulation.evaluation import accuracy_interval
from ..simulation.run_options import Destination, TrainingOptions
from .common import Subparsers, add_json, parser, print_json
from .flags import add_flags, add_noise, given, noise_of, numbers_of, options_of_methods

# Printing a run: as text, and as a JSON record.

_SMALL = 16
"""Largest test set whose samples are shown one by one."""
_LEARNT = 0.9
"""Training counts as learning if it reduces the error to less than this part."""
_FEATURES = 8
"""Largest number of features that are shown of a sample."""


def resume_hint(path: str | Path) -> str:
    """The message after Ctrl-C for a run that is written to `path`."""
    if not checks.path_of("output", path).is_file():
        return "interrupted before the output file was created"
    return f"interrupted; committed data are saved; continue with: gillespie-nn resume {shlex.quote(str(path))}"


def record(fit: Fit, total: float | None = None) -> dict:
    """The JSON record of a training run; `total` is the time of the whole command [s], without earlier processes."""
    plan, settings, dataset = fit.plan, fit.plan.settings, fit.plan.dataset
    entries = {
        "case": dataset.name,
        "layers": fit.spec.layers,
        "n_species": fit.spec.sizes.n_species,
        "n_reactions": fit.spec.sizes.n_reactions,
        "n_channels": fit.spec.network.compiled.n_channels if fit.spec.listed else None,
        "presentations": fit.trained.n_presented,
        "presentations_planned": settings.presentations,
        "events": fit.n_events,
        "events_per_second": fit.n_events / fit.seconds,
        "seconds": fit.seconds,
        "earlier_seconds": fit.earlier_seconds,
        "total_seconds": total,
        **{name: value for name, value in settings.record().items() if name != "presentations"},
        "volume": plan.volume,
        "seed": plan.seed,
        "method": plan.method.name,
        "method_reason": plan.learner.method_reason,
        "noise": plan.options.arguments["noise"],
        "noise_of_prediction": plan.options.arguments["predict_noise"],
        "output": fit.output,
        "statistics": fit.statistics,
        **fit.scores,
    }
    for suffix, n in _accuracies(fit).items():
        entries[f"accuracy{suffix}_interval"] = accuracy_interval(fit.scores[f"accuracy{suffix}"], dataset, n)
    if fit.chemical is not None:
        entries["n_predicted"] = len(fit.chemical)
    if plan.presentations.validates:
        entries["held_out"] = len(plan.presentations.held_out)
        entries["patience"] = plan.options.patience
        entries["validation_presentations"] = plan.presentations.evaluated[: len(fit.trained.scores)]
        entries["validation_rmse"], entries["validation_accuracy"] = fit.trained.scores.T
    if fit.trained.best is not None:
        entries["best_presentation"] = plan.presentations.evaluated[fit.trained.best]
    if len(dataset.test_t) <= _SMALL:
        entries["inputs"], entries["targets"], entries["outputs"] = dataset.test_x, dataset.test_t, fit.outputs
        for suffix in ("", "_before", "_gradient_descent"):
            entries[f"solved{suffix}"] = fit.scores[f"largest_error{suffix}"] <= TOLERANCE
    return entries


def _accuracies(fit: Fit) -> dict[str, int]:
    """Suffixes of the accuracies that depend on molecules, and the number of test samples of each."""
    n = len(fit.plan.dataset.test_t)
    suffixes = {"": n, "_best": n, "_chemical": 0 if fit.chemical is None else len(fit.chemical)}
    return {suffix: n for suffix, n in suffixes.items() if f"accuracy{suffix}" in fit.scores}


def print_fit(fit: Fit, total: float | None = None) -> None:
    """Print the run as text. `total` is the time of the whole command [s], without earlier processes."""
    plan, spec, scores = fit.plan, fit.spec, fit.scores
    if plan.dataset.notice:
        print(f"note: {plan.dataset.notice}")
    reactions = spec.network.compiled if spec.listed else f"{spec.sizes.n_reactions} reactions, which are not listed"
    print(f"{spec.shape} network: {spec.sizes.n_species} species, {reactions}")
    rate = f", {fit.n_events:.3g} reactions fired ({fit.n_events / fit.seconds:.2g} per second)" if fit.n_events else ""
    shown = counted(fit.trained.n_presented, "presentation") + (f" of {plan.batch} samples" if plan.batch > 1 else "")
    print(f"{shown} in {fit.seconds:.1f} s{rate}{_whole(fit, total)}")
    print(f"method {plan.method.name}, Omega = {plan.volume:g}, seed {plan.seed}")
    if plan.presentations.validates:
        _print_validation(fit)
    if len(plan.dataset.test_t) <= _SMALL:
        _print_table(fit)
    # The accuracy of a regression is NaN.
    if np.isfinite(scores["accuracy"]):
        print(
            f"accuracy {scores['accuracy']:.3f}, 95 % interval {_interval(fit, '')} (before training "
            f"{scores['accuracy_before']:.3f}, float gradient descent {scores['accuracy_gradient_descent']:.3f})"
        )
        if "accuracy_best" in scores:
            print(
                f"accuracy of the best weights {scores['accuracy_best']:.3f}, 95 % interval {_interval(fit, '_best')}"
            )
        if fit.chemical is not None:
            accuracy = f"{scores['accuracy_chemical']:.3f}, 95 % interval {_interval(fit, '_chemical')}"
            moment = scores.get("accuracy_chemical_moment", np.nan)
            at_one = "" if np.isnan(moment) else f"; {moment:.3f} from outputs at one moment"
            print(f"accuracy by simulation {accuracy}, of {_predicted(fit)}{at_one}")
    print(f"RMSE {scores['rmse']:.4f} (float gradient descent {scores['rmse_gradient_descent']:.4f}){_in_units(fit)}")
    if scores["rmse_gradient_descent"] > _LEARNT * scores["rmse_before"] > scores["rmse"]:
        print("float gradient descent does not learn with steps of this size; method gradient_flow can use them")
    if "rmse_best" in scores:
        print(f"RMSE of the best weights {scores['rmse_best']:.4f}")
    if fit.chemical is not None:
        print(f"RMSE by simulation {scores['rmse_chemical']:.4f}, of {_predicted(fit)}")
    if fit.output:
        print(f"run written to {fit.output}")


def _in_units(fit: Fit) -> str:
    """The error in the units of a single scaled target."""
    scale = fit.plan.dataset.target_scale
    if scale is None or len(scale.width) > 1:
        return ""
    return f", which is {fit.scores['rmse'] * scale.width[0]:.4g} in the units of the targets"


def _whole(fit: Fit, total: float | None) -> str:
    if total is None:
        return ""
    earlier = fit.earlier_seconds
    if not earlier:
        return f"; {total:.1f} s in all, with preparation and evaluation"
    return (
        f"; {earlier:.1f} s of this before the run was resumed; {total:.1f} s since then, with preparation and "
        f"evaluation; {earlier + total:.1f} s in all"
    )


def _print_validation(fit: Fit) -> None:
    plan, trained = fit.plan, fit.trained
    samples = counted(len(plan.presentations.held_out), "training sample")
    evaluations = f"{counted(len(trained.scores), 'evaluation')} on {samples} held out"
    if trained.best is None:
        print(f"{evaluations}: the error was never finite")
        return
    n_best = counted(int(plan.presentations.evaluated[trained.best]), "presentation")
    print(f"{evaluations}: the smallest RMSE was {trained.scores[trained.best, 0]:.4f}, after {n_best}")
    if trained.n_presented < plan.settings.presentations:
        print(
            f"training stopped early, after {counted(plan.options.patience or 0, 'evaluation')} without improvement; "
            f"{counted(plan.settings.presentations, 'presentation')} were planned"
        )


def _interval(fit: Fit, suffix: str) -> str:
    low, high = accuracy_interval(fit.scores[f"accuracy{suffix}"], fit.plan.dataset, _accuracies(fit)[suffix])
    return f"{low:.3f} to {high:.3f}"


def _predicted(fit: Fit) -> str:
    assert fit.chemical is not None  # it was asked for
    n, n_all = len(fit.chemical), len(fit.plan.dataset.test_x)
    return f"all {n} test samples" if n == n_all else f"the first {n} of {n_all} test samples"


def _print_table(fit: Fit) -> None:
    print("outputs are computed in floating point, with weights averaged over up to 100 last presentations")
    data = fit.plan.dataset
    if data.feature_scale is not None:
        scaled = "inputs, targets and outputs" if data.target_scale is not None else "inputs"
        print(f"{scaled} are in the units that they were given in, not scaled")
    elif data.scaled:
        print("inputs are the scaled features, as the network receives them")
    print(_table(fit).text())


def _table(fit: Fit) -> Table:
    """Test samples with targets and outputs. `right?` agrees with the accuracy; a regression has errors instead."""
    data, outputs = fit.plan.dataset, fit.outputs
    inputs = data.test_x if data.feature_scale is None else data.feature_scale.undo(data.test_x)
    columns = {"input": _inputs(inputs)}
    if data.task == CLASSIFICATION:
        caption = (
            "a prediction counts as right if it is the target class: the class with the largest output is predicted"
        )
        columns |= {"target class": data.class_of(data.test_t).tolist()}
        columns |= {"predicted class": data.class_of(outputs).tolist()}
        right = (outputs.argmax(axis=1) == data.test_t.argmax(axis=1))[:, None]
    else:
        caption = "an output counts as right if it is on the same side of 0.5 as its target"
        targets, outputs = map(data.from_concentrations, (data.test_t, outputs))
        form = "{:.3f}" if data.target_scale is None else "{:.4g}"
        columns |= {"target": _cells(targets, "{:.4g}"), "output": _cells(outputs, form)}
        right = (outputs > 0.5) == (targets > 0.5)
    if data.task == REGRESSION:
        scaled = data.scaled and data.target_scale is None
        caption = "the error is the output minus the target" + (", in scaled units" if scaled else "")
        columns["error"] = _cells(outputs - targets, form.replace(":", ":+"))
    if fit.chemical is not None:
        chemical = fit.chemical
        shown = (
            data.class_of(chemical).tolist()
            if data.task == CLASSIFICATION
            else _cells(data.from_concentrations(chemical), form)
        )
        columns["by simulation"] = shown + ["-"] * (len(data.test_t) - len(shown))
    if data.task != REGRESSION:
        columns["right?"] = [" ".join("yes" if each else "no" for each in row) for row in right]
    return Table(caption, tuple(columns), list(zip(*columns.values())))


def _inputs(x: np.ndarray) -> list[str]:
    """One cell per sample, with the first features of many."""
    left = x.shape[1] - _FEATURES
    if left <= 1:
        return _cells(x, "{:.4g}")
    return [f"{cell} ... {left} more" for cell in _cells(x[:, :_FEATURES], "{:.4g}")]


def _cells(values: np.ndarray, form: str) -> list[str]:
    """One cell per row of float64[sample, column], with aligned numbers."""
    columns = [[form.format(value) for value in column] for column in values.T]
    widths = [max(map(len, column)) for column in columns]
    return [" ".join(text.rjust(w) for text, w in zip(row, widths)) for row in zip(*columns)]


# The subcommand.

_SETTINGS = setting_options()
_FILE = options_of(FileOptions)
_OPTIONS = any_of(options_of(TrainingOptions), _SETTINGS, options_of(Destination), options_of_methods(training=True))


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "train",
        (
            "xor --seed 0 --output runs/xor.h5",
            "iris --validation 0.2 --patience 5 --json",
            "flowers.csv --target species --scale unit --output runs/flowers.h5",
        ),
    )
    cases = ". ".join(f"{c.name}: {c.summary}" for c in CASES)
    command.add_argument(
        "case", metavar="CASE", nargs="?",
        help=f"dataset to learn, or a CSV file ({', '.join(SUFFIXES)}) whose first line names the columns. {cases}",
    )  # fmt: skip
    of_file = command.add_argument_group("your data", "a CSV file; its first line has the names of the columns")
    of_file.add_argument("--data", metavar="FILE.csv", help="the file, if it is not given in place of CASE")
    add_flags(of_file, _FILE)
    command.add_argument("--hidden", metavar="SIZES", help="sizes of the hidden layers, for example 4 or 32,16")
    methods = options_of_methods(training=True)
    add_flags(command.add_argument_group("settings of the network and its training"), _SETTINGS)
    others = {name: each for name, each in _OPTIONS.items() if name not in methods and name not in _SETTINGS}
    add_flags(command, others)
    command.add_argument(
        "--predict-limit", type=int, metavar="N", help="predict only the first N test samples by simulation"
    )
    add_json(command)
    add_flags(command.add_argument_group("settings of methods"), methods)
    add_noise(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    asked = given(arguments, _OPTIONS) | given(arguments, _FILE)
    if arguments.predict_limit is not None:
        asked["predict"] = arguments.predict_limit
    begun = time.perf_counter()
    fit = train(
        _data(arguments),
        noise=noise_of(arguments, "train"),
        predict_noise=noise_of(arguments, "predict"),
        progress=True,
        hidden=numbers_of("--hidden", arguments.hidden, "sizes like 4 or 32,16"),
        **asked,
    )
    total = time.perf_counter() - begun
    print_fit(fit, total)
    if arguments.json:
        print_json(record(fit, total))
    return 0


def interrupted(arguments: argparse.Namespace) -> str:
    """The message after Ctrl-C."""
    if arguments.output is None:
        return "interrupted; nothing was saved, because --output was not given"
    return resume_hint(arguments.output)


def _data(arguments: argparse.Namespace) -> str | Path:
    """The case or the file of the command line."""
    if arguments.data is None:
        if arguments.case is None:
            raise InputError(f"no dataset is given: name a case ({', '.join(c.name for c in CASES)}) or FILE.csv")
        return str(arguments.case)
    if arguments.case is not None:
        raise InputError(f"give either {arguments.case!r} or --data {arguments.data}, not both")
    # A path, since after --data even the name of a case is that of a file.
    return checks.path_of("data", arguments.data)
