"""Simulation of compiled networks: methods, the run of one replicate, ensembles, and results in memory."""

from .ensemble import run_ensemble, run_ensembles
from .ensemble_result import EnsembleResult
from .methods import EXACT, LEVELS, METHODS, ONLY_TRAINING, choose_method
from .moments import MomentsResult
from .result import Result, Trajectories, final_values, unfinished

__all__ = [
    "EXACT",
    "EnsembleResult",
    "LEVELS",
    "METHODS",
    "MomentsResult",
    "ONLY_TRAINING",
    "Result",
    "Trajectories",
    "choose_method",
    "final_values",
    "run_ensemble",
    "run_ensembles",
    "unfinished",
]
