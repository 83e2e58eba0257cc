"""Every kind of file: its type and version, attributes and datasets. The tables make files and check them.

To add a dataset: its entry in the table, its line in FORMAT.md, and where it is filled, if it does not begin with a
value of its own (`Entry.start`). To add a kind of file: its table, and its line in `FORMATS`.
"""

from .bounds import BOUNDS
from .entries import INTEGER, LIBVER, NAME, REAL, Attribute, Entry, Format, Version
from .moments import MOMENTS
from .predictions import PREDICTIONS
from .runs import ENSEMBLE, RUNS, TRAINING

FORMATS = (RUNS, MOMENTS, BOUNDS, PREDICTIONS)

__all__ = [
    "BOUNDS",
    "ENSEMBLE",
    "FORMATS",
    "INTEGER",
    "LIBVER",
    "MOMENTS",
    "NAME",
    "PREDICTIONS",
    "REAL",
    "RUNS",
    "TRAINING",
    "Attribute",
    "Entry",
    "Format",
    "Version",
]
