"""The public functions: arguments are checked here, once, and trusted below."""

from .fit import Fit
from .learning_trajectories import LearningTrajectories
from .resume import load_fit, resume
from .simulate import simulate
from .sweep import sweep
from .sweep_result import Sweep, open_sweep
from .train import train

__all__ = ["Fit", "LearningTrajectories", "Sweep", "load_fit", "open_sweep", "resume", "simulate", "sweep", "train"]
