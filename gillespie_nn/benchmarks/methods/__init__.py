"""All exact methods and `auto`, timed on models of all kinds."""

from .measure import methods_benchmark
from .models import FIXED_ON, GROUPS, HELD_OUT, MODELS, MethodsModel
from .table import markdown, text

__all__ = ["FIXED_ON", "GROUPS", "HELD_OUT", "MODELS", "MethodsModel", "markdown", "methods_benchmark", "text"]
