"""ReLU as threshold chemistry: its derivative jumps, so no mass-action network has it as a fixed point."""

import numpy as np

from ..crn.reaction import Threshold
from .base import Activation


class ReLU(Activation):
    """y = max(z, 0) through y' = max(z, 0) - y; slope 1 for z > 0, else 0, through s' = 1{z > 0} - s."""

    name = "relu"

    def value(self, z):
        return np.maximum(z, 0.0)

    def slope(self, z):
        return (np.asarray(z) > 0).astype(np.float64)

    def forward(self, builder, z, y):
        builder.react((), (y.plus,), 1.0, Threshold("ramp", z.plus, z.minus))
        builder.decay(y)

    def backward(self, builder, z, y, s, helper):
        builder.react((), (s.plus,), 1.0, Threshold("step", z.plus, z.minus))
        builder.decay(s)
