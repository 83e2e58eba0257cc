"""Interface of an activation."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..crn.dual_rail import NetworkBuilder, Rails
from ..options import Options


@dataclass(frozen=True)
class Activation(Options, ABC):
    """A scalar function y = f(z), its derivative, and the chemistry that computes both from the rails of z.

    The reactions take Z as a catalyst: they must not change it. Settings are fields of the class, made by
    `options.option`.
    """

    name: ClassVar[str]
    reference: ClassVar[str] = ""
    """What to cite for its reactions, if anything."""
    signed_output: ClassVar[bool] = False
    """Whether y can be negative and needs two rails."""

    @property
    def helpers(self) -> Mapping[str, float]:
        """Concentrations at the start of the activation's own species, which each neuron has, by a capital letter. Only
        those that a reaction names are made."""
        return {}

    @abstractmethod
    def value(self, z: np.ndarray) -> np.ndarray:
        """f(z) elementwise, dimensionless in units of concentration."""

    @abstractmethod
    def slope(self, z: np.ndarray) -> np.ndarray:
        """f'(z) elementwise."""

    @abstractmethod
    def forward(self, builder: NetworkBuilder, z: Rails, y: Rails, helpers: Mapping[str, Rails]) -> None:
        """Add the reactions whose fixed point is y = f(z)."""

    @abstractmethod
    def backward(self, builder: NetworkBuilder, z: Rails, y: Rails, s: Rails, helpers: Mapping[str, Rails]) -> None:
        """Add the reactions whose fixed point is s = f'(z)."""
