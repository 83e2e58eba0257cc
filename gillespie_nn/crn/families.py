"""Finding product families: reactions u + v -> u + v + w, one for each pair of a row u and a column v.

Only the reactions are looked at, so a training network read from SBML has the same families as one compiled here.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .network import ReactionNetwork

Change = tuple[tuple[int, int], ...]
"""Net change of a reaction: ((species, amount), ...), by number."""

_MOST_SHARED = 4
"""Net changes that more reactions share are left alone: lumped into one channel they are cheaper still."""
_WORTHWHILE = 4
"""A family must have so many times more members than rows and columns."""


class ProductFamily(NamedTuple):
    """Reaction reactions[i * len(columns) + j] has the catalysts rows[i] and columns[j]; numbers all. Of catalysts that
    no reaction changes and those that some do, the former are the columns."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    reactions: tuple[int, ...]


def product_families(
    network: "ReactionNetwork", changes: Sequence[Change], worthwhile: int = _WORTHWHILE
) -> tuple[ProductFamily, ...]:
    """Families of a network whose reactions have the net changes `changes`."""
    partners = _partners(network, changes)
    varies = {s for change in changes for s, _ in change}
    classes: dict[frozenset[int], list[int]] = {}
    for a, found in partners.items():
        classes.setdefault(frozenset(found), []).append(a)
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


def _partners(network: "ReactionNetwork", changes: Sequence[Change]) -> dict[int, dict[int, int]]:
    """For each species the partners it catalyses single changes with: {species: {partner: reaction}}."""
    shared = Counter(changes)
    partners: dict[int, dict[int, int]] = {}
    for r, (reaction, change) in enumerate(zip(network.reactions, changes)):
        if len(change) != 1 or len(reaction.reactants) != 2 or shared[change] > _MOST_SHARED:
            continue
        if reaction.threshold is not None or reaction.law is not None or any(n != 1 for _, n in reaction.reactants):
            continue
        a, b = (network.index[s] for s, _ in reaction.reactants)
        if change[0][0] in (a, b) or b in partners.get(a, ()):
            continue
        partners.setdefault(a, {})[b] = r
        partners.setdefault(b, {})[a] = r
    return partners
