"""The noises of a run: the network with the reactions that they add, and what each acts on."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..checks import InputError
from ..crn import Reaction, ReactionNetwork
from ..crn.conservation import laws
from .base import Noise
from .drive import Drive, Part
from .kinds import PRESENTATION


class NoisePlan:
    """Noises on a network, made by `plan_noise`; `start` gives the paths of a run.

    `network` is the one to simulate, the given one with the reactions of forced species behind its own; `rates` are
    float64[reaction] for it, without noise.
    """

    def __init__(
        self, noises: Any, network: ReactionNetwork, rates: np.ndarray | None, unforced: Sequence[str], prediction: bool
    ) -> None:
        self.noises, self._prediction = noises, prediction
        self.n_own_reactions = len(network.reactions)
        """Reactions of the network without noise."""
        self.parts: list[Part] = []
        added: list[Reaction] = []
        seen: dict[str, int] = {}
        for noise in noises:
            number = seen[noise.name] = seen.get(noise.name, -1) + 1
            if noise.amplitude == 0:
                continue
            places = noise.places(network, unforced)
            self.parts.append(Part(noise, number, places, self.n_own_reactions + len(added)))
            added += noise.added_reactions(network, places, number)
        self.network = _with_reactions(network, added) if added else network
        self.rates = np.concatenate([rates, np.zeros(len(added))])

    @property
    def species(self) -> tuple[str, ...]:
        return self.network.species

    @cached_property
    def conservation_laws(self) -> Any:
        """Quantities that neither reactions nor noise change, as `ReactionNetwork.conservation_laws`."""
        from scipy.sparse import coo_array, hstack

        disturbed = np.unique(np.concatenate([part.noise.disturbs(part.places) for part in self.parts]))
        ones = np.ones(len(disturbed), dtype=np.int64)
        shape = (len(self.network.species), len(disturbed))
        units = coo_array((ones, (disturbed, np.arange(len(disturbed)))), shape=shape)
        return laws(hstack([self.network.stoichiometry, units]))

    @property
    def law_matrix(self) -> Any:
        """The same, as `ReactionNetwork.law_matrix`."""
        return self.conservation_laws

    def start(self, seed: int, replicate: int = 0) -> Drive:
        """The paths of replicate number `replicate`, functions of that and of `seed`."""
        return Drive(self.parts, self.rates, seed, replicate, self._prediction)

    @property
    def differs(self) -> bool:
        """Whether replicates have paths of their own."""
        return any(not part.noise.shared for part in self.parts)


def plan_noise(
    noises: Any,
    network: ReactionNetwork,
    rates: np.ndarray | None = None,
    unforced: Sequence[str] = (),
    presented: bool = True,
    prediction: bool = False,
) -> NoisePlan | None:
    """The plan of `noises`, None if all have amplitude 0.

    Parameters
    ----------
    noises : a `Noise`, or a list of some.
    network : what they act on.
    rates : its rate constants float64[reaction]; by default the network's.
    unforced : names of species that are forced only on request: of a training network its weights, and the switches of
        its slopes.
    presented : whether the run has presentations.
    prediction : whether the paths are for inference instead of training.

    Raises
    ------
    InputError : something that is not a noise, or that cannot act on this network.
    """
    noises = as_noises(noises)
    for noise in noises:
        if not presented and noise.law.lasts(noise) == PRESENTATION:
            instead = "give it a step" if noise.law.strikes else "use kind constant, bounded or ornstein_uhlenbeck"
            raise InputError(
                f"{noise.name} noise of kind {noise.kind} changes at each presentation, but this run has none: "
                f"{instead}"
            )
    rates = network.rates() if rates is None else rates
    plan = NoisePlan(noises, network, rates, unforced, prediction)
    return plan if plan.parts else None


def as_noises(noises: Any) -> tuple[Noise, ...]:
    """`noises` as a tuple, empty for None."""
    if noises is None or isinstance(noises, Noise):
        return () if noises is None else (noises,)
    if not isinstance(noises, (tuple, list)) or not all(isinstance(n, Noise) for n in noises):
        raise InputError(f"noise must be a noise object such as RateNoise(0.1), or a list of them, got {noises!r}")
    return tuple(noises)


def _with_reactions(network: ReactionNetwork, added: Sequence[Reaction]) -> ReactionNetwork:
    fields = {name: getattr(network, name) for name in network.__dataclass_fields__}
    return ReactionNetwork(**(fields | {"reactions": (*network.reactions, *added)}))
