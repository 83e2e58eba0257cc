"""What errors are looked at of: every species that moves, and the numbers that pairs of rails carry."""

import re
from typing import NamedTuple

import numpy as np

from ...crn import ReactionNetwork

_RAIL = re.compile(r"(.+)_([pm])$")


class Quantities(NamedTuple):
    """`names` of species, and behind them of numbers `Z1_0 = Z1_0_p - Z1_0_m`; rows of a state with the constant 1 at
    its end, `minus` being that of the constant, which never differs, where nothing is taken away."""

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
    rows = [(s, k, n, not _RAIL.match(s) or _other(s) not in index) for s, k in index.items() if k in moving]
    for s in network.species:
        found = _RAIL.match(s)
        if found and found[2] == "p" and _other(s) in index and {index[s], index[_other(s)]} & moving:
            rows.append((found[1], index[s], index[_other(s)], True))
    names, plus, minus, is_number = zip(*rows)
    return Quantities(names, np.array(plus), np.array(minus), np.array(is_number))


def _other(name: str) -> str:
    return name[:-1] + ("m" if name.endswith("p") else "p")
