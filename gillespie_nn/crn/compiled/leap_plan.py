"""How tau-leaping treats the channels of a compiled network: the plans of `kernels.leap.leap_state`."""

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ...kernels.leap.leap_state import FAMILY, ORDER, SUMMAND, SUMMED, TERMS, WEIGHT, BlockPlan, LeapPlan, SlowPlan
from .blocks import PlainChannel, leap_blocks, table, uint
from .law_programs import starts

if TYPE_CHECKING:
    from .compile import Structure

_CROWD = 64
"""So many channels are worth to be treated as one."""
_KEPT = 8
"""Sums of so many terms are kept, rather than added up, where only weights change in them."""
_ORDER_OF_LAW = 3
"""What is taken as the order of a general law, which has none."""


def leap_plan(structure: "Structure", rates: np.ndarray, blockwise: bool) -> tuple[LeapPlan, BlockPlan | None]:
    """The plan for a `crn.compiled.compile.Structure` at rate constants float64[reaction], and that of its blocks, if
    any.

    With `blockwise`, channels are solved in blocks wherever loops of species are short enough; else all are explicit.
    """
    arrays = structure.arrays
    channels = _channels(structure)
    targets = structure.family_targets
    crowd, others, slow = _crowd(channels, targets)
    varies = set(np.flatnonzero(arrays["varies"]).tolist())
    kept = _kept(others, structure, slow, varies)
    felt = _felt(others, kept, structure)
    explicit, entries, block_plan = leap_blocks(others, structure, rates if blockwise else None, targets, varies)
    live, live_term = _live(channels, kept, structure)
    plan = LeapPlan(
        fires=uint([*explicit, *entries]),
        n_species=structure.n_species,
        n_explicit=len(explicit),
        first_family=structure.n_plain,
        channels=live,
        live_term=live_term,
        species=_orders(structure),
        watched=uint(sorted({s for c in others for s in c.changes} | (targets & felt))),
        slow=_slow_plan(structure, rates, felt, crowd, kept, slow) if targets or kept else None,
    )
    return plan, block_plan


def _slow_plan(
    structure: "Structure",
    rates: np.ndarray,
    felt: set[int],
    crowd: list[PlainChannel],
    kept: set[int],
    slow: frozenset[int],
) -> SlowPlan:
    summed, kept_rows = _kept_by_species(kept, slow, structure)
    reader_start, readers = _readers(kept, slow, structure)
    in_crowd = np.isin(np.arange(structure.n_state + 1), list(chain.from_iterable(c.reads for c in crowd)))
    return SlowPlan(
        families=_families(structure, rates, felt),
        species=table(WEIGHT, reader_start=reader_start, in_crowd=in_crowd),
        crowd=uint([c.terms[0] for c in crowd]),
        summed=summed,
        kept=kept_rows,
        readers=readers,
        kept_channel=uint(sorted({int(structure.readers.channel[t]) for t in kept})),
    )


def _crowd(
    channels: list[PlainChannel], targets: frozenset[int]
) -> tuple[list[PlainChannel], list[PlainChannel], frozenset[int]]:
    """The crowd, the other channels, and the species that families and the crowd alone change.

    Annihilation may wait, because the difference of the two does not; what takes one molecule, or makes any, may not.
    """
    crowd = [c for c in channels if len(c.terms) == 1 and c.plain and c.annihilates]
    while True:
        in_crowd = {c.number for c in crowd}
        others = [c for c in channels if c.number not in in_crowd]
        slow = targets - {s for c in others for s in c.changes}
        remaining = [c for c in crowd if slow >= c.reads]
        remaining = remaining if len(remaining) >= _CROWD else []
        if len(remaining) == len(crowd):
            return crowd, others, slow
        crowd = remaining


def _felt(channels: list[PlainChannel], kept: set[int], structure: "Structure") -> set[int]:
    """Species that `channels` read other than in sums that are kept: nothing would tell how much they change."""
    terms = set(chain.from_iterable(c.terms for c in channels)).difference(kept)
    return {s for t in terms for s in structure.reads[t]}.union(structure.watched_by_events)


def _kept(channels: list[PlainChannel], structure: "Structure", slow: frozenset[int], varies: set[int]) -> set[int]:
    """Terms whose sums are kept: many in one channel, of what weights alone change."""
    terms: set[int] = set()
    for c in channels:
        candidates = [
            t
            for t in c.terms
            if structure.terms[t].is_plain
            and max(structure.terms[t].multiplicity.values(), default=0) < 2  # a square is no sum over what changes
            and slow.issuperset(varies.intersection(structure.reads[t]))
        ]
        if len(candidates) >= _KEPT:
            terms.update(candidates)
    return terms


def _kept_by_species(kept: set[int], slow: frozenset[int], structure: "Structure") -> tuple[np.ndarray, np.ndarray]:
    """SUMMED[... + 1] and SUMMAND[...]: the kept terms by one of the two species that each reads, if possible no
    weight."""
    arrays = structure.arrays
    groups: dict[int, list[int]] = {}
    others: dict[int, int] = {}
    for t in sorted(kept):
        first, second = int(arrays["first"][t]), int(arrays["second"][t])
        species, others[t] = (second, first) if first in slow else (first, second)
        groups.setdefault(species, []).append(t)
    terms = list(chain.from_iterable(groups.values()))
    summed = table(SUMMED, species=[*groups, 0], start=starts(groups.values()))
    return summed, _summands(terms, [others[t] for t in terms], structure)


def _summands(terms: list[int], others: list[int], structure: "Structure") -> np.ndarray:
    return table(SUMMAND, term=terms, other=others, channel=structure.readers.channel[uint(terms)])


def _channels(structure: "Structure") -> list[PlainChannel]:
    term_start = structure.arrays["term_start"].tolist()
    channels = []
    for c in range(structure.n_plain):
        terms = range(term_start[c], term_start[c + 1])
        plain = all(structure.terms[t].is_plain for t in terms)
        changes = [(s, n) for s, n in structure.changes[c] if s < structure.n_species]  # pools are summed afresh
        channels.append(PlainChannel(c, terms, [structure.reads[t] for t in terms], changes, plain))
    return channels


def _readers(kept: set[int], slow: frozenset[int], structure: "Structure") -> tuple[np.ndarray, np.ndarray]:
    """Starts uint32[state + 1] and SUMMAND[...]: the kept terms by each species that varies in them."""
    terms: list[list[int]] = [[] for _ in range(structure.n_state)]
    others: list[list[int]] = [[] for _ in range(structure.n_state)]
    first, second = structure.arrays["first"], structure.arrays["second"]
    for t in sorted(kept):
        for s in slow.intersection(structure.reads[t]):
            terms[s].append(t)
            others[s].append(int(second[t] if first[t] == s else first[t]))
    flat = list(chain.from_iterable(terms))
    return starts(terms), _summands(flat, list(chain.from_iterable(others)), structure)


def _families(structure: "Structure", rates: np.ndarray, felt: set[int]) -> np.ndarray:
    """FAMILY[family + 1]."""
    families = structure.families(rates)
    rows = np.diff(families.pool_start.astype(np.int64))[families.pools[:, 0]]
    targets = np.split(families.species, families.member_start[1:-1])[: len(rows)]
    at_once = np.array([not felt.isdisjoint(species.tolist()) for species in targets], dtype=np.bool_)
    waits = ~families.pool_varies[families.pools[:, 1]] & ~at_once
    return table(
        FAMILY,
        row_start=np.concatenate([[0], np.cumsum(rows)]),
        waits=np.append(waits, False),
        felt=np.append(at_once, False),
    )


def _live(channels: list[PlainChannel], kept: set[int], structure: "Structure") -> tuple[np.ndarray, np.ndarray]:
    """TERMS[channel], and uint32[...], the terms of those of which they are not consecutive."""
    live: list[list[int]] = [[] for _ in range(structure.n_channels)]
    for c in channels:
        live[c.number] = [t for t in c.terms if t not in kept]
    plain = [all(structure.terms[t].is_plain for t in terms) and _consecutive(terms) for terms in live]
    listed = [[] if direct else terms for terms, direct in zip(live, plain)]
    place = starts(listed)
    start = [(terms[0] if terms else 0) if direct else k for terms, direct, k in zip(live, plain, place)]
    end = [first + len(terms) for first, terms in zip(start, live)]
    return table(TERMS, start=start, end=end, consecutive=plain), uint(list(chain.from_iterable(listed)))


def _consecutive(numbers: list[int]) -> bool:
    return not numbers or numbers == list(range(numbers[0], numbers[-1] + 1))


def _orders(structure: "Structure") -> np.ndarray:
    """ORDER[state]: the highest order of the reactions that read each species, and how many of it they then take; 1 of
    what only the condition of an event reads, so that the event happens about when it should."""
    best: dict[int, tuple[int, int]] = {}
    for t, reads in enumerate(structure.reads):
        term, multiplicity = structure.terms[t], structure.terms[t].multiplicity
        n = _ORDER_OF_LAW if term.is_law else max(1, len(term.factors))
        for s in reads:
            best[s] = max(best.get(s, (0, 0)), (min(n, 3), min(multiplicity.get(s, 1), 3)))
    for s in structure.watched_by_events:
        best.setdefault(s, (1, 1))
    orders = np.zeros(structure.n_state, dtype=ORDER)
    for s, row in best.items():
        orders[s] = row
    return orders
