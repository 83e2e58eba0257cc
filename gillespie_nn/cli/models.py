"""A model on the command line: its file, and what is set in it."""

import argparse
import warnings

from .. import checks
from ..crn import ReactionNetwork
from ..crn.equations import bystanders
from ..crn.formats import FORMATS
from ..crn.network import refuse_two_starts
from .flags import pairs

FORMATS_HELP = ", ".join(f"{f.title} ({', '.join(f.endings)})" for f in FORMATS)
"""The model formats, for the help of commands."""


def add_model(command: argparse.ArgumentParser) -> None:
    """The model, and what is set as it is read."""
    command.add_argument("model", metavar="MODEL", help="model file, or the name of a packaged model: see `models`")
    command.add_argument("--parameter", action="append", default=[], metavar="NAME=X", help="set a parameter")
    command.add_argument(
        "--substance", metavar="UNIT",
        help="of SBML and Antimony: read amounts as molecules whatever their unit (item), or those without a declared "
        "unit as moles (mole)",
    )  # fmt: skip


def model_of(arguments: argparse.Namespace) -> ReactionNetwork:
    """The network asked for, with its parameters; warns of species that nothing changes or reads, often mistyped."""
    given = pairs("--parameter", "k=0.3", arguments.parameter, float)
    network = ReactionNetwork.from_file(arguments.model, given, arguments.substance)
    initial = [text.partition("=")[0].strip() for text in getattr(arguments, "initial", None) or ()]
    refuse_two_starts(network, given, initial)
    if idle := bystanders(network):
        warnings.warn(f"in no reaction, rule or event: {checks.shortened(idle)}", stacklevel=2)
    return network
