"""Flags of the command line, made of options: see `gillespie_nn.options`."""

import argparse
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any

from ..checks import InputError
from ..options import Option
from ..simulation import METHODS
from ..simulation.methods import known_to_training

_METAVARS: dict[Any, str] = {int: "N", float: "X", str: "NAME"}


def add_flags(command: Any, options: Mapping[str, Option], required: tuple[str, ...] = ()) -> None:
    """Add a flag to a parser, or a group of it, for each option that has one. Options without a default and those that
    are `required` must be given."""
    for name, option in options.items():
        if option.kind is not None:
            how = _how(option)
            if option.default is MISSING or name in required:
                how["required"] = True
            action = command.add_argument(flag_of(option), **how)
            # Not argparse's `choices`: what is none of them is refused in the words of the check.
            action.names = getattr(option.check, "names", ())  # type: ignore[attr-defined]


def given(arguments: argparse.Namespace, options: Mapping[str, Option]) -> dict[str, Any]:
    """Values of the options that the user gave, by name."""
    found = {}
    for name, option in options.items():
        value = getattr(arguments, name, None)
        if option.pairs and value is not None:
            value = pairs(flag_of(option), option.pairs, value, option.kind)
        if option.kind is not None and value is not None:
            found[name] = value
    return found


def options_of_methods(training: bool = False) -> dict[str, Option]:
    """Every option of any method, and with `training` also of the levels of training. The help of each says which
    methods take it."""
    found: dict[str, Option] = {}
    known = known_to_training() if training else METHODS
    for option in (option for method in known for option in method.options):
        takers = ", ".join(m.name for m in known if option.name in {o.name for o in m.options})
        found[option.name] = option._replace(
            help=f"{option.help}; only for {takers}", default=None, usual=option.default_shown
        )
    return found


def flag_of(option: Option) -> str:
    """The flag of an option."""
    return f"--{(option.flag or option.name).replace('_', '-')}"


def pairs(flag: str, example: str, texts: list[str], number: Callable[[str], Any] | None) -> dict[str, Any]:
    """NAME=NUMBER of a flag that may be given several times, as a dictionary."""
    assert number is not None
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if name.strip() in found:
            raise InputError(f"{flag} sets {name.strip()} twice: set it once")
        try:
            found[name.strip()] = number(value)
        except ValueError:
            equals = ""
        if not equals:
            parts = _parts(text)
            more = f"; for several, write {' '.join(f'{flag} {part}' for part in parts)}" if parts else ""
            raise InputError(f"{flag} takes NAME=NUMBER, for example {flag} {example}, got {text!r}{more}")
    return found


def _parts(text: str) -> list[str]:
    """NAME=VALUE of a text with several, separated by commas or spaces; empty for other texts."""
    parts = re.split(r"[,;\s]+", text.strip())
    return parts if len(parts) > 1 and all(re.fullmatch(r"[^=]+=[^=]+", part) for part in parts) else []


def _how(option: Option) -> dict[str, Any]:
    """What `add_argument` takes."""
    how: dict[str, Any] = {"dest": option.name, "help": _escaped(option.described)}
    if option.kind is bool and option.usual.endswith("of the case"):  # which may have it, and be asked to leave it out
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
    return text.replace("%", "%%")
