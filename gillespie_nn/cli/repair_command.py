"""Repair a run file whose writer was killed."""

import argparse
import shlex

from ..display.tables import counted
from ..storage.open import repair
from ..storage.schema import ENSEMBLE
from .common import Subparsers, add_json, parser, print_json


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "repair",
        ("runs/xor.h5", "runs/ensemble.h5 --json"),
    )
    command.add_argument("file", metavar="RUN.h5", help="run file of simulate or train")
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    outcome = repair(arguments.file)
    what = "replicates" if outcome["kind"] == ENSEMBLE else "recorded presentations"
    kept = f"{outcome['kept']} of {outcome['planned']} {what}"
    if not outcome["repaired"]:
        print(f"{arguments.file} was closed properly and is not changed: {kept} are committed")
    else:
        print(f"{arguments.file} is repaired: {kept} were saved")
    if outcome["lost"]:
        print(f"{counted(len(outcome['lost']), 'committed replicate')} could not be read and must be simulated again")
    if "presentations" in outcome and not outcome["ended"]:
        print(f"the last intact checkpoint is after {counted(outcome['presentations'], 'presentation')}")
    if not outcome["ended"]:
        print(f"continue with: gillespie-nn resume {shlex.quote(arguments.file)}")
    if arguments.json:
        print_json(outcome)
    return 0
