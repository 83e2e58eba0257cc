"""Train a network on a case by its own chemistry."""

import numpy as np

from ..activations import ACTIVATIONS, DERIVATIVES
from ..api import train
from ..api.fit import TOLERANCE
from ..api.train import ORDERS
from ..checks import InputError
from ..datasets import CASES
from ..simulation import METHODS
from .common import add_common, add_options, options_of, parser, print_json

_SETTINGS = {
    "--h": (float, "smoothing of the smooth ReLU [concentration^2]"),
    "--learning-rate": (float, "eta, rate constant of the weight updates [1/s]"),
    "--running-time": (float, "T, how long each sample is presented [s]"),
    "--presentations": (int, "number of samples presented"),
    "--annihilation-rate": (float, "rate constant of V_p + V_m -> 0"),
    "--derivative": (str, f"module for the derivative: {', '.join(DERIVATIVES)}"),
    "--activation": (str, f"hidden activation: {', '.join(a.name for a in ACTIVATIONS)}"),
    "--output-activation": (str, f"linear, {', '.join(a.name for a in ACTIVATIONS)}"),
    "--initial-scale": (float, "scale of the random initial weights"),
    "--order": (str, f"order of the samples: {', '.join(ORDERS)}"),
}


def add(subparsers):
    command = parser(
        subparsers,
        "train",
        "train a network on a case by stochastic simulation of its reactions",
        ("xor --seed 0 --output runs/xor.h5", "iris --volume 1000 --json"),
    )
    cases = "; ".join(f"{c.name}: {c.summary}" for c in CASES)
    command.add_argument("case", metavar="CASE", help=cases)
    command.add_argument("--method", default="auto", help=f"auto, {', '.join(m.name for m in METHODS)} (auto)")
    command.add_argument("--volume", type=float, default=1000.0, help="Omega (1000)")
    command.add_argument("--hidden", help="hidden layer sizes, for example 4 or 32,16")
    for flag, (kind, help_text) in _SETTINGS.items():
        command.add_argument(flag, type=kind, help=f"{help_text} (the case's own default)")
    add_options(command)
    command.add_argument("--limit", type=int, help="take the first N training samples, one pass by default")
    command.add_argument("--record-every", type=int, help="record every N presentations")
    command.add_argument("--predict", action="store_true", help="also predict the test set by simulation")
    command.add_argument("--overwrite", action="store_true", help="allow an output file that exists")
    add_common(command, "HDF5 file to write")
    return command


def run(arguments):
    if arguments.predict and arguments.method in [m.name for m in METHODS if m.training_only]:
        raise InputError(f"--predict simulates reactions, and {arguments.method} has none: leave it out")
    settings = {flag[2:].replace("-", "_"): getattr(arguments, flag[2:].replace("-", "_")) for flag in _SETTINGS}
    fit = train(
        arguments.case,
        method=arguments.method,
        volume=arguments.volume,
        seed=arguments.seed,
        limit=arguments.limit,
        record_every=arguments.record_every,
        output=arguments.output,
        overwrite=arguments.overwrite,
        progress=True,
        hidden=_sizes(arguments.hidden),
        **settings,
        **options_of(arguments),
    )
    chemical = fit.predict(fit.plan.dataset.test_x) if arguments.predict else None
    _print(fit, chemical)
    if arguments.json:
        print_json(record(fit, chemical))
    return 0


def record(fit, chemical=None) -> dict:
    """The JSON record of a training run; `chemical` are outputs by simulation, where asked for."""
    settings, dataset = fit.plan.settings, fit.plan.dataset
    found = {
        "case": dataset.name,
        "layers": fit.spec.layers,
        "n_species": len(fit.spec.network.species),
        "n_reactions": len(fit.spec.network.reactions),
        "n_channels": fit.spec.network.compiled.n_channels,
        "presentations": settings.presentations,
        "events": fit.n_events,
        "events_per_second": fit.n_events / fit.seconds,
        "seconds": fit.seconds,
        "h": settings.h,
        "learning_rate": settings.learning_rate,
        "running_time": settings.running_time,
        "annihilation_rate": settings.annihilation_rate,
        "volume": fit.plan.volume,
        "seed": fit.plan.seed,
        "method": fit.plan.method.name,
        "method_reason": fit.plan.method_reason,
        "output": fit.output,
        "statistics": fit.statistics,
        **fit.scores,
    }
    if chemical is not None:
        found["accuracy_chemical"] = dataset.accuracy(chemical)
        found["rmse_chemical"] = dataset.rmse(chemical)
    if len(dataset.test_t) <= 16:
        found["inputs"], found["targets"], found["outputs"] = dataset.test_x, dataset.test_t, fit.outputs
        found["solved"] = fit.scores["largest_error"] <= TOLERANCE
        found["solved_before"] = fit.scores["largest_error_before"] <= TOLERANCE
        found["solved_gradient_descent"] = fit.scores["largest_error_gradient_descent"] <= TOLERANCE
    return found


def _print(fit, chemical):
    plan, network, scores = fit.plan, fit.spec.network, fit.scores
    if plan.dataset.notice:
        print(f"note: {plan.dataset.notice}")
    print(f"{'-'.join(map(str, fit.spec.layers))} network: {len(network.species)} species, {network.compiled}")
    rate = fit.n_events / fit.seconds
    print(
        f"{plan.settings.presentations} presentations, {fit.n_events:.3e} reactions fired in {fit.seconds:.1f} s "
        f"({rate:.2e} a second); method {plan.method.name}, Omega = {plan.volume:g}, seed {plan.seed}"
    )
    if len(plan.dataset.test_t) <= 16:
        _print_table(fit, chemical)
    if np.isfinite(scores["accuracy"]):
        print(
            f"accuracy {scores['accuracy']:.3f} (before training {scores['accuracy_before']:.3f}, "
            f"float gradient descent {scores['accuracy_gradient_descent']:.3f})"
        )
        if chemical is not None:
            print(f"accuracy by simulation {plan.dataset.accuracy(chemical):.3f}")
    print(f"RMSE {scores['rmse']:.4f} (float gradient descent {scores['rmse_gradient_descent']:.4f})")
    if fit.output:
        print(f"run written to {fit.output}")


def _print_table(fit, chemical):
    dataset = fit.plan.dataset
    print("outputs: float forward pass of the stored weights averaged over the last 40 presentations")
    by_simulation = "  by simulation" if chemical is not None else ""
    print(f"{'input':>12}  {'target':>8}  {'output':>8}{by_simulation}  within {TOLERANCE}?")
    for k, (x, t, y) in enumerate(zip(dataset.test_x, dataset.test_t, fit.outputs)):
        simulated = f"  {_row(chemical[k]):>13}" if chemical is not None else ""
        right = "yes" if np.abs(y - t).max() <= TOLERANCE else "no"
        print(f"{_row(x, '{:g}'):>12}  {_row(t, '{:g}'):>8}  {_row(y):>8}{simulated}  {right}")


def _row(values, form="{:.3f}"):
    return " ".join(form.format(v) for v in values)


def _sizes(text):
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--hidden takes sizes like 4 or 32,16, got {text!r}") from None
