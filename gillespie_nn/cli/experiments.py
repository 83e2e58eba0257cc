"""`simulate` with an experiment in SED-ML in place of a model."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checks import InputError
from ..display.words import counted
from ..experiments import ENDINGS, run_experiment
from .common import print_json

_ALLOWED = ("output", "overwrite", "seed", "workers")
_OTHER = ("parameter", "sweep", "describe")
"""Flags of the command that are not options of a run."""


def is_experiment(arguments: argparse.Namespace) -> bool:
    return Path(arguments.model).suffix.lower() in ENDINGS


def run_asked_experiment(arguments: argparse.Namespace, given: Mapping[str, Any]) -> int:
    """Run it and print what was written; `given` are the options of a run that the user gave."""
    wrong = [name for name in given if name not in _ALLOWED]
    wrong += [name for name in _OTHER if getattr(arguments, name)]
    if wrong:
        raise InputError(
            f"--{wrong[0].replace('_', '-')} does not apply to {arguments.model}, which says itself what is simulated: "
            f"use only {', '.join(f'--{name}' for name in (*_ALLOWED, 'substance', 'json'))}"
        )
    if arguments.output is None:
        raise InputError("an experiment needs --output FOLDER, where its reports, plots and runs are written")
    asked = {name: given[name] for name in _ALLOWED if name in given and name != "output"}
    found = run_experiment(arguments.model, arguments.output, substance=arguments.substance, progress=True, **asked)
    print(
        f"{counted(len(found.runs), 'simulation')}, {counted(len(found.reports), 'report')}, "
        f"{counted(len(found.plots), 'plot')}; seed {found.seed}"
    )
    for path in (*found.reports, *found.plots):
        print(f"written to {path}")
    for status in sorted(set(found.unintended)):
        print(f"some runs {status}")
    if arguments.json:
        print_json(
            {
                "experiment": str(arguments.model),
                "seed": found.seed,
                "reports": [str(path) for path in found.reports],
                "plots": [str(path) for path in found.plots],
                "runs": [str(path) for path in found.runs],
                "unintended": [status.name.lower() for status in found.unintended],
            }
        )
    return 3 if found.unintended else 0
