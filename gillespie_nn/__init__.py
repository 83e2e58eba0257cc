"""gillespie-nn: exact stochastic simulation of chemical reaction networks that train themselves as neural networks."""

from ._version import __version__
from .api import Fit, simulate, train
from .checks import GillespieError, InputError, MissingExtraError, UnfinishedError
from .crn import Reaction, ReactionNetwork, Threshold
from .nn import TrainingNetwork, training_network
from .simulation import Result
from .status import Status
from .storage import Run, open_run

__all__ = [
    "Fit",
    "GillespieError",
    "InputError",
    "MissingExtraError",
    "Reaction",
    "ReactionNetwork",
    "Result",
    "Run",
    "Status",
    "Threshold",
    "TrainingNetwork",
    "UnfinishedError",
    "__version__",
    "open_run",
    "simulate",
    "train",
    "training_network",
]
