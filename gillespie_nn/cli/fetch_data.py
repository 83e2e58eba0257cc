"""Fetch the data files that a case needs, each checked against its published SHA-256."""

import argparse
from pathlib import Path

from ..datasets import CASES, case, data_folder, fetch
from ..datasets.download import VARIABLE
from .common import Subparsers, add_json, parser, print_json

_WITH_FILES = [c.name for c in CASES if c.files]


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "fetch-data",
        "fetch the data files that a case needs, checked by SHA-256",
        ("mnist", "mnist --output DATA --json", "mnist --source https://mirror.example/mnist/"),
    )
    command.add_argument(
        "case", metavar="CASE", nargs="?", default=_WITH_FILES[0], help=f"{', '.join(_WITH_FILES)} ({_WITH_FILES[0]})"
    )
    command.add_argument(
        "--output",
        metavar="FOLDER",
        help=f"put the files into FOLDER/CASE (FOLDER: what {VARIABLE} names, else your own data folder)",
    )
    command.add_argument("--source", metavar="URL", help="folder to fetch the files from, instead of the known ones")
    command.add_argument("--overwrite", action="store_true", help="replace files that are not the published ones")
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    chosen = case(arguments.case)
    folder = data_folder() if arguments.output is None else Path(arguments.output).expanduser()
    files = fetch(chosen, folder, arguments.source, arguments.overwrite, progress=True)
    fetched = sum(f["status"] == "fetched" for f in files)
    print(
        f"{folder / chosen.name} holds the {len(files)} files of {chosen.name}, SHA-256 as published: "
        f"{fetched} fetched, {len(files) - fetched} there already"
    )
    found = folder.resolve() == data_folder().resolve()
    if not found:
        print(f"`train {chosen.name}` finds them with {VARIABLE}={folder.resolve()}")
    if arguments.json:
        print_json({"case": chosen.name, "folder": str(folder / chosen.name), "found_by_train": found, "files": files})
    return 0
