"""ReLU as an idealised threshold: the rates jump where z crosses 0, so these reactions are not mass action.

Mass-action networks can come to rest at ReLU and its slope for every z other than 0, as those of `annihilation.py` do
in the limit of large kappa, but not uniformly fast: relaxation slows down without limit as z comes near 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..crn.dual_rail import NetworkBuilder, Rails
from ..crn.reaction import Threshold
from .base import Activation


@dataclass(frozen=True)
class ReLU(Activation):
    """y = max(z, 0) through y' = max(z, 0) - y; slope 1 for z > 0, else 0, through s' = 1{z > 0} - s."""

    name = "relu"

    def value(self, z: np.ndarray) -> np.ndarray:
        return np.maximum(z, 0.0)

    def slope(self, z: np.ndarray) -> np.ndarray:
        return (np.asarray(z) > 0).astype(np.float64)

    def forward(self, builder: NetworkBuilder, z: Rails, y: Rails, helpers: Mapping[str, Rails]) -> None:
        builder.react((), (y.plus,), 1.0, Threshold("ramp", z.plus, z.rail(-1)))
        builder.decay(y)

    def backward(self, builder: NetworkBuilder, z: Rails, y: Rails, s: Rails, helpers: Mapping[str, Rails]) -> None:
        builder.react((), (s.plus,), 1.0, Threshold("step", z.plus, z.rail(-1)))
        builder.decay(s)
