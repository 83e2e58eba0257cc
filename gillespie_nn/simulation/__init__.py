"""Simulation of compiled networks: methods, the run of one replicate, ensembles, and results in memory."""

from .ensemble import run_ensemble
from .methods import METHODS, choose_method
from .result import Result

__all__ = ["METHODS", "Result", "choose_method", "run_ensemble"]
