"""The slow channels of a leap, families with constant columns and the crowd, firing for several steps at once.

How long they may wait follows how much the sums over weights changed the last time.
"""

import numpy as np

from ..codes import (
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
from ..exact.families import draw_member
from ..generator import draw_poisson, exponential, uniform, words_at
from ..jit import inlined
from ..laws import TIME_VARIABLE, law_value
from ..linked import kernel
from ..replicates import ADDRESS, begin_replicate, end_replicate, next_stop, record
from .block_leap import leap_blocks
from .family_leap import (
    count_pool,
    crowd_propensity,
    expose,
    fire_family,
    fire_member,
    fire_often,
    leap_crowd,
    leap_exposed,
    leap_family,
    pick_member,
    sum_crowd,
    sum_families,
)
from .leap_state import (
    CROWD_STALE,
    CROWD_TOTAL,
    EXACT_STEPS,
    LEAPS,
    NEXT_STEP,
    OVERFULL,
    RELAXATION,
    TIME_LEAPT,
    WINDOW,
    WINDOW_LENGTH,
    leap_value,
    longest_leap,
)

_SHARE = 1.0
"""The sums over weights may change by so much of epsilon in the meantime, so that what waits is not felt."""


@kernel
def fire_slow(channels, families, plan, state, epsilon, rng):
    """Fire what has waited. Returns the number of firings."""
    ledger = state.ledger
    fired = np.int64(0)
    largest = 0.0
    if families is not None:
        for f in range(families.pools.shape[0]):
            if plan.slow.families[f].waits:
                fired += leap_exposed(channels, families, plan, state, f, rng)
        fired += leap_crowd(channels, plan, state, ledger[WINDOW], rng)
        for k in range(plan.slow.kept_channel.size):
            c = plan.slow.kept_channel[k]
            before = state.channels[c].kept_before
            change = abs(state.channels[c].kept_sum - before)
            if change > 0.0:
                largest = max(largest, change / before if before > 0.0 else np.inf)
            state.channels[c].kept_before = state.channels[c].kept_sum
    else:
        rng.standard_exponential()  # as an empty crowd would, so that a seed gives what it always gave
    # The change over a window is about proportional to its length: aim at 0.9 of what is allowed, in bounded strides.
    growth = min(2.0, max(0.2, 0.9 * _SHARE * epsilon / largest)) if largest > 0.0 else 2.0
    ledger[WINDOW_LENGTH] = growth * ledger[WINDOW]
    ledger[WINDOW] = 0.0
    return fired


# Bringing the propensities of a leap up to date: all of them, after a change that no reaction made, or some.


@kernel
def look_again(channels, laws, families, plan, state, n):
    """Bring up to date what firings have changed: the first n channels of `plan.fires`, and the families, but not the
    crowd, which is only looked at when it is used. False if a slow count is beyond the largest."""
    if laws is not None:
        # Their values themselves, not bounds over a window of time: no law reads the time here, see `TauLeap.refuse`.
        for p in range(laws.first_trigger[0]):
            laws.value[p] = law_value(laws, p, state.counts)
    for k in range(n):
        c = plan.fires[k]
        value = leap_value(channels, laws, plan, state, c)
        state.channels[c].value = value
        if not value >= 0.0:  # NaN, too
            state.tally[FAULT] = 1
    if families is not None:
        sum_families(channels, families, plan, state)
    return state.ledger[OVERFULL] == 0.0


@kernel
def _sum_kept(channels, plan, state):
    """Add up the kept terms afresh; of a sparse input most are passed over."""
    slow = plan.slow
    for k in range(slow.kept_channel.size):
        state.channels[slow.kept_channel[k]].kept_sum = 0.0
    for k in range(slow.summed.size - 1):
        # No weight where possible: an input that is 0 saves the whole range.
        x = state.counts[slow.summed[k].species]
        if x:
            for j in range(slow.summed[k].start, slow.summed[k + 1].start):
                pair = np.float64(x) * state.counts[slow.kept[j].other]
                state.channels[slow.kept[j].channel].kept_sum += channels.terms[slow.kept[j].term].coefficient * pair
    for k in range(slow.kept_channel.size):
        c = slow.kept_channel[k]
        state.channels[c].kept_before = state.channels[c].kept_sum


@inlined
def _note_even(families, state):
    """Note which families have members that are all as fast: of these no firing is drawn in vain."""
    for f in range(state.slow.even.size):
        state.slow.even[f] = True
        for m in range(families.member_start[f], families.member_start[f + 1]):
            state.slow.even[f] = state.slow.even[f] and families.share[m] >= 1.0


@kernel
def refresh_leap(channels, laws, families, plan, state, species, values, rates_too):
    """Set counts[species] = values at clock[TIME], and compute everything from the counts: at the start, and after a
    change that no reaction made. With `rates_too` also what follows from rate constants."""
    for k in range(species.size):
        state.counts[species[k]] = values[k]
    if laws is not None:
        laws.variables[TIME_VARIABLE] = state.clock[TIME]
    if families is not None:
        if rates_too:
            _note_even(families, state)
        _sum_kept(channels, plan, state)
        # Constant pools change here alone: the members of an input.
        for p in range(families.pool_varies.size):
            if not families.pool_varies[p]:
                count_pool(families, state, p)
    look_again(channels, laws, families, plan, state, plan.fires.size)
    if families is not None:
        # To pass over the whole crowd takes long where there are many weights, and few scheduled changes set any.
        crowd_too = rates_too
        for k in range(species.size):
            crowd_too = crowd_too or plan.slow.species[species[k]].in_crowd
        if crowd_too:
            state.ledger[CROWD_STALE] = 1.0
            sum_crowd(channels, plan, state)
    state.ledger[NEXT_STEP] = 0.0  # what the last step was says nothing about the state that is now


@kernel
def total_propensity(plan, state, of_crowd):
    """Propensity of anything [1/s], with that of the crowd given."""
    total = of_crowd
    for k in range(plan.fires.size):
        total += state.channels[plan.fires[k]].value
    for c in range(plan.first_family, state.channels.size):
        total += state.channels[c].value
    return total


@kernel
def can_react_leap(channels, families, plan, state):
    """Whether any propensity is positive."""
    crowd = 0.0
    if families is not None:
        crowd = crowd_propensity(channels, plan, state)
    return total_propensity(plan, state, crowd) > 0.0


# Tau-leaping: many firings at a time, with the propensities of a short step; `leap_state` has the kinds of channels.
#
# Where a leap would hold only a few firings, exact steps (Gillespie's direct method) are taken instead. No count
# becomes negative: a channel fires no more often than there are molecules for.

_FIRINGS = 10.0
"""A leap shorter than so many firings is not worth it, and exact steps are taken; as in the paper of 2006,"""
_EXACT_STEPS = 100
"""like their number."""
_ANY = 1e300
"""A step [s] where what reacts changes no propensity: as long as one likes."""
_GROWTH = 2.0
"""From one step to the next, at most."""
_RELAXATIONS = 5.0
"""A step of blocks is at most so many times the time in which they relax, on average over all that reacts."""


@inlined
def _draw_from(plan, state, n, left, critical_only):
    """The channel among the first n of `plan.fires` that holds `left` of their summed propensities, and -1.

    Where `left` is beyond their sum, the last that can fire, and what is left behind them.
    """
    chosen = np.int64(-1)
    for k in range(n):
        c = plan.fires[k]
        a = state.channels[c].value
        if a > 0.0 and (not critical_only or state.channels[c].critical):
            chosen = np.int64(c)
            if left < a:
                return chosen, -1.0
            left -= a
    return chosen, left


@kernel
def _fire_slow_one(channels, families, plan, state, left, words):
    """Fire the one member of a family or of the crowd that holds `left` of their propensity. Returns the firings, or -1
    if none can fire."""
    for f in range(families.pools.shape[0]):
        left -= state.channels[plan.first_family + f].value
        if left < 0.0:
            m = draw_member(families, state.counts, f, words)
            if m < 0:
                return np.int64(0)  # the propensity of a family is that of its fastest members for all
            fire_family(channels, families, plan, state, m, np.int64(1))
            return np.int64(1)
    if state.ledger[CROWD_TOTAL] > 0.0:
        m = pick_member(channels, plan, state, left)
        if m >= 0:
            fire_member(channels, plan, state, m, np.int64(1))
            return np.int64(1)
    return np.int64(-1)


@kernel
def _fire_one(channels, laws, families, plan, state, left, rng, words):
    """Fire the one reaction that holds `left` of the total propensity. Returns the firings, or -1 for an overflow."""
    c, left = _draw_from(plan, state, plan.fires.size, left, False)
    if families is not None:
        if left >= 0.0:
            fired = _fire_slow_one(channels, families, plan, state, left, words)
            if fired >= 0:
                return fired
    # Also where rounding carried `left` past the end: the last channel that can fire.
    return fire_often(channels, laws, plan, state, c, np.int64(1), rng) if c >= 0 else np.int64(0)


@kernel
def _exact_steps(channels, laws, families, plan, state, rng, words, boundary, n_steps):
    """Up to n_steps steps of the direct method, not beyond `boundary` [s]."""
    clock = state.clock
    for _ in range(n_steps):
        if families is not None:
            sum_crowd(channels, plan, state)
        total = total_propensity(plan, state, state.ledger[CROWD_TOTAL])
        if not total < np.inf:
            return OVERFLOW
        # Without memory: what is left of a wait that is cut off at the boundary may be drawn anew there.
        wait = exponential(words) / total
        if not clock[TIME] + wait <= boundary:
            clock[TIME] = boundary
            return REACHED_END
        if clock[TIME] + 1.0 / total == clock[TIME]:
            return OVERFLOW  # time would stand still: the network explodes
        clock[TIME] += wait
        fired = _fire_one(channels, laws, families, plan, state, uniform(words) * total, rng, words)
        state.tally[N_EVENTS] += fired
        state.ledger[EXACT_STEPS] += 1
        if not look_again(channels, laws, families, plan, state, plan.fires.size) or fired < 0:
            return OVERFLOW
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
def _leap(channels, laws, families, blocks, plan, state, rng, tau, epsilon, single, settles):
    """Leap over tau; of the critical channels, if any, the one that holds `single` of their propensity fires once.
    With `settles` the slow channels fire, too, and the state is that of the end of the step.

    Returns the status, and the largest expected change in a block as a multiple of what epsilon allows.
    """
    tally = state.tally
    fired = np.int64(0)
    if families is not None:
        for f in range(families.pools.shape[0]):
            if plan.slow.families[f].waits:
                expose(families, plan, state, f, tau)
            else:
                fired += leap_family(channels, families, plan, state, f, tau, rng)
    state.ledger[WINDOW] += tau
    if settles or state.ledger[WINDOW] >= state.ledger[WINDOW_LENGTH]:
        fired += fire_slow(channels, families, plan, state, epsilon, rng)
    critical = np.int64(-1)
    if single >= 0.0:
        critical, left = _draw_from(plan, state, plan.n_explicit, single, True)
    for k in range(plan.n_explicit):
        c = np.int64(plan.fires[k])
        a = state.channels[c].value
        if not a > 0.0:
            continue
        n = np.int64(c == critical)
        if not state.channels[c].critical:
            # Independent of each other, given the state at the start of the step: that is what a leap assumes.
            n = draw_poisson(rng, a * tau)
        if n > 0:
            done = fire_often(channels, laws, plan, state, c, n, rng)
            if done < 0:
                return OVERFLOW, 0.0
            fired += done
    status, largest = REACHED_END, 0.0
    if blocks is not None:
        status, in_blocks, largest = leap_blocks(channels, laws, blocks, plan, state, tau, epsilon, rng)
        fired += in_blocks
    else:
        rng.standard_exponential()  # as blocks without channels would, so that a seed gives what it always gave
    tally[N_EVENTS] += fired
    state.ledger[LEAPS] += 1
    state.ledger[TIME_LEAPT] += tau
    if not look_again(channels, laws, families, plan, state, plan.n_explicit):  # blocks have looked at theirs
        status = OVERFLOW
    if tally[FAULT]:
        status = BAD_PROPENSITY
    return status, largest


@kernel
def _choose(channels, families, blocks, plan, state, rng, epsilon, fixed):
    """The next step: its length, 0 for exact steps, infinite if nothing can react; and where on the propensities of
    the critical channels the one lies that fires at its end, or -1."""
    if fixed > 0.0:
        return fixed, -1.0
    total = total_propensity(plan, state, state.ledger[CROWD_TOTAL])
    if families is not None:
        if total == 0.0:  # the crowd may have changed since it was looked at: does it react at all?
            sum_crowd(channels, plan, state)
            total = state.ledger[CROWD_TOTAL]
    if total == 0.0:
        return np.inf, -1.0
    if blocks is not None:
        # Later steps follow from how much the expected changes were in the one before, see `_advance`.
        tau = state.ledger[NEXT_STEP]
        if tau == 0.0:
            tau, _ = longest_leap(channels, families, blocks, plan, state, epsilon)
            tau = min(tau, _ANY)
            state.ledger[NEXT_STEP] = tau
    else:
        tau, critical = longest_leap(channels, families, blocks, plan, state, epsilon)
        tau = min(tau, _ANY)
        if tau * total < _FIRINGS:
            return 0.0, -1.0
        if critical > 0.0:
            # The first firing of a critical channel; if it comes later than the step ends, none fires.
            wait = rng.standard_exponential() / critical
            if wait < tau:
                return wait, rng.random() * critical
    return (0.0 if tau * total < _FIRINGS else tau), -1.0


@inlined
def _advance(channels, laws, families, blocks, plan, state, rng, run, t_stop, budget, event_limit, epsilon, fixed):
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
            # No step passes a boundary, so that the state is the one at the recorded time.
            record(run, tally[GRID_INDEX], state.counts)
            tally[GRID_INDEX] += 1
            continue
        if tally[N_EVENTS] >= event_limit:
            return EVENT_LIMIT
        if tally[N_CANDIDATES] >= pause:
            return SLICE_END
        tau, single = _choose(channels, families, blocks, plan, state, rng, epsilon, fixed)
        status = REACHED_END
        if not 0.0 < tau < np.inf and ledger[WINDOW] > 0.0:
            # What the slow channels owe must be there before an exact step, or before nothing happens any more.
            tally[N_CANDIDATES] += 1
            tally[N_EVENTS] += fire_slow(channels, families, plan, state, epsilon, rng)
            if not look_again(channels, laws, families, plan, state, plan.fires.size):
                return OVERFLOW
            continue
        if tau == 0.0:
            tally[N_CANDIDATES] += _EXACT_STEPS
            status = _exact_steps(
                channels,
                laws,
                families,
                plan,
                state,
                rng,
                words_at(np.uint64(run.place[ADDRESS])),
                boundary,
                _EXACT_STEPS,
            )
            ledger[NEXT_STEP] = 0.0
        elif tau == np.inf:  # nothing can react, nor is anything owed
            clock[TIME] = boundary
        else:
            tally[N_CANDIDATES] += 1
            cut = tau > boundary - clock[TIME]
            if cut:
                # A critical channel was to fire at the end of the whole step, not before.
                tau = boundary - clock[TIME]
                single = -1.0
            end = boundary if cut else clock[TIME] + tau
            if not end > clock[TIME]:
                return OVERFLOW  # time would stand still: the network explodes
            # The condition of an event, and what the event sets, must not wait for anything.
            settles = end == boundary
            if laws is not None:
                settles = settles or laws.triggered.size > 0
            status, largest = _leap(channels, laws, families, blocks, plan, state, rng, tau, epsilon, single, settles)
            clock[TIME] = end
            if blocks is not None:
                # A step that was cut short tells nothing about the next, unless even it was too long. The change is
                # about proportional to the step: aim at 0.9 of what is allowed, in bounded strides.
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
def run_leap(channels, laws, families, blocks, plan, state, rng, run, t_stop, budget, event_limit, epsilon, fixed):
    """Carry a simulation on to t_stop, or run a block of replicates; see `replicates` and `_advance`."""
    while begin_replicate(run):
        before = state.tally[N_CANDIDATES]
        status = _advance(
            channels, laws, families, blocks, plan, state, rng, run, t_stop, budget, event_limit, epsilon, fixed
        )  # fmt: skip
        # One more than its steps: a replicate that does nothing must not be free, or no call would end.
        budget -= state.tally[N_CANDIDATES] - before + 1
        reacts = True
        if status == REACHED_END and run.ends.size:
            reacts = can_react_leap(channels, families, plan, state)
        if not end_replicate(run, state.clock, state.tally, state.firings, state.ledger, status, reacts):
            return status
        if budget <= 0:
            return SLICE_END
    return REACHED_END
