"""What the kernels of all methods share: pending times, the firing of a channel, and the protocol of replicates.

A kernel is called in one of two ways. Either it advances one simulation up to a time, so that Python can do there what
kernels do not: events, scheduled changes, noise. Or it runs a batch of replicates one after another, each to the end,
without Python code for each replicate. Every replicate of a batch starts from the same content of one piece of memory,
which contains everything that a simulation writes, and from a random stream that no other uses. So its result is the
same as if it ran alone.

A kernel returns in the middle of a replicate when its budget of candidates is spent, so that Ctrl-C and progress need
not wait, and continues there at the next call.
"""

from typing import NamedTuple

import numpy as np

from .codes import (
    BAD_PROPENSITY,
    CONDITION_MET,
    COUNT_LIMIT,
    GRID_INDEX,
    LOOK_DUE,
    N_CANDIDATES,
    N_EVENTS,
    NEGATIVE,
    NEXT_TIME,
    NO_REACTION_POSSIBLE,
    OVERFLOW,
    REACHED_END,
    SLICE_END,
    TIME,
    TRIGGERED,
    record_type,
)
from .generator import seed_stream
from .linked import kernel, within

# The time of the next candidate, which persists across slices, grid points and scheduled changes.


@kernel
def rescale_pending(clock, old_total, new_total):
    """Rescale the pending time after a change of the total rate at clock[TIME].

    The rest of the unit exponential continues at the new rate (random time change), so no drawn time is discarded. NaN
    means "not drawn yet". If nothing was possible before, or only beyond the range of float64, nothing was pending.
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


# What the firing of a channel changes, counts and propensities, in methods where every reaction is a channel.


class Dependents(NamedTuple):
    """What the firing of each channel changes."""

    start: np.ndarray  # uint32[channel + 1]
    channel: np.ndarray  # uint32[dependence], ascending for each: channels whose propensity it can change
    pairs: np.ndarray  # PAIR[channel + 1]: the changes of counts, two of them in fixed places
    more: np.ndarray  # CHANGE[more]: those beyond two


@within
def fire(dependents, counts, c):
    """Fire channel c once. Returns whether a count may be out of range, which `fault_of` decides exactly."""
    # A channel with one change has the constant, by 0, as its second: no branch is needed.
    s0, s1 = dependents.pairs[c].species, dependents.pairs[c].other
    n0 = counts[s0] + dependents.pairs[c].amount
    counts[s0] = n0
    n1 = counts[s1] + dependents.pairs[c].other_amount
    counts[s1] = n1
    # A negative number, read as unsigned, is large: one comparison tests both ends of the range for all counts.
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
    """NEGATIVE or OVERFLOW, by the first count that channel c moved out of range; REACHED_END if there is none."""
    for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
        n = counts[channels.changes[k].species]
        if n < 0:
            return NEGATIVE
        if n > COUNT_LIMIT:
            return OVERFLOW
    return REACHED_END


# The protocol of replicates: which one a kernel runs, and where it writes.

REPLICATE = 0
"""Row of the replicate in progress."""
BEGUN = 1
"""Whether it has begun."""
N_LOGGED = 2
"""Reactions in the log."""
FIRST, SEED, PURPOSE, PARAMETER_SET, ADDRESS = 3, 4, 5, 6, 7
"""Number of the first replicate, the other words that name its stream, and the address of the generator's state."""
PLACE_SIZE = 8
"""Places in `KernelRun.place`."""
PER_REPLICATE = 50
"""Cost of a replicate in addition to its candidates, in candidates."""

END = record_type(time=np.float64, n_points=np.int64, n_events=np.int64, n_candidates=np.int64, status=np.int64)
LOGGED = record_type(time=np.float64, reaction=np.int64)


class KernelRun(NamedTuple):
    """Where a call writes and, for a batch of replicates, where they start."""

    time: np.ndarray  # float64[point], increasing: times at which the state is recorded
    rows: np.ndarray  # int64 or float64[replicate, point, species]
    log: np.ndarray  # LOGGED[capacity], every reaction; empty if they are not recorded
    place: np.ndarray  # int64[PLACE_SIZE]
    # Empty if the call advances a single simulation.
    ends: np.ndarray  # END[replicate]
    firings: np.ndarray  # int64[replicate, reaction], or [replicate, 0]
    numbers: np.ndarray  # float64[replicate, number]: what the method records about its steps
    memory: np.ndarray  # uint64[word]: everything that a simulation writes
    initial: np.ndarray  # uint64[word]: its content when a replicate starts
    scratch: np.ndarray  # uint32[generator.SCRATCH]


@kernel
def begin_replicate(run):
    """Whether there is a replicate to run. A new one gets its initial memory and its random stream."""
    place = run.place
    if place[REPLICATE] >= run.rows.shape[0]:
        return False
    # A replicate that was interrupted between two calls continues from its memory and generator as they are.
    if run.ends.size and not place[BEGUN]:
        for k in range(run.memory.size):
            run.memory[k] = run.initial[k]
        seed_stream(
            np.uint64(place[ADDRESS]),
            np.uint64(place[SEED]),
            np.uint64(place[PURPOSE]),
            np.uint64(place[PARAMETER_SET]),
            np.uint64(place[FIRST] + place[REPLICATE]),
            run.scratch,
        )
        place[BEGUN] = 1
    return True


@kernel
def end_replicate(run, clock, tally, firings, numbers, status, reacts):
    """Record the end of a replicate that stopped with `status`. Returns whether to continue with the next one.

    `reacts` says whether a reaction is still possible at the end.
    """
    if run.ends.size == 0 or status == SLICE_END or status == LOOK_DUE:
        return False
    if status == REACHED_END and not reacts:
        status = NO_REACTION_POSSIBLE
    elif status == TRIGGERED:  # a batch has no events, only the condition at which it stops
        status = CONDITION_MET
    r = run.place[REPLICATE]
    run.ends[r].time = clock[TIME]
    run.ends[r].n_points = tally[GRID_INDEX]
    run.ends[r].n_events = tally[N_EVENTS]
    run.ends[r].n_candidates = tally[N_CANDIDATES]
    run.ends[r].status = status
    for k in range(firings.size):
        run.firings[r, k] = firings[k]
    for k in range(numbers.size):
        run.numbers[r, k] = numbers[k]
    run.place[REPLICATE] = r + 1
    run.place[BEGUN] = 0
    # The state, which the next replicate would overwrite, is needed to explain a fault.
    return not (status == OVERFLOW or status == NEGATIVE or status == BAD_PROPENSITY)


@kernel
def record(run, k, counts):
    """Record the state at point k."""
    r = run.place[REPLICATE]
    for s in range(run.rows.shape[2]):
        run.rows[r, k, s] = counts[s]


@kernel
def next_stop(run, k, t_stop):
    """Where a simulation with k recorded points stops next, and whether that is a point."""
    if k < run.time.size and run.time[k] <= t_stop:
        return run.time[k], True
    return t_stop, False


@kernel
def within_log(run, n):
    """Limit n candidates to the free rows of the log, since each candidate is at most one reaction."""
    if run.log.size:
        return min(n, run.log.size - run.place[N_LOGGED])
    return n


@kernel
def log_reaction(run, time, reaction):
    """Record a reaction in the log. The caller has checked that there is a log with a free row."""
    n = run.place[N_LOGGED]
    run.log[n].time = time
    run.log[n].reaction = reaction
    run.place[N_LOGGED] = n + 1
