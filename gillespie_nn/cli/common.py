"""The list of subcommands, and what they share: the parser, and flags for options, models and noise."""

import argparse
import itertools
import json
import math
import re
import sys
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeAlias

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork
from ..crn.formats import FORMATS
from ..crn.formats.text_write import bystanders
from ..crn.network import refuse_two_starts
from ..noise import KINDS, NOISES, Noise
from ..noise.noise import PRESENTATION
from ..options import Option
from ..simulation import METHODS
from ..simulation.methods import known_to_training

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
        "repair a run file whose writer was killed: committed data are copied, and the copy replaces the file",
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
    "warm": Command("warm_command", "compile the kernels of all methods now, so that no later run has to wait for it"),
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


# Flags for options, see `gillespie_nn.options`.

_METAVARS: dict[Any, str] = {int: "N", float: "X", str: "NAME"}


def add_flags(command: Any, options: Mapping[str, Option], required: tuple[str, ...] = ()) -> None:
    """Add a flag to a parser or an argument group for each option that has one. Options without a default, and those
    named in `required`, must be given."""
    for name, option in options.items():
        if option.kind is not None:
            how = _how(option)
            if option.default is MISSING or name in required:
                how["required"] = True
            action = command.add_argument(flag_of(option), **how)
            # Not argparse's `choices`: the check refuses other names with a better message. Completion reads these.
            action.names = getattr(option.check, "names", ())  # type: ignore[attr-defined]


def given(arguments: argparse.Namespace, options: Mapping[str, Option]) -> dict[str, Any]:
    """Values of the options that the user gave, by name."""
    chosen = {}
    for name, option in options.items():
        value = getattr(arguments, name, None)
        if option.pairs and value is not None:
            value = pairs(flag_of(option), option.pairs, value, option.kind)
        if option.kind is not None and value is not None:
            chosen[name] = value
    return chosen


def options_of_methods(training: bool = False) -> dict[str, Option]:
    """The options of all methods; with `training` also of those that only train. The help of an option says which
    methods take it."""
    options: dict[str, Option] = {}
    known = known_to_training() if training else METHODS
    for option in (option for method in known for option in method.options):
        takers = ", ".join(m.name for m in known if option.name in {o.name for o in m.options})
        options[option.name] = option._replace(
            help=f"{option.help}; only for {takers}", default=None, usual=option.default_shown
        )
    return options


def flag_of(option: Option) -> str:
    """The flag of an option."""
    return f"--{(option.flag or option.name).replace('_', '-')}"


def pairs(flag: str, example: str, texts: list[str], number: Callable[[str], Any] | None) -> dict[str, Any]:
    """NAME=NUMBER of a flag that may be given several times, as a dictionary."""
    assert number is not None
    numbers: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if name.strip() in numbers:
            raise InputError(f"{flag} sets {name.strip()} twice: set it once")
        try:
            numbers[name.strip()] = number(value)
        except ValueError:
            equals = ""
        if not equals:
            parts = _parts(text)
            more = f"; for several, write {' '.join(f'{flag} {part}' for part in parts)}" if parts else ""
            raise InputError(f"{flag} takes NAME=NUMBER, for example {flag} {example}, got {text!r}{more}")
    return numbers


def _parts(text: str) -> list[str]:
    """NAME=VALUE of a text with several, separated by commas or spaces; empty for other texts."""
    parts = re.split(r"[,;\s]+", text.strip())
    return parts if len(parts) > 1 and all(re.fullmatch(r"[^=]+=[^=]+", part) for part in parts) else []


def _how(option: Option) -> dict[str, Any]:
    """Arguments of `add_argument` for an option."""
    how: dict[str, Any] = {"dest": option.name, "help": _escaped(option.described)}
    # The default of a case may be True: the user needs a flag to turn it off.
    if option.kind is bool and option.usual.endswith("of the case"):
        return how | {"action": argparse.BooleanOptionalAction, "default": None}
    if option.kind is bool:
        return how | {"action": "store_true", "default": option.default}
    if option.default is not MISSING:
        how |= {"default": option.default}
    if option.pairs or option.several:
        how |= {"action": "append"}
        how["help"] += "; can be given several times"
    if not option.pairs:
        how |= {"type": option.kind}
    metavar = option.metavar or _METAVARS.get(option.kind, "")
    if metavar:
        how |= {"metavar": metavar}
    return how


def _escaped(text: str) -> str:
    """`text` for the help of argparse, which formats it with `%`."""
    return text.replace("%", "%%")


# Flags for a model: its file, parameters and substance.

FORMATS_HELP = ", ".join(f"{f.title} ({', '.join(f.endings)})" for f in FORMATS)
"""The model formats, for the help of commands."""


def add_model(command: argparse.ArgumentParser) -> None:
    """Add the argument of the model, and the flags that set something when it is read."""
    command.add_argument("model", metavar="MODEL", help="model file, or the name of a packaged model: see `models`")
    command.add_argument("--parameter", action="append", default=[], metavar="NAME=X", help="set a parameter")
    command.add_argument(
        "--substance", metavar="UNIT",
        help="for SBML and Antimony: read all amounts as molecules (item), or amounts without a declared unit as moles "
        "(mole)",
    )  # fmt: skip


def model_of(arguments: argparse.Namespace) -> ReactionNetwork:
    """The network of the command line, with its parameters. Warns of species that nothing changes or reads: they are
    often mistyped."""
    given = pairs("--parameter", "k=0.3", arguments.parameter, float)
    network = ReactionNetwork.from_file(arguments.model, given, arguments.substance)
    initial = [text.partition("=")[0].strip() for text in getattr(arguments, "initial", None) or ()]
    refuse_two_starts(network, given, initial)
    if idle := bystanders(network):
        warnings.warn(f"in no reaction, rule or event: {checks.shortened(idle)}", stacklevel=2)
    return network


# Flags for noise: amplitude and kind, in a simulation or in training, and with the prefix `predict-` in prediction.

_PREFIXES = {"train": "", "predict": "predict-"}
_WHERES = {"train": "training", "predict": "the prediction of --predict"}
_PARAMETERS = {"step": "time for which a path stays constant [s]", "correlation_time": "correlation time of a path [s]"}


def add_noise(command: argparse.ArgumentParser, wheres: dict[str, str] = _WHERES) -> None:
    """Add `--rate-noise`, `--rate-noise-kind` and so on for every noise, and flags for the parameters of paths.
    `wheres` describes where the noise acts, for each of `_PREFIXES` that the command has."""
    every = [kind for kind in KINDS if "predict" in wheres or kind.name != PRESENTATION]
    kinds = "\n".join(f"  {kind.name}: {kind.summary}" for kind in every)
    group = command.add_argument_group(
        "noise", f"noise of amplitude eps follows a path, of one of these kinds:\n{kinds}"
    )
    for when, where in wheres.items():
        prefix = _PREFIXES[when]
        for noise in NOISES:
            flag, names = f"--{prefix}{noise.name}-noise", _kinds(noise, "predict" in wheres)
            group.add_argument(
                flag, type=float, metavar="EPS", help=f"amplitude of noise in {noise.acts_on}, in {where}"
            )
            group.add_argument(
                f"{flag}-kind",
                metavar="KIND",
                help=f"kind of path: {', '.join(names)} (default: {_usual(noise, names)})",
            )
    for name, meaning in _PARAMETERS.items():
        kinds = ", ".join(kind.name for kind in KINDS if name in kind.parameters)
        group.add_argument(
            f"--noise-{name.replace('_', '-')}", type=float, metavar="S", help=f"{meaning}; only for {kinds}"
        )


def noise_of(arguments: argparse.Namespace, when: str = "train") -> list:
    """The noises of the command line. `when` is `train` (also for a simulation) or `predict`. Parameters go to the
    noises that take them."""
    given = {name: getattr(arguments, f"noise_{name}") for name in _PARAMETERS}
    given = {name: value for name, value in given.items() if value is not None}
    by_name = {kind.name: kind for kind in KINDS}
    every = {moment: _asked(arguments, prefix) for moment, prefix in _PREFIXES.items()}
    for name in given:
        kinds = [kind for asked in every.values() for _, _, kind in asked]
        if not any(kind in by_name and name in by_name[kind].parameters for kind in kinds):
            raise InputError(f"--noise-{name.replace('_', '-')}: no requested noise uses it; see the kinds in --help")
    noises = []
    for noise, amplitude, kind in every[when]:
        taken = by_name[kind].parameters if kind in by_name else {}
        noises.append(noise(amplitude, kind, **{n: v for n, v in given.items() if n in taken}))
    return noises


def _asked(arguments: argparse.Namespace, prefix: str) -> list[tuple[type[Noise], float, str]]:
    """(noise, amplitude, kind) of each noise with an amplitude."""
    stem = prefix.replace("-", "_")
    asked: list[tuple[type[Noise], float, str]] = []
    for noise in NOISES:
        amplitude = getattr(arguments, f"{stem}{noise.name}_noise", None)
        kind = getattr(arguments, f"{stem}{noise.name}_noise_kind", None)
        if amplitude is not None:
            asked.append((noise, amplitude, kind or _usual(noise, _kinds(noise, _presented(arguments)))))
        elif kind is not None:
            flag = f"--{prefix}{noise.name}-noise"
            raise InputError(f"{flag}-kind {kind} needs an amplitude: give {flag} EPS, too")
    return asked


def _presented(arguments: argparse.Namespace) -> bool:
    """Whether the command has presentations, which is so if it can predict."""
    return hasattr(arguments, f"predict_{NOISES[0].name}_noise")


def _kinds(noise: type[Noise], presented: bool) -> list[str]:
    return [name for name in noise.kinds if presented or name != PRESENTATION]


def _usual(noise: Any, names: Sequence[str]) -> str:
    return noise.kind if noise.kind in names else names[0]
