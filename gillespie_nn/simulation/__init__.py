"""Simulation of compiled networks: methods, the run of one replicate, ensembles, and results in memory."""

from .ensemble import run_ensemble
from .methods import METHODS, make_method
from .result import Result

__all__ = ["METHODS", "Result", "make_method", "run_ensemble"]
