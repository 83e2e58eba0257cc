"""What a leap treats in blocks, and what is explicit: the `BlockPlan` of `kernels.leap_state`."""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ..kernels.leap_state import BLOCK, ENTRY, LARGEST_BLOCK, SLOPE, BlockPlan
from .blocks import Action, blocks
from .programs import starts
from .terms import Term

if TYPE_CHECKING:
    from .compile import Structure

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
    found, explicit = ([], {c.number for c in channels}) if rates is None else _blocks(channels, structure, rates)
    left_out = _producers_first([c for c in channels if c.number in explicit])
    entries = _entries(found, [c for c in channels if c.number not in explicit])
    disturbed = _disturbed(found, entries, left_out, targets)
    flat = list(chain.from_iterable(entries))
    if not flat:
        return [c.number for c in left_out], [], None
    moves = [
        bool(b in disturbed or (c.reads & varies).difference(found[b])) for b, some in enumerate(entries) for c in some
    ]
    amounts, slopes = _within(found, entries, structure)
    numbers = [c.number for c in flat]
    annihilation = _pairs(found, entries, structure)
    plan = BlockPlan(
        blocks=table(
            BLOCK,
            species_start=starts(found),
            entry_start=starts(entries),
            dense_start=starts(amounts),
            annihilation=np.maximum(annihilation, 0),
            pair=annihilation >= 0,
        ),
        species=uint(list(chain.from_iterable(found))),
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
    found, left_out = blocks(actions, structure.n_state, LARGEST_BLOCK)
    return found, aside | {solved[k].number for k in left_out}


def _entries(found: list[list[int]], channels: list[PlainChannel]) -> list[list[PlainChannel]]:
    """The channels of each block: of the first whose species they change."""
    in_block = {s: b for b, members in enumerate(found) for s in members}
    entries: list[list[PlainChannel]] = [[] for _ in found]
    for c in channels:
        entries[min(in_block[s] for s in c.changes)].append(c)
    return [_producers_first(some) for some in entries]


def _pairs(found: list[list[int]], entries: list[list[PlainChannel]], structure: "Structure") -> np.ndarray:
    """For each block, the entry by which its two species annihilate if the block is a pair that may be fast, else -1;
    and -1 for the end. int64[block + 1].

    Besides annihilation a pair may have channels that make one of either species or both, and linear decays.
    """
    entry = np.full(len(found) + 1, -1)
    number = 0
    for b, (members, some) in enumerate(zip(found, entries)):
        kinds = [_kind(members, c, structure) for c in some]
        if None not in kinds and kinds.count((-1, -1)) == 1:
            entry[b] = number + kinds.index((-1, -1))
        number += len(some)
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


def _is_linear(term: Term) -> bool:
    """Whether a term is linear in each of the species that it reads."""
    return term.is_plain and max(term.multiplicity.values(), default=0) < 2


def _disturbed(
    found: list[list[int]], entries: list[list[PlainChannel]], explicit: list[PlainChannel], targets: frozenset[int]
) -> set[int]:
    """Blocks with a species that something else changes earlier in a step."""
    changed = set(targets) | {s for c in explicit for s in c.changes}
    disturbed: set[int] = set()
    for b, members in enumerate(found):
        if changed.intersection(members):
            disturbed.add(b)
        changed |= {s for c in entries[b] for s in c.changes}
    return disturbed


def _within(
    found: list[list[int]], entries: list[list[PlainChannel]], structure: "Structure"
) -> tuple[list[np.ndarray], list[list[Slope]]]:
    """What the channels of each block change in it, and for each channel how its propensity depends on the block."""
    amounts: list[np.ndarray] = []
    slopes: list[list[Slope]] = []
    for members, some in zip(found, entries):
        place = {s: k for k, s in enumerate(members)}
        width = max(2, len(members))
        rows = np.zeros((len(some), width))
        for row, c in zip(rows, some):
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
    for row, c, some in zip(rows, channels, moves):
        row["channel"], row["moves"], row["more"] = c.number, some, len(c.changes) > 2
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
