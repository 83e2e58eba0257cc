"""Presentation after presentation, by a batch method."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from ...status import Status
from ..slow_limit import Level
from .base import BatchMethod

_CHECKED = 10
"""Presentations that a method may look at before it begins."""


class Shown(Protocol):
    """What the environment shows in each presentation."""

    def x(self, k: int) -> np.ndarray:
        """Inputs float64[sample, input] of presentation k [concentration]."""

    def t(self, k: int) -> np.ndarray:
        """Targets float64[sample, output] [concentration]."""

    def licence(self, k: int) -> float:
        """The licence while weights learn [concentration]."""


def run_batches(
    method: BatchMethod | Level,
    shown: Shown,
    record: Callable[[int], bool],
    pause: Callable[[float], bool],
    first: int,
    stop: int,
) -> Status:
    """Presentations `first` to `stop` - 1. `record(k)` is called at the end of each, and ends the run if it returns
    True; so does `pause(time)`, as INTERRUPTED. Raises InputError where the method is no approximation of these."""
    if first == 0:
        method.check([(shown.x(k), shown.t(k), shown.licence(k)) for k in range(min(stop, _CHECKED))])
    for k in range(first, stop):
        method.present(k, shown.x(k), shown.t(k), shown.licence(k))
        if record(k):
            return Status.REACHED_END
        if pause(method.time):
            return Status.INTERRUPTED
    return Status.REACHED_END
