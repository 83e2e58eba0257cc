"""Leaky ReLU as an idealised threshold, with an output on two rails."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..crn.dual_rail import NetworkBuilder, Rails
from ..crn.reaction import Threshold
from .base import Activation


@dataclass(frozen=True)
class LeakyReLU(Activation):
    """y = z for z > 0, else 0.01 z, through y_p' = max(z, 0) - y_p and y_m' = 0.01 max(-z, 0) - y_m;
    slope 1 or 0.01 through s' = 0.01 + 0.99 1{z > 0} - s."""

    name = "leaky_relu"
    signed_output = True
    leak = 0.01

    def value(self, z: np.ndarray) -> np.ndarray:
        return np.where(np.asarray(z) > 0, z, self.leak * np.asarray(z))

    def slope(self, z: np.ndarray) -> np.ndarray:
        return np.where(np.asarray(z) > 0, 1.0, self.leak)

    def forward(self, builder: NetworkBuilder, z: Rails, y: Rails, helpers: Mapping[str, Rails]) -> None:
        builder.react((), (y.plus,), 1.0, Threshold("ramp", z.plus, z.rail(-1)))
        builder.react((), (y.rail(-1),), self.leak, Threshold("ramp", z.rail(-1), z.plus))
        builder.decay(y)

    def backward(self, builder: NetworkBuilder, z: Rails, y: Rails, s: Rails, helpers: Mapping[str, Rails]) -> None:
        builder.react((), (s.plus,), self.leak)
        builder.react((), (s.plus,), 1.0 - self.leak, Threshold("step", z.plus, z.rail(-1)))
        builder.decay(s)
