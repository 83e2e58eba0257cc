"""Scheduled changes of counts: at set times, species are set to given numbers of molecules."""

from typing import NamedTuple

import numpy as np

from .. import checks
from ..checks import InputError


class Change(NamedTuple):
    """At `time` [s], counts[species] = values (int64 arrays; float64 values where they are not whole)."""

    time: float
    species: np.ndarray
    values: np.ndarray


def parse_schedule(schedule, network, t_end, dtype=np.int64) -> tuple[Change, ...]:
    """Check `[(time, {species: count, ...}), ...]` against a network; ordered by time, ties as given. Amounts need not
    be whole for a method whose `dtype` is float64.

    A change at time t comes after all events before t and before the state at t is recorded.
    """
    changes = []
    if not isinstance(schedule, (list, tuple, type(None))):
        raise InputError(f"schedule must be a list of (time, {{species: count}}), got {schedule!r}")
    for k, entry in enumerate(schedule or ()):
        try:
            time, counts = entry
            items = dict(counts).items()
        except (TypeError, ValueError):
            raise InputError(f"schedule entry {k} must be (time, {{species: count}}), got {entry!r}") from None
        time = checks.not_negative(f"time of schedule entry {k}", time, "s")
        if time > t_end:
            raise InputError(f"schedule entry {k} is at time {time}, after the end {t_end}: leave it out or run longer")
        changes.append(make_change(network, time, items, dtype))
    return tuple(sorted(changes, key=lambda change: change.time))


def make_change(network, time, items, dtype=np.int64) -> Change:
    """One change from pairs (species name, count)."""
    species, values = [], []
    for s, n in items:
        checks.choice("species in the schedule", s, network.index, "the network has")
        if s in network.rules:
            raise InputError(f"the count of {s} is given by a rule, and cannot be scheduled")
        species.append(network.index[s])
        check = checks.count if dtype == np.int64 else checks.amount
        values.append(check(f"scheduled count of {s}", n))
    whole = all(isinstance(n, int) for n in values)
    return Change(float(time), np.array(species, dtype=np.int64), np.array(values, np.int64 if whole else np.float64))
