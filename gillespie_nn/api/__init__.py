"""The functions that people call: arguments are checked here, once, and trusted below."""

from .fit import Fit
from .simulate import simulate
from .train import train

__all__ = ["Fit", "simulate", "train"]
