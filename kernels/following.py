"""The largest distance of counts to a limit, event by event.

A quantity is a count, or the difference of two. Over a block of time the limit stays within [lowest, highest], so as
long as the quantity stays within [highest - sup, lowest + sup] no event can raise the largest distance `sup` so far,
and two comparisons are all that an event costs. Otherwise the limit at the time of the event is evaluated. Counts rest
between events, so the distance is largest just before or just after one, or at the end of a block.
"""

from typing import NamedTuple

import numpy as np

from .linked import kernel, within
from .records import record_type

MOVE = record_type(amount=np.float64, quantity=np.int64)
REACH = record_type(value=np.float64, low=np.float64, high=np.float64, error=np.float64)
"""Of a quantity [molecules]: where it is, the range in which it cannot exceed `error`, the largest distance so far."""


class Follower(NamedTuple):
    """One path beside a limit."""

    start: np.ndarray  # int64[channel + 1]: moves of each channel
    moves: np.ndarray  # MOVE[move]
    reach: np.ndarray  # REACH[quantity]
    plus: np.ndarray  # int64[quantity], species
    minus: np.ndarray  # int64[quantity], that of the constant where nothing is subtracted
    x: np.ndarray  # float64[point, species + 1]: the limit on an even grid, the constant 1 at the end [concentration]
    slope: np.ndarray  # float64[point, species + 1]: dx/dt
    lowest: np.ndarray  # float64[block, quantity]: of the limit over a block of the grid [molecules]
    highest: np.ndarray  # float64[block, quantity]
    step: np.ndarray  # float64[1]: of the grid [s]
    begin: np.ndarray  # float64[1]: time of point 0 [s]
    volume: np.ndarray  # float64[1]
    block: np.ndarray  # int64[1]: the block of time now


@within
def follow_event(f, c, time):
    """Channel `c` fires at `time` [s]."""
    for m in range(f.start[c], f.start[c + 1]):
        q = f.moves[m].quantity
        old = f.reach[q].value
        new = old + f.moves[m].amount
        f.reach[q].value = new
        if min(old, new) < f.reach[q].low or max(old, new) > f.reach[q].high:
            _measure(f, q, old, new, time)


@kernel
def _measure(f, q, old, new, time):
    """The distances just before and after the event, and the range that follows from the largest."""
    u = (time - f.begin[0]) / f.step[0]
    k = min(max(np.int64(u), 0), f.x.shape[0] - 2)
    u -= k
    at = _limit(f, k, u, f.plus[q])
    if f.minus[q] != f.x.shape[1] - 1:
        at -= _limit(f, k, u, f.minus[q])
    at *= f.volume[0]
    error = max(np.abs(old - at), np.abs(new - at))
    if error > f.reach[q].error:
        f.reach[q].error = error
        _set_range(f, q)


@kernel
def _limit(f, k, u, s):
    """Species s at point k + u, by the cubic through values and slopes."""
    a, b = f.x[k, s], f.x[k + 1, s]
    rise = b - a
    first = f.step[0] * f.slope[k, s] - rise
    last = rise - f.step[0] * f.slope[k + 1, s]
    return a + u * (rise + (1.0 - u) * (first * (1.0 - u) + last * u))


@kernel
def _set_range(f, q):
    f.reach[q].low = f.highest[f.block[0], q] - f.reach[q].error
    f.reach[q].high = f.lowest[f.block[0], q] + f.reach[q].error


@kernel
def begin_block(f, block):
    """A block of time begins."""
    f.block[0] = block
    for q in range(f.reach.size):
        _set_range(f, q)
