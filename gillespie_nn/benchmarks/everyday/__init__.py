"""Ensembles of everyday models, simulated by this package and by other programs."""

from .base import Peer
from .measure import REPLICATES, everyday_benchmark
from .models import MODELS, EverydayModel
from .registry import PEERS
from .table import markdown, text

__all__ = ["MODELS", "PEERS", "REPLICATES", "EverydayModel", "Peer", "everyday_benchmark", "markdown", "text"]
