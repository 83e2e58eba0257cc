"""Tau-leaping: many firings at a time, with the propensities of a short step; `leap_state` has the kinds of channels.

Where a leap would hold only a few firings, exact steps (Gillespie's direct method) are taken instead. No count becomes
negative: a channel fires no more often than there are molecules for.
"""

import numpy as np

from .blocks import leap_blocks
from .channels import look_at_laws
from .codes import (
    BAD_PROPENSITY,
    EVENT_LIMIT,
    FAULT,
    GRID_INDEX,
    N_CANDIDATES,
    N_EVENTS,
    OVERFLOW,
    REACHED_END,
    SLICE_END,
    TIME,
    TRIGGERED,
)
from .counting import draw_poisson
from .crowd import crowd_propensity, fire_member, pick_member, sum_crowd
from .families import draw_member
from .family_leap import expose, fire_family, leap_family, sum_families
from .jit import kernel
from .laws import law_value
from .leap_firings import fire_often
from .leap_refresh import look_at, total_propensity
from .leap_state import (
    CROWD_TOTAL,
    EXACT_STEPS,
    LEAPS,
    NEXT_STEP,
    OVERFULL,
    RELAXATION,
    TIME_LEAPT,
    WINDOW,
    WINDOW_LENGTH,
)
from .replicates import begin_replicate, end_replicate, next_stop, record
from .slow import fire_slow
from .step_size import longest_leap

_FIRINGS = 10.0
"""A leap shorter than so many firings is not worth it, and exact steps are taken,"""
_EXACT_STEPS = 100
"""so many of them."""
_ANY = 1e300
"""A step [s] where what reacts changes no propensity: as long as one likes."""
_GROWTH = 2.0
"""From one step to the next, at most."""
_RELAXATIONS = 5.0
"""A step of blocks is at most so many times the time in which they relax, on average over all that reacts."""


@kernel
def _draw_from(state, some, left, critical_only):
    """The channel among `some` that holds `left` of their summed propensities, and what is left behind them."""
    chosen = np.int64(-1)
    for k in range(some.size):
        c = some[k]
        a = state.value[c]
        if a > 0.0 and (not critical_only or state.critical[c]):
            chosen = np.int64(c)
            if left < a:
                return chosen, -1.0
            left -= a
    return chosen, left


@kernel
def _fire_one(channels, laws, families, plan, state, left, rng):
    """Fire the one reaction that holds `left` of the total propensity. Returns the firings, or -1 for an overflow."""
    explicit, left = _draw_from(state, plan.explicit, left, False)
    if left < 0.0:
        return fire_often(channels, laws, plan, state, explicit, 1, rng)
    block, left = _draw_from(state, plan.entry_channel, left, False)
    if left < 0.0:
        return fire_often(channels, laws, plan, state, block, 1, rng)
    for f in range(families.pools.shape[0]):
        left -= state.value[families.first_channel[0] + f]
        if left < 0.0:
            m = draw_member(families, state.counts, f, rng)
            if m < 0:
                return 0
            fire_family(channels, families, plan, state, m, 1)
            return 1
    if state.ledger[CROWD_TOTAL] > 0.0:
        m = pick_member(channels, plan, state, left)
        if m >= 0:
            fire_member(channels, plan, state, m, 1)
            return 1
    # Rounding carried `left` past the end: the last channel that can fire.
    last = max(explicit, block)
    return fire_often(channels, laws, plan, state, last, 1, rng) if last >= 0 else 0


@kernel
def _look_again(channels, laws, families, plan, state):
    """Bring up to date what the firings of a step have changed, but for the crowd. False if a count is beyond the
    largest."""
    if laws is not None:
        look_at_laws(laws, state.counts)
    look_at(channels, laws, plan.explicit, plan, state)
    sum_families(channels, families, state, False)
    return state.ledger[OVERFULL] == 0.0


@kernel
def _exact_steps(channels, laws, families, plan, state, rng, boundary, n_steps):
    """Up to n_steps steps of the direct method, not beyond `boundary` [s]."""
    clock = state.clock
    for _ in range(n_steps):
        sum_crowd(channels, plan, state)
        total = total_propensity(families, plan, state, state.ledger[CROWD_TOTAL])
        if not total < np.inf:
            return OVERFLOW
        wait = rng.standard_exponential() / total
        if not clock[TIME] + wait <= boundary:
            clock[TIME] = boundary
            return REACHED_END
        if clock[TIME] + 1.0 / total == clock[TIME]:
            return OVERFLOW  # time would stand still: the network explodes
        clock[TIME] += wait
        fired = _fire_one(channels, laws, families, plan, state, rng.random() * total, rng)
        state.tally[N_EVENTS] += fired
        state.ledger[EXACT_STEPS] += 1
        if not _look_again(channels, laws, families, plan, state) or fired < 0:
            return OVERFLOW
        look_at(channels, laws, plan.entry_channel, plan, state)
        if state.tally[FAULT]:
            return BAD_PROPENSITY
        if laws is not None:
            if _triggered(laws, state):
                return TRIGGERED
    return REACHED_END


@kernel
def _triggered(laws, state):
    """Whether the condition of an event is not what it was, or reads the time as well."""
    for k in range(laws.triggered.size):
        p = laws.first_trigger[0] + k
        if laws.reads_time[p] or (law_value(laws, p, state.counts) != 0.0) != (laws.triggered[k] != 0):
            return True
    return False


@kernel
def _leap(channels, laws, families, plan, state, rng, tau, epsilon, single, settles):
    """Leap over tau; of the critical channels, if any, the one that holds `single` of their propensity fires once.
    With `settles` the slow channels fire, too, and the state is that of the end of the step.

    Returns the status, and the largest expected change in a block as a multiple of what epsilon allows.
    """
    tally, value = state.tally, state.value
    fired = 0
    for f in range(families.pools.shape[0]):
        if plan.waits[f]:
            expose(families, plan, state, f, tau)
        else:
            fired += leap_family(channels, families, plan, state, f, tau, rng)
    state.ledger[WINDOW] += tau
    if settles or state.ledger[WINDOW] >= state.ledger[WINDOW_LENGTH]:
        fired += fire_slow(channels, families, plan, state, epsilon, rng)
    critical = np.int64(-1)
    if single >= 0.0:
        critical, left = _draw_from(state, plan.explicit, single, True)
    for k in range(plan.explicit.size):
        c = plan.explicit[k]
        a = value[c]
        if not a > 0.0:
            continue
        n = np.int64(c == critical)
        if not state.critical[c]:
            n = draw_poisson(rng, a * tau)
        if n > 0:
            done = fire_often(channels, laws, plan, state, c, n, rng)
            if done < 0:
                return OVERFLOW, 0.0
            fired += done
    status, in_blocks, largest = leap_blocks(channels, laws, plan, state, tau, epsilon, rng)
    tally[N_EVENTS] += fired + in_blocks
    state.ledger[LEAPS] += 1
    state.ledger[TIME_LEAPT] += tau
    if not _look_again(channels, laws, families, plan, state):
        status = OVERFLOW
    if tally[FAULT]:
        status = BAD_PROPENSITY
    return status, largest


@kernel
def _choose(channels, laws, families, plan, state, rng, epsilon, fixed):
    """The next step: its length, 0 for exact steps, infinite if nothing can react; and where on the propensities of
    the critical channels the one lies that fires at its end, or -1."""
    if fixed > 0.0:
        return fixed, -1.0
    total = total_propensity(families, plan, state, state.ledger[CROWD_TOTAL])
    if total == 0.0:
        sum_crowd(channels, plan, state)
        total = state.ledger[CROWD_TOTAL]
    if total == 0.0:
        return np.inf, -1.0
    single = -1.0
    if plan.entry_channel.size:
        tau = state.ledger[NEXT_STEP]
        if tau == 0.0:
            tau, _ = longest_leap(channels, families, plan, state, epsilon, False)
            tau = min(tau, _ANY)
            state.ledger[NEXT_STEP] = tau
    else:
        tau, critical = longest_leap(channels, families, plan, state, epsilon, True)
        tau = min(tau, _ANY)
        if tau * total < _FIRINGS:
            return 0.0, -1.0
        if critical > 0.0:
            wait = rng.standard_exponential() / critical
            if wait < tau:
                return wait, rng.random() * critical
    return (0.0 if tau * total < _FIRINGS else tau), single


@kernel
def _advance(channels, laws, families, plan, state, rng, run, t_stop, budget, event_limit, epsilon, fixed):
    """Advance to t_stop; steps end at recorded times and stops. Returns REACHED_END, SLICE_END after `budget` steps,
    EVENT_LIMIT, TRIGGERED, BAD_PROPENSITY or OVERFLOW."""
    clock, tally, ledger = state.clock, state.tally, state.ledger
    pause = tally[N_CANDIDATES] + budget
    while True:
        if tally[FAULT]:
            return BAD_PROPENSITY
        boundary, is_point = next_stop(run, tally[GRID_INDEX], t_stop)
        if clock[TIME] >= boundary:
            if not is_point:
                return REACHED_END
            record(run, tally[GRID_INDEX], state.counts)
            tally[GRID_INDEX] += 1
            continue
        if tally[N_EVENTS] >= event_limit:
            return EVENT_LIMIT
        if tally[N_CANDIDATES] >= pause:
            return SLICE_END
        tau, single = _choose(channels, laws, families, plan, state, rng, epsilon, fixed)
        status = REACHED_END
        if not 0.0 < tau < np.inf and ledger[WINDOW] > 0.0:
            # What the slow channels owe must be there before an exact step, or before nothing happens any more.
            tally[N_CANDIDATES] += 1
            tally[N_EVENTS] += fire_slow(channels, families, plan, state, epsilon, rng)
            if not _look_again(channels, laws, families, plan, state):
                return OVERFLOW
            look_at(channels, laws, plan.entry_channel, plan, state)
            continue
        if tau == 0.0:
            tally[N_CANDIDATES] += _EXACT_STEPS
            status = _exact_steps(channels, laws, families, plan, state, rng, boundary, _EXACT_STEPS)
            ledger[NEXT_STEP] = 0.0
        elif tau == np.inf:
            clock[TIME] = boundary
        else:
            tally[N_CANDIDATES] += 1
            cut = tau > boundary - clock[TIME]
            if cut:
                tau = boundary - clock[TIME]
                single = -1.0
            end = boundary if cut else clock[TIME] + tau
            if not end > clock[TIME]:
                return OVERFLOW  # time would stand still: the network explodes
            # The condition of an event, and what the event sets, must not wait for anything.
            settles = end == boundary
            if laws is not None:
                settles = settles or laws.triggered.size > 0
            status, largest = _leap(channels, laws, families, plan, state, rng, tau, epsilon, single, settles)
            clock[TIME] = end
            if largest > 1.0 or not cut:
                ledger[NEXT_STEP] = min(
                    tau * min(_GROWTH, max(0.3, 0.9 / max(largest, 1e-9))), _RELAXATIONS / ledger[RELAXATION]
                )
            if laws is not None:
                if status == REACHED_END and _triggered(laws, state):
                    status = TRIGGERED
        if status != REACHED_END:
            return status


@kernel
def run_leap(channels, laws, families, plan, state, rng, run, t_stop, budget, event_limit, epsilon, fixed):
    """Carry a simulation on to t_stop, or run a block of replicates; see `replicates` and `_advance`."""
    while begin_replicate(run, rng):
        before = state.tally[N_CANDIDATES]
        status = _advance(
            channels, laws, families, plan, state, rng, run, t_stop, budget, event_limit, epsilon, fixed
        )  # fmt: skip
        budget -= state.tally[N_CANDIDATES] - before + 1
        reacts = True
        if status == REACHED_END and run.ends.size:
            reacts = total_propensity(families, plan, state, crowd_propensity(channels, plan, state)) > 0.0
        if not end_replicate(run, state.clock, state.tally, state.firings, state.ledger, status, reacts):
            return status
        if budget <= 0:
            return SLICE_END
    return REACHED_END
