"""The chemical Langevin equation: real-valued states, a Gaussian number of firings for each channel and step.

With channels c of net change nu_c and propensity a_c, dx = sum_c nu_c (a_c dt + sqrt(a_c) dW_c) (Gillespie 2000). A
step of length h takes two halves (the weak trapezoidal method of Anderson and Mattingly 2011 with theta = 1/2):

    y  = x + sum_c nu_c (a_c h/2 + sqrt(a_c h/2) xi_c)             a_c = a_c(x)
    x' = y + sum_c nu_c (b_c h/2 + sqrt(max(b_c, 0) h/2) xi'_c)    b_c = 2 a_c(y) - a_c(x)

whose moments are of second order in h; its noise is one Gaussian number for each channel and half.

At zero. If the firings of a step would make a species negative, the channels that consume it fire only in part, all by
the same share, so that it ends at 0. The rest is owed: it is added to the firings of the channel in the next step. So
firings are delayed, never dropped or invented. Their mean is still that of the propensities, and every linear invariant
holds.

Events. Over a step the path is the straight line between its ends. Where the condition of an event changes on this
line, the step is cut: state, owed firings and sums are those of the first part. This is correct to the order of the
step: near a threshold, a diffusion crosses it more often than the lines do.

D. T. Gillespie, The chemical Langevin equation, J. Chem. Phys. 113 (2000) 297-306, doi:10.1063/1.481811.
D. F. Anderson, J. C. Mattingly, A weak trapezoidal method for a class of stochastic differential equations, Commun.
Math. Sci. 9 (2011) 301-318, doi:10.4310/CMS.2011.v9.n1.a15.
"""

from typing import NamedTuple

import numpy as np

from ..codes import (
    BAD_PROPENSITY,
    COUNT_LIMIT,
    EVENT_LIMIT,
    FALLING,
    GRID_INDEX,
    N_CANDIDATES,
    N_EVENTS,
    OVERFLOW,
    RAMP,
    REACHED_END,
    SLICE_END,
    STEP,
    TIME,
    TRIGGERED,
)
from ..interval_bounds import ConditionPath, first_change, is_changed, on_path
from ..laws import TIME_VARIABLE, law_value
from ..linked import kernel
from ..replicates import begin_replicate, end_replicate, next_stop, record

SHARE = 0.1
"""By the propensities at the start of an adaptive step, no species loses more than this share of its amount, or gains
more than this share of it, or of one molecule."""

WANTED, HELD, INTENSITY = 0, 1, 2
SUMS_SIZE = 3
"""Places in `sums`: firings that were drawn or owed, the delayed ones among them, and the mean number of firings."""

_ROUNDS = 8
"""Rounds in which channels are cut down with gains counted; the last one ignores gains, which settles the rest."""
_ROUNDING = 1e-12


class EventWatch(NamedTuple):
    """What events need: the conditions that read species, and the start of the present step."""

    watched: np.ndarray  # int64[condition], the numbers of those that read species
    path: ConditionPath  # of all species, of degree 1
    owed: np.ndarray  # float64[channel], at the start of the step
    sums: np.ndarray  # float64[SUMS_SIZE]


class LangevinState(NamedTuple):
    x: np.ndarray  # float64[species + 1] [molecules], the last always 1
    y: np.ndarray  # float64[species + 1], half-way
    propensity: np.ndarray  # float64[channel], at the start of a step
    halfway: np.ndarray  # float64[channel]
    owed: np.ndarray  # float64[channel]
    fired: np.ndarray  # float64[channel], in this step
    gain: np.ndarray  # float64[species]
    loss: np.ndarray  # float64[species]
    share: np.ndarray  # float64[species]: share of its consumption that is possible
    sums: np.ndarray  # float64[SUMS_SIZE]
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    firings: np.ndarray  # int64[0]: a diffusion does not count firings
    watch: EventWatch


@kernel
def real_term_value(channels, laws, t, x):
    """Value of term t at a real-valued x [1/s]; each factor of a falling factorial, or law, below 0 counts as 0."""
    value = max(x[channels.terms[t].second] - channels.terms[t].second_offset, 0.0)
    value *= channels.terms[t].coefficient * x[channels.terms[t].first]
    for e in range(channels.terms[t].extra_start, channels.terms[t + 1].extra_start):
        a = channels.extras[e].a
        b = channels.extras[e].b
        kind = channels.extras[e].kind
        if kind == FALLING:
            value *= max(x[a] - b, 0.0)
        elif kind == STEP:
            if not x[a] > x[b]:
                value = 0.0
        elif kind == RAMP:
            value *= max(x[a] - x[b], 0.0)
        elif laws is not None:  # LAW
            value *= 0.0 if laws.value[a] < 0.0 else laws.value[a]
    return value


@kernel
def propensities(channels, laws, time, x, out):
    """Write the propensity of every channel into `out` [1/s]. Returns False if one is infinite or NaN."""
    if laws is not None:
        laws.variables[TIME_VARIABLE] = time
        for p in range(laws.value.size):
            laws.value[p] = law_value(laws, p, x)
    good = True
    for c in range(out.size):
        total = 0.0
        for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
            total += real_term_value(channels, laws, t, x)
        out[c] = total
        good = good and total < np.inf
    return good


@kernel
def _sum_changes(channels, firings, gain, loss):
    """Sum what each species gains and loses by `firings` float64[channel]."""
    gain[:] = 0.0
    loss[:] = 0.0
    for c in range(firings.size):
        n = firings[c]
        if n != 0.0:
            for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
                change = channels.changes[k].amount * n
                if change > 0.0:
                    gain[channels.changes[k].species] += change
                else:
                    loss[channels.changes[k].species] -= change


@kernel
def longest_step(channels, state):
    """The longest step that `SHARE` allows [s]."""
    # The least of one molecule lets a species grow from 0; losses have no such floor.
    gain, loss, x = state.gain, state.loss, state.x
    _sum_changes(channels, state.propensity, gain, loss)
    step = np.inf
    for s in range(gain.size):
        if gain[s] > 0.0:
            step = min(step, max(x[s], 1.0) / gain[s])
        if loss[s] > 0.0 and x[s] > 0.0:
            step = min(step, x[s] / loss[s])
    return SHARE * step


@kernel
def _draw(state, rates, half, rng):
    """Add to `fired` the firings of half a step at `rates`; a negative rate has no noise."""
    for c in range(rates.size):
        mean = rates[c] * half
        if mean > 0.0:
            state.fired[c] += mean + np.sqrt(mean) * rng.standard_normal()
        else:
            state.fired[c] += mean


@kernel
def _fit(channels, state):
    """Reduce `fired` until no species becomes negative, and leave its gains and losses in `gain` and `loss`.

    Reducing a channel reduces what it produces, which other channels may need; hence the rounds. The last round counts
    no gains, after which nothing is short.
    """
    x, gain, loss, share, fired = state.x, state.gain, state.loss, state.share, state.fired
    for k in range(_ROUNDS + 1):
        _sum_changes(channels, fired, gain, loss)
        short = False
        for s in range(gain.size):
            share[s] = 1.0
            there = x[s] + gain[s] if k < _ROUNDS else x[s]
            if there < loss[s] * (1.0 - _ROUNDING):
                share[s] = there / loss[s]
                short = True
        if not short:
            return
        for c in range(fired.size):
            least = 1.0
            for j in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
                if channels.changes[j].amount * fired[c] < 0.0:
                    least = min(least, share[channels.changes[j].species])
            fired[c] *= least
    _sum_changes(channels, fired, gain, loss)


@kernel
def _step(channels, laws, state, rng, step):
    """Make one step of the method. Returns REACHED_END, BAD_PROPENSITY or OVERFLOW."""
    x, y, fired, owed, sums = state.x, state.y, state.fired, state.owed, state.sums
    for c in range(fired.size):
        fired[c] = owed[c]
    _draw(state, state.propensity, 0.5 * step, rng)
    _sum_changes(channels, fired, state.gain, state.loss)
    for s in range(state.gain.size):
        y[s] = max(x[s] + state.gain[s] - state.loss[s], 0.0)
    if not propensities(channels, laws, state.clock[TIME] + 0.5 * step, y, state.halfway):
        return BAD_PROPENSITY
    for c in range(fired.size):
        sums[INTENSITY] += state.halfway[c] * step
        # b_c of the second half, which makes the moments correct to second order.
        state.halfway[c] = 2.0 * state.halfway[c] - state.propensity[c]
    _draw(state, state.halfway, 0.5 * step, rng)
    for c in range(fired.size):
        owed[c] = fired[c]
    _fit(channels, state)
    for c in range(fired.size):
        sums[WANTED] += np.abs(owed[c])
        owed[c] -= fired[c]
        sums[HELD] += np.abs(owed[c])
    status = REACHED_END
    for s in range(state.gain.size):
        if state.gain[s] > 0.0 or state.loss[s] > 0.0:
            x[s] = max(x[s] + state.gain[s] - state.loss[s], 0.0)
            if not x[s] <= COUNT_LIMIT:
                status = OVERFLOW
    return status


@kernel
def _begin_watch(state):
    """Store the start of a step, from which a cut interpolates."""
    for s in range(state.watch.path.base.size):
        state.watch.path.base[s] = state.x[s]
    for c in range(state.owed.size):
        state.watch.owed[c] = state.owed[c]
    for k in range(SUMS_SIZE):
        state.watch.sums[k] = state.sums[k]


@kernel
def _cut(laws, state, start, end):
    """Cut the step from start to end where a condition first changes. Returns its new end, and whether one changed."""
    watch, path, x = state.watch, state.watch.path, state.x
    for s in range(x.size):
        path.here[s] = x[s]
    for s in range(path.base.size):
        path.coefficient[0, s] = path.coefficient[1, s] = 0.5 * (x[s] - path.base[s])
    time = first_change(laws, watch.watched, laws.triggered, path, start, end, start)
    if not time < end:
        return end, is_changed(laws, watch.watched, laws.triggered, end, x)
    # All quantities are linear along the step, so the first part has this share of each.
    share = (time - start) / (end - start)
    on_path(path, 2.0 * share - 1.0, path.ends[0])
    for s in range(path.base.size):
        x[s] = max(path.ends[0, s], 0.0)
    for c in range(state.owed.size):
        state.owed[c] = watch.owed[c] + share * (state.owed[c] - watch.owed[c])
    for k in range(SUMS_SIZE):
        state.sums[k] = watch.sums[k] + share * (state.sums[k] - watch.sums[k])
    return time, True


@kernel
def _advance(channels, laws, state, rng, run, step, t_stop, budget, event_limit):
    """Make at most `budget` steps up to t_stop.

    Steps end at recorded times and at t_stop; those before one of these are equally long. Returns REACHED_END,
    SLICE_END, EVENT_LIMIT, TRIGGERED, BAD_PROPENSITY or OVERFLOW.
    """
    clock, tally = state.clock, state.tally
    pause = tally[N_CANDIDATES] + budget
    while True:
        boundary, is_point = next_stop(run, tally[GRID_INDEX], t_stop)
        if not clock[TIME] < boundary:
            if not is_point:
                return REACHED_END
            record(run, tally[GRID_INDEX], state.x)
            tally[GRID_INDEX] += 1
            continue
        if tally[N_EVENTS] >= event_limit:
            return EVENT_LIMIT
        if tally[N_CANDIDATES] >= pause:
            return SLICE_END
        if not propensities(channels, laws, clock[TIME], state.x, state.propensity):
            return BAD_PROPENSITY
        rest = boundary - clock[TIME]
        longest = step if step < np.inf else longest_step(channels, state)
        n_left = np.ceil(rest / longest * (1.0 - _ROUNDING))
        length = rest / n_left if n_left > 1.0 else rest
        if not clock[TIME] + length > clock[TIME]:
            return OVERFLOW  # the next time step underflows: the network explodes
        watches = state.watch.watched.size > 0
        if watches:
            _begin_watch(state)
        status = _step(channels, laws, state, rng, length)
        tally[N_CANDIDATES] += 1
        end = boundary if n_left <= 1.0 else clock[TIME] + length
        if laws is not None:
            if watches and status == REACHED_END:
                end, triggered = _cut(laws, state, clock[TIME], end)
                status = TRIGGERED if triggered else REACHED_END
        tally[N_EVENTS] = np.int64(min(state.sums[INTENSITY], 2.0**62))
        if status != REACHED_END and status != TRIGGERED:
            return status
        clock[TIME] = end
        if status == TRIGGERED:
            return TRIGGERED


@kernel
def _can_react(channels, laws, state):
    if laws is not None:
        if laws.timed_terms.size:
            return True
    propensities(channels, laws, state.clock[TIME], state.x, state.propensity)
    for c in range(state.propensity.size):
        if state.propensity[c] > 0.0:
            return True
    return False


@kernel
def run_langevin(channels, laws, state, rng, run, step, t_stop, budget, event_limit):
    """Advance a simulation to t_stop, or run a batch of replicates; see `replicates` and `_advance`.

    `step` is the longest step [s], infinite for adaptive steps.
    """
    while begin_replicate(run):
        before = state.tally[N_CANDIDATES]
        status = _advance(channels, laws, state, rng, run, step, t_stop, budget, event_limit)
        budget -= state.tally[N_CANDIDATES] - before + 1
        reacts = True
        if status == REACHED_END and run.ends.size:
            reacts = _can_react(channels, laws, state)
        if not end_replicate(run, state.clock, state.tally, state.firings, state.sums, status, reacts):
            return status
        if budget <= 0:
            return SLICE_END
    return REACHED_END
