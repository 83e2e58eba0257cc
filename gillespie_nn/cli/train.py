"""Train a network on a case by its own chemistry."""

import argparse
import time

from ..activations import ACTIVATIONS, DERIVATIVES
from ..api import train
from ..api.plan import ORDERS
from ..checks import InputError
from ..datasets import CASES
from ..options import any_of, options_of
from ..simulation.options import Destination
from ..simulation.training_options import TrainingOptions
from .common import Subparsers, add_json, parser, print_json
from .flags import add_flags, given, options_of_methods
from .noise import add_noise, noise_of
from .training_record import print_fit, record, resume_hint

_SETTINGS = {
    "--h": (float, "smoothing of the smooth ReLU [concentration^2]"),
    "--learning-rate": (float, "eta, rate constant of the weight updates [1/s]"),
    "--running-time": (float, "T, how long each sample is presented [s]"),
    "--presentations": (int, "number of samples presented"),
    "--annihilation-rate": (float, "rate constant of V_p + V_m -> 0"),
    "--hold": (float, "weights wait so long after each switch of the input [s]"),
    "--derivative": (str, f"module for the derivative: {', '.join(DERIVATIVES)}"),
    "--activation": (str, f"hidden activation: {', '.join(a.name for a in ACTIVATIONS)}"),
    "--output-activation": (str, f"linear, {', '.join(a.name for a in ACTIVATIONS)}"),
    "--initial-scale": (float, "scale of the random initial weights"),
    "--order": (str, f"order of the samples: {', '.join(ORDERS)}"),
}
_OPTIONS = any_of(options_of(TrainingOptions), options_of(Destination), options_of_methods(training=True))


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "train",
        "train a network on a case by stochastic simulation of its reactions",
        ("xor --seed 0 --output runs/xor.h5", "iris --validation 0.2 --patience 5 --json"),
    )
    cases = "; ".join(f"{c.name}: {c.summary}" for c in CASES)
    command.add_argument("case", metavar="CASE", help=cases)
    command.add_argument("--hidden", help="hidden layer sizes, for example 4 or 32,16")
    for flag, (kind, help_text) in _SETTINGS.items():
        command.add_argument(flag, type=kind, help=f"{help_text} (the case's own default)")
    add_flags(command, _OPTIONS)
    add_noise(command)
    command.add_argument("--predict-limit", type=int, help="so predict the first N test samples only")
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    settings = {flag[2:].replace("-", "_"): getattr(arguments, flag[2:].replace("-", "_")) for flag in _SETTINGS}
    asked = given(arguments, _OPTIONS) | settings
    if arguments.predict_limit is not None:
        asked["predict"] = arguments.predict_limit
    begun = time.perf_counter()
    fit = train(
        arguments.case,
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
        return "interrupted; without --output nothing is kept"
    return resume_hint(arguments.output)


def _sizes(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--hidden takes sizes like 4 or 32,16, got {text!r}") from None
