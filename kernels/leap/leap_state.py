"""Tau-leaping: the plan, made once from the compiled network, the state of a simulation, and the length of a leap.

Channels fall into four kinds, which every step treats in this order:

- product families (`exact.families`): few firings are drawn as one total and then distributed, many row by row. If the
  columns are constant, as inputs of a presentation are, the rows are added up over several steps before firings are
  drawn. Given the rows, this is the law of the family, as long as the weights do not change appreciably;
- the *crowd*: many channels of one term that change only species that families change. These annihilations of weights
  fire together with the families;
- explicit channels: a Poisson number each, from the propensity at the start of the step;
- the channels of *blocks*: sets of species that act on each other, solved one after the other (`block_leap`).

Kernels take None for `families` if a network has neither families nor kept sums, and None for `blocks` if all channels
are explicit: code behind `if families is not None` is then not compiled. `LeapPlan.slow` and the corresponding parts of
`LeapState` are None at the same time. A *kept sum* is a sum of terms that is updated whenever one of them changes.
"""

from typing import NamedTuple

import numpy as np

from ..channels import term_value
from ..codes import record_type
from ..jit import inlined
from ..linked import kernel

TIME_LEAPT, LEAPS, EXACT_STEPS, CLIPPED, NEXT_STEP, CROWD_TOTAL = 0, 1, 2, 3, 4, 5
WINDOW, WINDOW_LENGTH, RELAXATION, CROWD_STALE, OVERFULL = 6, 7, 8, 9, 10
LEDGER_SIZE = 11
"""Places in `LeapState.ledger`: time leapt over [s], number of leaps, number of exact steps, firings dropped for lack
of molecules, the step to try next [s] (0: to be chosen), the last computed propensity of the crowd, time since the slow
channels last fired [s], how long they may wait [s], the relaxation rate of the species of blocks, weighted by their
firings [1/s], whether the propensity of the crowd may have changed, and whether a slow count exceeds the largest."""

# Arrays of one axis form one array of records, since every array that a kernel takes lengthens its compilation. Ranges
# given by their starts have one more row behind the last.

TERMS = record_type(
    start=np.uint32,
    end=np.uint32,
    consecutive=np.bool_,  # start and end are terms, all without extra factors; else they are places in `live_term`
)
ORDER = record_type(
    order=np.uint8,  # highest order of the reactions that consume the species, 0 if none does; see `_g`
    taken=np.uint8,  # molecules of it that they consume
)
BLOCK = record_type(
    species_start=np.uint32,  # into `BlockPlan.species`
    entry_start=np.uint32,  # into `BlockPlan.entries`, where entries that only produce come first
    dense_start=np.uint32,  # into `BlockPlan.amount` and `BlockState.slope`, which have a row for each entry
    annihilation=np.uint32,  # of a pair that may be fast: the entry by which its two species annihilate
    pair=np.bool_,  # whether the block is such a pair; see `fast_pairs`
)
ENTRY = record_type(
    first_amount=np.int64,  # changes of two species; 0 of the constant where there is none
    second_amount=np.int64,
    first_species=np.uint32,
    second_species=np.uint32,
    channel=np.uint32,
    slope_start=np.uint32,  # into `BlockPlan.slopes`
    more=np.bool_,  # changes more than two species
    moves=np.bool_,  # reads a species that other firings of the step change
)
SLOPE = record_type(
    offset=np.float64,  # the derivative of a plain term is proportional to `other` minus this
    other=np.uint32,
    term=np.uint32,  # of the channel; it reads a species of the same block
    species=np.uint32,
    place=np.uint32,  # place of this species in the block
    plain=np.bool_,  # a term without extra factors
)
SUMMAND = record_type(
    term=np.uint32,  # a term of a kept sum
    other=np.uint32,  # what it reads besides the species under which the row stands
    channel=np.uint32,
)
SUMMED = record_type(
    species=np.uint32,  # a species that all kept terms of a range read, preferably not a weight
    start=np.uint32,  # into `SlowPlan.kept`
)
WEIGHT = record_type(
    reader_start=np.uint32,  # into `SlowPlan.readers`: kept terms that read the species
    in_crowd=np.bool_,  # members of the crowd read it
)
FAMILY = record_type(
    row_start=np.uint32,  # into `SlowState.exposure`
    waits=np.bool_,  # its columns are constant, and only kept sums read its species
    felt=np.bool_,  # its species are read elsewhere, so that its changes limit steps
)
CHANNEL_STATE = record_type(
    value=np.float64,  # propensity now [1/s]
    kept_sum=np.float64,  # sum of the kept terms [1/s]
    kept_before=np.float64,  # when slow channels last fired
    carried=np.float64,  # fraction of a firing that is carried to the next step
    critical=np.bool_,  # at most one of these fires in the present step
)
EXPECTED = record_type(
    drift=np.float64,  # mean change in a step, per second
    spread=np.float64,  # its variance
    loss=np.float64,  # without the gains
)
PAIR = record_type(
    first=np.int64,  # counts of the two species of a pair at the end of the step
    second=np.int64,
    settled=np.bool_,  # whether the pair was drawn from its law at rest in this step
)
SOLUTION = record_type(
    change=np.float64,  # of a species of the block, with the firings drawn
    expected=np.float64,  # with those expected
)


class BlockPlan(NamedTuple):
    blocks: np.ndarray  # BLOCK[block + 1]
    species: np.ndarray  # uint32[...]
    entries: np.ndarray  # ENTRY[entry + 1]: the channels of each block
    slopes: np.ndarray  # SLOPE[...]
    amount: np.ndarray  # float64[dense]: change of each species of the block; a block of one species has two places


class SlowPlan(NamedTuple):
    """Families, the crowd, and the kept sums, which are updated as weights change."""

    families: np.ndarray  # FAMILY[family + 1]
    species: np.ndarray  # WEIGHT[state + 1]
    crowd: np.ndarray  # uint32[member]: the one term of each
    summed: np.ndarray  # SUMMED[... + 1]
    kept: np.ndarray  # SUMMAND[...]: kept terms, under `summed`
    readers: np.ndarray  # SUMMAND[...]: kept terms, under each species that varies
    kept_channel: np.ndarray  # uint32[...]: channels with kept terms


class LeapPlan(NamedTuple):
    fires: np.ndarray  # uint32[...]: the explicit channels, then those of the entries of blocks, in order
    n_species: int  # the counts of pools stand behind those of the species
    n_explicit: int  # number of explicit channels, at the start of `fires`
    first_family: int  # the channel of the first family; all later ones are families, too
    channels: np.ndarray  # TERMS[channel]: terms that are summed at each evaluation; the others are in kept sums
    live_term: np.ndarray  # uint32[...]
    species: np.ndarray  # ORDER[state]
    watched: np.ndarray  # uint32[...]: species changed by explicit and block channels, and by families that are felt
    slow: SlowPlan | None


class BlockState(NamedTuple):
    drawn: np.ndarray  # float64[entry]: firings of block channels in this step
    slope: np.ndarray  # float64[dense]: half a step times the derivative of a propensity by a species of its block
    solution: np.ndarray  # SOLUTION[LARGEST_BLOCK]
    matrix: np.ndarray  # float64[LARGEST_BLOCK, LARGEST_BLOCK + 2], scratch
    pairs: np.ndarray  # PAIR[block]
    weights: np.ndarray  # float64[LARGEST_SUM], scratch


class SlowState(NamedTuple):
    exposure: np.ndarray  # float64[row of each family]: counts of the rows, integrated since slow channels fired
    filled: np.ndarray  # uint32[pool member]: members of each pool with positive counts, from the start of the pool on
    n_filled: np.ndarray  # int64[pool]
    even: np.ndarray  # bool[family]: all its members have the same rate constant


class LeapState(NamedTuple):
    counts: np.ndarray  # int64[state]: species, pools, the constant 1
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    ledger: np.ndarray  # float64[LEDGER_SIZE]
    channels: np.ndarray  # CHANNEL_STATE[channel]
    species: np.ndarray  # EXPECTED[state], scratch
    firings: np.ndarray  # int64[reaction], or empty
    blocks: BlockState | None
    slow: SlowState | None


LARGEST_BLOCK = 8
"""Largest number of species in a block."""
LARGEST_SUM = 128
"""Largest number of probabilities that are summed to draw the scarcer species of a fast pair."""


@inlined
def leap_value(channels, laws, plan, state, c):
    """Present propensity of a plain channel [1/s]."""
    total = max(state.channels[c].kept_sum, 0.0)  # rounding may leave a sum of 0 slightly below 0
    counts = state.counts
    first, end = np.int64(plan.channels[c].start), np.int64(plan.channels[c].end)
    if plan.channels[c].consecutive:  # nearly always, and most of the work of a leap
        for t in range(first, end):
            # The offset is a float64, so the product of counts cannot overflow int64.
            second = counts[channels.terms[t].second] - channels.terms[t].second_offset
            pair = counts[channels.terms[t].first] * second
            total += channels.terms[t].coefficient * pair
        return total
    for k in range(first, end):
        total += term_value(channels, laws, plan.live_term[k], counts, counts)
    return total


# How long a leap may be: the condition of Cao, Gillespie and Petzold on the species that reactions consume.
#
# The expected change of each species and its standard deviation stay below max(epsilon x / g, 1) during the leap. This
# bounds the change of every propensity by about epsilon; g depends on the order of the reactions that consume the
# species. Near a steady state, gains and losses cancel, and this condition would allow steps at which explicit leaps
# are unstable, or have a variance too large by half the share of a species that reacts in a step. So the molecules lost
# in a step stay below `_LOSS` epsilon x as well.
#
# Reactions within `FEW` firings of exhausting a reactant are critical: at most one of them fires in a leap.
#
# Y. Cao, D. T. Gillespie, L. R. Petzold, J. Chem. Phys. 124 (2006) 044109, doi:10.1063/1.2159468.

FEW = 10
"""n_c of the paper of 2006."""
_LOSS = 3.0
"""Largest share of a species that reacts in a step, over epsilon; the variance is too large by half of this share."""
_TRANSIENT = 20.0
"""Standard deviations of a Poisson number of molecules; see `block_change`."""


@inlined
def _g(order, taken, x):
    """Largest relative change of a propensity for a relative change of the count x; see the paper of 2006."""
    if taken <= 1:
        return np.float64(order)
    if order == 2:
        return 2.0 + 1.0 / (x - 1.0)
    if taken == 2:
        return 1.5 * (2.0 + 1.0 / (x - 1.0))
    return 3.0 + 1.0 / (x - 1.0) + 2.0 / (x - 2.0)


@inlined
def block_change(epsilon, x):
    """Allowed expected change in a step of the count x of a species of a block.

    Blocks are stable for any step, so changes that are small relative to the noise are allowed. With `_TRANSIENT` 20,
    means after a switch of the input to a 64-32-10 training network (Omega = 1e4) are off by 0.11 standard deviations
    of one run (rms of 340 species), and with 10 by 0.03; mean changes of weights differ by 0.15 %.
    """
    return epsilon * x + _TRANSIENT * np.sqrt(x + 1.0)


@inlined
def _is_critical(channels, c, counts, value):
    """Whether channel c can fire, but fewer than `FEW` times."""
    if not value > 0.0:
        return False
    for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
        amount = channels.changes[k].amount
        if amount < 0 and counts[channels.changes[k].species] < -amount * FEW:
            return True
    return False


@kernel
def _add_families(channels, families, plan, state):
    """Add the expected changes, and their variances, by families whose species are felt at once."""
    for f in range(families.pools.shape[0]):
        c = plan.first_family + f
        if not plan.slow.families[f].felt or not state.channels[c].value > 0.0:
            continue
        rate = channels.terms[channels.ranges[c].term_start].coefficient
        rows, columns = families.pools[f, 0], families.pools[f, 1]
        m = families.member_start[f]
        for i in range(families.pool_start[rows], families.pool_start[rows + 1]):
            of_row = rate * state.counts[families.pool_species[i]]
            for j in range(families.pool_start[columns], families.pool_start[columns + 1]):
                s = families.species[m]
                change = families.amount[m] * (of_row * families.share[m] * state.counts[families.pool_species[j]])
                state.species[s].drift += change
                state.species[s].spread += families.amount[m] * change
                m += 1


@inlined
def _pass_annihilation(channels, blocks, plan, state, epsilon):
    """Reduce the drift of pairs at rest to that of their difference, as drift of the more abundant species.

    The drift of their sum is noise, which annihilation removes in less than a step.
    """
    species = state.species
    for b in range(blocks.blocks.size - 1):
        if not blocks.blocks[b].pair:
            continue
        start = np.int64(blocks.blocks[b].species_start)
        first, second = blocks.species[start], blocks.species[start + 1]
        x, y = np.float64(state.counts[first]), np.float64(state.counts[second])
        c = blocks.entries[blocks.blocks[b].annihilation].channel
        relaxing = channels.terms[channels.ranges[c].term_start].coefficient * (x + y)
        if abs(species[first].drift + species[second].drift) < relaxing * block_change(epsilon, min(x, y)):
            difference = species[first].drift - species[second].drift
            species[first].drift = difference if x >= y else 0.0
            species[second].drift = 0.0 if x >= y else difference


@kernel
def longest_leap(channels, families, blocks, plan, state, epsilon):
    """The longest leap that the condition allows [s], and the total propensity of the critical channels [1/s].

    With blocks, only the expected change is bounded, and no channel is critical.
    """
    counts, species = state.counts, state.species
    critical = 0.0
    for k in range(plan.watched.size):
        s = plan.watched[k]
        species[s].drift = 0.0
        species[s].spread = 0.0
        species[s].loss = 0.0
    for k in range(plan.fires.size):
        c = plan.fires[k]
        a = state.channels[c].value
        if blocks is None:
            state.channels[c].critical = _is_critical(channels, c, counts, a)
        if not a > 0.0:
            continue
        if state.channels[c].critical:
            critical += a  # fires at most once, which limits no step
            continue
        for j in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
            s = channels.changes[j].species
            amount = channels.changes[j].amount
            species[s].drift += amount * a
            species[s].spread += amount * amount * a
            if amount < 0:
                species[s].loss -= amount * a
    if families is not None:
        _add_families(channels, families, plan, state)
    if blocks is not None:
        _pass_annihilation(channels, blocks, plan, state, epsilon)
    # Only species that reactions consume limit the step, by the mean and the standard deviation of their change.
    leap = np.inf
    for k in range(plan.watched.size):
        s = plan.watched[k]
        if species[s].spread > 0.0 and plan.species[s].order > 0:
            x = np.float64(counts[s])
            mean = abs(species[s].drift)  # 0 where gains and losses cancel: the quotient is then infinite
            if blocks is None:
                # From 3 molecules on _g is finite, for any order.
                allowed = max(epsilon * x / _g(plan.species[s].order, plan.species[s].taken, max(x, 3.0)), 1.0)
                leap = min(leap, allowed / mean, allowed * allowed / species[s].spread)
                if species[s].loss > 0.0:
                    leap = min(leap, max(_LOSS * epsilon * x, 1.0) / species[s].loss)
            else:
                leap = min(leap, block_change(epsilon, x) / mean)
    return leap, critical
