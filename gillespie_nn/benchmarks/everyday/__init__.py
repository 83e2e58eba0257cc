"""Ensembles of everyday models, simulated by this package and by other programs."""

from .measure import REPLICATES, everyday_benchmark
from .models import MODELS, EverydayModel
from .table import report

__all__ = ["MODELS", "REPLICATES", "EverydayModel", "everyday_benchmark", "report"]
