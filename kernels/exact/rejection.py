"""Rejection-based simulation (RSSA) on lumped channels, with urns of slots in place of a search.

Each species has an interval around its count. While the count stays inside, upper and lower bounds of the propensities
hold, and nothing is recomputed. A candidate channel is drawn in proportion to the upper bounds and accepted with
probability propensity / upper bound. Time advances by an exponential of the summed upper bounds for every candidate,
accepted or not: this is thinning of a Poisson process, and hence exact. See `bounds` and `slots` for the state.

V. H. Thanh, C. Priami, R. Zunino, Efficient rejection-based simulation of biochemical reactions with stochastic
noise and delays, J. Chem. Phys. 141 (2014) 134116, doi:10.1063/1.4896985.
"""

from typing import NamedTuple

import numpy as np

from ..channels import channel_value, evaluate_laws, evaluate_term_law, fires_trigger, term_value
from ..codes import (
    BAD_PROPENSITY,
    EVENT_LIMIT,
    FAULT,
    GRID_INDEX,
    LOOK,
    LOOK_DUE,
    N_CANDIDATES,
    N_EVENTS,
    N_REJECTED,
    NEXT_TIME,
    NO_EVENT_LIMIT,
    OVERFLOW,
    REACHED_END,
    SLICE_END,
    TIME,
    TRIGGERED,
    record_type,
)
from ..continuous import is_crossing, record_variables, restarts, set_time
from ..generator import exponential, uniform, words_at
from ..laws import WINDOW_END, trigger_changed
from ..linked import kernel, within
from ..replicates import (
    ADDRESS,
    PER_REPLICATE,
    begin_replicate,
    end_replicate,
    log_reaction,
    next_stop,
    record,
    within_log,
)
from .bounds import GAP_GROUP, is_group_end, refresh_changed, refresh_if_outside, tighten
from .families import draw_member, family_can_fire
from .refill import improve_slots
from .renewal import renew_window_rejection, restart_window_rejection
from .slots import HEAVY, LIGHT, NONE, drawing, find_loose, is_overfull, mean_wait

# The largest distance of counts to a limit, in continuous time, for `propositions.limit_paths`.

MOVE = record_type(amount=np.float64, quantity=np.int64)
REACH = record_type(value=np.float64, low=np.float64, high=np.float64, error=np.float64)
"""A quantity [molecules]: its value, the range in which it cannot exceed `error`, and the largest distance so far."""


class Follower(NamedTuple):
    """The largest distance of one path to its limit, event by event.

    A quantity is a count, or the difference of two. Over a segment of time the limit stays within [lowest, highest]. So
    as long as the quantity stays within [highest - sup, lowest + sup], no event can raise the largest distance `sup` so
    far, and an event costs two comparisons. Otherwise the limit at the time of the event is evaluated. Counts rest
    between events, so the distance is largest just before or just after one, or at the end of a segment.
    """

    start: np.ndarray  # int64[channel + 1]: moves of each channel
    moves: np.ndarray  # MOVE[move]
    reach: np.ndarray  # REACH[quantity]
    plus: np.ndarray  # int64[quantity], species
    minus: np.ndarray  # int64[quantity], the constant where nothing is subtracted
    x: np.ndarray  # float64[point, species + 1]: the limit on an even grid, the constant 1 at the end [concentration]
    slope: np.ndarray  # float64[point, species + 1]: dx/dt
    lowest: np.ndarray  # float64[segment, quantity]: least value of the limit over a segment of the grid [molecules]
    highest: np.ndarray  # float64[segment, quantity]: largest value
    step: np.ndarray  # float64[1]: spacing of the grid [s]
    begin: np.ndarray  # float64[1]: time of point 0 [s]
    volume: np.ndarray  # float64[1]
    segment: np.ndarray  # int64[1]: the present segment of time


@within
def follow_event(f, c, time):
    """Follow the firing of channel `c` at `time` [s]."""
    for m in range(f.start[c], f.start[c + 1]):
        q = f.moves[m].quantity
        old = f.reach[q].value
        new = old + f.moves[m].amount
        f.reach[q].value = new
        if min(old, new) < f.reach[q].low or max(old, new) > f.reach[q].high:
            _measure(f, q, old, new, time)


@kernel
def _measure(f, q, old, new, time):
    """Measure the distances just before and after the event, and update the range if the largest distance grew."""
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
    """Limit of species s at point k + u, by the cubic through values and slopes."""
    a, b = f.x[k, s], f.x[k + 1, s]
    rise = b - a
    first = f.step[0] * f.slope[k, s] - rise
    last = rise - f.step[0] * f.slope[k + 1, s]
    return a + u * (rise + (1.0 - u) * (first * (1.0 - u) + last * u))


@kernel
def _set_range(f, q):
    f.reach[q].low = f.highest[f.segment[0], q] - f.reach[q].error
    f.reach[q].high = f.lowest[f.segment[0], q] + f.reach[q].error


@kernel
def begin_segment(f, segment):
    """Begin a segment of time."""
    f.segment[0] = segment
    for q in range(f.reach.size):
        _set_range(f, q)


# The event loop.

_MOST_REJECTED = 32
_TOLERATED = 4
"""Four rejected candidates are tolerated for each event. After 32 more, the bounds of the term that rejected last are
tightened, since this term probably rejects most. Without this, a network that can hardly react any more would
reject candidates until the end. The moment depends on the past alone, so the law is the same."""


@kernel
def _term_of_gap(channels, state, c, share):
    """The term in whose gap `share`, beyond the sum of the lower bounds, falls, or NONE; and the share within the gap.

    Each term has a part of the interval as long as the gap between its bounds. So one term is evaluated, not the sum.
    """
    share -= state.sums[c].lower
    t = np.int64(channels.ranges[c].term_start)
    end = np.int64(channels.ranges[c + 1].term_start)
    while t < end:
        if is_group_end(t) and t + (1 << GAP_GROUP) <= end:
            gap = state.group_gap[t >> GAP_GROUP]
            if share >= gap:
                share -= gap
                t += 1 << GAP_GROUP
                continue
        gap = state.terms[t].gap
        if share < gap:
            return t, share
        share -= gap
        t += 1
    return NONE, share


@kernel
def _term_of_lower(channels, state, c, share):
    """The term in whose lower bound `share`, below the sum of the lower bounds, falls."""
    last = channels.ranges[c + 1].term_start - 1
    for t in range(channels.ranges[c].term_start, last):
        if share < state.terms[t].lower:
            return np.int64(t)
        share -= state.terms[t].lower
    return np.int64(last)


@kernel
def advance(channels, laws, continuous, readers, families, state, run, t_stop, budget, event_limit, follower):
    """Fire events up to and including t_stop; `follower`, a `Follower` or None, follows each.

    Returns REACHED_END, SLICE_END, LOOK_DUE, EVENT_LIMIT, TRIGGERED, BAD_PROPENSITY, OVERFLOW or NEGATIVE.
    """
    counts, low, high, limits = state.counts, state.low, state.high, state.limits
    pairs, owner = readers.pairs, state.urns.owner
    clock, tally = state.clock, state.tally
    urn, light_urn = state.urns.urn[HEAVY], state.urns.urn[LIGHT]
    spare = state.urns.spare[0]
    if tally[FAULT]:
        return BAD_PROPENSITY
    if is_overfull(state.urns, HEAVY):
        return OVERFLOW
    n_channels = limits.size - 1
    first_family = n_channels
    if families is not None:
        first_family = families.first_channel[0]
    names_reactions = state.firings.size > 0 or run.log.size > 0
    more_changes = readers.more.size > 0
    n_events = tally[N_EVENTS]
    n_candidates = tally[N_CANDIDATES]
    # There are no more events than candidates, so one comparison covers the slice, the log and the event limit.
    pause = n_candidates + min(within_log(run, budget), event_limit - n_events)
    look = tally[LOOK] if tally[LOOK] else NO_EVENT_LIMIT
    words = words_at(np.uint64(run.place[ADDRESS]))
    time = clock[TIME]
    next_time = clock[NEXT_TIME]
    length, edge = drawing(state)
    light_size = limits[n_channels].bound / light_urn.quantum
    wait = mean_wait(state)
    if time + wait == time:
        return OVERFLOW  # the next time step underflows: the network explodes
    if np.isnan(next_time):
        next_time = time + exponential(words) * wait
    k = tally[GRID_INDEX]
    boundary, is_point = next_stop(run, k, t_stop)
    limit = boundary
    if laws is not None:
        limit = min(boundary, laws.window[WINDOW_END])
    status = REACHED_END
    n_rejected = tally[N_REJECTED]
    while True:
        # Invariant: every count lies in its interval, so all bounds hold. The next candidate is due at `next_time`,
        # exponential from `time` at the sum of the bounds. `length`, `edge`, `light_size` and `wait` are copies of what
        # the urns hold, read again whenever a bound has changed.
        if not next_time <= limit:
            if laws is not None:
                if continuous is not None:
                    if is_crossing(continuous, limit):
                        time = limit
                        status = TRIGGERED
                        break
                if limit < boundary:
                    clock[NEXT_TIME] = next_time
                    tally[N_CANDIDATES] = n_candidates
                    renew_window_rejection(channels, laws, readers, state)
                    length, edge = drawing(state)
                    light_size = limits[n_channels].bound / light_urn.quantum
                    wait = mean_wait(state)
                    time = clock[TIME]
                    if is_overfull(state.urns, HEAVY) or time + wait == time:
                        status = OVERFLOW
                    if tally[FAULT]:
                        status = BAD_PROPENSITY
                    next_time = clock[NEXT_TIME]
                    if status != REACHED_END:
                        break
                    if np.isnan(next_time):
                        next_time = time + exponential(words) * wait
                    limit = min(boundary, laws.window[WINDOW_END])
                    continue
            if not is_point:
                time = t_stop
                break
            record(run, k, counts)
            if continuous is not None:
                record_variables(laws, continuous, k, run.time[k])
            k += 1
            boundary, is_point = next_stop(run, k, t_stop)
            limit = boundary
            if laws is not None:
                limit = min(boundary, laws.window[WINDOW_END])
            continue
        if n_candidates >= pause:
            status = EVENT_LIMIT if n_events >= event_limit else SLICE_END
            break
        n_candidates += 1
        time = next_time
        # `share` becomes uniform on [0, bound) of the channel drawn, independently of the channel. One uniform number
        # serves three draws: its integer part is the slot. Its fractional part is uniform and independent of the slot;
        # it decides whether the candidate fires, and which of the terms it is.
        place = uniform(words) * length
        is_loose = False
        if place >= edge:
            if edge > 0.0:
                is_loose = True
                c, share = find_loose(state, (place - edge) * urn.quantum)
            elif place < spare.total:
                is_loose = True
                c, share = find_loose(state, place)
            else:
                place = uniform(words) * urn.used
        if not is_loose:
            slot = np.int64(place)
            c = np.int64(owner[np.uint64(slot)])
            if c == n_channels:
                place = uniform(words) * light_size
                slot = np.int64(place)
                if slot >= light_urn.used:  # rejected: slack between the light slots and the bound that represents them
                    next_time = time + exponential(words) * wait
                    continue
                c = np.int64(owner[np.uint64(light_urn.first + slot)])
            share = (place - slot) * limits[c].bound
        # The candidate fires if the share is below the propensity. The propensity is at least the sum of the lower
        # bounds, so that most candidates fire without evaluating it. Between this sum and the upper bound, each term
        # has a piece as long as its gap, and fires on the part that its value reaches.
        fires = share < limits[c].lower
        t = NONE
        if fires:
            if names_reactions:
                t = _term_of_lower(channels, state, c, share)
        else:
            t, share = _term_of_gap(channels, state, c, share)
            if t != NONE:
                if laws is not None:
                    set_time(laws, continuous, time)
                    evaluate_term_law(channels, laws, t, counts, tally)
                fires = share < term_value(channels, laws, t, counts, counts) - state.terms[t].lower
        member = NONE
        if families is not None:
            if fires and c >= first_family:
                member = draw_member(families, counts, c - first_family, words)
                fires = member != NONE
        if not fires:
            if tally[FAULT]:
                status = BAD_PROPENSITY
                break
            # Rejections by the shares of a family do not count, since tighter bounds would not avoid them.
            n_rejected += c < first_family
            if n_rejected >= _MOST_REJECTED:
                tally[N_CANDIDATES] = n_candidates
                tally[N_EVENTS] = n_events
                n_rejected = 0
                if t != NONE:
                    n_rejected = -tighten(channels, laws, readers, state, t)
                improve_slots(state)
                length, edge = drawing(state)
                light_size = limits[n_channels].bound / light_urn.quantum
                wait = mean_wait(state)
                if laws is not None:
                    limit = min(boundary, laws.window[WINDOW_END])
        else:
            if n_rejected > 0:
                n_rejected -= _TOLERATED
            n_events += 1
            if names_reactions:
                reaction = np.int64(0)
                if member == NONE:
                    reaction = np.int64(channels.terms[t].reaction)
                elif families is not None:
                    reaction = np.int64(families.reaction[member])
                if state.firings.size:
                    state.firings[reaction] += 1
                if run.log.size:
                    log_reaction(run, time, reaction)
            if follower is not None:
                follow_event(follower, c, time)
            inside = True
            if member == NONE:
                s0 = pairs[c].species
                s1 = pairs[c].other
                n0 = counts[s0] + pairs[c].amount
                counts[s0] = n0
                n1 = counts[s1] + pairs[c].other_amount
                counts[s1] = n1
                inside = low[s0] <= n0 and n0 <= high[s0] and low[s1] <= n1 and n1 <= high[s1]
                if more_changes:
                    for j in range(pairs[c].more_start, pairs[c + 1].more_start):
                        s = readers.more[j].species
                        counts[s] += readers.more[j].amount
                        inside = inside and low[s] <= counts[s] and counts[s] <= high[s]
            elif families is not None:
                s = families.species[member]
                counts[s] += families.amount[member]
                inside = low[s] <= counts[s] and counts[s] <= high[s]
            if not inside:
                tally[N_CANDIDATES] = n_candidates
                tally[N_EVENTS] = n_events
                if laws is not None:
                    set_time(laws, continuous, time)
                if member == NONE:
                    status = refresh_changed(channels, laws, readers, state, c)
                elif families is not None:
                    status = refresh_if_outside(channels, laws, readers, state, np.int64(families.species[member]))
                length, edge = drawing(state)
                light_size = limits[n_channels].bound / light_urn.quantum
                wait = mean_wait(state)
                if time + wait == time:
                    status = OVERFLOW  # the next time step underflows: the network explodes
                if laws is not None:
                    limit = min(boundary, laws.window[WINDOW_END])
                if tally[FAULT]:
                    status = BAD_PROPENSITY
                if status != REACHED_END:
                    break
            if laws is not None:
                if continuous is not None:
                    if restarts(continuous, c):
                        clock[TIME] = time
                        tally[N_CANDIDATES] = n_candidates
                        tally[N_EVENTS] = n_events
                        restart_window_rejection(channels, laws, readers, state)
                        length, edge = drawing(state)
                        light_size = limits[n_channels].bound / light_urn.quantum
                        wait = mean_wait(state)
                        limit = min(boundary, laws.window[WINDOW_END])
                        if is_overfull(state.urns, HEAVY) or time + wait == time:
                            status = OVERFLOW
                        if tally[FAULT]:
                            status = BAD_PROPENSITY
                        if status != REACHED_END:
                            break
                if laws.triggered.size:
                    changed = fires_trigger(channels, laws, c, counts)
                    if families is not None:
                        if member != NONE:
                            changed = trigger_changed(laws, families.species[member], counts)
                    if changed:
                        status = TRIGGERED
                        next_time = time + exponential(words) * wait
                        break
        next_time = time + exponential(words) * wait
        if n_candidates >= look:
            status = LOOK_DUE
            break
    if laws is not None:
        set_time(laws, continuous, time)
    clock[TIME] = time
    clock[NEXT_TIME] = next_time
    tally[N_EVENTS] = n_events
    tally[N_CANDIDATES] = n_candidates
    tally[N_REJECTED] = n_rejected
    tally[GRID_INDEX] = k
    return status


@kernel
def can_react_rejection(channels, laws, families, counts):
    """Whether any propensity is above 0 at the counts, or reads the time."""
    n_plain = channels.ranges.size - 1
    if families is not None:
        n_plain = families.first_channel[0]
        for f in range(families.pools.shape[0]):
            if family_can_fire(families, counts, f):
                return True
    if laws is not None:
        if laws.timed_terms.size:
            return True
        evaluate_laws(laws, counts)
    for c in range(n_plain):
        if channel_value(channels, laws, c, counts, counts) > 0.0:
            return True
    return False


@kernel
def run_rejection(channels, laws, readers, families, state, run, t_stop, budget, event_limit):
    """Advance a simulation to t_stop, or run a batch of replicates; see `replicates` and `advance`."""
    while begin_replicate(run):
        before = state.tally[N_CANDIDATES]
        if laws is not None:
            status = advance(
                channels, laws, laws.continuous, readers, families, state, run, t_stop, budget, event_limit, None
            )
        else:
            status = advance(channels, None, None, readers, families, state, run, t_stop, budget, event_limit, None)
        budget -= state.tally[N_CANDIDATES] - before + PER_REPLICATE
        reacts = status == REACHED_END and run.ends.size > 0
        if reacts:
            reacts = can_react_rejection(channels, laws, families, state.counts)
        if not end_replicate(run, state.clock, state.tally, state.firings, state.group_gap[:0], status, reacts):
            return status
        if budget <= 0:
            return SLICE_END
    return REACHED_END
