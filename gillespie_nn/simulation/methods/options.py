"""Settings that a method takes beyond those that all have: each an `Option`, whose name means the same everywhere."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ... import checks
from ...checks import InputError
from ...options import Option, fraction, one_of

__all__ = ["Option", "fraction", "one_of", "resolve", "step"]


class Optioned(Protocol):
    """What has options of its own: a method, or a level of training."""

    name: str
    options: tuple[Option, ...]


def step(name: str, value: Any) -> float | None:
    """A length of time [s], or None for one that adapts."""
    return None if value is None else checks.positive(name, value, "s", "or leave it out for a step that adapts")


def resolve(
    method: Optioned | type[Optioned], given: Mapping[str, Any], elsewhere: Callable[[str], str] = lambda name: ""
) -> dict[str, Any]:
    """All options of `method` (a class), with the values `given` by name; None stands for the default. `elsewhere` says
    where a name is known that is none of them."""
    known = {option.name: option for option in method.options}
    for name in given:
        if name not in known:
            takes = f"takes {', '.join(known)}" if known else "takes no options"
            raise InputError(f"unknown option {name}: method {method.name} {takes}{elsewhere(name)}")
    return {name: option.use(given.get(name)) for name, option in known.items()}
