"""A model on the command line: its file, and what is set in it."""

import warnings

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork
from ..crn.equations import bystanders
from .flags import pairs

_READERS = {
    ".xml": ReactionNetwork.from_sbml,
    ".sbml": ReactionNetwork.from_sbml,
    ".ant": ReactionNetwork.from_antimony,
    ".antimony": ReactionNetwork.from_antimony,
    ".net": ReactionNetwork.from_bngl_net,
}


def add_model(command):
    """The model, and what is set as it is read."""
    command.add_argument("model", metavar="MODEL", help="model file")
    command.add_argument("--parameter", action="append", default=[], metavar="NAME=X", help="set a parameter")


def model_of(arguments) -> ReactionNetwork:
    """The network asked for, with its parameters; warns of species that nothing changes or reads, often mistyped."""
    network = load_model(arguments.model, pairs("--parameter", "k=0.3", arguments.parameter, float))
    if idle := bystanders(network):
        warnings.warn(f"in no reaction, rule or event: {checks.shortened(idle)}", stacklevel=2)
    return network


def maker_of(arguments):
    """The network asked for as a function of further parameters."""
    given = pairs("--parameter", "k=0.3", arguments.parameter, float)
    return lambda parameters: load_model(arguments.model, given | parameters)


def load_model(path, parameters=None) -> ReactionNetwork:
    """The network in a model file, by its suffix, with overrides of parameters by name."""
    path = checks.existing_file("model file", path, f"expected the path of a model file, got {path!r}")
    if path.suffix.lower() in _READERS:
        return _READERS[path.suffix.lower()](path, parameters)
    try:
        network = ReactionNetwork.from_text(path.read_text(encoding="utf-8"), parameters)
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file; SBML files end in .xml or .sbml") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if not network.species:
        raise InputError(f"{path} holds no species and no reaction: is it the right file?")
    return network
