"""Run files in HDF5, written under a commit flag and readable while they are being written. FORMAT.md is the
specification."""

from .ensemble_file import EnsembleFile
from .moments_file import MomentsFile
from .moments_reader import MomentsRun
from .open import open_moments, open_run, open_trajectories
from .reader import Run
from .training_file import TrainingFile
from .training_record import TrainingRecord

__all__ = [
    "EnsembleFile",
    "MomentsFile",
    "MomentsRun",
    "Run",
    "TrainingFile",
    "TrainingRecord",
    "open_moments",
    "open_run",
    "open_trajectories",
]
