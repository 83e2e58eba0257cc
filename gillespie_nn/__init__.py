"""gillespie-nn: exact stochastic simulation of chemical reaction networks that train themselves as neural networks."""

import importlib as _importlib
from typing import TYPE_CHECKING

from ._later import later as _later
from ._version import __version__

if TYPE_CHECKING:
    from .api import Fit, LearningTrajectories, Sweep, load_fit, open_sweep, resume, simulate, sweep, train  # type: ignore[no-redef]
    from .checks import GillespieError, InputError, MissingExtraError, UnfinishedError
    from .crn import Reaction, ReactionNetwork, Threshold, law, models
    from .datasets import Dataset
    from .nn import TrainingNetwork, training_network
    from .noise import AdditiveNoise, ConcentrationNoise, RateNoise
    from .simulation import MomentsResult, Result
    from .status import Status
    from .storage import MomentsRun, Run, open_moments, open_run
    from .verification.certificate import Certificate, certify

_HOME = {
    "api": ("Fit", "LearningTrajectories", "Sweep", "load_fit", "open_sweep", "resume", "simulate", "sweep", "train"),
    "datasets": ("Dataset",),
    "checks": ("GillespieError", "InputError", "MissingExtraError", "UnfinishedError"),
    "crn": ("Reaction", "ReactionNetwork", "Threshold", "law", "models"),
    "nn": ("TrainingNetwork", "training_network"),
    "noise": ("AdditiveNoise", "ConcentrationNoise", "RateNoise"),
    "simulation": ("MomentsResult", "Result"),
    "status": ("Status",),
    "storage": ("MomentsRun", "Run", "open_moments", "open_run"),
    "verification.certificate": ("Certificate", "certify"),
}
"""Modules and the names in them. A name is imported when it is first used, so that the command starts at once and
Ctrl-C works during the imports."""
_MODULES = (
    "activations", "analysis", "benchmarks", "crn", "datasets", "experiments", "nn", "noise", "simulation", "storage",
    "propositions", "studies", "verification",
)  # fmt: skip
"""Public modules, imported when they are first used: `gillespie_nn.analysis.histogram` needs no further import."""
_later_name = _later(globals(), _HOME)

__all__ = [
    "Certificate",
    "Dataset",
    "AdditiveNoise",
    "ConcentrationNoise",
    "Fit",
    "GillespieError",
    "InputError",
    "LearningTrajectories",
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
    "law",
    "load_fit",
    "models",
    "open_moments",
    "open_run",
    "open_sweep",
    "resume",
    "simulate",
    "sweep",
    "train",
    "training_network",
]


def __getattr__(name: str) -> object:
    return _importlib.import_module(f".{name}", __name__) if name in _MODULES else _later_name(name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES})
