"""Run files in HDF5: written under a commit flag, readable while they are written. FORMAT.md is the specification."""

from .moments_file import MomentsFile
from .moments_reader import MomentsRun, open_moments
from .reader import Run, open_run
from .training_file import TrainingFile
from .writer import EnsembleFile

__all__ = ["EnsembleFile", "MomentsFile", "MomentsRun", "Run", "TrainingFile", "open_moments", "open_run"]
