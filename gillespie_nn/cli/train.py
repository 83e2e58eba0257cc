"""Train a network on a case by its own chemistry."""

import argparse

from ..activations import ACTIVATIONS, DERIVATIVES
from ..api import train
from ..api.plan import ORDERS
from ..checks import InputError
from ..datasets import CASES
from ..simulation import METHODS
from .common import Subparsers, add_common, add_options, options_of, parser, print_json
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


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "train",
        "train a network on a case by stochastic simulation of its reactions",
        ("xor --seed 0 --output runs/xor.h5", "iris --validation 0.2 --patience 5 --json"),
    )
    cases = "; ".join(f"{c.name}: {c.summary}" for c in CASES)
    command.add_argument("case", metavar="CASE", help=cases)
    command.add_argument("--method", help=f"auto, {', '.join(m.name for m in METHODS)} (auto; mnist tau_leap)")
    command.add_argument("--volume", type=float, help="Omega (1000; mnist 1e4)")
    command.add_argument("--hidden", help="hidden layer sizes, for example 4 or 32,16")
    for flag, (kind, help_text) in _SETTINGS.items():
        command.add_argument(flag, type=kind, help=f"{help_text} (the case's own default)")
    add_options(command)
    add_noise(command)
    command.add_argument("--limit", type=int, help="take N training samples, evenly spaced, one pass by default")
    command.add_argument("--record-every", type=int, help="record every N presentations")
    command.add_argument("--checkpoint-every", type=int, help="resume from every N presentations (a hundredth of all)")
    command.add_argument(
        "--validation", type=float, help="fraction of the training samples held out and evaluated on (0.1 if needed)"
    )
    command.add_argument("--evaluate-every", type=int, help="evaluate on them every N presentations (once a pass)")
    command.add_argument("--patience", type=int, help="stop after N evaluations without improvement (never)")
    command.add_argument("--predict", action="store_true", help="also predict the test set by simulation")
    command.add_argument("--predict-limit", type=int, help="so predict the first N test samples only")
    command.add_argument("--overwrite", action="store_true", help="allow an output file that exists")
    add_common(command, "HDF5 file to write")
    return command


def run(arguments: argparse.Namespace) -> int:
    settings = {flag[2:].replace("-", "_"): getattr(arguments, flag[2:].replace("-", "_")) for flag in _SETTINGS}
    fit = train(
        arguments.case,
        method=arguments.method,
        volume=arguments.volume,
        seed=arguments.seed,
        limit=arguments.limit,
        record_every=arguments.record_every,
        checkpoint_every=arguments.checkpoint_every,
        patience=arguments.patience,
        validation=arguments.validation,
        evaluate_every=arguments.evaluate_every,
        predict=arguments.predict if arguments.predict_limit is None else arguments.predict_limit,
        noise=noise_of(arguments, "train"),
        predict_noise=noise_of(arguments, "predict"),
        output=arguments.output,
        overwrite=arguments.overwrite,
        progress=True,
        hidden=_sizes(arguments.hidden),
        **settings,
        **options_of(arguments),
    )
    print_fit(fit)
    if arguments.json:
        print_json(record(fit))
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
