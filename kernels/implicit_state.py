"""What implicit steps keep, see `implicit_steps`: the plan, made once from the compiled network, and the state."""

from typing import NamedTuple

import numpy as np

from .codes import STEP
from .jit import inlined
from .records import record_type

ONE, RAILS, LINEAR, GENERAL = 0, 1, 2, 3
"""Kinds of blocks: one species; two that annihilate each other; two with linear kinetics; all others."""
MOST_PARTS = 2**20
"""A step is divided into no more parts than these."""

BLOCK = record_type(
    kind=np.int64,
    species_start=np.uint32,  # into `ImplicitPlan.species`
    item_start=np.uint32,  # into `ImplicitPlan.items`
    dense_start=np.uint32,  # into `ImplicitPlan.amount`, of a GENERAL block: a row for each item
    made_start=np.uint32,  # into `ImplicitPlan.made`
)
ITEM = record_type(
    amount=np.float64,  # change of the first species of the block by a firing of the item's channel
    other_amount=np.float64,  # that of the second
    term=np.uint32,
    known=np.uint32,  # a factor from outside of the block, or the constant 1
    other_known=np.uint32,
    degree=np.uint32,  # number of factors of the block: 0, 1 or 2
    place=np.uint32,  # the first of them in the block
    other_place=np.uint32,  # the second
)
MADE = record_type(
    amount=np.float64,  # change of a species outside of the block by a firing of the item's channel
    species=np.uint32,
    item=np.uint32,
)


class ImplicitPlan(NamedTuple):
    """The blocks in the order in which they are solved. Ranges are given by their starts."""

    blocks: np.ndarray  # BLOCK[block + 1]
    species: np.ndarray  # uint32[...]
    items: np.ndarray  # ITEM[...]: a term of a channel in its block
    amount: np.ndarray  # float64[...]
    made: np.ndarray  # MADE[...]


class ImplicitState(NamedTuple):
    x: np.ndarray  # float64[species + 1] [molecules], the last always 1
    coefficient: np.ndarray  # float64[item]: those of the terms, put side by side at the start of a call
    value: np.ndarray  # float64[item]: what is known of a term
    before: np.ndarray  # float64[largest block]: values at the start of a part of a step
    matrix: np.ndarray  # float64[largest block, largest block + 1]
    clock: np.ndarray  # float64[CLOCK_SIZE]
    tally: np.ndarray  # int64[TALLY_SIZE]
    divided: np.ndarray  # int64[1]: solutions of blocks that took several parts


@inlined
def known(channels, plan, state, j):
    """What is known of the term of item j [1/s, or per molecules of the block]: its coefficient, and the factors from
    outside of the block."""
    item, x = plan.items[j], state.x
    value = state.coefficient[j] * (x[item.known] * x[item.other_known])
    if channels.extras.size:
        for e in range(channels.terms[item.term].extra_start, channels.terms[item.term + 1].extra_start):
            a = channels.extras[e].a
            b = channels.extras[e].b
            if channels.extras[e].kind == STEP:
                if not x[a] > x[b]:
                    value = 0.0
            else:  # RAMP
                value *= max(x[a] - x[b], 0.0)
    return value


@inlined
def make(plan, state, b, part):
    """Add to other blocks what the channels of block b make there in a part of a step [s]."""
    x = state.x
    start = plan.blocks[b].species_start
    for k in range(plan.blocks[b].made_start, plan.blocks[b + 1].made_start):
        j = plan.made[k].item
        flux = part * state.value[j]
        if plan.items[j].degree > 0:
            flux *= x[plan.species[start + plan.items[j].place]]
        if plan.items[j].degree > 1:
            flux *= x[plan.species[start + plan.items[j].other_place]]
        x[plan.made[k].species] += plan.made[k].amount * flux
