"""Antimony in and out, by way of SBML: libantimony translates.

L. P. Smith, F. T. Bergmann, D. Chandran, H. M. Sauro, Antimony: a modular model definition language, Bioinformatics 25
(2009) 2452-2454, doi:10.1093/bioinformatics/btp401.
"""

import threading

from .. import checks
from ..checks import InputError
from . import sbml_read, sbml_write

_LOCK = threading.Lock()
"""libantimony keeps one list of modules for the whole process."""


def read(source, parameters=None):
    """The network of a file that ends in `.ant` or `.antimony` (path), or of a text; raises InputError."""
    text, name = checks.text_or_file(source, (".ant", ".antimony"), "Antimony file")
    try:
        return sbml_read.read(to_sbml(text), parameters)
    except InputError as error:
        raise InputError(f"{name}: {str(error).removeprefix('the SBML document: ')}") from None


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


def write(network, path=None, volume=None, initial=None) -> str:
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
