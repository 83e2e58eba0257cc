"""The numbers that a training network holds, their meanings and species; and its size, without a list of reactions."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from ..checks import InputError, meant
from ..crn.dual_rail import NetworkBuilder, Rails, pairs
from .chemistry import AUXILIARIES, INPUTS, TARGETS, Equation
from .reactions import Layers, add_equation, group_name

_Equations = tuple[Equation, ...]


class Sizes(NamedTuple):
    """The size of a network."""

    n_species: int
    n_reactions: int


def sizes_of(layers: Layers, learning: bool = True) -> Sizes:
    """The size of the network that `training_network` makes of these layers."""
    # All neurons of a layer have the same reactions: those of one neuron and of one weight are made and counted.
    chemistry, batch = layers.chemistry, layers.batch
    passes: tuple[tuple[Equation, ...], ...] = (chemistry.forward,)
    if learning:
        passes = (*passes, chemistry.backward, chemistry.update)
    n_species = layers.sizes[0] * len(layers.input(0).signs()) * batch
    if learning:
        n_species += layers.sizes[-1] * len(layers.target(0).signs()) * batch + len(chemistry.ports)
    n_reactions = 0
    for layer in range(1, layers.last + 1):
        for name in (*chemistry.weights, *(chemistry.fixed if learning else ())):
            if shape := layers.shape(name, layer):
                n_species += int(np.prod(shape)) * len(layers.named(name, layer, *(0 for _ in shape)).signs())
        every = NetworkBuilder()
        for equation in (e for equations in passes for group in layers.equations(equations, layer) for e in group):
            one = _one(layers, layer, equation)
            target = equation.parsed.target
            places = int(np.prod([layers.size(target, k, layer) for k in range(len(target.indices))]))
            name = layers.resolve_name(target.name, layer)
            # For a quantity that all samples share, `_one` has the reactions of all samples already.
            if not layers.shared(name):
                places *= batch
                n_species += places * len(layers.named(name, layer, *(0 for _ in target.indices)).signs())
            n_reactions += places * len(one.reactions)
            every.species.update(one.species)
        function = layers.functions[layer]
        helpers = function.helpers if function is not None else ()
        used = sum(layers.named(helper, layer, 0).plus in every.species for helper in helpers)
        n_species += layers.sizes[layer] * used * batch
    return Sizes(n_species, n_reactions)


def _one(layers: Layers, layer: int, equation: Equation) -> NetworkBuilder:
    """The reactions of the equation for the first neuron or weight."""
    builder = NetworkBuilder()
    add_equation(builder, layers, layer, equation, dict.fromkeys(equation.parsed.target.indices, 0))
    return builder


# The numbers that a training network holds: their meanings, and the species that carry them
#
# `reactions.Layers` makes the names of species. Code elsewhere looks their meanings up here instead of parsing names.


class Number(NamedTuple):
    """A number and its place."""

    quantity: str
    """Its letter in the equations of the chemistry."""
    layer: int
    """0 for inputs, targets, and quantities of the whole network."""
    indices: tuple[int, ...]
    """The neuron, and in a matrix the neuron of the other layer."""
    rails: Rails
    meaning: str
    """A word for the quantity, as `weights`: that of the chemistry, or the name of the port."""
    learned: bool
    """Whether it is a weight or a bias."""
    sample: int | None = None
    """The sample of the batch, from 0; None if all samples share the number, as they do weights."""

    @property
    def name(self) -> str:
        """The name of its species without the rail."""
        return self.rails.name

    @property
    def group(self) -> str:
        """The name of all numbers of this quantity in this layer."""
        return group_name(self.quantity, self.layer)


class Numbers:
    """All numbers that `species` carry in a network of these `layers`, in the order of the species."""

    def __init__(self, layers: Layers, species: Sequence[str]) -> None:
        place = {s: k for k, s in enumerate(species)}
        numbers = [n for n in _every(layers, species) if any(s in place for s, _ in n.rails.signs())]
        numbers.sort(key=lambda n: min(place[s] for s, _ in n.rails.signs() if s in place))
        self._numbers = tuple(numbers)
        self._layers = layers
        self._weights = layers.chemistry.weights
        self._by_name = {name: n for n in numbers for name in (n.name, *(s for s, _ in n.rails.signs()))}
        self._words = layers.chemistry.meanings

    def __iter__(self) -> Iterator[Number]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def meanings(self) -> Mapping[str, str]:
        """The words for the quantities in this network by letter, in the order of the chemistry."""
        held = {n.quantity: n.meaning for n in self._numbers}
        return {letter: held[letter] for letter in dict.fromkeys([*self._words, *held]) if letter in held}

    def of(self, name: str) -> Number:
        """The number that a species carries, or the number of that name. Raises InputError for an unknown name."""
        if name not in self._by_name:
            raise InputError(f"the network has no quantity named {name!r}{meant(name, list(self._by_name))}")
        return self._by_name[name]

    def select(self, *meanings: str, layer: int | None = None, sample: int | None = None) -> tuple[Number, ...]:
        """All numbers with one of these meanings, in one layer or in all, of one sample or of all; what the samples
        share is always among them."""
        return tuple(
            n for n in self._numbers
            if n.meaning in meanings and layer in (None, n.layer) and (sample is None or n.sample in (None, sample))
        )  # fmt: skip

    def one(self, meaning: str, layer: int, *indices: int, sample: int = 0) -> Number:
        """The number with this meaning and place, of a sample of the batch. Raises InputError if the network has
        none."""
        matches = [n for n in self.select(meaning, layer=layer, sample=sample) if n.indices == indices]
        if len(matches) != 1:
            words = ", ".join(dict.fromkeys(self.meanings.values()))
            raise InputError(
                f"layer {layer} of this network has {len(matches)} {meaning} with indices {indices}, and 1 is needed; "
                f"the quantities of this network are {words}"
            )
        return matches[0]

    def neuron(self, number: Number) -> str:
        """A name for a quantity of one neuron. All weights of a neuron and its bias have one name."""
        letter = self._weights[0] if number.learned else number.quantity
        name = "_".join([group_name(letter, number.layer), *map(str, number.indices[:1])])
        return name if number.sample is None else name + self._layers.suffix(number.sample)


def _every(layers: Layers, species: Sequence[str]) -> Iterator[Number]:
    """All numbers that a network of these layers can have."""
    chemistry = layers.chemistry

    def number(
        letter: str, layer: int, indices: tuple[int, ...], rails: Rails, word: str = "", sample: int | None = None
    ) -> Number:
        word = word or chemistry.meanings.get(letter, letter)
        return Number(letter, layer, indices, rails, word, letter in chemistry.weights, sample)

    signed, samples = pairs(species), range(layers.batch)
    for b, j in product(samples, range(layers.sizes[0])):
        # A file does not record whether inputs are signed; the names of its species show it.
        rails = layers.input(j, b)
        yield number(chemistry.inputs, 0, (j,), signed.get(rails.name, rails), INPUTS, b)
    for b, i in product(samples, range(layers.sizes[-1])):
        yield number(chemistry.targets, 0, (i,), layers.target(i, b), TARGETS, b)
    for port, letter in chemistry.ports.items():
        yield number(letter, 0, (), Rails(letter), port)
    equations = (*chemistry.forward, *chemistry.backward, *chemistry.update)
    letters = [*chemistry.weights, *chemistry.fixed, *(e.parsed.target.name for e in equations)]
    for letter, layer, indices in layers.places(list(dict.fromkeys(letters))):
        if layers.shared(letter):
            yield number(letter, layer, indices, layers.named(letter, layer, *indices))
            continue
        for b in samples:
            yield number(letter, layer, indices, layers.named(letter, layer, *indices, sample=b), sample=b)
    for layer, function in enumerate(layers.functions):
        for letter in function.helpers if function is not None else ():
            for b, i in product(samples, range(layers.sizes[layer])):
                yield number(letter, layer, (i,), layers.named(letter, layer, i, sample=b), AUXILIARIES, b)
