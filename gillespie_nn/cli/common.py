"""The list of subcommands, and what they share: the parser, the JSON line, and paths of figures.

This module loads neither numba nor models, so that `--help` and `--version` answer at once.
"""

import argparse
import itertools
import json
import math
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeAlias

from .. import checks

# The subcommands, each in a module of this folder.


class Command(NamedTuple):
    """A subcommand."""

    module: str
    """Name of the module. It is imported when the subcommand is used; the help of the whole command needs none."""
    summary: str


COMMANDS = {
    "simulate": Command("simulate_command", "simulate a model"),
    "train": Command("train_command", "train a neural network made of chemical reactions, by simulating the reactions"),
    "resume": Command(
        "resume_command",
        "continue a run that was killed or interrupted; the result is the same as without the interruption",
    ),
    "repair": Command(
        "repair_command",
        "repair the file of a run that was killed while it was writing: committed data are copied, and the copy "
        "replaces the file",
    ),
    "analyze": Command("analyze_command", "summarise a run file, analyse it and, with --figure, draw it"),
    "report": Command(
        "report_command", "write a self-contained HTML report of a run, with figures, tables and provenance"
    ),
    "export": Command(
        "export_command",
        "write the committed data of a run file as a table (CSV, Parquet) or as arrays (NetCDF)",
    ),
    "certify": Command(
        "certify_command",
        "compare an approximate method with an exact one on a model; the exit code is 0 if the errors are "
        "within tolerance, 1 if not, and 3 if more replicates are needed to decide",
    ),
    "verify-methods": Command("verify_methods_command", "test the exact methods against the chemical master equation"),
    "verify-bounds": Command(
        "verify_bounds_command",
        "test whether noise of size eps changes a network by at most eps Theta: sup |x(t; eps) - x(t)| <= eps Theta",
    ),
    "reproduce": Command(
        "reproduce_command",
        "run the case studies and write a report with tables, figures and verdicts on the claims",
    ),
    "bench": Command(
        "bench_command",
        "measure the speed of the exact methods; other programs are included if the extra `bench` is installed",
    ),
    "models": Command(
        "packaged_models_command",
        "list the models that come with the package, or print one; commands take their names in place of a file",
    ),
    "fetch-data": Command("fetch_data_command", "download the data files that a case needs and check their SHA-256"),
    "warm": Command(
        "warm_command", "compile the kernels of all methods now, so that later runs start without compiling"
    ),
    "completion": Command("completion_command", "print a completion script for bash, zsh or tcsh"),
}


# The parser, the JSON line, and paths of figures.

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
_WIDTH = 100
_WRONG_NUMBER = re.compile(r"argument (\S+): invalid (int|float) value: (.*)")
_WRONG_CHOICE = re.compile(r"argument (\S+): invalid choice: (.*) \(choose from (.*)\)")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_REQUIRED = "the following arguments are required"
"""Messages of argparse, which `Parser.error` rewrites."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, like all errors of the package."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse unknown arguments here and not in the main parser: a subparser knows which flags could be meant."""
        self._given = list(sys.argv[1:] if args is None else args)
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return parsed, unknown

    def _unknown(self, argument: str) -> str:
        """The message for an unknown argument."""
        options = {option: action for action in self._actions for option in action.option_strings}
        if not argument.startswith("-") and (advice := self._several(argument, options)):
            return advice
        return f"unknown argument {argument!r}{checks.meant(argument.partition('=')[0], list(options))}"

    def _several(self, argument: str, options: Mapping[str, argparse.Action]) -> str:
        """Advice for several values after a flag that takes one, such as `--parameter a=0 b=1`; an empty text without
        such a flag. The unknown `argument` is one of the values, or the positional argument whose place a value
        took."""
        # Each flag has the words up to the next flag.
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
        """The first unknown flag on the command line."""
        options = [option for action in self._actions for option in action.option_strings]
        flags = (given.partition("=")[0] for given in self._given)
        return next((f for f in flags if f.startswith("--") and not any(o.startswith(f) for o in options)), None)

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        # A mistyped flag explains a missing argument better than its absence.
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
    """Print what to cite, and exit."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from ..analysis import citations, citations_text  # which loads half of the package

        print(citations_text(citations()))
        parser.exit()


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print the results as one JSON object, in the last line of stdout"
    )


def parser(subparsers: Subparsers, name: str, examples: Sequence[str], more: str = "") -> argparse.ArgumentParser:
    """A subparser. Its help begins with the summary in `COMMANDS` and `more`, and ends with examples."""
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
    """Print one line of JSON, in which NaN and infinity are null."""
    print(json.dumps(plain(record), allow_nan=False), flush=True)


def plain(value: Any) -> Any:
    """numpy values as plain Python values; NaN and infinity, which JSON does not have, as None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
