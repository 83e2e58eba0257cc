"""A ReLU by annihilation: an activation from outside the package, with helpers, a conserved switch and a setting of its
own. Y and N take the two rails of z and annihilate; the slope S and its complement A make a switch, A + S = 1."""

from dataclasses import dataclass

import numpy as np

from gillespie_nn.activations import Activation
from gillespie_nn.options import option, positive


@dataclass(frozen=True)
class OutsideReLU(Activation):
    """y = max(z, 0) and s = 1{z > 0}, to within O(1 / sharpness)."""

    sharpness: float = option(1e6, positive(), "rate constant of Y + N -> 0")

    name = "outside_relu"

    @property
    def helpers(self):
        return {"N": 0.0, "A": 1.0}

    def value(self, z):
        return np.maximum(z, 0.0)

    def slope(self, z):
        return (np.asarray(z) > 0).astype(np.float64)

    def forward(self, builder, z, y, helpers):
        """y' = z_p - y - k y n, n' = z_m - n - k y n."""
        n = helpers["N"]
        builder.catalyse((z.plus,), y.plus, 1.0)
        builder.catalyse((z.minus,), n.plus, 1.0)
        builder.decay(y)
        builder.decay(n)
        builder.react((y.plus, n.plus), (), self.sharpness)

    def backward(self, builder, z, y, s, helpers):
        """What is left after annihilation sets the switch: y + A -> y + S, n + S -> n + A."""
        a, n = helpers["A"], helpers["N"]
        builder.react((y.plus, a.plus), (y.plus, s.plus), 1.0)
        builder.react((n.plus, s.plus), (n.plus, a.plus), 1.0)
