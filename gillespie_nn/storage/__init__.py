"""Run files in HDF5: written under a commit flag, readable while they are written. FORMAT.md is the specification."""

from .reader import Run, open_run
from .training_file import TrainingFile
from .writer import EnsembleFile

__all__ = ["EnsembleFile", "Run", "TrainingFile", "open_run"]
