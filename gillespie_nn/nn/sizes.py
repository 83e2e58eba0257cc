"""How many species and reactions a training network has, without a list of them.

All neurons of a layer have the same reactions, so those of one neuron and of one weight are made and counted.
"""

from typing import NamedTuple

import numpy as np

from ..crn.dual_rail import NetworkBuilder
from .equations import Equation
from .reactions import Layers, add_equation

_Equations = tuple[Equation, ...]


class Sizes(NamedTuple):
    """Numbers of a network."""

    n_species: int
    n_reactions: int


def sizes_of(layers: Layers, learning: bool = True) -> Sizes:
    """Those of the network that `training_network` makes of these layers."""
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
            if not layers.shared(name):  # of a quantity that all share, `_one` has the reactions of all samples
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
