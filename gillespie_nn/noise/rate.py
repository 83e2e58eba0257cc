"""Noise in rate constants."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ..crn import ReactionNetwork
from ..seeds import Purpose
from .base import Noise, matching
from .kinds import Bounded, Constant, OrnsteinUhlenbeck, Presentation


@dataclass(frozen=True)
class RateNoise(Noise):
    """k_r(t) = k_r (1 + eps xi_r(t)), with a path for each reaction.

    Parameters
    ----------
    reactions : names of the reactions meant, or patterns with `*`; by default all. The others are those of `Noise`.
    """

    kind: str = Presentation.name
    reactions: tuple[str, ...] | None = field(default=None, kw_only=True)

    name = "rate"
    acts_on = "rates"
    purposes = (Purpose.RATE_NOISE, Purpose.RATE_NOISE_OF_PREDICTION)
    kinds: ClassVar[tuple[str, ...]] = (Constant.name, Presentation.name, Bounded.name, OrnsteinUhlenbeck.name)

    def places(self, network: ReactionNetwork, unforced: Sequence[str]) -> np.ndarray:
        names = [reaction.name for reaction in network.reactions]
        return np.arange(len(names)) if self.reactions is None else matching("reaction", self.reactions, names)

    def act(self, rates: np.ndarray, xi: np.ndarray, places: np.ndarray, first: int) -> None:
        rates[places] *= 1.0 + self.amplitude * xi
