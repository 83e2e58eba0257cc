"""Neural networks: compiled to reactions, and in floating point."""

from .compiler import TrainingNetwork, training_network
from .floating import FloatNetwork
from .quantities import Number, Numbers

__all__ = ["FloatNetwork", "Number", "Numbers", "TrainingNetwork", "training_network"]
