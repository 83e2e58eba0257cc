"""The functions that people call: arguments are checked here, once, and trusted below."""

from .fit import Fit
from .resume import load_fit, resume
from .simulate import simulate
from .train import train

__all__ = ["Fit", "load_fit", "resume", "simulate", "train"]
