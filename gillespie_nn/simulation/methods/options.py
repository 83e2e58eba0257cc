"""Settings that a method takes beyond those that all have: a name, a default, what is allowed, and a line of help."""

from collections.abc import Callable
from typing import NamedTuple

from ... import checks
from ...checks import InputError


class Option(NamedTuple):
    """One setting of a method."""

    name: str
    default: object
    check: Callable[[str, object], object]
    """`check(name, value)` returns the value to use, or raises InputError."""
    help: str
    kind: type = float
    """What a command line reads it as."""


def fraction(name, value) -> float:
    """`value` as a float strictly between 0 and 1."""
    number = checks.finite(name, value)
    if not 0 < number < 1:
        raise InputError(f"{name} must lie between 0 and 1, got {value!r}, for example {name}=0.03")
    return number


def step(name, value) -> float | None:
    """A length of time [s], or None for one that adapts."""
    return None if value is None else checks.positive(name, value, "s", "or leave it out for a step that adapts")


def one_of(*allowed):
    """A check for one of the names `allowed`."""
    return lambda name, value: checks.choice(name, value, allowed)


def resolve(method, given, beside=()) -> dict:
    """All options of `method` (a class), with the values `given` by name; None stands for the default. What has a name
    that is none is looked for among those `beside`, too."""
    known = {option.name: option for option in method.options}
    for name in given:
        if name not in known:
            takes = f"takes {', '.join(known)}" if known else "takes no options"
            raise InputError(
                f"unknown option {name}: method {method.name} {takes}{_elsewhere(name, [*known, *beside])}"
            )
    found = {name: given.get(name) for name in known}
    return {n: known[n].default if v is None else known[n].check(n, v) for n, v in found.items()}


def _elsewhere(name, beside):
    """Where an option is known, or what could be meant by it."""
    from . import METHODS  # which know their options from here

    if name in ("parameters", "parameter"):
        return "; parameters are set as a model is read: ReactionNetwork.from_text(text, parameters={'k': 2})"
    takers = [m.name for m in METHODS if name in {option.name for option in m.options}]
    if takers:
        return f"; it is for {', '.join(takers)}"
    return checks.meant(name, [*beside, *(option.name for m in METHODS for option in m.options)])
