"""Training of networks that are never listed reaction by reaction: neurons are arrays, weights counts of molecules."""

from .base import BatchMethod

__all__ = ["BatchMethod"]
