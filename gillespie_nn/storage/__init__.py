"""Run files in HDF5: written under a commit flag, readable while they are written. FORMAT.md is the specification."""

from .lock import Lock
from .reader import Run, open_run
from .training_file import TrainingFile
from .writer import EnsembleFile

__all__ = ["EnsembleFile", "Lock", "Run", "TrainingFile", "open_run"]
