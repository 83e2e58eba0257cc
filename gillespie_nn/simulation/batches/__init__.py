"""Training of networks that are never listed reaction by reaction: neurons as arrays, weights as counts of molecules.

To add a method: a file with a subclass of `BatchMethod`, and its line in `BATCH_METHODS`.
"""

from .base import BatchMethod

BATCH_METHODS: tuple[type[BatchMethod], ...] = ()

__all__ = ["BATCH_METHODS", "BatchMethod"]
