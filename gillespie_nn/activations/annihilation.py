"""ReLU and leaky ReLU: as idealised thresholds, and by annihilation of the rails of z, which is mass action.

The rates of a threshold jump where z crosses 0, so its reactions are not mass action. Mass-action networks can come to
rest at ReLU and its slope for every z other than 0, as those by annihilation do in the limit of large kappa. But they
are not uniformly fast: relaxation slows down without limit as z approaches 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..crn.dual_rail import NetworkBuilder, Rails
from ..crn.reaction import Threshold
from ..options import option, positive
from .activation import Activation, AtRest, smoothing
from .smooth_relu import SmoothReLU


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


@dataclass(frozen=True)
class LeakyReLU(Activation):
    """y = z for z > 0, else 0.01 z, on two rails through y_p' = max(z, 0) - y_p and y_m' = 0.01 max(-z, 0) - y_m;
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


# ReLU, leaky ReLU and smooth ReLU by annihilation of the rails of z
#
# After Z_p + Z_m -> 0 the plus rail is what is left of z, if z > 0. If the rails are made at the rates P and M and
# decay at the rate 1, they come to rest where
#
#     z_p - z_m = P - M = z,   z_p z_m = (P - z_p) / kappa = h',   hence   z_p = (z + sqrt(z^2 + 4 h')) / 2.
#
# So the annihilation ReLU is a smooth ReLU, too: with an h' of about min(P, M) / kappa, which no setting controls, and
# which is 0 where one rail is not made. With the additional reaction 0 -> Z_p + Z_m at kappa h, h' is
# h + (P - z_p) / kappa. The reactions are this project's.


@dataclass(frozen=True)
class AnnihilationReLU(Activation):
    """y = z_p and s = z_p / (z_p + z_m): in the limit of large kappa, max(z, 0) and 1 for z > 0, else 0.

    The slope is the share of a switch that is on. It relaxes at switch_rate (z_p + z_m), which is slow near z = 0.
    """

    kappa: float = option(
        60.0, positive("1/(concentration s)", "for example 60"),
        "rate constant at which both rails of a pre-activation annihilate, for activations that read both rails",
        unit="1/(concentration s)",
    )  # fmt: skip
    switch_rate: float = option(
        1.0, positive("1/(concentration s)", "for example 1"),
        "rate constants of the switch that represents the slope, for the same activations",
        unit="1/(concentration s)",
    )  # fmt: skip

    name = "annihilation_relu"
    reads_rails = True

    @property
    def helpers(self) -> Mapping[str, float]:
        return {"A": 1.0}

    def value(self, z: np.ndarray) -> np.ndarray:
        return ReLU().value(z)

    def slope(self, z: np.ndarray) -> np.ndarray:
        return ReLU().slope(z)

    def of_rails(self, plus: np.ndarray, minus: np.ndarray) -> AtRest:
        return AtRest(plus, plus, self._share(plus, minus))

    def at_rest(self, z: np.ndarray, made: np.ndarray, decay: float = 1.0) -> AtRest:
        return self.of_rails(*self.rails_at_rest(np.asarray(z), np.asarray(made), decay))

    def rails_at_rest(self, z: np.ndarray, made: np.ndarray, decay: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Both rails of z at rest, each float64[...]; parameters as of `at_rest`. Their sum r solves kappa r^2 + 2 r =
        kappa z^2 + 2 made, with kappa over `decay`."""
        kappa = self.kappa / decay
        square = 2.0 * made + kappa * np.square(z)
        total = square / (1.0 + np.sqrt(1.0 + kappa * square))
        # The smaller rail follows from the product of both: the difference (total - |z|) / 2 would cancel.
        larger = 0.5 * (total + np.abs(z))
        smaller = np.maximum(made - total, 0.0) / (2.0 * kappa * np.maximum(larger, np.finfo(np.float64).tiny))
        return np.where(z >= 0, larger, smaller), np.where(z >= 0, smaller, larger)

    @staticmethod
    def _share(plus: np.ndarray, minus: np.ndarray) -> np.ndarray:
        """z_p / (z_p + z_m); 0 where both are 0 and the switch stays as it is."""
        total = plus + minus
        return np.divide(plus, total, out=np.zeros_like(total), where=total > 0)

    def settle_rails(self, builder: NetworkBuilder, z: Rails, annihilation_rate: float) -> None:
        builder.annihilate(z, self.kappa)

    def forward(self, builder: NetworkBuilder, z: Rails, y: Rails, helpers: Mapping[str, Rails]) -> None:
        """y' = z_p - y."""
        builder.catalyse((z.plus,), y.plus, 1.0)
        builder.decay(y)

    def backward(self, builder: NetworkBuilder, z: Rails, y: Rails, s: Rails, helpers: Mapping[str, Rails]) -> None:
        self._switch(builder, z, s, helpers["A"])

    def _switch(self, builder: NetworkBuilder, z: Rails, on: Rails, off: Rails) -> None:
        """on' = switch_rate (z_p off - z_m on), off' = -on'."""
        builder.react((z.plus, off.plus), (z.plus, on.plus), self.switch_rate)
        builder.react((z.rail(-1), on.plus), (z.rail(-1), off.plus), self.switch_rate)


@dataclass(frozen=True)
class LeakyAnnihilationReLU(AnnihilationReLU):
    """y = z_p - 0.01 z_m on two rails; the slope is 0.01 and 0.99 times the share q of a switch that is on."""

    name = "leaky_annihilation_relu"
    signed_output = True
    leak = LeakyReLU.leak

    @property
    def helpers(self) -> Mapping[str, float]:
        return {"A": 1.0, "Q": 0.0}

    def value(self, z: np.ndarray) -> np.ndarray:
        return LeakyReLU().value(z)

    def slope(self, z: np.ndarray) -> np.ndarray:
        return LeakyReLU().slope(z)

    def of_rails(self, plus: np.ndarray, minus: np.ndarray) -> AtRest:
        on = self._share(plus, minus)
        return AtRest(plus - self.leak * minus, plus + self.leak * minus, self.leak + (1.0 - self.leak) * on)

    def forward(self, builder: NetworkBuilder, z: Rails, y: Rails, helpers: Mapping[str, Rails]) -> None:
        """y_p' = z_p - y_p, y_m' = 0.01 z_m - y_m."""
        builder.catalyse((z.plus,), y.plus, 1.0)
        builder.catalyse((z.rail(-1),), y.rail(-1), self.leak)
        builder.decay(y)

    def backward(self, builder: NetworkBuilder, z: Rails, y: Rails, s: Rails, helpers: Mapping[str, Rails]) -> None:
        """The switch, and s' = 0.01 + 0.99 q - s."""
        self._switch(builder, z, helpers["Q"], helpers["A"])
        builder.react((), (s.plus,), self.leak)
        builder.catalyse((helpers["Q"].plus,), s.plus, 1.0 - self.leak)
        builder.decay(s)


@dataclass(frozen=True)
class RailReLU(AnnihilationReLU):
    """The annihilation ReLU with one more reaction, 0 -> Z_p + Z_m at the rate kappa h. It approximates a smooth ReLU
    with smoothing h."""

    h: float = smoothing()

    name = "rail_relu"

    def value(self, z: np.ndarray) -> np.ndarray:
        return SmoothReLU(h=self.h).value(z)

    def slope(self, z: np.ndarray) -> np.ndarray:
        return SmoothReLU(h=self.h).slope(z)

    def rails_at_rest(self, z: np.ndarray, made: np.ndarray, decay: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        return super().rails_at_rest(z, made + 2.0 * self.kappa * self.h / decay, decay)

    def settle_rails(self, builder: NetworkBuilder, z: Rails, annihilation_rate: float) -> None:
        super().settle_rails(builder, z, annihilation_rate)
        builder.react((), (z.plus, z.rail(-1)), self.kappa * self.h)
