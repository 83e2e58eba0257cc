"""Download the data files of a case and check their SHA-256."""

import argparse
from pathlib import Path

from ..datasets import CASES, case, data_folder, fetch
from ..datasets.cases import VARIABLE
from .common import Subparsers, add_json, parser, print_json

_WITH_FILES = [c.name for c in CASES if c.files]


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "fetch-data",
        ("mnist", "mnist --output DATA --json", "mnist --source https://mirror.example/mnist/"),
    )
    command.add_argument(
        "case",
        metavar="CASE",
        nargs="?",
        default=_WITH_FILES[0],
        help=f"dataset: {', '.join(_WITH_FILES)} (default: {_WITH_FILES[0]})",
    )
    command.add_argument(
        "--output",
        metavar="FOLDER",
        help=f"put the files into FOLDER/CASE (default: the folder that {VARIABLE} names, else your data folder)",
    )
    command.add_argument("--source", metavar="URL", help="download from this folder instead of the known sources")
    command.add_argument("--overwrite", action="store_true", help="replace files that differ from the published ones")
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    chosen = case(arguments.case)
    folder = data_folder() if arguments.output is None else Path(arguments.output).expanduser()
    files = fetch(chosen, folder, arguments.source, arguments.overwrite, progress=True)
    fetched = sum(f["status"] == "fetched" for f in files)
    print(
        f"{folder / chosen.name} holds the {len(files)} files of {chosen.name} with the published SHA-256: "
        f"{fetched} downloaded, {len(files) - fetched} already there"
    )
    is_default = folder.resolve() == data_folder().resolve()
    if not is_default:
        print(f"to train {chosen.name} with them, set {VARIABLE}={folder.resolve()}")
    if arguments.json:
        print_json(
            {"case": chosen.name, "folder": str(folder / chosen.name), "found_by_train": is_default, "files": files}
        )
    return 0
