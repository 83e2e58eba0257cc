"""Attributes that several kinds of file have, and their valid values."""

from collections.abc import Callable
from functools import partial

from .. import values
from .entries import Attribute

TEXT, JSON, NUMBER = (values.text, "text"), (values.json_text, "JSON"), (values.positive_number, "float64, positive")
SIZES = (values.sizes, "int64[layer]")


def whole(least: int) -> tuple[Callable, str]:
    """An integer of at least `least`."""
    return partial(values.whole_number, least=least), f"int64, at least {least}"


STAMP = (Attribute("software_version", *TEXT), Attribute("created", *TEXT))
"""Beside `filetype` and `version`, which are looked at first."""
RUN = (
    *STAMP,
    Attribute("kind", *TEXT),
    Attribute("method", *TEXT),
    Attribute("seed", *whole(0)),
    Attribute("volume", *NUMBER),
    Attribute("model/digest", *TEXT),
)
"""Of whatever holds results of simulations."""
