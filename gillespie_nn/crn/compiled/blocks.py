"""Blocks of species that leaps and implicit steps solve together.

Blocks of species that act on each other, in the order in which they act: for methods that solve block by block.

Species a acts on species b when a channel that changes b reads a. What acts on itself through a loop is one block; a
training network, whose loop closes only through the slow weight updates, falls into the pairs of rails of its neurons.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...kernels.leap.implicit import GENERAL, IMPLICIT_BLOCK, ITEM, LINEAR, MADE, ONE, RAILS, ImplicitPlan
from ...kernels.leap.leap_state import BLOCK, ENTRY, LARGEST_BLOCK, SLOPE, BlockPlan
from .law_programs import starts
from .terms import RateTerm

if TYPE_CHECKING:
    from .compile import Structure


class Action(NamedTuple):
    """A channel: the species that it reads and changes, and its largest rate constant."""

    reads: frozenset[int]
    changes: frozenset[int]
    rate: float


def blocks(actions: list[Action], n_species: int, largest: int) -> tuple[list[list[int]], set[int]]:
    """Blocks of at most `largest` species, each after all that act on it, and the numbers of the actions left out.

    Where a loop is longer, the actions in it with the smallest rate constant are left out, until what remains is
    short enough: to be treated as if what they read stood still during a step.
    """
    left_out: set[int] = set()
    while True:
        kept = [k for k in range(len(actions)) if k not in left_out]
        label = _components(actions, kept, n_species)
        size = np.bincount(label, minlength=n_species)
        long = [k for k in kept if any(size[label[a]] > largest for a in _inside(actions[k], label))]
        if not long:
            changed = {s for k in kept for s in actions[k].changes}
            return _ordered(actions, kept, label, changed), left_out
        least = min(actions[k].rate for k in long)
        left_out.update(k for k in long if actions[k].rate == least)


def _inside(action: Action, label: np.ndarray) -> list[int]:
    """Species that the action reads, and whose component it changes."""
    changed = {label[s] for s in action.changes}
    return [s for s in action.reads if label[s] in changed]


def _components(actions: list[Action], kept: list[int], n_species: int) -> np.ndarray:
    from scipy.sparse import coo_array  # half of the time to import the package, and wanted by leaps alone
    from scipy.sparse.csgraph import connected_components

    pairs = {(a, b) for k in kept for a in actions[k].reads for b in actions[k].changes}
    row, column = np.array(list(pairs), dtype=np.int32).reshape(-1, 2).T
    graph = coo_array((np.ones(len(row), dtype=np.int8), (row, column)), shape=(n_species, n_species))
    return connected_components(graph, directed=True, connection="strong")[1]


def _ordered(actions: list[Action], kept: list[int], label: np.ndarray, changed: set[int]) -> list[list[int]]:
    """The components of changed species, what acts before what it acts on."""
    members: dict[int, list[int]] = {}
    for s in sorted(changed):
        members.setdefault(label[s], []).append(s)
    acts_on: dict[int, set[int]] = {c: set() for c in members}
    for k in kept:
        for a in actions[k].reads & changed:
            acts_on[label[a]].update(label[b] for b in actions[k].changes if label[b] != label[a])
    waiting = {c: 0 for c in members}
    for targets in acts_on.values():
        for c in targets:
            waiting[c] += 1
    channels = Counter(label[s] for k in kept for s in actions[k].changes)
    ready = [c for c in members if not waiting[c]]
    order: list[list[int]] = []
    while ready:  # those alike together: the branches of what solves them are predicted better
        ready.sort(key=lambda c: (len(members[c]), channels[c], members[c]))
        order += [members[c] for c in ready]
        released = []
        for target in chain.from_iterable(acts_on[c] for c in ready):
            waiting[target] -= 1
            if not waiting[target]:
                released.append(target)
        ready = released
    return order


# What a leap treats in blocks, and what is explicit: the `BlockPlan` of `kernels.leap.leap_state`.

Slope = tuple[float, int, int, int, int, bool]
"""A row of SLOPE: (offset, other, term, species, place, plain)."""


class PlainChannel:
    """A channel that is no product family, as sets of species."""

    def __init__(self, number: int, terms: range, reads: list[list[int]], changes: list[tuple[int, int]], plain: bool):
        self.number, self.terms, self.changes, self.plain = number, terms, dict(changes), plain
        self.reads = frozenset(chain.from_iterable(reads))
        self.produces_only = all(n > 0 for _, n in changes)
        self.annihilates = len(self.reads) == 2 and self.changes == dict.fromkeys(self.reads, -1)


def leap_blocks(
    channels: list[PlainChannel],
    structure: "Structure",
    rates: np.ndarray | None,
    targets: frozenset[int],
    varies: set[int],
) -> tuple[list[int], list[int], BlockPlan | None]:
    """The explicit channels, those of the blocks, and the plan of the blocks if there are any.

    `channels` are the plain ones outside the crowd; `rates` the rate constants float64[reaction], or None: all channels
    are then explicit. `targets` are the species that families change, `varies` all that any reaction changes.
    """
    groups, explicit = ([], {c.number for c in channels}) if rates is None else _blocks(channels, structure, rates)
    left_out = _producers_first([c for c in channels if c.number in explicit])
    entries = _entries(groups, [c for c in channels if c.number not in explicit])
    disturbed = _disturbed(groups, entries, left_out, targets)
    flat = list(chain.from_iterable(entries))
    if not flat:
        return [c.number for c in left_out], [], None
    moves = [
        bool(b in disturbed or (c.reads & varies).difference(groups[b]))
        for b, members in enumerate(entries)
        for c in members
    ]
    amounts, slopes = _within(groups, entries, structure)
    numbers = [c.number for c in flat]
    annihilation = _pairs(groups, entries, structure)
    plan = BlockPlan(
        blocks=table(
            BLOCK,
            species_start=starts(groups),
            entry_start=starts(entries),
            dense_start=starts(amounts),
            annihilation=np.maximum(annihilation, 0),
            pair=annihilation >= 0,
        ),
        species=uint(list(chain.from_iterable(groups))),
        entries=_entry_rows(flat, moves, starts(slopes), structure.n_state),
        slopes=np.array(list(chain.from_iterable(slopes)), dtype=SLOPE),
        amount=np.concatenate(amounts),
    )
    return [c.number for c in left_out], numbers, plan


def _blocks(
    channels: list[PlainChannel], structure: "Structure", rates: np.ndarray
) -> tuple[list[list[int]], set[int]]:
    """The blocks, and the numbers of the channels that are explicit: general laws, what changes nothing, and what
    closes too long a loop."""
    aside = {c.number for c in channels if not c.changes or any(structure.terms[t].is_law for t in c.terms)}
    solved = [c for c in channels if c.number not in aside]
    largest = [max(rates[structure.term_reaction[t]] for t in c.terms) for c in solved]
    actions = [Action(c.reads, frozenset(s for s in c.changes), rate) for c, rate in zip(solved, largest)]
    solved_blocks, left_out = blocks(actions, structure.n_state, LARGEST_BLOCK)
    return solved_blocks, aside | {solved[k].number for k in left_out}


def _entries(blocks: list[list[int]], channels: list[PlainChannel]) -> list[list[PlainChannel]]:
    """The channels of each block: of the first whose species they change."""
    in_block = {s: b for b, members in enumerate(blocks) for s in members}
    entries: list[list[PlainChannel]] = [[] for _ in blocks]
    for c in channels:
        entries[min(in_block[s] for s in c.changes)].append(c)
    return [_producers_first(entry) for entry in entries]


def _pairs(blocks: list[list[int]], entries: list[list[PlainChannel]], structure: "Structure") -> np.ndarray:
    """For each block, the entry by which its two species annihilate if the block is a pair that may be fast, else -1;
    and -1 for the end. int64[block + 1].

    Besides annihilation a pair may have channels that make one of either species or both, and linear decays.
    """
    entry = np.full(len(blocks) + 1, -1)
    number = 0
    for b, (members, channels) in enumerate(zip(blocks, entries)):
        kinds = [_kind(members, c, structure) for c in channels]
        if None not in kinds and kinds.count((-1, -1)) == 1:
            entry[b] = number + kinds.index((-1, -1))
        number += len(channels)
    return entry


def _kind(members: list[int], c: PlainChannel, structure: "Structure") -> tuple[int, ...] | None:
    """What channel c changes of a pair of species, or None where no pair has such a channel."""
    if len(members) != 2 or len(c.changes) > 2:
        return None
    change = tuple(c.changes.get(s, 0) for s in members)
    takes = {s for s, n in zip(members, change) if n < 0}
    # What is made reads nothing of the pair, and what is taken only itself, each once.
    if any(takes != set(members).intersection(structure.reads[t]) for t in c.terms):
        return None
    if takes and not all(_is_linear(structure.terms[t]) for t in c.terms):
        return None
    if change == (-1, -1):
        return change if len(c.terms) == 1 and c.annihilates else None
    return change if change in {(1, 0), (0, 1), (1, 1), (-1, 0), (0, -1)} else None


def _is_linear(term: RateTerm) -> bool:
    """Whether a term is linear in each of the species that it reads."""
    return term.is_plain and max(term.multiplicity.values(), default=0) < 2


def _disturbed(
    blocks: list[list[int]], entries: list[list[PlainChannel]], explicit: list[PlainChannel], targets: frozenset[int]
) -> set[int]:
    """Blocks with a species that something else changes earlier in a step."""
    changed = set(targets) | {s for c in explicit for s in c.changes}
    disturbed: set[int] = set()
    for b, members in enumerate(blocks):
        if changed.intersection(members):
            disturbed.add(b)
        changed |= {s for c in entries[b] for s in c.changes}
    return disturbed


def _within(
    blocks: list[list[int]], entries: list[list[PlainChannel]], structure: "Structure"
) -> tuple[list[np.ndarray], list[list[Slope]]]:
    """What the channels of each block change in it, and for each channel how its propensity depends on the block."""
    amounts: list[np.ndarray] = []
    slopes: list[list[Slope]] = []
    for members, channels in zip(blocks, entries):
        place = {s: k for k, s in enumerate(members)}
        width = max(2, len(members))
        rows = np.zeros((len(channels), width))
        for row, c in zip(rows, channels):
            for s, n in c.changes.items():
                if s in place:
                    row[place[s]] = n
            slopes.append([slope for t in c.terms for slope in _slopes(t, place, structure)])
        amounts.append(rows.ravel())
    return amounts, slopes


def _slopes(t: int, place: dict[int, int], structure: "Structure") -> list[Slope]:
    """For each species of the block that term t reads; two of a square."""
    if not structure.terms[t].is_plain:
        return [(0.0, s, t, s, place[s], False) for s in sorted(place.keys() & structure.reads[t])]
    first, second = int(structure.arrays["first"][t]), int(structure.arrays["second"][t])
    by_first = (first, second, float(structure.arrays["second_offset"][t]))
    return [
        (offset, other, t, s, place[s], True) for s, other, offset in (by_first, (second, first, 0.0)) if s in place
    ]


def _entry_rows(
    channels: list[PlainChannel], moves: Sequence[bool], slope_start: np.ndarray, n_state: int
) -> np.ndarray:
    """ENTRY[entry + 1]."""
    rows = np.zeros(len(channels) + 1, dtype=ENTRY)
    rows["slope_start"] = slope_start
    rows["first_species"] = rows["second_species"] = n_state - 1
    for row, c, moved in zip(rows, channels, moves):
        row["channel"], row["moves"], row["more"] = c.number, moved, len(c.changes) > 2
        for which, (s, n) in zip(("first", "second"), c.changes.items()):
            row[f"{which}_species"], row[f"{which}_amount"] = s, n
    return rows


def _producers_first(channels: list[PlainChannel]) -> list[PlainChannel]:
    return sorted(channels, key=lambda c: (not c.produces_only, c.number))


def uint(values: Sequence[int]) -> np.ndarray:
    return np.array(values, dtype=np.uint32)


def table(row: np.dtype, **columns: Any) -> np.ndarray:
    """An array of rows of a structured dtype, from all of its columns."""
    rows = np.zeros(len(next(iter(columns.values()))), dtype=row)
    for name in row.names or ():
        rows[name] = columns[name]
    return rows


# Which species implicit steps solve together, and in which order: the `ImplicitPlan` of `kernels.leap.implicit`.

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
    block_of = {s: b for b, block in enumerate(members) for s in block}
    items: list[list[_Item]] = [[] for _ in members]
    for c in channels:
        b = min(block_of[s] for s in c.consumed or c.changes)
        items[b] += [_item(structure, t, members[b], c) for t in c.terms]
    kinds = [_implicit_kind(block, block_items) for block, block_items in zip(members, items)]
    dense = [
        [float(i.channel.changes.get(s, 0)) for i in block_items for s in block] if kind == GENERAL else []
        for block, block_items, kind in zip(members, items, kinds)
    ]
    flat = list(chain.from_iterable(items))
    made: list[list[tuple[int, int, int]]] = [[] for _ in members]
    number = 0
    for b, block_items in enumerate(items):
        for i in block_items:
            made[b] += [(n, s, number) for s, n in i.channel.changes.items() if block_of[s] != b]
            number += 1
    all_made = list(chain.from_iterable(made))
    return ImplicitPlan(
        blocks=table(
            IMPLICIT_BLOCK,
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


def _implicit_kind(members: list[int], items: list[_Item]) -> int:
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
        block = members[min(block_of[s] for s in channel.consumed or channel.changes)]
        amounts = [channel.changes.get(s, 0) for s in block]
        row["amount"], row["other_amount"] = (*amounts, 0)[:2]
        row["term"], row["degree"] = t, len(places)
        row["known"], row["other_known"] = (*known, one, one)[:2]
        row["place"], row["other_place"] = (*places, 0, 0)[:2]
    return rows
