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
    found = repair(arguments.file)
    what = "replicates" if found["kind"] == ENSEMBLE else "recorded presentations"
    kept = f"{found['kept']} of {found['planned']} {what}"
    if not found["repaired"]:
        print(f"{arguments.file} was closed properly and is not changed: {kept} are committed")
    else:
        print(f"{arguments.file} is repaired: {kept} were saved")
    if found["lost"]:
        print(f"{counted(len(found['lost']), 'committed replicate')} could not be read and must be simulated again")
    if "presentations" in found and not found["ended"]:
        print(f"the last intact checkpoint is after {counted(found['presentations'], 'presentation')}")
    if not found["ended"]:
        print(f"continue with: gillespie-nn resume {shlex.quote(arguments.file)}")
    if arguments.json:
        print_json(found)
    return 0
