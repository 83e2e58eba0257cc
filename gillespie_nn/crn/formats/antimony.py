"""Antimony in and out, by way of SBML: libantimony translates.

L. P. Smith, F. T. Bergmann, D. Chandran, H. M. Sauro, Antimony: a modular model definition language, Bioinformatics 25
(2009) 2452-2454, doi:10.1093/bioinformatics/btp401.
"""

import os
import threading
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING

from ... import checks
from ...checks import InputError
from ..parts import Parts
from . import sbml_read, sbml_write
from .base import Format, Overrides, Source, errors_name

if TYPE_CHECKING:
    from ..network import ReactionNetwork

_ENDINGS = (".ant", ".antimony")

_LOCK = threading.Lock()
"""libantimony keeps one list of modules for the whole process."""


def read(source: Source, parameters: Overrides = None) -> Parts:
    """The network of a file that ends in `.ant` or `.antimony` (path), or of a text; raises InputError."""
    text, origin = checks.text_or_file(source, _ENDINGS, "Antimony file")
    with errors_name(origin):
        return sbml_read.read_document(to_sbml(text), parameters)._replace(origin=origin)


def to_sbml(text: str) -> str:
    """The SBML that libantimony makes of a text; raises InputError."""
    antimony = checks.optional("antimony", "sbml", "reading Antimony")
    with _LOCK:
        antimony.clearPreviousLoads()
        antimony.freeAll()
        try:
            if antimony.loadAntimonyString(text) >= 0:
                return antimony.getSBMLString(antimony.getMainModuleName())
            message = " ".join(antimony.getLastError().split())
        except (UnicodeError, ValueError) as error:
            message = f"libantimony cannot read it, and its message is no text: {error}"
    raise InputError(message)


def write(
    network: "ReactionNetwork",
    path: str | os.PathLike | None = None,
    volume: float | None = None,
    initial: Mapping[str, int] | None = None,
) -> str:
    """The Antimony of the SBML that `sbml_write.write` writes, kinetics `stochastic`."""
    antimony = checks.optional("antimony", "sbml", "writing Antimony")
    document = sbml_write.write(network, None, "stochastic", volume, initial)
    with _LOCK:
        antimony.clearPreviousLoads()
        antimony.freeAll()
        if antimony.loadSBMLString(document) < 0:
            raise InputError(f"the network cannot be written as Antimony: {antimony.getLastError().strip()}")
        text = antimony.getAntimonyString(antimony.getMainModuleName())
    if path is not None:
        checks.write_text(path, text)
    return text


def _examples() -> tuple[str, ...]:
    models = resources.files("gillespie_nn.data").joinpath("models")
    return tuple(path.read_text(encoding="utf-8") for path in sorted(models.iterdir(), key=str))


FORMAT = Format(
    name="antimony",
    title="Antimony",
    endings=_ENDINGS,
    read=read,
    write=write,
    extra="sbml",
    examples=_examples,
    intrusions=("e: A -> B; k", "$", ":=", "at (A > 1): A = 2"),
)
