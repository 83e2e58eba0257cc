"""The base class of activations."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..crn.dual_rail import NetworkBuilder, Rails
from ..options import Options, option, positive


def smoothing() -> Any:
    """The option `h`, which several activations have."""
    return option(
        0.25, positive("concentration^2", "the smoothing, for example h=0.25"), "smoothing of the smooth ReLU",
        unit="concentration^2",
    )  # fmt: skip


class AtRest(NamedTuple):
    """The values of an activation at rest, elementwise."""

    value: np.ndarray
    """y [concentration]."""
    rails: np.ndarray
    """The sum of the rails of y [concentration]."""
    slope: np.ndarray


@dataclass(frozen=True)
class Activation(Options, ABC):
    """A scalar function y = f(z), its derivative, and the chemistry that computes both from the rails of z.

    The reactions must not change the number z. Settings are fields of the class, made by `options.option`.
    """

    name: ClassVar[str]
    reference: ClassVar[str] = ""
    """What to cite for its reactions, if anything."""
    signed_output: ClassVar[bool] = False
    """Whether y can be negative and needs two rails."""
    reads_rails: ClassVar[bool] = False
    """Whether y and the slope depend on both rails of z, and not only on their difference."""

    @property
    def helpers(self) -> Mapping[str, float]:
        """Concentrations at the start of further species of each neuron, by a capital letter. Only species that occur
        in a reaction are made."""
        return {}

    @abstractmethod
    def value(self, z: np.ndarray) -> np.ndarray:
        """f(z) elementwise, dimensionless in units of concentration."""

    @abstractmethod
    def slope(self, z: np.ndarray) -> np.ndarray:
        """f'(z) elementwise."""

    def of_rails(self, plus: np.ndarray, minus: np.ndarray) -> AtRest:
        """The fixed point of y and of the slope, where the rails of z are at `plus` and `minus` float64[...]
        [concentration]."""
        z = np.asarray(plus) - minus
        y = self.value(z)
        return AtRest(y, np.abs(y), self.slope(z))

    def at_rest(self, z: np.ndarray, made: np.ndarray, decay: float = 1.0) -> AtRest:
        """The fixed point of y and of the slope, where the rails of z are at rest, too.

        Parameters
        ----------
        z : pre-activations float64[...] [concentration].
        made : float64[...], the sum of the production rates of both rails of z, divided by `decay` [concentration]; it
            is |z| if only one rail is produced.
        decay : rate constant of the decay of the rails of z [1/s].
        """
        y = self.value(z)
        return AtRest(y, np.abs(y), self.slope(z))

    def settle_rails(self, builder: NetworkBuilder, z: Rails, annihilation_rate: float) -> None:
        """Add the reactions that act on both rails of z at once: by default Z_p + Z_m -> 0 at the rate constant of the
        chemistry."""
        builder.annihilate(z, annihilation_rate)

    @abstractmethod
    def forward(self, builder: NetworkBuilder, z: Rails, y: Rails, helpers: Mapping[str, Rails]) -> None:
        """Add the reactions whose fixed point is y = f(z)."""

    @abstractmethod
    def backward(self, builder: NetworkBuilder, z: Rails, y: Rails, s: Rails, helpers: Mapping[str, Rails]) -> None:
        """Add the reactions whose fixed point is s = f'(z)."""
