"""What tau-leaping keeps: the plan, made once from the compiled network, and the state of one simulation.

Channels fall into four kinds, which every step treats in this order:

- product families (`families`): the firings of a family are drawn as one total and then distributed;
- the *crowd*: many channels of one term that change only what families change, the annihilation of weights. Their
  firings, too, are one total, so that a step costs what fires and not what is there;
- explicit channels: a Poisson number each, from the propensity at the start of the step;
- the channels of *blocks*: sets of species that act on each other, solved one after the other, see `blocks`.
"""

from typing import NamedTuple

import numpy as np

TIME_LEAPT, LEAPS, EXACT_STEPS, CLIPPED, NEXT_STEP, CROWD_TOTAL, CROWD_BOUND, N_ACTIVE = 0, 1, 2, 3, 4, 5, 6, 7
LEDGER_SIZE = 8
"""Places in `LeapState.ledger`: time leapt over [s], leaps, exact steps, firings cut off because the molecules were not
there, the step to try next [s] (0: to be chosen), the propensity of the crowd, the largest of its members, its active
members."""


class LeapPlan(NamedTuple):
    """Numbers of channels and species; ranges are given by their starts."""

    explicit: np.ndarray  # uint32[...]: channels that fire by their propensity at the start of a step
    block_start: np.ndarray  # uint32[block + 1], into block_species
    block_species: np.ndarray  # uint32[...]
    block_of: np.ndarray  # int32[state]: block of each species, -1 for none
    place: np.ndarray  # int32[state]: place of each species in its block
    entry_start: np.ndarray  # uint32[block + 1], into entry_channel
    entry_channel: np.ndarray  # uint32[entry]: channels of each block, those that only produce first
    entry_moves: np.ndarray  # bool[entry]: reads a species that other firings of the step change
    slope_start: np.ndarray  # uint32[entry + 1], into slope_term
    slope_term: np.ndarray  # uint32[slope]: terms of the channel that read a species of its own block
    slope_species: np.ndarray  # uint32[slope]
    kept: np.ndarray  # bool[channel]: a sum over weights that is kept up to date as they change
    reader_start: np.ndarray  # uint32[state + 1], into reader_term
    reader_term: np.ndarray  # uint32[...]: terms of kept channels, by the species that varies
    term_channel: np.ndarray  # uint32[term]
    watched: np.ndarray  # uint32[...]: species that explicit and block channels change
    crowd: np.ndarray  # uint32[member]: channels
    member_start: np.ndarray  # uint32[state + 1], into member
    member: np.ndarray  # uint32[...]: members of the crowd that read each species
    order: np.ndarray  # uint8[state]: highest order of the reactions that use a species up, see `step_size`
    own: np.ndarray  # uint8[state]: how many of it they take


class LeapState(NamedTuple):
    counts: np.ndarray  # int64[state]: species, pools, the constant 1
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    ledger: np.ndarray  # float64[LEDGER_SIZE]
    value: np.ndarray  # float64[channel]: propensities now
    drawn: np.ndarray  # float64[entry]: firings of block channels in this step
    carried: np.ndarray  # float64[channel]: parts of a firing carried to the next step
    slope: np.ndarray  # float64[slope]
    member_value: np.ndarray  # float64[member]: propensities of the crowd
    active: np.ndarray  # uint32[member]: members that can fire, the first `ledger[N_ACTIVE]`
    active_place: np.ndarray  # int32[member]: place among them, -1 for none
    touched: np.ndarray  # uint32[state]: species of the crowd that changed in this step
    is_touched: np.ndarray  # bool[state]
    n_touched: np.ndarray  # int64[1]
    critical: np.ndarray  # bool[channel]: at most one of these fires in the present step
    mean: np.ndarray  # float64[state], scratch: expected change of each species
    spread: np.ndarray  # float64[state], scratch: its variance
    matrix: np.ndarray  # float64[LARGEST_BLOCK, LARGEST_BLOCK + 2], scratch
    firings: np.ndarray  # int64[reaction], or empty


LARGEST_BLOCK = 8
"""Species in a block, at most."""
