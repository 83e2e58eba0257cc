"""Smooth ReLU, the positive root of y^2 - z y - h = 0, and three chemical modules for its derivative.

The construction of y is that of D. F. Anderson, B. Joshi and A. Deshpande, On reaction network implementations
of neural networks, J. R. Soc. Interface 18 (2021) 20210031, doi:10.1098/rsif.2021.0031. The modules `switch`, `gain`
and `ratio` are this project's, not taken from a publication.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..crn.dual_rail import NetworkBuilder, Rails
from ..options import one_of, option
from .activation import Activation, smoothing

DERIVATIVES = ("switch", "gain", "ratio")
"""How the slope of the smooth ReLU is represented: names for the option `derivative`."""


@dataclass(frozen=True)
class SmoothReLU(Activation):
    """y = (z + sqrt(z^2 + 4 h)) / 2, with 0 < y - max(z, 0) <= sqrt(h); y' = y^2 / (y^2 + h).

    `switch` and `gain` relax at sqrt(z^2 + 4 h), `ratio` at y^2 + h, which is slow when the neuron is off. The slope of
    `switch` is a share of molecules, between 0 and 1 on every path if Omega is a whole number. That of `gain` has no
    such bound: it grows while z > 2 y, which happens where z rises fast, or where rates are wrong by 20 % or more.
    """

    h: float = smoothing()
    derivative: str = option(
        "switch", one_of(*DERIVATIVES), "reactions for the derivative of the smooth ReLU", kind=str
    )

    name = "smooth_relu"
    reference = (
        "D. F. Anderson, B. Joshi, A. Deshpande, J. R. Soc. Interface 18 (2021) 20210031, doi:10.1098/rsif.2021.0031"
    )

    @property
    def helpers(self) -> Mapping[str, float]:
        return {"switch": {"A": 1.0, "U": 0.0}, "gain": {}, "ratio": {"A": 0.0}}[self.derivative]

    def value(self, z: np.ndarray) -> np.ndarray:
        root = np.sqrt(np.square(z) + 4.0 * self.h)
        # The product of the two roots is -h; for z < 0 the quotient avoids a cancellation.
        return np.where(np.asarray(z) >= 0, 0.5 * (z + root), 2.0 * self.h / (root + np.abs(z)))

    def slope(self, z: np.ndarray) -> np.ndarray:
        square = np.square(self.value(z))
        return square / (square + self.h)

    def forward(self, builder: NetworkBuilder, z: Rails, y: Rails, helpers: Mapping[str, Rails]) -> None:
        self._root(builder, z.plus, z.rail(-1), y.plus)

    def backward(self, builder: NetworkBuilder, z: Rails, y: Rails, s: Rails, helpers: Mapping[str, Rails]) -> None:
        if self.derivative == "switch":
            self._switch(builder, z, y, s, helpers)
        elif self.derivative == "gain":
            self._gain(builder, z, y, s)
        else:
            self._ratio(builder, y, s, helpers["A"])

    def _root(self, builder: NetworkBuilder, more: str, less: str, y: str) -> None:
        """y' = h + (more - less) y - y^2."""
        builder.react((), (y,), self.h)
        builder.react((more, y), (more, y, y), 1.0)
        builder.react((less, y), (less,), 1.0)
        builder.react((y, y), (y,), 1.0)

    def _switch(self, builder: NetworkBuilder, z: Rails, y: Rails, s: Rails, helpers: Mapping[str, Rails]) -> None:
        """u' = h - z u - u^2, so u is y - z ; s' = y a - u s, a' = -s', which rests at y / (y + u)."""
        u, a = helpers["U"], helpers["A"]
        self._root(builder, z.rail(-1), z.plus, u.plus)
        builder.react((y.plus, a.plus), (y.plus, s.plus), 1.0)
        builder.react((u.plus, s.plus), (u.plus, a.plus), 1.0)

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
