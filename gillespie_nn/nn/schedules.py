"""Schedules of the learning rate over a run: pure functions of the presentation.

The environment sets the licence L, which the updates need as a catalyst, to f(k) in presentation k of n. To add a
schedule: a function here, and its line in `SCHEDULES`.
"""

import math
from collections.abc import Callable

CONSTANT = "constant"


def constant(k: int, n: int) -> float:
    """f = 1 in all presentations."""
    return 1.0


def cosine(k: int, n: int) -> float:
    """f falls from 1 towards 0 along half a cosine: f = (1 + cos(pi k / n)) / 2."""
    return 0.5 * (1.0 + math.cos(math.pi * k / n))


def steps(k: int, n: int) -> float:
    """f = 1 in the first half of the run, then 1/5, and 1/25 from three quarters on."""
    return 1.0 if 2 * k < n else 0.2 if 4 * k < 3 * n else 0.04


SCHEDULES: dict[str, Callable[[int, int], float]] = {CONSTANT: constant, "cosine": cosine, "steps": steps}
"""f(k, n) in [0, 1], for presentation k from 0 of n, by name."""
