"""Flags of the command line for options, models and noise, and the values that the user gave them."""

import argparse
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from typing import Any

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
            raise InputError(
                f"--noise-{name.replace('_', '-')} does not apply to the requested noise: it needs a path of kind "
                + " or ".join(kind.name for kind in KINDS if name in kind.parameters)
                + "; choose one with --rate-noise-kind, for example"
            )
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
            raise InputError(f"{flag}-kind {kind} needs an amplitude: also give {flag} EPS")
    return asked


def _presented(arguments: argparse.Namespace) -> bool:
    """Whether the command has presentations, which is so if it can predict."""
    return hasattr(arguments, f"predict_{NOISES[0].name}_noise")


def _kinds(noise: type[Noise], presented: bool) -> list[str]:
    return [name for name in noise.kinds if presented or name != PRESENTATION]


def _usual(noise: Any, names: Sequence[str]) -> str:
    return noise.kind if noise.kind in names else names[0]


def numbers_of(flag: str, text: str | None, takes: str) -> tuple[int, ...] | None:
    """Whole numbers with commas between them, None without the flag. Raises InputError with what the flag `takes`."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{flag} takes {takes}, got {text!r}") from None
