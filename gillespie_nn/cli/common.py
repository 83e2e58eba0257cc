"""What the subcommands share: options, the JSON line, and the words around a run."""

import argparse
import json
import math
import re
from pathlib import Path

from .. import checks
from ..analysis import citations, citations_text
from ..simulation.methods import METHODS, OPTIONS

_WRONG_NUMBER = re.compile(r"argument (\S+): invalid (int|float) value: (.*)")
_WRONG_CHOICE = re.compile(r"argument (\S+): invalid choice: (.*) \(choose from (.*)\)")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, as all others of the package."""

    def parse_known_args(self, args=None, namespace=None):
        """Refuses what it does not know itself, since a subparser knows best what could be meant."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            options = [option for action in self._actions for option in action.option_strings]
            self.error(f"unknown argument {unknown[0]!r}{checks.meant(unknown[0], options)}")
        return found, unknown

    def error(self, message):
        """End with exit code 2."""
        if wrong := _WRONG_NUMBER.fullmatch(message):
            what = {"int": "a whole number", "float": "a number"}[wrong[2]]
            message = f"{wrong[1]} takes {what}, got {wrong[3]}"
        elif wrong := _WRONG_CHOICE.fullmatch(message):
            options = re.findall(r"[\w-]+", wrong[3])
            message = f"unknown {wrong[1]} {wrong[2]}{checks.meant(wrong[2], options)}: one of {', '.join(options)}"
        self.exit(2, f"gillespie-nn: {message}; see {self.prog} --help\n")


class Cite(argparse.Action):
    """Print what to cite, and end."""

    def __call__(self, parser, *_):
        print(citations_text(citations()))
        parser.exit()


def add_common(parser, output_help):
    parser.add_argument("--seed", type=int, help="whole number; drawn and reported if not given")
    parser.add_argument("--output", metavar="FILE", help=output_help)
    add_json(parser)


def add_json(parser):
    parser.add_argument("--json", action="store_true", help="the last line of stdout is one JSON object")


def add_options(parser):
    """A flag for each option of any method."""
    for name, option in OPTIONS.items():
        takers = ", ".join(m.name for m in METHODS if name in {o.name for o in m.options})
        parser.add_argument(f"--{name.replace('_', '-')}", type=option.kind, help=f"{option.help}; for {takers}")


def options_of(arguments) -> dict:
    """The options of methods that were given, by name."""
    return {name: getattr(arguments, name) for name in OPTIONS if getattr(arguments, name) is not None}


def parser(subparsers, name, summary, examples):
    """A subparser whose help ends with examples."""
    epilog = "examples:\n" + "\n".join(f"  gillespie-nn {name} {example}" for example in examples)
    return subparsers.add_parser(
        name, help=summary, description=summary, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def figure_path(figure) -> Path:
    """The path of a figure that can be drawn. Raises InputError for another format, or without matplotlib."""
    path = checks.path_of("figure", figure)
    checks.choice("figure format", path.suffix, (".png", ".svg", ".pdf"), "use")
    checks.optional("matplotlib", "plot", "drawing a figure")
    return path


def print_json(record):
    """One line; numpy values as plain ones, and numbers that JSON does not have as null."""
    print(json.dumps(plain(record), allow_nan=False), flush=True)


def plain(value):
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
