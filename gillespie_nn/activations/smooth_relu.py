"""Smooth ReLU, the positive root of y^2 - z y - h = 0, and two chemical modules for its derivative.

The construction of y is that of D. F. Anderson, B. Joshi and A. Deshpande, On reaction network implementations
of neural networks, J. R. Soc. Interface 18 (2021) 20210031, doi:10.1098/rsif.2021.0031. The modules `gain`
and `ratio` are this project's, not taken from a publication.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..crn.dual_rail import NetworkBuilder, Rails
from ..options import one_of, option, positive
from .base import Activation

DERIVATIVES = ("gain", "ratio")


@dataclass(frozen=True)
class SmoothReLU(Activation):
    """y = (z + sqrt(z^2 + 4 h)) / 2, with 0 < y - max(z, 0) <= sqrt(h); y' = y^2 / (y^2 + h).

    `gain` relaxes at sqrt(z^2 + 4 h), `ratio` at y^2 + h, which is slow when the neuron is off.
    """

    h: float = option(
        0.25, positive("concentration^2", "the smoothing, for example h=0.25"), "smoothing of the smooth ReLU",
        unit="concentration^2",
    )  # fmt: skip
    derivative: str = option("gain", one_of(*DERIVATIVES), "reactions for the derivative of the smooth ReLU", kind=str)

    name = "smooth_relu"
    reference = (
        "D. F. Anderson, B. Joshi, A. Deshpande, J. R. Soc. Interface 18 (2021) 20210031, doi:10.1098/rsif.2021.0031"
    )

    @property
    def helpers(self) -> Mapping[str, float]:
        return {"A": 0.0} if self.derivative == "ratio" else {}

    def value(self, z: np.ndarray) -> np.ndarray:
        root = np.sqrt(np.square(z) + 4.0 * self.h)
        # The product of the two roots is -h; for z < 0 the quotient avoids a cancellation.
        return np.where(np.asarray(z) >= 0, 0.5 * (z + root), 2.0 * self.h / (root + np.abs(z)))

    def slope(self, z: np.ndarray) -> np.ndarray:
        square = np.square(self.value(z))
        return square / (square + self.h)

    def forward(self, builder: NetworkBuilder, z: Rails, y: Rails, helpers: Mapping[str, Rails]) -> None:
        """y' = h + z y - y^2."""
        builder.react((), (y.plus,), self.h)
        builder.react((z.plus, y.plus), (z.plus, y.plus, y.plus), 1.0)
        builder.react((z.rail(-1), y.plus), (z.rail(-1),), 1.0)
        builder.react((y.plus, y.plus), (y.plus,), 1.0)

    def backward(self, builder: NetworkBuilder, z: Rails, y: Rails, s: Rails, helpers: Mapping[str, Rails]) -> None:
        if self.derivative == "gain":
            self._gain(builder, z, y, s)
        else:
            self._ratio(builder, y, s, helpers["A"])

    def _gain(self, builder: NetworkBuilder, z: Rails, y: Rails, s: Rails) -> None:
        """s' = y - (2 y - z) s."""
        builder.catalyse((y.plus,), s.plus, 1.0)
        builder.react((y.plus, s.plus), (y.plus,), 2.0)
        builder.react((z.plus, s.plus), (z.plus, s.plus, s.plus), 1.0)
        builder.react((z.rail(-1), s.plus), (z.rail(-1),), 1.0)

    def _ratio(self, builder: NetworkBuilder, y: Rails, s: Rails, a: Rails) -> None:
        """a' = y^2 + h - a ; s' = y^2 - a s."""
        builder.catalyse((y.plus, y.plus), s.plus, 1.0)
        builder.react((s.plus, a.plus), (a.plus,), 1.0)
        builder.react((a.plus,), (), 1.0)
        builder.catalyse((y.plus, y.plus), a.plus, 1.0)
        builder.react((), (a.plus,), self.h)
