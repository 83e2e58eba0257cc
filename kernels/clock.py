"""Time of the next candidate event, kept across slices, grid points and scheduled changes."""

import numpy as np

from .codes import NEXT_TIME, TIME
from .linked import kernel


@kernel
def rescale_pending(clock, old_total, new_total):
    """Carry the pending time over a change of the total rate at clock[TIME].

    What is left of the unit exponential stays and runs on at the new rate (random time change), so no drawn
    time is discarded. A time of NaN says "not drawn yet"; with nothing possible before, or only beyond
    the range of float64, nothing was pending.
    """
    if new_total == old_total:
        return
    if new_total == 0.0:
        clock[NEXT_TIME] = np.inf
    elif old_total == 0.0 or clock[NEXT_TIME] == np.inf:
        clock[NEXT_TIME] = np.nan
    else:
        # An exponential at the old rate, times the old rate over the new one, is an exponential at the new rate.
        now = clock[TIME]
        clock[NEXT_TIME] = now + (clock[NEXT_TIME] - now) * (old_total / new_total)
