"""All exact methods and `auto`, timed on models of all kinds."""

from .measure import methods_benchmark
from .models import FIXED_ON, GROUPS, HELD_OUT, MODELS, MethodsModel
from .table import report

__all__ = ["FIXED_ON", "GROUPS", "HELD_OUT", "MODELS", "MethodsModel", "methods_benchmark", "report"]
