"""List the models that come with the package, or print one."""

import argparse

from ..crn.parts import models, packaged_text
from .common import Subparsers, add_json, parser, print_json


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "models",
        ("", "toggle_switch > my_model.txt"),
    )
    command.add_argument(
        "name", nargs="?", metavar="NAME", help="print the text of this model, to start a new one from"
    )
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> None:
    if arguments.name is not None:
        text = packaged_text(arguments.name)
        print(text, end="")
        if arguments.json:
            print_json({"name": arguments.name, "text": text})
        return
    for name, title in models().items():
        print(f"{name:<21} {title}")
    if arguments.json:
        print_json(models())
