"""Options: each is defined once, with its default, check, unit, allowed values and a line of help.

A frozen dataclass of options has one field per option, made by `option`. Creating an instance checks the values. The
fields determine the signature and docstring of functions that take them (`takes`), and the flags of commands
(`cli.flags`). The settings of a method are options, too.
"""

import inspect
import textwrap
from collections.abc import Callable, Container, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np

from . import checks
from .checks import InputError

_WIDTH = 120
_OPTION = "option"
"""Key of the `Option` in the metadata of a field."""
IF_GIVEN = "if given"
"""Value of `Option.recorded`: files record the option only if it is given. Files without it are then the same as before
the option existed."""
_Options = TypeVar("_Options", bound="Options")
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class ArgumentCheck:
    """A check, a description of the allowed values, and the allowed names if it is a choice."""

    of: Callable[[str, Any], Any]
    allowed: str
    names: tuple[str, ...] = ()

    def __call__(self, name: str, value: Any) -> Any:
        return self.of(name, value)


def whole(least: int = 1, most: int | None = None, hint: str = "") -> ArgumentCheck:
    """A check for whole numbers in [least, most]."""
    return ArgumentCheck(lambda name, value: checks.whole(name, value, least, most, hint), f"at least {least}")


def positive(unit: str = "", hint: str = "") -> ArgumentCheck:
    """A check for positive, finite numbers."""
    return ArgumentCheck(lambda name, value: checks.positive(name, value, unit, hint), "positive")


def not_negative(unit: str = "") -> ArgumentCheck:
    """A check for finite numbers that are 0 or positive."""
    return ArgumentCheck(lambda name, value: checks.not_negative(name, value, unit), "0 or positive")


def one_of(*names: str) -> ArgumentCheck:
    """A check for one of these names."""
    return ArgumentCheck(lambda name, value: checks.choice(name, value, names), f"one of {', '.join(names)}", names)


fraction = ArgumentCheck(checks.fraction, "between 0 and 1")
"""A check for numbers strictly between 0 and 1."""


def yes_or_no(name: str, value: Any) -> bool:
    """`value`, which must be True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def as_it_is(name: str, value: Any) -> Any:
    """`value`, unchecked: it is checked where it is used, or together with other values."""
    return value


def number(text: str) -> int | float:
    """A number of molecules from a command line: an int unless written with a point or an exponent."""
    return float(text) if "." in text or "e" in text.lower() else int(text)


class Option(NamedTuple):
    """One option."""

    name: str
    default: Any
    """`dataclasses.MISSING` if there is none."""
    check: Callable[[str, Any], Any]
    """`check(name, value)` returns the value to use, or raises InputError. None selects the default, unchecked."""
    help: str
    kind: Callable[[str], Any] | None = float
    """Type on the command line; bool makes a switch, None makes no flag."""
    unit: str = ""
    allowed: str = ""
    """Description of the allowed values, if not that of the check."""
    usual: str = ""
    """Description of the default, if it is computed from other values."""
    more: str = ""
    """Text that a docstring adds to the help."""
    flag: str = ""
    """Flag on the command line, if it differs from the name."""
    metavar: str = ""
    pairs: str = ""
    """An example, if the flag takes NAME=NUMBER and can be repeated."""
    several: bool = False
    """Whether the flag can be repeated; the values form a list."""
    recorded: Callable[[Any], Any] | bool | str = False
    """Whether run files store it in their `arguments`, as a plain value: True, or `IF_GIVEN`; or a function that
    computes the plain value from the checked run."""
    restored: Callable[[Any], Any] = lambda plain: plain
    """Converts the plain value back."""

    @property
    def described(self) -> str:
        """Help, unit, allowed values and default, for the command line and docstrings."""
        allowed = self.allowed or (self.check.allowed if isinstance(self.check, ArgumentCheck) else "")
        notes = "; ".join(filter(None, (allowed, f"default: {self.default_shown}" if self.default_shown else "")))
        return self.help + (f" [{self.unit}]" if self.unit else "") + (f" ({notes})" if notes else "")

    @property
    def default_shown(self) -> str:
        """The default as text, empty if there is none."""
        if self.usual or self.default in (None, MISSING, False):
            return self.usual
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)

    def use(self, value: Any) -> Any:
        """The checked value; the default if `value` is None."""
        if value is None and self.default is not MISSING:
            return self.default
        return self.check(self.name, value)


@dataclass(frozen=True, eq=False)
class Options:
    """Base class of option dataclasses: checks every field made by `option` on creation."""

    def __post_init__(self) -> None:
        for name, each in options_of(type(self)).items():
            # The dataclass is frozen: plain assignment is refused.
            object.__setattr__(self, name, each.use(getattr(self, name)))

    @classmethod
    def taken(
        cls: type[_Options], given: Mapping[str, Any], without: tuple[str, ...] = ()
    ) -> tuple[_Options, dict[str, Any]]:
        """(checked options from `given`; the remaining items, including the options named in `without`)."""
        options = options_of(cls, without)
        checked = cls(**{name: value for name, value in given.items() if name in options})
        return checked, {name: value for name, value in given.items() if name not in options}


def option(default: Any, check: Callable[[str, Any], Any], help: str, **more: Any) -> Any:
    """A field of an `Options` dataclass; `more` are further fields of `Option`."""
    made = Option("", default, check, help, **more)
    return (
        field(default=default, metadata={_OPTION: made}) if default is not MISSING else field(metadata={_OPTION: made})
    )


def options_of(cls: type, without: tuple[str, ...] = ()) -> dict[str, Option]:
    """The options of a dataclass by name, in order, except those in `without`."""
    return {name: each for name, each in _every(cls).items() if name not in without}


@cache
def _every(cls: type) -> dict[str, Option]:
    return {f.name: f.metadata[_OPTION]._replace(name=f.name) for f in fields(cls) if _OPTION in f.metadata}


def record_of(options: Options, run: Any) -> dict[str, Any]:
    """Plain values, by name, of the options that files store; `run` is the argument of `Option.recorded`."""
    return {
        name: each.recorded(run) if callable(each.recorded) else getattr(options, name)
        for name, each in options_of(type(options)).items()
        if each.recorded and not (each.recorded == IF_GIVEN and getattr(options, name) == each.default)
    }


def restored(cls: type[Options], record: Mapping[str, Any]) -> dict[str, Any]:
    """The options by name, from a `record_of` them; other items are unchanged."""
    options = options_of(cls)
    return {name: options[name].restored(value) if name in options else value for name, value in record.items()}


def recorded_name(kind: Any, registry: Container[Any]) -> str:
    """The name that files record for a class: the `name` of one in a `registry`, `module:Class` of one from outside
    this package."""
    return kind.name if kind in registry else f"{kind.__module__}:{kind.__qualname__}"


def any_of(*groups: Mapping[str, Option]) -> dict[str, Option]:
    """The options of all `groups`; if a name occurs in several, the first."""
    options: dict[str, Option] = {}
    for group in groups:
        options |= {name: each for name, each in group.items() if name not in options}
    return options


def takes(*groups: Mapping[str, Option]) -> Callable[[_Function], _Function]:
    """Decorator for a function that takes the options of `groups` through its `**` argument.

    The signature lists the options by name. Their descriptions replace the line `...` of the docstring, except for
    options that the docstring describes itself.
    """
    every = any_of(*groups)

    def decorate(function: _Function) -> _Function:
        signature = inspect.signature(function)
        # The last parameter must be the ** argument; the options are inserted before it.
        *first, rest = signature.parameters.values()
        if rest.kind is not inspect.Parameter.VAR_KEYWORD:
            raise TypeError(f"{function.__name__} takes no ** argument")
        named = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if each.default is MISSING else each.default,
            )
            for name, each in every.items()
            if name not in signature.parameters
        ]
        function.__signature__ = signature.replace(parameters=[*first, *named, rest])  # type: ignore[attr-defined]
        if function.__doc__:  # not under python -OO
            function.__doc__ = _explained(function.__doc__, every)
        return function

    return decorate


def _explained(docstring: str, options: Mapping[str, Option]) -> str:
    head, marker, tail = docstring.partition("    ...\n")
    if not marker:
        raise TypeError("the docstring has no line `...` where the options belong")
    # Entries of a docstring read `name : text`, or `name, name : text`.
    described = {name for line in docstring.splitlines() for name in line.partition(" : ")[0].strip().split(", ")}
    return head + "".join(_entry(each) for name, each in options.items() if name not in described) + tail


def _entry(option: Option) -> str:
    text = f"{option.name} : {option.described}" + (f"; {option.more}" if option.more else "") + "."
    lines = textwrap.wrap(
        text, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines) + "\n"
