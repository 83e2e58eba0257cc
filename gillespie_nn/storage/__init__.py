"""Run files in HDF5. Data count once they are committed, and a file is readable while it is being written. FORMAT.md is
the specification."""

from typing import TYPE_CHECKING

from .._later import later

if TYPE_CHECKING:
    from .ensemble_file import EnsembleFile
    from .moments_file import MomentsFile
    from .open import MomentsRun, open_moments, open_run, open_trajectories
    from .reader import Run
    from .training_file import TrainingFile, TrainingRecord

# h5py is loaded with the first of these names: a run in memory does not need it.
__getattr__ = later(
    globals(),
    {
        "ensemble_file": ("EnsembleFile",),
        "moments_file": ("MomentsFile",),
        "open": ("MomentsRun", "open_moments", "open_run", "open_trajectories"),
        "reader": ("Run",),
        "training_file": ("TrainingFile", "TrainingRecord"),
    },
)

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
