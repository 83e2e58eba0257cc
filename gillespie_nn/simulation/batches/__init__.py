"""Batch methods: training of networks that are never listed reaction by reaction.

Neurons are arrays, and weights are counts of molecules.

To add a method: a file with a subclass of `BatchMethod`, and its line in `BATCH_METHODS`.
"""

from .batch_leap import BatchLeap, simulate_outputs
from .batch_method import BatchMethod
from .stationary_leap import StationaryLeap

BATCH_METHODS: tuple[type[BatchMethod], ...] = (BatchLeap, StationaryLeap)

__all__ = ["BATCH_METHODS", "BatchLeap", "BatchMethod", "StationaryLeap", "simulate_outputs"]
