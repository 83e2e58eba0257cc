"""What a model is made of: what readers return and a network is made from."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from .events import Event
from .expressions import Expression
from .reaction import Reaction

_NONE: Mapping = MappingProxyType({})


class Parts(NamedTuple):
    """The arguments of a `ReactionNetwork`, not yet checked against one another, and where they are from."""

    species: tuple[str, ...]
    reactions: tuple[Reaction, ...]
    initial: Mapping[str, int] = _NONE
    volume: float | None = None
    parameters: Mapping[str, float] = _NONE
    rules: Mapping[str, Expression] = _NONE
    events: tuple[Event, ...] = ()
    origin: str = ""
    """What it was read from, for messages; nothing for a text of our own."""
