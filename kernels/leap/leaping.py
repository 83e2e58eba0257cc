"""Tau-leaping: many firings at a time, with the propensities of a short step; `leap_state` lists the kinds of channels.

Where a leap would contain only a few firings, exact steps of Gillespie's direct method are taken instead. No count
becomes negative: a channel fires no more often than there are molecules.

Y. Cao, D. T. Gillespie, L. R. Petzold, J. Chem. Phys. 124 (2006) 044109, doi:10.1063/1.2159468.
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

# The slow channels, families with constant columns and the crowd, fire for several steps at once. How long they may
# wait depends on how much the sums over weights changed the last time.

_SHARE = 1.0
"""While slow channels wait, the sums over weights may change by this part of epsilon, which other channels do not
feel."""


@kernel
def fire_slow(channels, families, plan, state, epsilon, rng):
    """Fire the slow channels for the time that they have waited. Returns the number of firings."""
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
        rng.standard_exponential()  # as an empty crowd would, so that results of a seed do not change
    # The change over a window is about proportional to its length. The target is 0.9 of the allowed change, and the
    # length changes by a bounded factor.
    growth = min(2.0, max(0.2, 0.9 * _SHARE * epsilon / largest)) if largest > 0.0 else 2.0
    ledger[WINDOW_LENGTH] = growth * ledger[WINDOW]
    ledger[WINDOW] = 0.0
    return fired


# Updates of the propensities: after firings, and of all of them after a change that no reaction made.


@kernel
def update_propensities(channels, laws, families, plan, state, n):
    """Update the propensities that firings have changed: the first n channels of `plan.fires`, and the families.

    The crowd is evaluated only when needed. Returns False if a slow count exceeds the largest.
    """
    if laws is not None:
        # Values, not bounds over a window of time: no law reads the time here, see `TauLeap.refuse`.
        for p in range(laws.first_trigger[0]):
            laws.value[p] = law_value(laws, p, state.counts)
    for k in range(n):
        c = plan.fires[k]
        value = leap_value(channels, laws, plan, state, c)
        state.channels[c].value = value
        if not value >= 0.0:  # also for NaN
            state.tally[FAULT] = 1
    if families is not None:
        sum_families(channels, families, plan, state)
    return state.ledger[OVERFULL] == 0.0


@kernel
def _sum_kept(channels, plan, state):
    """Sum the kept terms again; those of inputs that are 0 are skipped."""
    slow = plan.slow
    for k in range(slow.kept_channel.size):
        state.channels[slow.kept_channel[k]].kept_sum = 0.0
    for k in range(slow.summed.size - 1):
        # Ranges stand under inputs where possible, not under weights: an input of 0 saves the whole range.
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
    """Record which families have a single rate constant, so that no firing of them is rejected."""
    for f in range(state.slow.even.size):
        state.slow.even[f] = True
        for m in range(families.member_start[f], families.member_start[f + 1]):
            state.slow.even[f] = state.slow.even[f] and families.share[m] >= 1.0


@kernel
def refresh_leap(channels, laws, families, plan, state, species, values, rates_too):
    """Set counts[species] = values at clock[TIME], and compute everything from the counts.

    Call this at the start, and after a change that no reaction made. With `rates_too`, everything that follows from
    rate constants is computed as well.
    """
    for k in range(species.size):
        state.counts[species[k]] = values[k]
    if laws is not None:
        laws.variables[TIME_VARIABLE] = state.clock[TIME]
    if families is not None:
        if rates_too:
            _note_even(families, state)
        _sum_kept(channels, plan, state)
        # Constant pools, whose members are inputs, change here only.
        for p in range(families.pool_varies.size):
            if not families.pool_varies[p]:
                count_pool(families, state, p)
    update_propensities(channels, laws, families, plan, state, plan.fires.size)
    if families is not None:
        # Visiting the whole crowd takes long if there are many weights, and few scheduled changes set a weight.
        crowd_too = rates_too
        for k in range(species.size):
            crowd_too = crowd_too or plan.slow.species[species[k]].in_crowd
        if crowd_too:
            state.ledger[CROWD_STALE] = 1.0
            sum_crowd(channels, plan, state)
    state.ledger[NEXT_STEP] = 0.0  # the last step says nothing about the new state


@kernel
def total_propensity(plan, state, of_crowd):
    """Total propensity [1/s], given that of the crowd."""
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


# The steps.

_FIRINGS = 10.0
"""Exact steps replace a leap with fewer expected firings, as in the paper of 2006."""
_EXACT_STEPS = 100
"""Number of exact steps in place of a leap, as in the paper of 2006."""
_ANY = 1e300
"""Length of a step if no reaction changes a propensity [s]: arbitrarily long."""
_GROWTH = 2.0
"""Largest growth from one step to the next."""
_RELAXATIONS = 5.0
"""A step of blocks is at most so many of their relaxation times, averaged over all firings."""


@inlined
def _draw_from(plan, state, n, left, critical_only):
    """The channel among the first n of `plan.fires` in whose part of their propensities `left` falls, and -1.

    If `left` exceeds their sum, the last channel that can fire, and the rest of `left` behind them.
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
    """Fire the one member of a family or of the crowd in whose part of their propensities `left` falls.

    Returns the number of firings, or -1 if none can fire.
    """
    for f in range(families.pools.shape[0]):
        left -= state.channels[plan.first_family + f].value
        if left < 0.0:
            m = draw_member(families, state.counts, f, words)
            if m < 0:
                return np.int64(0)  # rejected: the propensity of a family assumes its largest rate constant for all
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
    """Fire the one reaction in whose part of the total propensity `left` falls. Returns firings, -1 for an overflow."""
    c, left = _draw_from(plan, state, plan.fires.size, left, False)
    if families is not None:
        if left >= 0.0:
            fired = _fire_slow_one(channels, families, plan, state, left, words)
            if fired >= 0:
                return fired
    # If rounding carried `left` past the end, this is the last channel that can fire.
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
        # An exponential has no memory: a wait cut off at the boundary may be drawn again there.
        wait = exponential(words) / total
        if not clock[TIME] + wait <= boundary:
            clock[TIME] = boundary
            return REACHED_END
        if clock[TIME] + 1.0 / total == clock[TIME]:
            return OVERFLOW  # the next time step underflows: the network explodes
        clock[TIME] += wait
        fired = _fire_one(channels, laws, families, plan, state, uniform(words) * total, rng, words)
        state.tally[N_EVENTS] += fired
        state.ledger[EXACT_STEPS] += 1
        if not update_propensities(channels, laws, families, plan, state, plan.fires.size) or fired < 0:
            return OVERFLOW
        if state.tally[FAULT]:
            return BAD_PROPENSITY
        if laws is not None:
            if _triggered(laws, state):
                return TRIGGERED
    return REACHED_END


@kernel
def _triggered(laws, state):
    """Whether the condition of an event has changed, or reads the time as well."""
    for k in range(laws.triggered.size):
        p = laws.first_trigger[0] + k
        if laws.reads_time[p] or (law_value(laws, p, state.counts) != 0.0) != (laws.triggered[k] != 0):
            return True
    return False


@kernel
def _leap(channels, laws, families, blocks, plan, state, rng, tau, epsilon, single, settles):
    """Leap over tau. The critical channel in whose part of their propensities `single` falls, if any, fires once.

    With `settles`, the slow channels fire too, so that the state is exactly that of the end of the step. Returns the
    status, and the largest expected change in a block relative to what epsilon allows.
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
    # The first of the critical channels to fire is chosen in proportion to propensity, independently of its time.
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
            # A leap assumes that channels fire independently, given the state at the start of the step.
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
        rng.standard_exponential()  # as blocks without channels would, so that results of a seed do not change
    tally[N_EVENTS] += fired
    state.ledger[LEAPS] += 1
    state.ledger[TIME_LEAPT] += tau
    if not update_propensities(channels, laws, families, plan, state, plan.n_explicit):  # blocks have updated theirs
        status = OVERFLOW
    if tally[FAULT]:
        status = BAD_PROPENSITY
    return status, largest


@kernel
def _choose(channels, families, blocks, plan, state, rng, epsilon, fixed):
    """Choose the next step. Returns its length, 0 for exact steps, infinite if nothing can react.

    Also returns a point on the line of the propensities of the critical channels, which selects the one that fires at
    the end of the step; -1 if none does.
    """
    if fixed > 0.0:
        return fixed, -1.0
    # The propensity of the crowd may be that before its last firings: exact enough to choose the kind of step.
    total = total_propensity(plan, state, state.ledger[CROWD_TOTAL])
    if families is not None:
        if total == 0.0:  # the crowd may have changed since its last evaluation
            sum_crowd(channels, plan, state)
            total = state.ledger[CROWD_TOTAL]
    if total == 0.0:
        return np.inf, -1.0
    if blocks is not None:
        # The length of later steps follows from the expected changes in the step before, see `_advance`.
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
            # The first firing of a critical channel; if it is due after the end of the step, none fires.
            wait = rng.standard_exponential() / critical
            if wait < tau:
                return wait, rng.random() * critical
    return (0.0 if tau * total < _FIRINGS else tau), -1.0


@inlined
def _advance(channels, laws, families, blocks, plan, state, rng, run, t_stop, budget, event_limit, epsilon, fixed):
    """Advance to t_stop; steps end at recorded times and at t_stop.

    Returns REACHED_END, SLICE_END after `budget` steps, EVENT_LIMIT, TRIGGERED, BAD_PROPENSITY or OVERFLOW.
    """
    clock, tally, ledger = state.clock, state.tally, state.ledger
    pause = tally[N_CANDIDATES] + budget
    while True:
        if tally[FAULT]:
            return BAD_PROPENSITY
        boundary, is_point = next_stop(run, tally[GRID_INDEX], t_stop)
        if clock[TIME] >= boundary:
            if not is_point:
                return REACHED_END
            # No step passes a boundary, so the state is that at the recorded time.
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
            # Slow channels that have waited must fire before an exact step, and before reactions come to rest.
            tally[N_CANDIDATES] += 1
            tally[N_EVENTS] += fire_slow(channels, families, plan, state, epsilon, rng)
            if not update_propensities(channels, laws, families, plan, state, plan.fires.size):
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
        elif tau == np.inf:  # nothing can react, and no slow channel waits
            clock[TIME] = boundary
        else:
            tally[N_CANDIDATES] += 1
            cut = tau > boundary - clock[TIME]
            if cut:
                # A critical channel would fire at the end of the whole step, not before.
                tau = boundary - clock[TIME]
                single = -1.0
            end = boundary if cut else clock[TIME] + tau
            if not end > clock[TIME]:
                return OVERFLOW  # the next time step underflows: the network explodes
            # Slow channels must not wait at stops, or if there are events: conditions read the counts.
            settles = end == boundary
            if laws is not None:
                settles = settles or laws.triggered.size > 0
            status, largest = _leap(channels, laws, families, blocks, plan, state, rng, tau, epsilon, single, settles)
            clock[TIME] = end
            if blocks is not None:
                # A step that was cut short says nothing about the next, unless even it was too long. The change is
                # about proportional to the step: the target is 0.9 of the allowed change, by a bounded factor.
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
    """Advance a simulation to t_stop, or run a batch of replicates; see `replicates` and `_advance`."""
    while begin_replicate(run):
        before = state.tally[N_CANDIDATES]
        status = _advance(
            channels, laws, families, blocks, plan, state, rng, run, t_stop, budget, event_limit, epsilon, fixed
        )  # fmt: skip
        # One more than its steps: a replicate without steps must cost budget, or a call might not end.
        budget -= state.tally[N_CANDIDATES] - before + 1
        reacts = True
        if status == REACHED_END and run.ends.size:
            reacts = can_react_leap(channels, families, plan, state)
        if not end_replicate(run, state.clock, state.tally, state.firings, state.ledger, status, reacts):
            return status
        if budget <= 0:
            return SLICE_END
    return REACHED_END
