"""Model formats. To add one: a file with its `ModelFormat`, and its line in `FORMATS`."""

import os
from pathlib import Path

from ... import checks
from . import antimony, bngl_net, sbml, text
from .model_format import ModelFormat

FORMATS: tuple[ModelFormat, ...] = (text.FORMAT, sbml.FORMAT, antimony.FORMAT, bngl_net.FORMAT)
"""All formats. A file whose ending none of them has is read as the first."""


def format_named(name: str) -> ModelFormat:
    """The format of this name; raises InputError for an unknown one."""
    formats = {f.name: f for f in FORMATS}
    return formats[checks.choice("model format", name, formats, "known are")]


def format_of(path: str | os.PathLike) -> ModelFormat:
    """The format of a file, by its ending."""
    ending = Path(path).suffix.lower()
    return next((f for f in FORMATS if ending in f.endings), FORMATS[0])


__all__ = ["FORMATS", "ModelFormat", "format_named", "format_of"]
