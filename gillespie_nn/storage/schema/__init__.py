"""The kinds of files: type and version, attributes and datasets. The same tables create files and check them.

To add a dataset, add its entry to the table, its line to FORMAT.md, and the code that fills it, unless it has an
initial value (`Entry.start`). To add a kind of file, add its table and list it in `FORMATS`.
"""

from .entries import INTEGER, LIBVER, NAME, REAL, Attribute, Entry, FileFormat, Version
from .file_kinds import BOUNDS, ENSEMBLE, MOMENTS, PREDICTIONS, RUNS, TRAINING

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
    "FileFormat",
    "Version",
]
