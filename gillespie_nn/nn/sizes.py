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


def sizes_of(layers: Layers, batch: int, learning: bool = True) -> Sizes:
    """Those of the network that `training_network` makes of these layers with `batch` samples at once."""
    chemistry = layers.chemistry
    passes: tuple[_Equations, ...] = (chemistry.forward,)
    if learning:
        passes = (*passes, chemistry.backward, chemistry.update)
    shared = {*chemistry.weights, *chemistry.fixed}
    ports = sum(len(rails.signs()) for rails in (*layers.inputs, *(layers.targets if learning else ())))
    n_species, n_reactions = ports * batch + (len(chemistry.ports) if learning else 0), 0
    n_species += sum(len(rails.signs()) for rails in layers.every(tuple(shared)))
    for layer in range(1, layers.last + 1):
        every = NetworkBuilder()
        for equations in passes:
            for equation in (each for group in layers.equations(equations, layer) for each in group):
                one = _one(layers, layer, equation)
                target = equation.parsed.target
                places = int(np.prod([layers.size(target, k, layer) for k in range(len(target.indices))]))
                name = layers.resolve_name(target.name, layer)
                rails = layers.named(name, layer, *(0 for _ in target.indices))
                settling = 0
                if name in shared:  # its rails annihilate once, whatever the batch
                    settling = int(rails.minus is not None and not equation.parsed.argument)
                else:
                    n_species += places * len(rails.signs()) * batch
                n_reactions += places * ((len(one.reactions) - settling) * batch + settling)
                every.species.update(one.species)
        function = layers.functions[layer]
        helpers = function.helpers if function is not None else ()
        used = sum(layers.named(name, layer, 0).plus in every.species for name in helpers)
        n_species += layers.sizes[layer] * used * batch
    return Sizes(n_species, n_reactions)


def _one(layers: Layers, layer: int, equation: Equation) -> NetworkBuilder:
    """The reactions of the equation for the first neuron or weight."""
    builder = NetworkBuilder()
    add_equation(builder, layers, layer, equation, dict.fromkeys(equation.parsed.target.indices, 0))
    return builder
