"""Terms of propensities, and product families of reactions.

Terms of propensities: the factors of a reaction, and the arrays of all.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...kernels.codes import FALLING, LAW, RAMP, STEP
from ..reaction import Reaction
from .law_programs import LawProgram

_KIND = {"step": STEP, "ramp": RAMP}


class Factor(NamedTuple):
    """n[species] - offset."""

    species: int
    offset: int = 0


class Extra(NamedTuple):
    """A factor of another kind (`kernels.codes`): species `a` and `b` of a threshold, or program `a` of a law."""

    kind: int
    a: int
    b: int


class RateTerm(NamedTuple):
    """A product that, times a coefficient, is one reaction's part of a propensity."""

    factors: tuple[Factor, ...] = ()
    extra: tuple[Extra, ...] = ()

    @property
    def program(self) -> int | None:
        """The number of the general law that this term is, or None."""
        return self.extra[0].a if self.extra and self.extra[0].kind == LAW else None

    @property
    def is_law(self) -> bool:
        """Whether it is a general law."""
        return self.program is not None

    @property
    def is_plain(self) -> bool:
        """Whether it is at most two counts."""
        return len(self.factors) <= 2 and not self.extra

    @property
    def multiplicity(self) -> Counter[int]:
        """How many of each species it takes; empty for a general law."""
        return Counter([s for s, _ in self.factors])

    def reads(self, laws: Sequence[LawProgram]) -> list[int]:
        """The species that it reads, in order."""
        if not self.extra:
            return sorted({s for s, _ in self.factors})
        if self.program is not None:
            return list(laws[self.program].species)
        return sorted({f.species for f in self.factors} | {s for e in self.extra for s in (e.a, e.b)})


def term_of(reaction: Reaction, index: Mapping[str, int], program: int | None) -> RateTerm:
    """The term of a reaction, whose general law, if it has one, is program number `program`."""
    if program is not None:
        return RateTerm((), (Extra(LAW, program, 0),))
    factors = tuple(Factor(index[s], k) for s, n in reaction.reactants for k in range(n))
    if reaction.threshold is None:
        return RateTerm(factors)
    kind, above, below = reaction.threshold
    return RateTerm(factors, (Extra(_KIND[kind], index[above], index[below]),))


def term_arrays(terms: Sequence[RateTerm], one: int) -> dict[str, np.ndarray]:
    """Two plain factors a term, padded by the constant 1, and extra factors: also the plain ones beyond two."""
    first, second, offset, counts = [], [], [], []
    extra: list[tuple[int, int, int]] = []
    for factors, more in terms:
        # The second factor may carry an offset, the first not: a leading (s, 0) always exists.
        first.append(factors[0].species if factors else one)
        second.append(factors[1].species if len(factors) > 1 else one)
        offset.append(factors[1].offset if len(factors) > 1 else 0)
        before = len(extra)
        extra += [(FALLING, s, k) for s, k in factors[2:]]
        extra += more
        counts.append(len(extra) - before)
    table = np.array(extra, dtype=np.uint32).reshape(-1, 3)
    return {
        "first": np.array(first, dtype=np.uint32),
        "second": np.array(second, dtype=np.uint32),
        "second_offset": np.array(offset, dtype=np.float64),
        "extra_start": np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32),
        "extra_kind": table[:, 0].copy(),
        "extra_a": table[:, 1].copy(),
        "extra_b": table[:, 2].copy(),
    }


# Finding product families: reactions u + v -> u + v + w, one for each pair of a row u and a column v.
#
# Only the reactions decide, so a training network read from SBML has the same families as one compiled here.
#
# In a batch the reactions of every sample change the same weight, and inputs of neurons have many reactions with one
# net change, too. Both could be families, but not both at once: catalysts of a family must not be changed by another.
# The changes of slow species are chosen: lumped into one channel per weight, their propensities would follow every
# change of a fast catalyst, and they seldom fire.

if TYPE_CHECKING:
    from ..network import ReactionNetwork

Change = tuple[tuple[int, int], ...]
"""Net change of a reaction: ((species, amount), ...), by number."""

_MOST_SHARED = 4
"""Net changes that more reactions share are left alone, unless the species is slow: lumped into one channel they are
cheaper still."""
_WORTHWHILE = 4
"""A family must have so many times more members than rows and columns."""


class ProductFamily(NamedTuple):
    """Reaction reactions[i * len(columns) + j] has the catalysts rows[i] and columns[j]; numbers all. If no
    reaction changes the catalysts of one side, these are the columns."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    reactions: tuple[int, ...]


def product_families(
    network: "ReactionNetwork", changes: Sequence[Change], worthwhile: int = _WORTHWHILE
) -> tuple[ProductFamily, ...]:
    """Families of a network whose reactions have the net changes `changes`."""
    shared = Counter(changes)
    decay = _decay_rates(network, changes)
    pairs = [(r, pair) for r in range(len(changes)) if (pair := _catalysts(network, changes, r)) is not None]
    few = [(r, pair) for r, pair in pairs if shared[changes[r]] <= _MOST_SHARED]
    slow: dict[float, list[tuple[int, tuple[int, int]]]] = {}
    for r, (a, b) in pairs:
        target = decay.get(changes[r][0][0], 0.0)
        if shared[changes[r]] > _MOST_SHARED and target < max(decay.get(a, 0.0), decay.get(b, 0.0)):
            slow.setdefault(target, []).append((r, (a, b)))
    varies = {s for change in changes for s, _ in change}
    families: list[ProductFamily] = []
    pooled: set[int] = set()
    changed: set[int] = set()
    for candidates in (few, *(slow[rate] for rate in sorted(slow))):
        for family in _families_of(candidates, changes, varies, worthwhile):
            pool, targets = {*family.rows, *family.columns}, {changes[r][0][0] for r in family.reactions}
            if pooled.isdisjoint(targets) and changed.isdisjoint(pool):
                families.append(family)
                pooled |= pool
                changed |= targets
    return tuple(families)


def _families_of(
    candidates: Sequence[tuple[int, tuple[int, int]]], changes: Sequence[Change], varies: set[int], worthwhile: int
) -> tuple[ProductFamily, ...]:
    """Families of the reactions `candidates`, pairs of their number and their catalysts."""
    partners: dict[int, dict[int, int]] = {}
    for r, (a, b) in candidates:
        if b not in partners.get(a, ()):
            partners.setdefault(a, {})[b] = r
            partners.setdefault(b, {})[a] = r
    classes: dict[frozenset[int], list[int]] = {}
    for a, others in partners.items():
        classes.setdefault(frozenset(others), []).append(a)
    families: list[ProductFamily] = []
    used: set[int] = set()
    for columns, rows in sorted(classes.items(), key=lambda item: (-len(item[0]) * len(item[1]), item[1])):
        if len(rows) * len(columns) < worthwhile * (len(rows) + len(columns)) or columns.intersection(rows):
            continue
        first, second = rows, sorted(columns)
        if varies.isdisjoint(first) and not varies.isdisjoint(second):
            first, second = second, first
        reactions = [partners[a][b] for a in first for b in second]
        targets = {changes[r][0][0] for r in reactions}
        if used.intersection(reactions) or targets.intersection(first) or targets.intersection(second):
            continue
        families.append(ProductFamily(tuple(first), tuple(second), tuple(reactions)))
        used.update(reactions)
    pooled = {s for family in families for s in (*family.rows, *family.columns)}
    return tuple(f for f in families if pooled.isdisjoint(changes[r][0][0] for r in f.reactions))


def _decay_rates(network: "ReactionNetwork", changes: Sequence[Change]) -> dict[int, float]:
    """The largest rate constant at which each species decays by itself, of those that do."""
    rates: dict[int, float] = {}
    for reaction, change in zip(network.reactions, changes):
        if reaction.law is not None or reaction.threshold is not None or len(change) != 1 or change[0][1] != -1:
            continue
        if len(reaction.reactants) == 1 and reaction.order == 1:
            rates[change[0][0]] = max(rates.get(change[0][0], 0.0), reaction.rate)
    return rates


def _catalysts(network: "ReactionNetwork", changes: Sequence[Change], r: int) -> tuple[int, int] | None:
    """The two species that catalyse reaction r, which changes a third one; None for another reaction."""
    reaction, change = network.reactions[r], changes[r]
    if len(change) != 1 or len(reaction.reactants) != 2:
        return None
    if reaction.threshold is not None or reaction.law is not None or any(n != 1 for _, n in reaction.reactants):
        return None
    a, b = (network.index[s] for s, _ in reaction.reactants)
    return None if change[0][0] in (a, b) else (a, b)
