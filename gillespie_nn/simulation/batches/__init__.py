"""Training of networks that are never listed reaction by reaction: neurons are arrays, weights counts of molecules."""

from .base import BatchMethod
from .batch_leap import BatchLeap
from .forward import simulate_outputs

METHODS: tuple[type[BatchMethod], ...] = (BatchLeap,)

__all__ = ["METHODS", "BatchLeap", "BatchMethod", "simulate_outputs"]
