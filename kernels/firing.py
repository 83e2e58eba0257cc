"""What the firing of a channel changes, where every reaction is a channel: counts, and propensities."""

from typing import NamedTuple

import numpy as np

from .codes import COUNT_LIMIT, NEGATIVE, OVERFLOW, REACHED_END
from .linked import kernel, within


class Dependents(NamedTuple):
    """What the firing of each channel changes."""

    start: np.ndarray  # uint32[channel + 1]
    channel: np.ndarray  # uint32[dependence], ascending for each: channels whose propensity it can change
    pairs: np.ndarray  # PAIR[channel + 1]: the changes of counts, two of them in fixed places
    more: np.ndarray  # CHANGE[more]: those beyond two


@within
def fire(dependents, counts, c):
    """Change the counts as channel c does. Returns whether one may be out of range; `fault_of` says it exactly."""
    s0, s1 = dependents.pairs[c].species, dependents.pairs[c].other
    n0 = counts[s0] + dependents.pairs[c].amount
    counts[s0] = n0
    n1 = counts[s1] + dependents.pairs[c].other_amount
    counts[s1] = n1
    # A negative number is a large one without its sign: one comparison does for both ends, and for all counts.
    bits = np.uint64(n0) | np.uint64(n1)
    if dependents.more.size:
        for j in range(dependents.pairs[c].more_start, dependents.pairs[c + 1].more_start):
            s = dependents.more[j].species
            n = counts[s] + dependents.more[j].amount
            counts[s] = n
            bits |= np.uint64(n)
    return bits >= np.uint64(COUNT_LIMIT)


@kernel
def fault_of(channels, counts, c):
    """NEGATIVE or OVERFLOW, whichever the first count is that channel c put out of range, or REACHED_END."""
    for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
        n = counts[channels.changes[k].species]
        if n < 0:
            return NEGATIVE
        if n > COUNT_LIMIT:
            return OVERFLOW
    return REACHED_END
