"""Train a network of reactions on a dataset."""

import argparse
import time

from ..api import train
from ..checks import InputError
from ..datasets import CASES, Dataset
from ..datasets.samples import TASKS
from ..nn.settings import setting_options
from ..options import any_of, options_of
from ..seeds import resolve_seed
from ..simulation.options import Destination
from ..simulation.training_options import TrainingOptions
from .common import Subparsers, add_json, parser, print_json
from .flags import add_flags, given, options_of_methods
from .noise import add_noise, noise_of
from .training_record import print_fit, record, resume_hint

_SETTINGS = setting_options()
_OPTIONS = any_of(options_of(TrainingOptions), _SETTINGS, options_of(Destination), options_of_methods(training=True))


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "train",
        (
            "xor --seed 0 --output runs/xor.h5",
            "iris --validation 0.2 --patience 5 --json",
            "--data flowers.csv --target species --scale unit --output runs/flowers.h5",
        ),
    )
    cases = ". ".join(f"{c.name}: {c.summary}" for c in CASES)
    command.add_argument("case", metavar="CASE", nargs="?", help=f"dataset to learn. {cases}")
    own = command.add_argument_group("data of your own", "a CSV file; its first line has the names of the columns")
    own.add_argument("--data", metavar="FILE.csv", help="train on this file instead of a case")
    own.add_argument("--target", metavar="COLUMN", help="the column to learn")
    own.add_argument("--features", metavar="A,B", help="columns to learn it from (default: all others)")
    own.add_argument(
        "--task", metavar="TASK", help=f"{', '.join(TASKS)} (default: classification if the target has names, "
        "regression if it has numbers with fractions)",
    )  # fmt: skip
    own.add_argument(
        "--scale", metavar="SCALE", help="`unit` maps features, and the target of a regression, to the range 0 to 1"
    )
    own.add_argument(
        "--test", type=float, metavar="P", help="fraction of the samples kept for the test (default: 0.25)"
    )
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
    asked = given(arguments, _OPTIONS)
    if arguments.predict_limit is not None:
        asked["predict"] = arguments.predict_limit
    begun = time.perf_counter()
    fit = train(
        _data(arguments),
        noise=noise_of(arguments, "train"),
        predict_noise=noise_of(arguments, "predict"),
        progress=True,
        hidden=_sizes(arguments.hidden),
        **asked,
    )
    total = time.perf_counter() - begun
    print_fit(fit, total)
    if arguments.json:
        print_json(record(fit, total))
    return 0


def interrupted(arguments: argparse.Namespace) -> str:
    """What to say after Ctrl-C."""
    if arguments.output is None:
        return "interrupted; nothing is kept without --output"
    return resume_hint(arguments.output)


def _data(arguments: argparse.Namespace) -> str | Dataset:
    """The case, or the samples of the file."""
    own = {name: getattr(arguments, name) for name in ("target", "features", "task", "scale", "test")}
    given = {name: value for name, value in own.items() if value is not None}
    if arguments.data is None:
        if arguments.case is None:
            raise InputError(f"nothing to learn: give a case ({', '.join(c.name for c in CASES)}) or --data FILE.csv")
        if given:
            raise InputError(f"--{next(iter(given))} only applies with --data: add --data FILE.csv")
        return arguments.case
    if arguments.case is not None:
        raise InputError(f"give either the case {arguments.case!r} or --data {arguments.data}, not both")
    if arguments.target is None:
        raise InputError("--data needs --target COLUMN, the column to learn")
    if arguments.features is not None:
        given["features"] = [name.strip() for name in arguments.features.split(",")]
    return Dataset.from_csv(arguments.data, seed=resolve_seed(arguments.seed or 0), **given)


def _sizes(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--hidden takes sizes like 4 or 32,16, got {text!r}") from None
