"""Additive noise in concentrations, reflected at 0."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..crn import Reaction, ReactionNetwork
from ..crn.formula import parse
from ..seeds import Purpose
from .concentration import ConcentrationNoise
from .kinds import Bounded, Constant, OrnsteinUhlenbeck, Presentation


@dataclass(frozen=True)
class AdditiveNoise(ConcentrationNoise):
    """x_s' = F_s(x) + eps xi_s(t) as long as x_s > 0, at 0 only upwards, with a path for each species.

    It is chemistry, as multiplicative noise is: reactions 0 -> S at rate eps max(xi_s, 0) and S -> 0 at rate eps
    max(-xi_s, 0) while a molecule is left, with eps in [concentration/s]. Below one molecule, which rate equations
    alone know, the second falls to 0 in proportion, so that these have a solution. Without reflection a neuron of
    smooth ReLU, y' = h + z y - y^2, would explode once it is driven far enough below 0.

    Parameters
    ----------
    As of `ConcentrationNoise`.
    """

    name = "additive"
    acts_on = "concentrations, added to them"
    purposes = (Purpose.ADDITIVE_NOISE, Purpose.ADDITIVE_NOISE_OF_PREDICTION)
    kinds: ClassVar[tuple[str, ...]] = (Constant.name, Presentation.name, Bounded.name, OrnsteinUhlenbeck.name)

    def added_reactions(self, network: ReactionNetwork, places: np.ndarray, number: int) -> tuple[Reaction, ...]:
        names = [network.species[s] for s in places]
        more = [Reaction((), ((s, 1),), 0.0, f"added_{number}_more_{s}") for s in names]
        held = {s: parse(f"volume * min(1, {s})") for s in names}
        less = [Reaction(((s, 1),), (), 0.0, f"added_{number}_less_{s}", law=held[s]) for s in names]
        return (*more, *less)
