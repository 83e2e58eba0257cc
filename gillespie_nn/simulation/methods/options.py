"""Options of single methods: each is an `Option`, whose name has the same meaning in all methods."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ... import checks
from ...checks import InputError
from ...options import Option, fraction, one_of

__all__ = ["Option", "fraction", "one_of", "resolve", "step"]


class Optioned(Protocol):
    """Anything with options: a method, or a training level."""

    name: str
    options: tuple[Option, ...]


def step(name: str, value: Any) -> float | None:
    """A time step [s], or None for an adaptive one."""
    return None if value is None else checks.positive(name, value, "s", "or omit it for an adaptive step")


def resolve(
    method: Optioned | type[Optioned], given: Mapping[str, Any], elsewhere: Callable[[str], str] = lambda name: ""
) -> dict[str, Any]:
    """All options of `method` (a class), with the values `given` by name; None selects the default. `elsewhere`
    returns a hint for an unknown name."""
    known = {option.name: option for option in method.options}
    for name in given:
        if name not in known:
            takes = f"takes {', '.join(known)}" if known else "takes no options"
            raise InputError(f"unknown option {name}: method {method.name} {takes}{elsewhere(name)}")
    return {name: option.use(given.get(name)) for name, option in known.items()}
