"""Ensembles of everyday models, simulated by this package and by other programs."""

from .measure import REPLICATES, everyday_benchmark
from .models import MODELS, EverydayModel
from .table import markdown, text

__all__ = ["MODELS", "REPLICATES", "EverydayModel", "everyday_benchmark", "markdown", "text"]
