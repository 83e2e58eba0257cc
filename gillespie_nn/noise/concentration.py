"""Noise in concentrations: multiplicative forcing of species, as a path in time or as impulses."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ..checks import InputError
from ..crn import Reaction, ReactionNetwork
from ..seeds import Purpose
from .base import Noise, matching
from .kinds import Bounded, Constant, Impulse, OrnsteinUhlenbeck, Presentation


@dataclass(frozen=True)
class ConcentrationNoise(Noise):
    """x_s' = F_s(x) + eps xi_s(t) x_s, or x_s := (1 + eps xi_s) x_s at set times, with a path for each species.

    A path is chemistry: reactions S -> 2 S at rate eps max(xi_s, 0) and S -> 0 at rate eps max(-xi_s, 0), with eps in
    [1/s]; so every method has it, with the noise of finite counts that belongs to these reactions. An impulse (kind
    `impulse`, eps a number) rounds whole counts at random, with the right mean, see `Method.scale_counts`. Where a path
    makes more than the network takes away, counts grow until the run stops with an overflow.

    Parameters
    ----------
    species : names of the species forced, or patterns with `*`. By default all that some reaction changes, so no
        inputs and targets, which are what is presented; and in training no weights and no switches (as S and A, whose
        total is conserved), which have nothing that brings them back: forced, they would wander off over a whole run.
        ("W*", "B*", "S*", "A*") asks for them, by the names of species of the default chemistry. The others are those
        of `Noise`.
    """

    kind: str = OrnsteinUhlenbeck.name
    species: tuple[str, ...] | None = field(default=None, kw_only=True)

    name = "concentration"
    acts_on = "concentrations, in proportion to them"
    purposes = (Purpose.CONCENTRATION_NOISE, Purpose.CONCENTRATION_NOISE_OF_PREDICTION)
    kinds: ClassVar[tuple[str, ...]] = (
        Constant.name,
        Presentation.name,
        Bounded.name,
        OrnsteinUhlenbeck.name,
        Impulse.name,
    )

    @property
    def largest_amplitude(self) -> float:
        return super().largest_amplitude if self.law.strikes else np.inf

    def places(self, network: ReactionNetwork, unforced: Sequence[str]) -> np.ndarray:
        if self.species is None:
            changed = np.unique(network.stoichiometry.indices)
            left_out = {network.index[s] for s in unforced}
            return np.array([s for s in changed if s not in left_out], dtype=np.int64)
        found = matching("species", self.species, network.species)
        for s in found:
            if network.species[s] in network.rules:
                raise InputError(f"the count of {network.species[s]} is set by a rule, so noise cannot act on it")
        return found

    def added_reactions(self, network: ReactionNetwork, places: np.ndarray, number: int) -> tuple[Reaction, ...]:
        if self.law.strikes:
            return ()
        names = [network.species[s] for s in places]
        more = [Reaction(((s, 1),), ((s, 2),), 0.0, f"noise_{number}_more_{s}") for s in names]
        less = [Reaction(((s, 1),), (), 0.0, f"noise_{number}_less_{s}") for s in names]
        return (*more, *less)

    def disturbs(self, places: np.ndarray) -> np.ndarray:
        return places

    def act(self, rates: np.ndarray, xi: np.ndarray, places: np.ndarray, first: int) -> None:
        forcing = self.amplitude * xi
        rates[first : first + len(xi)] = np.maximum(forcing, 0.0)
        rates[first + len(xi) : first + 2 * len(xi)] = np.maximum(-forcing, 0.0)
