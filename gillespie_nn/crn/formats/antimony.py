"""Antimony in and out, by way of SBML, see `crn.antimony`."""

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from ... import checks
from ...checks import InputError
from ..antimony import from_sbml, to_sbml
from ..parts import Parts
from . import sbml_read, sbml_write
from .base import Format, Overrides, Source, errors_name

if TYPE_CHECKING:
    from ..network import ReactionNetwork

_RESERVED = {"time", "pi", "avogadro", "nan", "notanumber", "inf", "infinity", "true", "false", "exponentiale", "e"}
_ENDINGS = (".ant", ".antimony")


def read(
    source: Source,
    parameters: Overrides = None,
    imports: str | os.PathLike | None = None,
    substance: str | None = None,
) -> Parts:
    """The network of a file that ends in `.ant` or `.antimony` (path), or of a text. Files that it imports must lie
    below the folder of the file, a text may import none; with `imports` both may import what lies below that folder.

    `substance` is that of `sbml_read.read`.

    Raises InputError for what is wrong or refused.
    """
    text, origin = checks.text_or_file(source, _ENDINGS, "Antimony file")
    own = "" if origin == "the text" else origin
    folder = Path(own).parent if imports is None and own else imports
    with errors_name(origin):
        found = sbml_read.read_document(to_sbml(text, folder, own), parameters, substance)
        return found._replace(origin=origin, language="sbml")


def write(
    network: "ReactionNetwork",
    path: str | os.PathLike | None = None,
    volume: float | None = None,
    initial: Mapping[str, float] | None = None,
) -> str:
    """The Antimony of the SBML that `sbml_write.write` writes, kinetics `stochastic`."""
    for name in (*network.species, *network.parameters, *network.rules):
        if name.lower() in _RESERVED:
            raise InputError(f"{name!r} is the name of a constant or function in Antimony: rename it")
    text = from_sbml(sbml_write.write(network, None, "stochastic", volume, initial))
    if path is not None:
        checks.write_text(path, text)
    return text


def _examples() -> tuple[str, ...]:
    models = resources.files("gillespie_nn.data").joinpath("models")
    files = sorted((path for path in models.iterdir() if path.name.endswith(_ENDINGS)), key=str)
    return tuple(path.read_text(encoding="utf-8") for path in files)


FORMAT = Format(
    name="antimony",
    title="Antimony",
    endings=_ENDINGS,
    read=read,
    write=write,
    extra="sbml",
    has_units=True,
    examples=_examples,
    intrusions=(
        "e: A -> B; k",
        "$",
        ":=",
        "at (A > 1): A = 2",
        '\nimport "/dev/zero"\n',
        "\nimport \\ \n",
        "/*",
        "//",
        "I: m();",
        "e: A -> B; k*A - k*B",
    ),
)
