"""Activations: each provides reactions, and their exact fixed point in floating point.

To add one: a file with a subclass of `Activation`, and its line in `ACTIVATIONS`.
"""

from .. import checks
from .base import Activation
from .leaky_relu import LeakyReLU
from .relu import ReLU
from .smooth_relu import DERIVATIVES, SmoothReLU

ACTIVATIONS = (SmoothReLU, ReLU, LeakyReLU)


def make_activation(name: str, h: float = 0.25, derivative: str = "gain") -> Activation:
    """The activation called `name`; `h` and `derivative` are settings of those that have them."""
    by_name = {a.name: a for a in ACTIVATIONS}
    return by_name[checks.choice("activation", name, by_name)](h=h, derivative=derivative)


__all__ = ["ACTIVATIONS", "DERIVATIVES", "Activation", "LeakyReLU", "ReLU", "SmoothReLU", "make_activation"]
