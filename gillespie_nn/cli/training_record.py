"""What `train` and `resume` print about a run: text for people, and the JSON record."""

import shlex
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .. import checks
from ..api import Fit
from ..api.fit import TOLERANCE
from ..display.words import counted
from ..simulation.evaluation import accuracy_interval

_SMALL = 16
"""Up to so many test samples are shown one by one."""


def resume_hint(path: str | Path) -> str:
    """What to say after Ctrl-C of a run that is written to `path`."""
    if not checks.path_of("output", path).is_file():
        return "interrupted before the output file was created"
    return f"interrupted; what was committed is kept; continue with: gillespie-nn resume {shlex.quote(str(path))}"


def record(fit: Fit, total: float | None = None) -> dict:
    """The JSON record of a training run; `total` is the time of the whole command [s]."""
    plan, settings, dataset = fit.plan, fit.plan.settings, fit.plan.dataset
    found = {
        "case": dataset.name,
        "layers": fit.spec.layers,
        "n_species": len(fit.spec.network.species),
        "n_reactions": len(fit.spec.network.reactions),
        "n_channels": fit.spec.network.compiled.n_channels,
        "presentations": fit.trained.n_presented,
        "presentations_planned": settings.presentations,
        "events": fit.n_events,
        "events_per_second": fit.n_events / fit.seconds,
        "seconds": fit.seconds,
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
        found[f"accuracy{suffix}_interval"] = accuracy_interval(fit.scores[f"accuracy{suffix}"], dataset, n)
    if fit.chemical is not None:
        found["n_predicted"] = len(fit.chemical)
    if plan.presentations.validates:
        found["held_out"] = len(plan.presentations.held_out)
        found["patience"] = plan.options.patience
        found["validation_presentations"] = plan.presentations.evaluated[: len(fit.trained.scores)]
        found["validation_rmse"], found["validation_accuracy"] = fit.trained.scores.T
    if fit.trained.best is not None:
        found["best_presentation"] = plan.presentations.evaluated[fit.trained.best]
    if len(dataset.test_t) <= _SMALL:
        found["inputs"], found["targets"], found["outputs"] = dataset.test_x, dataset.test_t, fit.outputs
        for suffix in ("", "_before", "_gradient_descent"):
            found[f"solved{suffix}"] = fit.scores[f"largest_error{suffix}"] <= TOLERANCE
    return found


def _accuracies(fit: Fit) -> dict[str, int]:
    """Suffixes of the accuracies that depend on molecules, and how many test samples each is of."""
    n = len(fit.plan.dataset.test_t)
    suffixes = {"": n, "_best": n, "_chemical": 0 if fit.chemical is None else len(fit.chemical)}
    return {suffix: n for suffix, n in suffixes.items() if f"accuracy{suffix}" in fit.scores}


def print_fit(fit: Fit, total: float | None = None) -> None:
    """The run in words; `total` is the time of the whole command [s]."""
    plan, network, scores = fit.plan, fit.spec.network, fit.scores
    if plan.dataset.notice:
        print(f"note: {plan.dataset.notice}")
    print(f"{'-'.join(map(str, fit.spec.layers))} network: {len(network.species)} species, {network.compiled}")
    rate = f", {fit.n_events:.3g} reactions fired ({fit.n_events / fit.seconds:.2g} per second)" if fit.n_events else ""
    whole = "" if total is None else f"; {total:.1f} s in all, with preparation and evaluation"
    print(f"{counted(fit.trained.n_presented, 'presentation')} in {fit.seconds:.1f} s{rate}{whole}")
    print(f"method {plan.method.name}, Omega = {plan.volume:g}, seed {plan.seed}")
    if plan.presentations.validates:
        _print_validation(fit)
    if len(plan.dataset.test_t) <= _SMALL:
        _print_table(fit)
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
            found = f"{scores['accuracy_chemical']:.3f}, 95 % interval {_interval(fit, '_chemical')}"
            print(f"accuracy by simulation {found}, of {_predicted(fit)}")
    print(f"RMSE {scores['rmse']:.4f} (float gradient descent {scores['rmse_gradient_descent']:.4f})")
    if "rmse_best" in scores:
        print(f"RMSE of the best weights {scores['rmse_best']:.4f}")
    if fit.chemical is not None:
        print(f"RMSE by simulation {scores['rmse_chemical']:.4f}, of {_predicted(fit)}")
    if fit.output:
        print(f"run written to {fit.output}")


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
    dataset = fit.plan.dataset
    print("outputs are computed in floating point, with weights averaged over up to 100 last presentations")
    print(f"an output counts as right if it is within {TOLERANCE} of its target (accuracy: on the right side of 0.5)")
    by_simulation = "  by simulation" if fit.chemical is not None else ""
    print(f"{'input':>12}  {'target':>8}  {'output':>8}{by_simulation}  within {TOLERANCE}?")
    for k, (x, t, y) in enumerate(zip(dataset.test_x, dataset.test_t, fit.outputs)):
        simulated = ""
        if fit.chemical is not None:
            simulated = f"  {_row(fit.chemical[k]) if k < len(fit.chemical) else '-':>13}"
        right = "yes" if np.abs(y - t).max() <= TOLERANCE else "no"
        print(f"{_row(x, '{:g}'):>12}  {_row(t, '{:g}'):>8}  {_row(y):>8}{simulated}  {right}")


def _row(values: Iterable[float], form: str = "{:.3f}") -> str:
    return " ".join(form.format(v) for v in values)
