"""Print a script for shell completion."""

import argparse
from typing import Any

from .. import checks
from .common import Subparsers, add_json, parser, print_json

SHELLS = ("bash", "zsh", "tcsh")


def add(subparsers: Subparsers) -> argparse.ArgumentParser:
    command = parser(
        subparsers,
        "completion",
        (
            "bash > ~/.local/share/bash-completion/completions/gillespie-nn",
            'zsh > "${fpath[1]}/_gillespie-nn"',
        ),
    )
    command.add_argument("shell", metavar="SHELL", help=f"one of {', '.join(SHELLS)}")
    add_json(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    checks.choice("shell", arguments.shell, SHELLS)
    shtab = checks.optional("shtab", "completion", "shell completion")
    whole = arguments.whole()
    _complete_values(whole, shtab)
    script = shtab.complete(whole, shell=arguments.shell)
    if arguments.json:
        print_json({"shell": arguments.shell, "script": script})
    else:
        print(script)
    return 0


def _complete_values(parser: argparse.ArgumentParser, shtab: Any) -> None:
    """Complete the allowed values and the file names of options, in this parser and its subcommands."""
    action: Any
    for action in parser._actions:
        # Names of options are checked later, so argparse does not know them as choices.
        action.choices = getattr(action, "names", ()) or action.choices
        name = str(action.metavar or "")
        if name == "FOLDER":
            action.complete = shtab.DIRECTORY
        elif name == "MODEL" or name.startswith(("FILE", "RUN", "TABLE")):
            action.complete = shtab.FILE
        for subparser in dict.fromkeys(action.choices.values()) if isinstance(action.choices, dict) else ():
            _complete_values(subparser, shtab)
