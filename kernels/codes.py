"""Integer codes that kernels return and read. `gillespie_nn.status` gives them names and sentences."""

import numpy as np

# Why a kernel returned. Codes from TRIGGERED on ask the caller to act and call again.

REACHED_END = 0
NO_REACTION_POSSIBLE = 1
EVENT_LIMIT = 2
INTERRUPTED = 3
OVERFLOW = 4
CONDITION_MET = 5
"""The condition at which the run should stop is met."""
NEGATIVE = 6
"""A count became negative: a rate law does not vanish where it should, or the engine is at fault."""
BAD_PROPENSITY = 7
"""A propensity is negative or not a number."""
TRIGGERED = 8
"""The condition of an event may have changed; the caller evaluates it and calls again."""
SLICE_END = 9
"""The budget of one slice is spent; the caller reports progress, checks for Ctrl-C and calls again."""
LOOK_DUE = 10
"""The number of candidates reached LOOK: the caller may switch to another method. A kernel returns this right behind a
candidate, whatever the pending time is, so that this time may be drawn again."""

# Kinds of extra factors of a term.

FALLING = 0
"""Extra factor x[a] - b of a term (one step of a falling factorial)."""
STEP = 1
"""Extra factor 1 if x[a] > x[b] else 0."""
RAMP = 2
"""Extra factor max(x[a] - x[b], 0)."""
LAW = 3
"""Extra factor, alone in its term: the value of program a of the laws."""

NO_EVENT_LIMIT = 2**62
"""An event limit that no run reaches."""
COUNT_LIMIT = 2**53
"""Largest count [molecules]: beyond it, a float64 cannot distinguish n from n + 1."""

# Places in the arrays `clock` (float64) and `tally` (int64) of a kernel's state.
TIME = 0
NEXT_TIME = 1
CLOCK_SIZE = 2

N_EVENTS = 0
GRID_INDEX = 1
N_CANDIDATES = 2
N_REFRESHES = 3
N_REJECTED = 4
"""Candidates rejected beyond those that are tolerated for each event."""
FAULT = 5
"""1 after a propensity that is negative or not a number; or one of the two codes below."""
NO_SOLUTION = 2
"""A rate rule has no value, or its solution ends."""
NO_CROSSING = 3
"""The next change of a condition cannot be located."""
LOOK = 6
"""Candidates after which a kernel returns LOOK_DUE; 0 for never."""
N_BOUNDED = 7
"""Bounds of terms recomputed in refreshes."""
TALLY_SIZE = 8


# Records: one array for each axis, since every array that a kernel takes lengthens its compilation.


def record_type(**fields):
    """The dtype of a record, aligned as in C, from names and dtypes. Names of array attributes, such as `size`,
    fail."""
    # An element of a numpy record array has its fields as attributes, as in a compiled kernel. So kernels also run in
    # plain Python (NUMBA_DISABLE_JIT=1).
    return np.dtype((np.record, np.dtype(list(fields.items()), align=True)))
