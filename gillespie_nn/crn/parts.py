"""What a model is made of: what readers return and a network is made from."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from .events import Event
from .expressions import Expression
from .reaction import Reaction

_NONE: Mapping = MappingProxyType({})


class Parts(NamedTuple):
    """What a `ReactionNetwork` is made of, not yet checked against one another, and where it is from."""

    species: tuple[str, ...]
    reactions: tuple[Reaction, ...]
    initial: Mapping[str, float] = _NONE
    volume: float | None = None
    parameters: Mapping[str, float] = _NONE
    rules: Mapping[str, Expression] = _NONE
    events: tuple[Event, ...] = ()
    origin: str = ""
    """What it was read from, for messages; nothing for a text of our own."""
    text: str = ""
    """The model as it is written, if numbers above were worked out from parameters in it: to be read again."""
    settable: Collection[str] = ()
    """The names that overrides of parameters may have there."""
    language: str = ""
    """The name of the format of `text`, if it is another than the one that was read."""
    substance: str | None = None
    """How its amounts are to be read then, see `formats.sbml_units`."""
    rate_rules: Mapping[str, Expression] = _NONE
    only_ode: str = ""
    """Why only `ode` can simulate it; empty if every method can."""
    constants: Mapping[str, float] = _NONE
    """Values of what the source names and nothing changes, also where it is but a number in rates."""


class Source(NamedTuple):
    """What a network was read from, so that it can be read again with other values of parameters."""

    format: str
    text: str
    settable: frozenset[str]
    parameters: Mapping[str, float]
    """Overrides that it was read with."""
    substance: str | None = None
    """How its amounts are read, see `formats.sbml_units`."""
    constants: Mapping[str, float] = {}
    """`Parts.constants`."""
