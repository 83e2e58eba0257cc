"""Make a run file whole that its writer did not close."""

import argparse
import shlex

from ..storage.repair import repair
from ..storage.schema import ENSEMBLE
from .common import Subparsers, add_json, parser, print_json


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "repair",
        "make a run file whole whose writer was killed: what was committed is copied, and the copy takes its place",
        ("runs/xor.h5", "runs/ensemble.h5 --json"),
    )
    command.add_argument("file", metavar="RUN.h5", help="run file written by simulate or train")
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    found = repair(arguments.file)
    what = "replicates" if found["kind"] == ENSEMBLE else "recorded presentations"
    kept = f"{found['kept']} of {found['planned']} {what}"
    if not found["repaired"]:
        print(f"{arguments.file} was closed as it should be, and is left as it is: {kept} are committed")
    else:
        print(f"{arguments.file} is repaired: {kept} are kept")
    if found["lost"]:
        print(f"{len(found['lost'])} committed replicates could not be read, and are to be simulated again")
    if "presentations" in found and not found["ended"]:
        print(f"the last whole checkpoint is that after {found['presentations']} presentations")
    if not found["ended"]:
        print(f"continue with: gillespie-nn resume {shlex.quote(arguments.file)}")
    if arguments.json:
        print_json(found)
    return 0
