"""Names chosen by pattern, as `update_*`: `*` stands for any characters, `?` for one, `[ab]` for one of these."""

import re
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from .. import checks
from ..checks import InputError

_SHOWN = 6


def is_pattern(name: object) -> bool:
    """Whether a name is a pattern: names of species, reactions and parameters have none of these characters."""
    return isinstance(name, str) and any(character in name for character in "*?[")


def matching(what: str, pattern: str, names: Iterable[str]) -> list[str]:
    """The `names` that match `pattern`; raises InputError if there are none."""
    names = list(names)
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        near = checks.meant("".join(c for c in pattern if c not in "*?[]"), names)
        raise InputError(f"no {what} matches {pattern!r}{near}: the network has {checks.shortened(names, _SHOWN)}")
    return found


def several(name: str, value: Any) -> tuple[str, ...]:
    """Names and patterns as a tuple, each once. `value` is one text or several; commas and spaces in a text separate
    names. Raises InputError for anything else, and if there is no name."""
    texts = [value] if isinstance(value, str) else value
    texts = list(texts) if isinstance(texts, Iterable) and not isinstance(texts, Mapping) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        message = f"{name} must be names or patterns, for example ['A', 'C*'], got {value!r}"
        raise InputError(message[:300])
    found = tuple(dict.fromkeys(part for text in texts for part in re.split(r"[,\s]+", text) if part))
    if not found:
        raise InputError(f"{name} has no name in {value!r}: give one, or omit {name}")
    return found


def chosen(what: str, asked: Iterable[str], names: Collection[str]) -> tuple[str, ...]:
    """The `names` that `asked`, names and patterns, choose, each once: in the order of `asked`, and those that match a
    pattern in their own order. Raises InputError for a name that is not among `names`, and for a pattern that matches
    none."""
    found: dict[str, None] = {}
    for name in asked:
        if is_pattern(name):
            found |= dict.fromkeys(matching(what, name, names))
        else:
            found[checks.choice(what, name, names, "the network has")] = None
    return tuple(found)


def by_pattern(what: str, values: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """{name: value} of `values` by name or by pattern, in which each pattern stands for the `names` that it matches.

    A name given exactly wins over all patterns, and of several patterns that match a name the last one. Raises
    InputError for a name that is not among `names`, and for a pattern that matches none.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        if is_pattern(name):
            found |= dict.fromkeys(matching(what, name, names), value)
    for name, value in values.items():
        if not is_pattern(name):
            found[checks.choice(what, name, names, "the network has")] = value
    return found
