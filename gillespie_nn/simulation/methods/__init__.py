"""The simulation methods. To add one: a file with a subclass of `Method`, and its line in `METHODS`."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ... import checks
from ...crn import ReactionNetwork
from ...display.tables import number_of
from ..slow_limit import LEVELS, Level
from .base import Method
from .direct import Direct
from .langevin import Langevin
from .layered import Layered
from .linear_noise import LinearNoise
from .next_reaction import NextReaction
from .ode import Ode
from .rejection import Rejection
from .tau_leap import TauLeap

METHODS: tuple[type[Method], ...] = (Direct, NextReaction, Rejection, Layered, TauLeap, Langevin, LinearNoise, Ode)
EXACT = tuple(m for m in METHODS if m.exact)


def known_to_training() -> tuple[type[Method] | type[Level], ...]:
    """The methods, and behind them the levels of training."""
    return (*METHODS, *LEVELS)


OPTIONS = {option.name: option for method in known_to_training() for option in method.options}
"""Every option of any method or level of training, by name; the same name means the same in all."""
AUTO = "auto"
_FEW_REACTIONS = 12
_FEW_MOLECULES = 100
"""Up to so many of each, computing every propensity afresh took less time than keeping bounds: 1.5 to 4 times."""


class Choice(NamedTuple):
    """A method, and why it."""

    method: type[Method]
    reason: str


class TrainingChoice(NamedTuple):
    """A method or a level of training, and why it."""

    method: type[Method] | type[Level]
    reason: str


def choose_method(name: str, network: ReactionNetwork, counts: np.ndarray | None = None) -> Choice:
    """The method called `name`, or for `auto` the one that measured fastest for a `network` of this size and
    structure.

    `counts` int64[species] is the initial state, if known. `auto` is always an exact method, and these sample the same
    law. `next_reaction` is never chosen: `rejection` was faster on the training networks and rings tried.
    """
    if name != AUTO:
        levels = {level.name for level in LEVELS}
        if name in levels:
            raise checks.InputError(
                f"{name} is a level of training, not of reaction networks in general: use train(..., method='{name}')"
            )
        by_name = {m.name: m for m in METHODS}
        found = by_name[checks.choice("method", name, (AUTO, *by_name), beside=levels)]
        found.refuse(network)
        return Choice(found, "asked for")
    n_reactions = len(network.reactions)
    few = counts is None or counts.max(initial=0) < _FEW_MOLECULES
    if n_reactions <= _FEW_REACTIONS and few:
        return Choice(
            Direct, f"auto: every propensity at each event, for {number_of(n_reactions, 'reaction')} and few molecules"
        )
    families = network.compiled.families
    if families:
        members = sum(len(f.reactions) for f in families)
        return Choice(
            Layered, f"auto: {members} of {n_reactions} reactions form {len(families)} product families of a layer each"
        )
    return Choice(Rejection, f"auto: fastest for {number_of(n_reactions, 'reaction')} without product families")


def choose_for_training(name: str, network: ReactionNetwork) -> TrainingChoice:
    """The method or level of training called `name`, which training networks can be learnt with, or as `choose_method`
    for `auto`."""
    if name != AUTO:
        by_name = {m.name: m for m in known_to_training()}
        found = by_name[checks.choice("method", name, (AUTO, *by_name))]
        if issubclass(found, Level):
            return TrainingChoice(found, "asked for")
        if found.records_covariance:
            raise checks.InputError(
                f"method {name} adds covariances to rate equations, and training keeps none: use ode"
            )
    return TrainingChoice(*choose_method(name, network))


def elsewhere(name: str, beside: Iterable[str] = ()) -> str:
    """Where an option is known that the method does not take, or what could be meant by it, also of `beside`."""
    takers = [m.name for m in known_to_training() if name in {option.name for option in m.options}]
    if takers:
        return f"; it is for {', '.join(takers)}"
    return checks.meant(name, [*beside, *(option.name for m in known_to_training() for option in m.options)])


__all__ = [
    "AUTO",
    "EXACT",
    "LEVELS",
    "METHODS",
    "OPTIONS",
    "Choice",
    "Method",
    "choose_for_training",
    "choose_method",
    "elsewhere",
    "known_to_training",
]
