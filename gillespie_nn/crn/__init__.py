"""Chemical reaction networks, their file formats, and their compiled arrays."""

from .compiled.compile import CompiledNetwork
from .formula import law
from .network import ReactionNetwork
from .parts import models
from .reaction import Reaction, Threshold

__all__ = ["CompiledNetwork", "Reaction", "ReactionNetwork", "Threshold", "law", "models"]
