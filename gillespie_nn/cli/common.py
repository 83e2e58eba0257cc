"""What the subcommands share: the parser, the JSON line, paths of figures."""

import argparse
import itertools
import json
import math
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from .. import checks
from .registry import COMMANDS

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
_WIDTH = 100
_WRONG_NUMBER = re.compile(r"argument (\S+): invalid (int|float) value: (.*)")
_WRONG_CHOICE = re.compile(r"argument (\S+): invalid choice: (.*) \(choose from (.*)\)")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_REQUIRED = "the following arguments are required"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, as all others of the package."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuses what it does not know itself, since a subparser knows best what could be meant."""
        self._given = list(sys.argv[1:] if args is None else args)
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return found, unknown

    def _unknown(self, argument: str) -> str:
        """What to say about an unknown argument."""
        options = {option: action for action in self._actions for option in action.option_strings}
        if not argument.startswith("-") and (advice := self._several(argument, options)):
            return advice
        return f"unknown argument {argument!r}{checks.meant(argument.partition('=')[0], list(options))}"

    def _several(self, argument: str, options: Mapping[str, argparse.Action]) -> str:
        """What to write instead of several values behind a flag that takes one, such as `--parameter a=0 b=1`;
        nothing if there are none. `argument` is unknown: a value, or the positional argument whose place one took."""
        starts = [k for k, given in enumerate(self._given) if given.startswith("-")]
        for start, end in zip(starts, [*starts[1:], len(self._given)]):
            flag, *values = self._given[start:end]
            action = options.get(flag)
            if not isinstance(action, argparse._AppendAction) or len(values) < 2:
                continue
            metavar = str(action.metavar)
            pairs = list(itertools.takewhile(lambda value: "=" in value, values))
            if metavar.startswith("NAME="):
                if len(pairs) > 1:
                    return f"{flag} takes one {metavar}: write {' '.join(f'{flag} {pair}' for pair in pairs)}"
                if not pairs and _NUMBER.fullmatch(values[1]):
                    return f"{flag} takes {metavar}: write {flag} {values[0]}={values[1]}"
            elif argument == values[1]:
                several = " ".join(values) if " " in metavar else f"{values[0]} {flag} {argument}"
                quoted = f"'{several}'" if " " in metavar else several
                return f"{flag} takes one {metavar}: write {flag} {quoted}"
        return ""

    def _mistyped(self) -> str | None:
        """The first flag given that is unknown."""
        options = [option for action in self._actions for option in action.option_strings]
        flags = (given.partition("=")[0] for given in self._given)
        return next((f for f in flags if f.startswith("--") and not any(o.startswith(f) for o in options)), None)

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        if message.startswith(_REQUIRED) and (flag := self._mistyped()):
            message = self._unknown(flag)
        elif wrong := _WRONG_NUMBER.fullmatch(message):
            what = {"int": "a whole number", "float": "a number"}[wrong[2]]
            message = f"{wrong[1]} takes {what}, got {wrong[3]}"
        elif wrong := _WRONG_CHOICE.fullmatch(message):
            options = re.findall(r"[\w-]+", wrong[3])
            message = f"unknown {wrong[1]} {wrong[2]}{checks.meant(wrong[2], options)}: one of {', '.join(options)}"
        self.exit(2, f"gillespie-nn: {message}; see {self.prog} --help\n")


class Cite(argparse.Action):
    """Print what to cite, and end."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from ..analysis import citations, citations_text  # which loads half of the package

        print(citations_text(citations()))
        parser.exit()


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print the results as one JSON object, in the last line of stdout"
    )


def parser(subparsers: Subparsers, name: str, examples: Sequence[str], more: str = "") -> argparse.ArgumentParser:
    """A subparser, whose help begins with the summary of `COMMANDS` and `more`, and ends with examples."""
    summary = COMMANDS[name].summary
    epilog = "examples:\n" + "\n".join(f"  gillespie-nn {name} {example}" for example in examples)
    return subparsers.add_parser(
        name,
        help=summary,
        description=textwrap.fill(f"{summary[0].upper()}{summary[1:]}{more}.", _WIDTH),
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def figure_path(figure: str) -> Path:
    """The path of a figure that can be drawn. Raises InputError for another format, or without matplotlib."""
    path = checks.path_of("figure", figure)
    checks.choice("figure format", path.suffix, (".png", ".svg", ".pdf"), "use")
    checks.optional("matplotlib", "plot", "drawing a figure")
    return path


def print_json(record: Any) -> None:
    """One line; numpy values as plain ones, and numbers that JSON does not have as null."""
    print(json.dumps(plain(record), allow_nan=False), flush=True)


def plain(value: Any) -> Any:
    """numpy values as plain ones, and numbers that JSON does not have as None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
