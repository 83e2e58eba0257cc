"""The quantities whose errors are measured: every species that moves, and the numbers that pairs of rails carry."""

from typing import NamedTuple

import numpy as np

from ...crn import ReactionNetwork
from ...crn.dual_rail import pairs


class Quantities(NamedTuple):
    """`names` of species, and then of numbers `V = V_p - V_m`. `plus` and `minus` are rows of a state with the constant
    1 at its end; `minus` is the row of the constant, which never differs, where nothing is subtracted."""

    names: tuple[str, ...]
    plus: np.ndarray  # int64[quantity]
    minus: np.ndarray  # int64[quantity]
    is_number: np.ndarray  # bool[quantity]: what a neuron or a weight means, a pair of rails or a species without one

    def __len__(self) -> int:
        return len(self.names)


def quantities_of(network: ReactionNetwork) -> Quantities:
    """The quantities of a training network, or of its forward part."""
    index, n = network.index, len(network.species)
    moving = set(np.unique(network.stoichiometry.indices).tolist())
    signed = pairs(network.species)
    on_rails = {s for rails in signed.values() for s in rails}
    rows = [(s, k, n, s not in on_rails) for s, k in index.items() if k in moving]
    for name, rails in signed.items():
        on_plus, on_minus = (index[s] for s, _ in rails.signs())
        if {on_plus, on_minus} & moving:
            rows.append((name, on_plus, on_minus, True))
    names, plus, minus, is_number = zip(*rows)
    return Quantities(names, np.array(plus), np.array(minus), np.array(is_number))
