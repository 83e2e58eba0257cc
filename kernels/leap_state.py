"""What tau-leaping keeps: the plan, made once from the compiled network, and the state of one simulation.

Channels fall into four kinds, which every step treats in this order:

- product families (`families`): few firings are drawn as one total and then distributed, many row by row. Where the
  columns are constant, the inputs of a presentation, the rows are added up over several steps, and then drawn: given
  the rows that is the law of the family, as long as the weights do not change enough to be felt;
- the *crowd*: many channels of one term that change only what families change, the annihilation of weights, which fire
  together with the families;
- explicit channels: a Poisson number each, from the propensity at the start of the step;
- the channels of *blocks*: sets of species that act on each other, solved one after the other, see `blocks`.
"""

from typing import NamedTuple

import numpy as np

from .channels import term_value
from .jit import inlined

TIME_LEAPT, LEAPS, EXACT_STEPS, CLIPPED, NEXT_STEP, CROWD_TOTAL = 0, 1, 2, 3, 4, 5
WINDOW, WINDOW_LENGTH, RELAXATION, CROWD_STALE, OVERFULL = 6, 7, 8, 9, 10
LEDGER_SIZE = 11
"""Places in `LeapState.ledger`: time leapt over [s], leaps, exact steps, firings cut off because the molecules were not
there, the step to try next [s] (0: to be chosen), the propensity of the crowd when last looked at, time since the slow
channels last fired [s], how long they may wait [s], how fast the species of blocks relax, weighted by how much they
react [1/s], whether the propensity of the crowd may have changed, and whether a slow count is beyond the largest."""


class LeapPlan(NamedTuple):
    """Numbers of channels and species; ranges are given by their starts."""

    explicit: np.ndarray  # uint32[...]: channels that fire by their propensity at the start of a step
    block_start: np.ndarray  # uint32[block + 1], into block_species
    block_species: np.ndarray  # uint32[...]
    dense_start: np.ndarray  # uint32[block + 1], into `amount` and `LeapState.slope`, which have a row for each entry
    entry_start: np.ndarray  # uint32[block + 1], into entry_channel
    entry_channel: np.ndarray  # uint32[entry]: channels of each block, those that only produce first
    entry_moves: np.ndarray  # bool[entry]: reads a species that other firings of the step change
    amount: np.ndarray  # float64[dense]: change of each species of the block, with a place more where it has but one
    slope_start: np.ndarray  # uint32[entry + 1], into slope_term
    slope_term: np.ndarray  # uint32[slope]: terms of the channel that read a species of its own block
    slope_place: np.ndarray  # uint32[slope]: place of the species in the block
    slope_species: np.ndarray  # uint32[slope]
    slope_other: np.ndarray  # uint32[slope]: what the derivative of a plain term is proportional to, when it is more
    slope_offset: np.ndarray  # float64[slope]: than this
    slope_plain: np.ndarray  # bool[slope]
    fire_species: np.ndarray  # uint32[entry, 2]; the constant, with amount 0, where there is no change
    fire_amount: np.ndarray  # int64[entry, 2]
    fire_more: np.ndarray  # bool[entry]: changes more than two
    live_first: np.ndarray  # uint32[channel]: first live term, where they are consecutive and have no extra factors
    live_plain: np.ndarray  # bool[channel]: that is so
    live_start: np.ndarray  # uint32[channel + 1], into live_term
    live_term: np.ndarray  # uint32[...]: terms of each channel that are added up when it is looked at
    kept_term: np.ndarray  # uint32[...]: the others, of which sums are kept up to date as weights change
    kept_start: np.ndarray  # uint32[... + 1], into kept_term
    kept_species: np.ndarray  # uint32[...]: a species that the terms between two starts read, if possible no weight
    kept_other: np.ndarray  # uint32[...]: the other one that each reads
    kept_sum_of: np.ndarray  # uint32[...]: the channel of each
    reader_start: np.ndarray  # uint32[state + 1], into reader_term
    reader_term: np.ndarray  # uint32[...]: kept terms, by the species that varies
    reader_other: np.ndarray  # uint32[...]: the other species of each
    reader_channel: np.ndarray  # uint32[...]: the channel of each
    watched: np.ndarray  # uint32[...]: species that explicit and block channels change, and families that are felt
    crowd_term: np.ndarray  # uint32[member]: the one term of each
    in_crowd: np.ndarray  # bool[state]: members read the species
    kept_channel: np.ndarray  # uint32[...]: channels with kept terms
    waits: np.ndarray  # bool[family]: its columns are constant, and its species read in sums that are kept alone
    felt: np.ndarray  # bool[family]: its species are read otherwise, so that steps are limited by what it changes
    row_start: np.ndarray  # uint32[family + 1], into exposure
    order: np.ndarray  # uint8[state]: highest order of the reactions that use a species up, see `step_size`
    own: np.ndarray  # uint8[state]: how many of it they take


class LeapState(NamedTuple):
    counts: np.ndarray  # int64[state]: species, pools, the constant 1
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    ledger: np.ndarray  # float64[LEDGER_SIZE]
    value: np.ndarray  # float64[channel]: propensities now
    kept_sum: np.ndarray  # float64[channel]: sums of the kept terms
    kept_before: np.ndarray  # float64[channel]: when slow channels last fired
    exposure: np.ndarray  # float64[row of each family]: counts of the rows, added up over time since then
    filled: np.ndarray  # uint32[pool member]: members of each pool that are there, from the start of the pool on
    n_filled: np.ndarray  # int64[pool]
    drawn: np.ndarray  # float64[entry]: firings of block channels in this step
    carried: np.ndarray  # float64[channel]: parts of a firing carried to the next step
    slope: np.ndarray  # float64[dense]: half a step times the derivative of a propensity by a species of its block
    even: np.ndarray  # bool[family]: its members all have the largest rate constant of it
    critical: np.ndarray  # bool[channel]: at most one of these fires in the present step
    mean: np.ndarray  # float64[state], scratch: expected change of each species
    spread: np.ndarray  # float64[state], scratch: its variance
    loss: np.ndarray  # float64[state], scratch: expected loss of each species
    change: np.ndarray  # float64[LARGEST_BLOCK], scratch: of the species of a block, with the firings drawn
    expected: np.ndarray  # float64[LARGEST_BLOCK], scratch: with those expected
    matrix: np.ndarray  # float64[LARGEST_BLOCK, LARGEST_BLOCK + 2], scratch
    firings: np.ndarray  # int64[reaction], or empty


LARGEST_BLOCK = 8
"""Species in a block, at most."""


@inlined
def leap_value(channels, laws, plan, state, c):
    """Propensity of a plain channel now [1/s]."""
    total = max(state.kept_sum[c], 0.0)  # what rounding left of nothing is no propensity
    counts = state.counts
    if plan.live_plain[c]:  # nearly always, and most of the work of a leap
        first = np.int64(plan.live_first[c])
        for t in range(first, first + np.int64(plan.live_start[c + 1]) - np.int64(plan.live_start[c])):
            pair = counts[channels.terms[t].first] * (
                counts[channels.terms[t].second] - channels.terms[t].second_offset
            )
            total += channels.terms[t].coefficient * pair
        return total
    for k in range(plan.live_start[c], plan.live_start[c + 1]):
        total += term_value(channels, laws, plan.live_term[k], counts, counts)
    return total
