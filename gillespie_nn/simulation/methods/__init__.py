"""The simulation methods. To add one: a file with a subclass of `Method`, and its line in `METHODS`."""

from ... import checks
from .base import Method
from .direct import Direct
from .layered import Layered
from .next_reaction import NextReaction
from .rejection import Rejection

METHODS = (Direct, NextReaction, Rejection, Layered)
DEFAULT = Rejection.name


def make_method(name) -> type[Method]:
    """The class of the method called `name`; `auto` is the default."""
    by_name = {m.name: m for m in METHODS}
    if name == "auto":
        name = DEFAULT
    return by_name[checks.choice("method", name, by_name)]


__all__ = ["DEFAULT", "METHODS", "Method", "make_method"]
