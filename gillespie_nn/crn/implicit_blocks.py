"""Which species implicit steps solve together, and in which order: the `ImplicitPlan` of `kernels.implicit_steps`."""

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..kernels.implicit_steps import BLOCK, GENERAL, ITEM, LINEAR, MADE, ONE, RAILS, ImplicitPlan
from .blocks import Action, blocks
from .leap_blocks import table, uint
from .programs import starts

if TYPE_CHECKING:
    from .compile import Structure

_LARGEST = 8
"""Loops of catalysts of so many species are solved together; longer ones are cut where rate constants are smallest."""


class _Channel:
    """A channel, its terms, the species that it reads and changes, and those that it consumes."""

    def __init__(self, structure: "Structure", number: int) -> None:
        start, end = structure.arrays["term_start"][number : number + 2].tolist()
        self.terms = range(start, end)
        self.changes = {s: n for s, n in structure.changes[number] if n}
        self.consumed = frozenset(s for s, n in self.changes.items() if n < 0)
        self.catalysts = frozenset(chain.from_iterable(structure.reads[t] for t in self.terms)) - self.consumed


class _Item(NamedTuple):
    """A term of a channel in the block where the channel is solved."""

    term: int
    known: list[int]
    places: list[int]
    channel: _Channel


def implicit_plan(structure: "Structure", rates: np.ndarray) -> ImplicitPlan:
    """The plan for a structure of lumped mass-action channels of at most second order, with or without thresholds, at
    rate constants float64[reaction]."""
    channels = [c for c in (_Channel(structure, k) for k in range(structure.n_channels)) if c.changes]
    members = _members(channels, structure, rates)
    block_of = {s: b for b, some in enumerate(members) for s in some}
    items: list[list[_Item]] = [[] for _ in members]
    for c in channels:
        b = min(block_of[s] for s in c.consumed or c.changes)
        items[b] += [_item(structure, t, members[b], c) for t in c.terms]
    kinds = [_kind(some, these) for some, these in zip(members, items)]
    dense = [
        [float(i.channel.changes.get(s, 0)) for i in these for s in some] if kind == GENERAL else []
        for some, these, kind in zip(members, items, kinds)
    ]
    flat = list(chain.from_iterable(items))
    made: list[list[tuple[int, int, int]]] = [[] for _ in members]
    number = 0
    for b, these in enumerate(items):
        for i in these:
            made[b] += [(n, s, number) for s, n in i.channel.changes.items() if block_of[s] != b]
            number += 1
    all_made = list(chain.from_iterable(made))
    return ImplicitPlan(
        blocks=table(
            BLOCK,
            kind=[*kinds, ONE],
            species_start=starts(members),
            item_start=starts(items),
            dense_start=starts(dense),
            made_start=starts(made),
        ),
        species=uint(list(chain.from_iterable(members))),
        items=_rows(flat, members, block_of, structure.n_species),
        amount=np.array(list(chain.from_iterable(dense)), dtype=np.float64),
        made=table(
            MADE, **{name: [row[k] for row in all_made] for k, name in enumerate(("amount", "species", "item"))}
        ),
    )


def _members(channels: list[_Channel], structure: "Structure", rates: np.ndarray) -> list[list[int]]:
    """The species of each block, in the order of solution.

    What a channel consumes acts on all that it changes, which is never left out: so consumed species are in one block,
    and made ones not before it. Catalysts act, too, unless a loop of them is too long.
    """
    transfers = [Action(c.consumed, frozenset(c.changes), np.inf) for c in channels if c.consumed]
    catalysis = [
        Action(c.catalysts, frozenset(c.changes), max(rates[structure.term_reaction[t]] for t in c.terms))
        for c in channels
    ]
    least = max(map(len, blocks(transfers, structure.n_state, structure.n_state)[0]), default=1)
    return blocks([*transfers, *catalysis], structure.n_state, max(_LARGEST, least))[0]


def _item(structure: "Structure", t: int, members: list[int], channel: _Channel) -> _Item:
    factors = [factor.species for factor in structure.terms[t].factors]
    known = [s for s in factors if s not in members]
    return _Item(t, known, [members.index(s) for s in factors if s in members], channel)


def _kind(members: list[int], items: list[_Item]) -> int:
    """The way in which a block is solved."""
    amounts = [[i.channel.changes.get(s, 0) for s in members] for i in items]
    square = [a for a, i in zip(amounts, items) if len(i.places) == 2]
    if len(members) == 1:
        return ONE if all(n <= 0 for (n,) in square) else GENERAL
    if len(members) > 2:
        return GENERAL
    if not square:
        return LINEAR
    annihilate = all(sorted(i.places) == [0, 1] and a == [-1, -1] for a, i in zip(amounts, items) if len(i.places) == 2)
    alone = all(a[1 - i.places[0]] == 0 for a, i in zip(amounts, items) if len(i.places) == 1)
    return RAILS if annihilate and alone else GENERAL


def _rows(items: list[_Item], members: list[list[int]], block_of: dict[int, int], one: int) -> np.ndarray:
    """ITEM[...]; `one` is the place of the constant 1 in the state."""
    rows = np.zeros(len(items), dtype=ITEM)
    for row, (t, known, places, channel) in zip(rows, items):
        some = members[min(block_of[s] for s in channel.consumed or channel.changes)]
        amounts = [channel.changes.get(s, 0) for s in some]
        row["amount"], row["other_amount"] = (*amounts, 0)[:2]
        row["term"], row["degree"] = t, len(places)
        row["known"], row["other_known"] = (*known, one, one)[:2]
        row["place"], row["other_place"] = (*places, 0, 0)[:2]
    return rows
