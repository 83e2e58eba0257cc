"""Blocks of species that act on each other, in the order in which they act: for methods that solve block by block.

Species a acts on species b when a channel that changes b reads a. What acts on itself through a loop is one block; a
training network, whose loop closes only through the slow weight updates, falls into the pairs of rails of its neurons.
"""

from collections import Counter
from itertools import chain
from typing import NamedTuple

import numpy as np


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
