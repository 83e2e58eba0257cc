"""Activations: each provides reactions, and their exact fixed point in floating point.

To add one: a file with a subclass of `Activation`, and its line in `ACTIVATIONS`.
"""

from typing import Any

from .. import checks
from ..options import options_of
from .activation import Activation
from .annihilation import AnnihilationReLU, LeakyAnnihilationReLU, LeakyReLU, RailReLU, ReLU
from .smooth_relu import DERIVATIVES, SmoothReLU

ACTIVATIONS = (SmoothReLU, AnnihilationReLU, LeakyAnnihilationReLU, RailReLU, ReLU, LeakyReLU)
"""All activations, by which `training_network` and `make_activation` find them."""


def make_activation(name: str, **settings: Any) -> Activation:
    """The activation called `name`, with `settings`. Raises InputError for an unknown name, or for a setting that it
    does not have."""
    by_name = {a.name: a for a in ACTIVATIONS}
    made = by_name[checks.choice("activation", name, by_name)]
    for setting in settings:
        checks.choice("setting", setting, options_of(made), f"{name} has")
    return made(**settings)


__all__ = [
    "ACTIVATIONS", "DERIVATIVES", "Activation", "AnnihilationReLU", "LeakyAnnihilationReLU", "LeakyReLU", "RailReLU",
    "ReLU", "SmoothReLU", "make_activation",
]  # fmt: skip
