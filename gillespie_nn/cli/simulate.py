"""Simulate a model."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..analysis.final_state import final_state, fired, said_of_method
from ..api import simulate, sweep
from ..checks import InputError
from ..crn import ReactionNetwork
from ..display.words import counted
from ..options import any_of, options_of
from ..simulation import MomentsResult, Result, final_values
from ..simulation.options import Destination, Execution, RunOptions
from ..status import Status
from ..storage import Run
from .common import Subparsers, add_json, parser, print_json
from .ensembles import print_moments, print_sweep
from .experiments import is_experiment, run_asked_experiment
from .flags import add_flags, given, options_of_methods
from .models import FORMATS_HELP, add_model, model_of
from .noise import add_noise, noise_of
from .training_record import resume_hint

_OPTIONS = any_of(options_of(RunOptions), options_of(Execution), options_of(Destination), options_of_methods())
_OPTIONS["output"] = _OPTIONS["output"]._replace(help="HDF5 file to write; with --sweep or an experiment, a folder")


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "simulate",
        (
            "toggle_switch --t-end 50",
            "model.txt --t-end 20",
            "model.ant --t-end 50 --parameter k=0.3 --initial A=100",
            "model.xml --t-end 50 --replicates 1000 --workers 2 --output run.h5",
            "model.txt --t-end 20 --replicates 100000 --record quantiles --workers 8 --output moments.h5",
            "experiment.omex --output results",
            "model.txt --t-end 20 --replicates 100 --sweep table.csv --output sweep",
            "model.txt --t-end 20 --replicates 100 --rate-noise 0.1 --rate-noise-kind bounded --noise-step 0.5",
            "model.txt --t-end 20 --replicates 100000 --scheduler tcp://10.0.0.1:8786 --output run.h5",
        ),
        f": {FORMATS_HELP}, or an experiment in SED-ML (.sedml, .omex). A text model has lines such as "
        "`A + B -> C @ 0.5` and `A = 10`",
    )
    add_model(command)
    command.add_argument(
        "--sweep", metavar="TABLE",
        help="simulate an ensemble for each row of a table (.csv or .toml); its columns are reactions (rate constants),"
        " species (initial amounts), parameters or `volume`; --output is then a folder, and the same command continues "
        "an interrupted sweep",
    )  # fmt: skip
    methods = options_of_methods()
    add_flags(command, {n: o for n, o in _OPTIONS.items() if n not in methods})
    command.add_argument("--describe", action="store_true", help="first print propensity and rate of each reaction")
    add_json(command)
    add_flags(command.add_argument_group("settings of methods"), methods)
    add_noise(command, {"train": "the run"})
    return command


def run(arguments: argparse.Namespace) -> int:
    if is_experiment(arguments):
        asked = {n: v for n, v in given(arguments, _OPTIONS).items() if v != _OPTIONS[n].default}
        return run_asked_experiment(arguments, asked | ({"rate_noise": 1} if noise_of(arguments) else {}))
    if arguments.t_end is None:
        raise InputError("the following arguments are required: --t-end; see gillespie-nn simulate --help")
    network = model_of(arguments)
    asked = given(arguments, _OPTIONS) | {"noise": noise_of(arguments), "progress": True}
    if arguments.describe:
        print(_as_simulated(network, asked).describe())
    if arguments.sweep is not None:
        if asked.pop("overwrite"):
            raise InputError("--sweep continues in its folder or starts in a new one: omit --overwrite")
        return print_sweep(sweep(network, arguments.sweep, **asked), arguments)
    result = simulate(network, **asked)
    if isinstance(result, MomentsResult):
        return print_moments(network, result, arguments)
    names, final = final_values(result)
    n = len(result.status)
    reason = f"{result.method} ({result.method_reason})"
    print(
        f"{len(network.species)} species, {network.compiled}; method {reason}, Omega = {result.volume:g}, "
        f"seed {result.seed}"
    )
    n_fired = fired(int(result.n_events.sum())) if result._has_firings else ""
    print(f"{counted(n, 'replicate')} to t = {result.time[-1]:g} s{n_fired}")
    if (state := final_state(result)) is not None:
        print(state.table(result.time[-1], result.units).text())
    if work := said_of_method(result.statistics, n):
        print(work)
    for status in sorted(set(result.status.tolist())):
        print(f"{int((result.status == status).sum())} of {n} {Status(status)}")
    if arguments.output:
        print(f"written to {arguments.output}")
    if arguments.json:
        print_json(_record(result, names, final, arguments))
    return 0 if all(status.intended for status in result.statuses) else 3


def _as_simulated(network: ReactionNetwork, asked: Mapping[str, Any]) -> ReactionNetwork:
    """`network` with the rate constants and initial amounts that the command line overrides."""
    rates, amounts = network.rates(asked.get("rates")), network.amounts(asked.get("initial"))
    reactions = tuple(
        r if k == r.rate else r._replace(rate=k, rate_expression=None)
        for r, k in zip(network.reactions, rates.tolist())
    )
    return replace(network, reactions=reactions, initial=dict(zip(network.species, amounts.tolist())))


def interrupted(arguments: argparse.Namespace) -> str:
    """What to say after Ctrl-C."""
    if arguments.output is None:
        return "interrupted; nothing is kept without --output"
    if arguments.sweep is not None:
        return f"interrupted; finished rows are kept in {arguments.output}; the same command continues with the rest"
    return resume_hint(arguments.output)


def _record(result: Result | Run, names: Sequence[str], final: np.ndarray, arguments: argparse.Namespace) -> dict:
    return {
        "species": list(names),
        "mean": final.mean(axis=0) if len(final) else None,
        "standard_deviation": final.std(axis=0, ddof=1) if len(final) > 1 else None,
        "status": Counter(Status(int(s)).name.lower() for s in result.status),
        "events": int(result.n_events.sum()),
        "replicates": len(result.status),
        "complete_replicates": len(final),
        "t_end": arguments.t_end,
        "volume": result.volume,
        "method": result.method,
        "method_reason": result.method_reason,
        "seed": result.seed,
        "output": arguments.output,
        "units": result.units,
        "statistics": result.statistics,
    }
