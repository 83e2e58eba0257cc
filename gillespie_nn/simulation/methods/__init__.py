"""The simulation methods. To add one: a file with a subclass of `Method`, and its line in `METHODS`."""

from typing import NamedTuple

from ... import checks
from .base import Method
from .direct import Direct
from .gradient import GradientDescent, GradientFlow
from .langevin import Langevin
from .layered import Layered
from .linear_noise import LinearNoise
from .next_reaction import NextReaction
from .ode import Ode
from .rejection import Rejection
from .tau_leap import TauLeap

METHODS = (Direct, NextReaction, Rejection, Layered, TauLeap, Langevin, LinearNoise, Ode, GradientFlow, GradientDescent)
EXACT = tuple(m for m in METHODS if m.exact)
OPTIONS = {option.name: option for method in METHODS for option in method.options}
"""Every option of any method, by name; the same name means the same in all."""
AUTO = "auto"
_FEW_REACTIONS = 12
_FEW_MOLECULES = 100
"""Up to so many of each, computing every propensity afresh took less time than keeping bounds: 1.5 to 4 times."""


class Choice(NamedTuple):
    """A method, and why it."""

    method: type[Method]
    reason: str


def choose_method(name, network, counts=None, training=False) -> Choice:
    """The method called `name`, or for `auto` the one that measured fastest for a `network` of this size and
    structure.

    `counts` int64[species] is the initial state, if known; `training` allows the methods for training alone. `auto` is
    always an exact method, and these sample the same law. `next_reaction` is never chosen: `rejection` was faster on
    the training networks and rings tried.
    """
    by_name = {m.name: m for m in METHODS}
    if name != AUTO:
        method = by_name[checks.choice("method", name, (AUTO, *by_name))]
        if training and method.records_covariance:
            raise checks.InputError(
                f"method {method.name} adds covariances to rate equations, and training keeps none: use ode"
            )
        if not (training and method.training_only):
            method.refuse(network)
        return Choice(method, "asked for")
    n_reactions = len(network.reactions)
    few = counts is None or counts.max(initial=0) < _FEW_MOLECULES
    if n_reactions <= _FEW_REACTIONS and few:
        return Choice(Direct, f"auto: every propensity at each event, for {n_reactions} reactions and few molecules")
    families = network.compiled.families
    if families:
        members = sum(len(f.reactions) for f in families)
        return Choice(
            Layered, f"auto: {members} of {n_reactions} reactions form {len(families)} product families of a layer each"
        )
    return Choice(Rejection, f"auto: fastest for {n_reactions} reactions without product families")


__all__ = ["AUTO", "EXACT", "METHODS", "OPTIONS", "Choice", "Method", "choose_method"]
