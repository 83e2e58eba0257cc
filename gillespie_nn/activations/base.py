"""Interface of an activation."""

from abc import ABC, abstractmethod

import numpy as np

from ..crn.dual_rail import NetworkBuilder, Rails


class Activation(ABC):
    """A scalar function y = f(z), its derivative, and the chemistry that computes both from the rails of z.

    The reactions take Z as a catalyst: they must not change it.
    """

    name: str
    reference: str = ""
    """What to cite for its reactions, if anything."""
    signed_output = False
    """Whether y can be negative and needs two rails."""

    def __init__(self, h: float | None = None, derivative: str | None = None) -> None:
        """Settings that an activation does not have are ignored."""

    @abstractmethod
    def value(self, z: np.ndarray) -> np.ndarray:
        """f(z) elementwise, dimensionless in units of concentration."""

    @abstractmethod
    def slope(self, z: np.ndarray) -> np.ndarray:
        """f'(z) elementwise."""

    @abstractmethod
    def forward(self, builder: NetworkBuilder, z: Rails, y: Rails) -> None:
        """Add the reactions whose fixed point is y = f(z)."""

    @abstractmethod
    def backward(self, builder: NetworkBuilder, z: Rails, y: Rails, s: Rails, helper: Rails) -> None:
        """Add the reactions whose fixed point is s = f'(z); `helper` may be used as an intermediate."""
