"""Chemical reaction networks, their file formats, and their compiled arrays."""

from .compile import CompiledNetwork
from .network import ReactionNetwork
from .packaged import models
from .reaction import Reaction, Threshold

__all__ = ["CompiledNetwork", "Reaction", "ReactionNetwork", "Threshold", "models"]
