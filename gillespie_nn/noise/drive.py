"""The noises of a run: reactions that they add to its network, their paths, and the rates and impulses that follow."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .. import seeds
from ..checks import InputError
from ..crn import Reaction, ReactionNetwork
from ..crn.conservation import laws
from .noise import GRID, PRESENTATION, RUN, Noise

_ROUNDING = 1e-12


class Part(NamedTuple):
    """One noise, and its place in a network."""

    noise: Noise
    number: int
    """Its number among the noises of the same type in the list; each has separate random streams."""
    places: np.ndarray  # int64[component], reactions or species
    first: int
    """The first of the reactions that it added."""


class NoisePath:
    """xi of one noise: piece k is drawn from a stream of (seed, purpose, number of the noise, replicate, k)."""

    def __init__(self, noise: Noise, size: int, stream: Callable[[int], np.random.Generator]) -> None:
        self._noise, self._size, self._stream = noise, size, stream
        self.lasts = noise.law.lasts(noise)
        self.piece = -1
        """Number of the present piece; -1 before the first presentation, when xi is 0."""
        self._value: np.ndarray | None = None

    @property
    def xi(self) -> np.ndarray:
        """float64[component], the present values."""
        if self._value is None:
            return np.zeros(self._size)
        supremum = self._noise.law.supremum(self._noise)
        return np.minimum(np.maximum(self._value, -supremum), supremum)

    @property
    def end(self) -> float:
        """Time at which the present piece ends [s]; infinite if it lasts for a presentation or the run."""
        if self.lasts != GRID:
            return np.inf
        assert self._noise.step is not None  # each kind on a grid has one
        return (self.piece + 1) * self._noise.step

    def move_to(self, piece: int) -> None:
        """Draw piece number `piece`; where pieces have a memory, all up to it."""
        law = self._noise.law
        # A path with memory goes forward from its present piece, or starts anew to reach an earlier one.
        if piece < self.piece or not law.remembers:
            self._value = None
        first = (0 if self._value is None else self.piece + 1) if law.remembers else piece
        for k in range(first, piece + 1):
            self._value = law.draw(self._noise, self._stream(k), self._size, self._value)
        self.piece = piece

    def memory(self) -> np.ndarray:
        """All that is needed to go on from here, float64[...], of constant length: the number of the piece, and its
        values where the next piece depends on them."""
        if not self._noise.law.remembers:
            return np.array([self.piece], dtype=np.float64)
        return np.concatenate([[self.piece], np.zeros(self._size) if self._value is None else self._value])

    def recall(self, memory: np.ndarray) -> None:
        """Go on from the `memory` of a path of the same noise and seed."""
        self.piece, self._value = -1, None
        if memory[0] < 0:
            return
        if self._noise.law.remembers:
            self.piece, self._value = int(memory[0]), memory[1:].copy()
        else:
            self.move_to(int(memory[0]))


class Drive:
    """The paths of one run. `parts` are those of a `NoisePlan`, `rates` float64[reaction] the rates without noise."""

    def __init__(self, parts: Sequence[Part], rates: np.ndarray, seed: int, replicate: int, prediction: bool) -> None:
        self._parts, self._rates = parts, rates
        self._paths = [self._path(part, seed, replicate, prediction) for part in parts]
        for path in self._paths:
            if path.lasts in (RUN, GRID):
                path.move_to(0)

    @staticmethod
    def _path(part: Part, seed: int, replicate: int, prediction: bool) -> NoisePath:
        purpose = part.noise.purposes[prediction]
        # A shared path is that of replicate 0 in all replicates.
        replicate = 0 if part.noise.shared else replicate
        return NoisePath(
            part.noise, len(part.places), lambda piece: seeds.stream(seed, purpose, part.number, replicate, piece)
        )

    @property
    def next_time(self) -> float:
        """When the next piece begins [s]; infinite if none does by time."""
        return min((path.end for path in self._paths), default=np.inf)

    def rates(self) -> np.ndarray:
        """Rate constants float64[reaction] now."""
        rates = self._rates.copy()
        for part, path in zip(self._parts, self._paths):
            if not part.noise.law.strikes:
                part.noise.act(rates, path.xi, part.places, part.first)
        return rates

    def change_rates(self, rates: np.ndarray) -> None:
        """Other rate constants without noise, float64[reaction]; those of reactions that noise added stay."""
        self._rates = np.concatenate([rates, self._rates[len(rates) :]])

    def begin_presentation(self, k: int) -> tuple[bool, list]:
        """Begin presentation k. Returns whether rates change, and the impulses, pairs (species int64[...], factors)."""
        return self._move({i: k for i, path in enumerate(self._paths) if path.lasts == PRESENTATION})

    def pass_time(self, time: float) -> tuple[bool, list]:
        """Begin the pieces that are due at `time` [s], the `next_time`. Returns what `begin_presentation` does."""
        # The end of a piece is a multiple of the step, and may differ from `time` by rounding.
        due = time * (1.0 + _ROUNDING)
        return self._move({i: path.piece + 1 for i, path in enumerate(self._paths) if path.end <= due})

    def _move(self, pieces: dict[int, int]) -> tuple[bool, list]:
        changed, impulses = False, []
        for i, piece in pieces.items():
            part, path = self._parts[i], self._paths[i]
            path.move_to(piece)
            if part.noise.law.strikes:
                impulses.append((part.places, 1.0 + part.noise.amplitude * path.xi))
            else:
                changed = True
        return changed, impulses

    def memory(self) -> np.ndarray:
        """All that is needed to go on from here, float64[...], of constant length, see `NoisePath.memory`."""
        return np.concatenate([path.memory() for path in self._paths])

    def recall(self, memory: np.ndarray) -> None:
        """Go on from the `memory` of the same noises and seed."""
        for path in self._paths:
            part, memory = np.split(memory, [path.memory().size])
            path.recall(part)


# The plan of the noises of a run


class NoisePlan:
    """Noises on a network, made by `plan_noise`; `start` gives the paths of a run.

    `network` is the one to simulate: the given one, with reactions of forced species added at the end. `rates` are its
    rate constants float64[reaction] without noise.
    """

    def __init__(
        self, noises: Any, network: ReactionNetwork, rates: np.ndarray | None, unforced: Sequence[str], prediction: bool
    ) -> None:
        self.noises, self._prediction = noises, prediction
        self.n_given_reactions = len(network.reactions)
        """Reactions of the network without noise."""
        self.parts: list[Part] = []
        added: list[Reaction] = []
        seen: dict[str, int] = {}
        for noise in noises:
            number = seen[noise.name] = seen.get(noise.name, -1) + 1
            # Skipped after it is numbered, so that the streams of the other noises do not depend on its amplitude.
            if noise.amplitude == 0:
                continue
            places = noise.places(network, unforced)
            self.parts.append(Part(noise, number, places, self.n_given_reactions + len(added)))
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

        # Each disturbed species counts as one more reaction that makes it.
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
        """Whether replicates have different paths."""
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
    noises : a `Noise`, or a list of them.
    network : what they act on.
    rates : its rate constants float64[reaction]; by default the network's.
    unforced : names of species on which noise acts only if it names them: in a training network the weights, and the
        switches of the slopes.
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
