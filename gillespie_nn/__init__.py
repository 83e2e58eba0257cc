"""gillespie-nn: exact stochastic simulation of chemical reaction networks that train themselves as neural networks."""

import importlib
from typing import Any

from ._version import __version__
from .api import Fit, Sweep, load_fit, open_sweep, resume, simulate, sweep, train
from .checks import GillespieError, InputError, MissingExtraError, UnfinishedError
from .crn import Reaction, ReactionNetwork, Threshold
from .nn import TrainingNetwork, training_network
from .noise import AdditiveNoise, ConcentrationNoise, RateNoise
from .simulation import MomentsResult, Result
from .status import Status
from .storage import MomentsRun, Run, open_moments, open_run

_LATER = {"Certificate": ".verification.certificate", "certify": ".verification.certify"}
"""Imported when asked for: their statistics would make every import half as long again."""

__all__ = [
    "Certificate",
    "AdditiveNoise",
    "ConcentrationNoise",
    "Fit",
    "GillespieError",
    "InputError",
    "MissingExtraError",
    "MomentsResult",
    "MomentsRun",
    "RateNoise",
    "Reaction",
    "ReactionNetwork",
    "Result",
    "Run",
    "Status",
    "Sweep",
    "Threshold",
    "TrainingNetwork",
    "UnfinishedError",
    "__version__",
    "certify",
    "load_fit",
    "open_moments",
    "open_run",
    "open_sweep",
    "resume",
    "simulate",
    "sweep",
    "train",
    "training_network",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
