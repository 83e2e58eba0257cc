"""Simulate a model, a sweep over its parameters, or an experiment in SED-ML."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis.run_report import final_state, fired, steps_text
from ..api import Sweep, simulate, sweep
from ..checks import InputError
from ..crn import ReactionNetwork
from ..display.tables import Table, counted
from ..experiments import ENDINGS, run_experiment
from ..options import any_of, options_of
from ..simulation import MomentsResult, Result, final_values
from ..simulation.run_options import Destination, Execution, RunOptions
from ..simulation.task import WITH_ROWS
from ..status import Status
from ..storage import Run
from .common import Subparsers, add_json, parser, print_json
from .flags import FORMATS_HELP, add_flags, add_model, add_noise, given, model_of, noise_of, options_of_methods
from .train_command import resume_hint

# An experiment in SED-ML in place of a model.

_ALLOWED = ("output", "overwrite", "seed", "workers")
"""Options that apply to an experiment."""
_OTHER = ("parameter", "sweep", "describe")
"""Flags of the command that are not options of a run."""


def is_experiment(arguments: argparse.Namespace) -> bool:
    return Path(arguments.model).suffix.lower() in ENDINGS


def run_asked_experiment(arguments: argparse.Namespace, given: Mapping[str, Any]) -> int:
    """Run an experiment and print what was written. `given` are the options that the user set. Returns the exit
    code."""
    wrong = [name for name in given if name not in _ALLOWED]
    wrong += [name for name in _OTHER if getattr(arguments, name)]
    if wrong:
        raise InputError(
            f"--{wrong[0].replace('_', '-')} does not apply to {arguments.model}, which defines what is simulated: "
            f"use only {', '.join(f'--{name}' for name in (*_ALLOWED, 'substance', 'json'))}"
        )
    if arguments.output is None:
        raise InputError("an experiment needs --output FOLDER, where its reports, plots and runs are written")
    asked = {name: given[name] for name in _ALLOWED if name in given and name != "output"}
    result = run_experiment(arguments.model, arguments.output, substance=arguments.substance, progress=True, **asked)
    print(
        f"{counted(len(result.runs), 'simulation')}, {counted(len(result.reports), 'report')}, "
        f"{counted(len(result.plots), 'plot')}; seed {result.seed}"
    )
    for path in (*result.reports, *result.plots):
        print(f"written to {path}")
    for status in sorted(set(result.unintended)):
        print(f"not all runs ended as intended: {status}")
    if arguments.json:
        print_json(
            {
                "experiment": str(arguments.model),
                "seed": result.seed,
                "reports": [str(path) for path in result.reports],
                "plots": [str(path) for path in result.plots],
                "runs": [str(path) for path in result.runs],
                "unintended": [status.name.lower() for status in result.unintended],
            }
        )
    return 3 if result.unintended else 0


# Printing moments and sweeps.

_SHOWN_COLUMNS = 4
_PROBABILITIES = (0.025, 0.5, 0.975)


def print_moments(network: ReactionNetwork, result: MomentsResult, arguments: argparse.Namespace) -> int:
    """Print the moments at the last time. Returns the exit code."""
    print(
        f"{len(network.species)} species, {network.compiled}; method {result.method} ({result.method_reason}), "
        f"Omega = {result.volume:g}, seed {result.seed}"
    )
    moments, state = _last(result), final_state(result)
    n_fired = fired(result.n_events) if result._has_firings else ""
    print(f"{counted(result.n_done, 'replicate')} to t = {result.time[-1]:g} s{n_fired}")
    if state is not None:
        table = state.table(result.time[-1], result.units)
        quantiles = result.moments.sketch is not None
        head = [f"{p:g} quantile" for p in _PROBABILITIES] if quantiles else ["least", "largest"]
        columns = moments["quantiles"] if quantiles else [moments["minimum"], moments["maximum"]]
        rows = [(*row, *(column[k] for column in columns)) for row, k in zip(table.rows, state.shown)]
        print(table._replace(columns=(*table.columns, *head), rows=rows).text())
    for status, n in result.statuses.items():
        print(f"{n} of {result.n_replicates} {status}")
    if arguments.output:
        print(f"written to {arguments.output}")
    if arguments.json:
        print_json(moments | _about(result, arguments))
    return 0 if all(status.intended for status in result.statuses) else 3


def print_sweep(sweep: Sweep, arguments: argparse.Namespace) -> int:
    """Print the means at the last time, one line for each row. Returns the exit code."""
    rows = []
    for row in range(len(sweep)):
        with sweep.opened(row) as result:
            rows.append(_row(sweep, row, result))
    names = rows[0]["quantities"][:_SHOWN_COLUMNS]
    caption = (
        f"{counted(len(sweep), 'row')} of {counted(arguments.replicates, 'replicate')} to t = {arguments.t_end:g} s"
        f", seed {sweep.seed}"
    )
    columns = (*sweep.table.names, *(f"mean of {name}" for name in names))
    cells = [(*each["parameters"].values(), *each["mean"][: len(names)]) for each in rows]
    print(Table(caption, columns, cells).text())
    unfinished = [k for k, each in enumerate(rows) if not each["complete"]]
    if unfinished:
        print(f"not every replicate reached the end in {len(unfinished)} rows, the first of them {unfinished[0]}")
    if arguments.output:
        print(f"written to the folder {arguments.output}, one file a row and table.csv")
    if arguments.json:
        print_json({"seed": sweep.seed, "record": sweep.record, "output": arguments.output, "rows": rows})
    return 0 if all(each["intended"] for each in rows) else 3


def _row(sweep: Sweep, row: int, result: Any) -> dict:
    if sweep.record in WITH_ROWS:
        names, final = final_values(result)
        mean = final.mean(axis=0) if len(final) else np.full(len(names), np.nan)
        deviation = final.std(axis=0, ddof=1) if len(final) > 1 else np.full(len(names), np.nan)
        statistics = {"mean": mean, "standard_deviation": deviation, "quantities": list(names)}
    else:
        statistics = _last(result) | {"quantities": list(result.quantities)}
    about = {"parameters": sweep.table.row(row), "seed": result.seed, "method": result.method}
    intended = all(status.intended for status in result.statuses)
    ends = {"complete": result.complete, "intended": intended}
    return about | statistics | {"events": int(np.sum(result.n_events)), **ends}


def _last(result: MomentsResult) -> dict:
    """Moments at the last time, by name."""
    statistics = {"standard_deviation": result.std} | {
        name: getattr(result, name) for name in ("mean", "standard_error", "minimum", "maximum")
    }
    moments: dict = {"n": result.n[-1]} | {name: of()[-1] for name, of in statistics.items()}
    if result.moments.sketch is not None:
        moments |= {"probabilities": _PROBABILITIES, "quantiles": [result.quantile(p)[-1] for p in _PROBABILITIES]}
    return moments


def _about(result: MomentsResult, arguments: argparse.Namespace) -> dict:
    return {
        "quantities": list(result.quantities),
        "status": {status.name.lower(): n for status, n in result.statuses.items()},
        "events": result.n_events,
        "replicates": result.n_replicates,
        "complete_replicates": sum(n for status, n in result.statuses.items() if status.complete),
        "t_end": arguments.t_end,
        "volume": result.volume,
        "method": result.method,
        "method_reason": result.method_reason,
        "seed": result.seed,
        "output": arguments.output,
        "units": result.units,
        "statistics": result.statistics,
        "record": arguments.record,
    }


# The subcommand.

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
    command.add_argument(
        "--describe", action="store_true", help="first print the propensity and the rate of each reaction"
    )
    add_json(command)
    add_flags(command.add_argument_group("settings of methods"), methods)
    add_noise(command, {"train": "the run"})
    return command


def run(arguments: argparse.Namespace) -> int:
    if is_experiment(arguments):
        # Defaults are dropped: an experiment refuses options that the user set.
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
    if work := steps_text(result.statistics, n):
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
        # An override also replaces the expression of the rate constant.
        r if k == r.rate else r._replace(rate=k, rate_expression=None)
        for r, k in zip(network.reactions, rates.tolist())
    )
    return replace(network, reactions=reactions, initial=dict(zip(network.species, amounts.tolist())))


def interrupted(arguments: argparse.Namespace) -> str:
    """The message after Ctrl-C."""
    if arguments.output is None:
        return "interrupted; nothing was saved, because --output was not given"
    if arguments.sweep is not None:
        return f"interrupted; finished rows are saved in {arguments.output}; run the same command again to continue"
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
