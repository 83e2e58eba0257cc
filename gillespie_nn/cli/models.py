"""A model on the command line: its file, and what is set in it."""

import warnings

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork
from ..crn.equations import bystanders
from ..crn.formats import FORMATS

FORMATS_HELP = ", ".join(f"{f.title} ({', '.join(f.endings)})" for f in FORMATS)
"""The model formats, for the help of commands."""


def add_model(command):
    """The model and what the commands that run it take alike."""
    command.add_argument("model", metavar="MODEL", help="model file")
    command.add_argument("--volume", type=float, help="Omega (1); not for SBML models, whose compartments say it")
    command.add_argument("--initial", action="append", default=[], metavar="NAME=N", help="set an initial count")
    command.add_argument("--parameter", action="append", default=[], metavar="NAME=X", help="set a parameter")
    command.add_argument(
        "--rate", action="append", default=[], metavar="NAME=K", help="set the rate constant of a reaction"
    )
    command.add_argument("--workers", type=int, default=1, help="threads; the result is the same for any number (1)")


def model_of(arguments) -> ReactionNetwork:
    """The network asked for, with its parameters; warns of species that nothing changes or reads, often mistyped."""
    network = ReactionNetwork.from_file(arguments.model, _pairs("--parameter", "k=0.3", arguments.parameter, float))
    if idle := bystanders(network):
        warnings.warn(f"in no reaction, rule or event: {checks.shortened(idle)}", stacklevel=2)
    return network


def maker_of(arguments):
    """The network asked for as a function of further parameters."""
    given = _pairs("--parameter", "k=0.3", arguments.parameter, float)
    return lambda parameters: ReactionNetwork.from_file(arguments.model, given | parameters)


def initial_of(arguments) -> dict:
    """Initial counts by name."""
    return _pairs("--initial", "A=100", arguments.initial, _count)


def rates_of(arguments) -> dict:
    """Rate constants by name of the reaction."""
    return _pairs("--rate", "bind=0.01", arguments.rate, float)


def _pairs(option, example, pairs, number):
    """NAME=NUMBER of an option that may be given several times, as a dictionary."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if name.strip() in found:
            raise InputError(f"{option} sets {name.strip()} twice: give it once")
        try:
            found[name.strip()] = number(value)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"{option} takes NAME=NUMBER, for example {option} {example}, got {pair!r}")
    return found


def _count(text):
    return float(text) if "." in text or "e" in text.lower() else int(text)
