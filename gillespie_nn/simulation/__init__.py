"""Simulation of compiled networks: methods, the run of one replicate, ensembles, and results in memory."""

from .ensemble import run_ensemble
from .methods import EXACT, METHODS, choose_method
from .result import Result, final_values

__all__ = ["EXACT", "METHODS", "Result", "choose_method", "final_values", "run_ensemble"]
