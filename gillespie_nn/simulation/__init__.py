"""Simulation of compiled networks: methods, the run of one replicate, ensembles, and results in memory."""

from .ensemble import run_ensemble, run_ensembles
from .methods import EXACT, LEVELS, METHODS, choose_method
from .moments_result import MomentsResult
from .result import Result, final_values, unfinished

__all__ = [
    "EXACT",
    "LEVELS",
    "METHODS",
    "MomentsResult",
    "Result",
    "choose_method",
    "final_values",
    "run_ensemble",
    "run_ensembles",
    "unfinished",
]
