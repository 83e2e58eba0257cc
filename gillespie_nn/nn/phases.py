"""Phases of a presentation: which ports are set to what, and for how long."""

from typing import NamedTuple

SAMPLE = "sample"
"""Stands for the values of the sample that is presented."""


class Phase(NamedTuple):
    """One phase."""

    name: str
    duration: float | None
    """[s]; None is the rest of the presentation."""
    sets: tuple[tuple[str, float | str], ...]
    """(port, number or SAMPLE), set at its start."""
