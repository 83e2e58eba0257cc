"""Training of networks that are never listed reaction by reaction: neurons as arrays, weights as counts of molecules."""

from .base import BatchMethod

__all__ = ["BatchMethod"]
