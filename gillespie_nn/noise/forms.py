"""The noises: multiplicative and additive forcing of species, and noise in rate constants."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ..checks import InputError
from ..crn import Reaction, ReactionNetwork
from ..crn.formula import parse
from ..seeds import Purpose
from .noise import Bounded, Constant, Impulse, Noise, OrnsteinUhlenbeck, Presentation, matching


@dataclass(frozen=True)
class ConcentrationNoise(Noise):
    """x_s' = F_s(x) + eps xi_s(t) x_s, or x_s := (1 + eps xi_s) x_s at set times, with a path for each species.

    A path is implemented by reactions: S -> 2 S at rate eps max(xi_s, 0) and S -> 0 at rate eps max(-xi_s, 0), with eps
    in [1/s]. So every method supports it, with the intrinsic noise of these reactions. An impulse (kind `impulse`, eps
    a number) rounds whole counts at random, with the right mean, see `Method.scale_counts`. If a path produces more
    molecules than the network removes, counts grow until the run stops with an overflow.

    Parameters
    ----------
    species : names of the species on which the noise acts, or patterns with `*`. By default these are all species that
        reactions change, so not inputs and targets. In training, weights and switches (such as S and A, whose sum is
        conserved) are also left out: no reaction restores them, so noise would make them drift over the whole run.
        ("W*", "B*", "S*", "A*") includes them, by the names of species of the default chemistry. The other parameters
        are those of `Noise`.
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
        places = matching("species", self.species, network.species)
        for s in places:
            if network.species[s] in network.rules:
                raise InputError(f"the count of {network.species[s]} is set by a rule, so noise cannot act on it")
        return places

    def added_reactions(self, network: ReactionNetwork, places: np.ndarray, number: int) -> tuple[Reaction, ...]:
        if self.law.strikes:
            return ()
        # Rates are never negative, so the two signs of xi need two reactions, of which one is at rest at any time.
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


# Additive noise in concentrations, reflected at 0


@dataclass(frozen=True)
class AdditiveNoise(ConcentrationNoise):
    """x_s' = F_s(x) + eps xi_s(t) as long as x_s > 0, at 0 only upwards, with a path for each species.

    It is implemented by reactions, as in `ConcentrationNoise`: 0 -> S at rate eps max(xi_s, 0) and S -> 0 at rate eps
    max(-xi_s, 0) while a molecule is left, with eps in [concentration/s]. Below one molecule, which is possible in rate
    equations only, the second rate falls to 0 in proportion, so that they have a solution. Without reflection a neuron
    of smooth ReLU, y' = h + z y - y^2, would explode once it is driven far enough below 0.

    Parameters
    ----------
    Those of `ConcentrationNoise`.
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


# Noise in rate constants


@dataclass(frozen=True)
class RateNoise(Noise):
    """k_r(t) = k_r (1 + eps xi_r(t)), with a path for each reaction.

    Parameters
    ----------
    reactions : names of the reactions whose rates the noise changes, or patterns with `*`; by default all. The other
        parameters are those of `Noise`.
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
