"""Phases of a presentation as data: which ports of a network the environment sets to what, and when."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .. import checks
from ..checks import InputError

SAMPLE = "sample"
"""In place of a number: the values of the sample that is presented."""
SCHEDULED = "scheduled"
"""In place of a number: the factor that the learning schedule has in the presentation, see `schedules`."""
INPUTS, TARGETS = "inputs", "targets"
"""The ports for which a sample has values."""


class Phase(NamedTuple):
    """A part of each presentation. What it sets stays until another phase sets it."""

    name: str
    duration: float | None
    """[s]; None is the rest of the presentation."""
    sets: tuple[tuple[str, float | str], ...]
    """Pairs (port, concentration of all its numbers), (port, `SAMPLE`) or (port, `SCHEDULED`), in the order in which
    they are set."""
    learns: bool = True
    """Whether weights follow the presented sample: methods in floating point learn in these phases only."""


def intervals(phases: Sequence[Phase], begin: float, end: float) -> Iterator[tuple[Phase, float, float]]:
    """(phase, its begin, its end) for a presentation from `begin` to `end` [s]. Raises InputError if phases take longer
    than the presentation."""
    for phase in phases:
        until = end if phase.duration is None else begin + phase.duration
        if until > end:
            raise InputError(
                f"phase {phase.name!r} ends at {until:g} s, after its presentation, which ends at {end:g} s: give "
                "shorter phases or a longer running time"
            )
        yield phase, begin, until
        begin = until


def check_phases(phases: Sequence[Phase], ports: Mapping[str, Sequence]) -> None:
    """Raise InputError for phases that do not fit each other or `ports`, by name."""
    if not phases or phases[-1].duration is not None:
        raise InputError("the last phase of a presentation must have duration None, the rest of the presentation")
    for phase in phases[:-1]:
        checks.positive(f"duration of phase {phase.name!r}", phase.duration, "s")
    for phase in phases:
        for port, value in phase.sets:
            checks.choice(f"port in phase {phase.name!r}", port, list(ports), "the ports of this network are")
            if value == SAMPLE and port not in (INPUTS, TARGETS):
                raise InputError(
                    f"phase {phase.name!r} sets port {port!r} to the value of the sample, but a sample has values for "
                    f"{INPUTS} and {TARGETS} only: give a number"
                )
            if value not in (SAMPLE, SCHEDULED):
                checks.finite(f"port {port!r} in phase {phase.name!r}", value)
