"""Neural networks: compiled to reactions, and in floating point."""

from .compiler import TrainingNetwork, training_network
from .floating import FloatNetwork

__all__ = ["FloatNetwork", "TrainingNetwork", "training_network"]
