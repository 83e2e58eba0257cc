"""Conservation laws: an integer basis of the left null space of the stoichiometry, in exact arithmetic."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

    from .network import ReactionNetwork

Column = tuple[tuple[int, int], ...]
"""(species, amount) of what a reaction changes."""


Law = dict[int, int]
"""Coefficient of each species that has one, modulo 2**64 as int64."""


def laws(stoichiometry: "csc_array") -> "csr_array":
    """Integer basis, sparse int64[law, species], of all w with w @ stoichiometry = 0, see `basis`."""
    from scipy.sparse import csc_array

    return sparse(basis(_columns(csc_array(stoichiometry)), stoichiometry.shape[0]), stoichiometry.shape[0])


def basis(columns: Iterable[Column], n_species: int) -> list[Law]:
    """Integer basis of all w with w @ column = 0 for each of the `columns`.

    Rows have no common factor; coefficients beyond int64 are given modulo 2**64.

    Training networks have thousands of species and almost no laws. A species that is the only one changed by a reaction
    has weight 0 in every law, and removing it may leave another alone, so most of the matrix goes before the
    elimination starts.
    """
    columns = sorted(set(columns))
    zero = _alone(columns, n_species)
    free = [s for s in range(n_species) if s not in zero]
    position = {s: k for k, s in enumerate(free)}
    reduced = {tuple(sorted((position[s], n) for s, n in column if s in position)) for column in columns}
    null_space = _left_null_space(sorted(r for r in reduced if r), len(free))
    return [{free[s]: _wrapped(n) for s, n in row.items()} for row in null_space]


def sparse(rows: list[Law], n_species: int) -> "csr_array":
    """The laws as sparse int64[law, species]."""
    from scipy.sparse import csr_array

    entries = [(k, s, n) for k, row in enumerate(rows) for s, n in row.items()]
    numbers, places, values = np.array(entries, dtype=np.int64).reshape(-1, 3).T
    return csr_array((values, (numbers, places)), shape=(len(rows), n_species))


def dense(rows: list[Law], n_species: int) -> np.ndarray:
    """The laws as int64[law, species]."""
    matrix = np.zeros((len(rows), n_species), dtype=np.int64)
    for k, row in enumerate(rows):
        matrix[k, list(row)] = list(row.values())
    return matrix


def _wrapped(n: int) -> int:
    """n modulo 2**64 as an int64: sums that wrap around are equal all the same."""
    return (n + 2**63) % 2**64 - 2**63


def describe(network: "ReactionNetwork") -> list[str]:
    """The laws of `network` as text, e.g. `A + 2 B = 12`, with the value in its initial state."""
    amounts = network.amounts()
    sentences = []
    for law in network.conservation_laws.toarray():
        terms = [f"{'' if abs(n) == 1 else f'{abs(n)} '}{network.species[s]}" for s, n in _nonzero(law)]
        signs = ["-" if n < 0 else "+" for _, n in _nonzero(law)]
        text = terms[0] if signs[0] == "+" else f"-{terms[0]}"
        text += "".join(f" {sign} {term}" for sign, term in zip(signs[1:], terms[1:]))
        sentences.append(f"{text} = {law @ amounts}")
    return sentences


def _nonzero(law: np.ndarray) -> list[tuple[int, int]]:
    return [(int(s), int(law[s])) for s in np.flatnonzero(law)]


def _columns(matrix: "csc_array") -> Iterator[Column]:
    for r in range(matrix.shape[1]):
        part = slice(matrix.indptr[r], matrix.indptr[r + 1])
        yield tuple(zip(matrix.indices[part].tolist(), matrix.data[part].tolist()))


def _alone(columns: list[Column], n_species: int) -> set[int]:
    """Species whose weight must be 0, since a column changes only them, apart from other such species."""
    left = [{s for s, _ in column} for column in columns]
    uses: list[list[int]] = [[] for _ in range(n_species)]
    for k, species in enumerate(left):
        for s in species:
            uses[s].append(k)
    zero: set[int] = set()
    queue = [k for k, species in enumerate(left) if len(species) == 1]
    while queue:
        species = left[queue.pop()]
        if len(species) != 1:
            continue
        (s,) = species
        zero.add(s)
        for k in uses[s]:
            left[k].discard(s)
            if len(left[k]) == 1:
                queue.append(k)
    return zero


def _left_null_space(columns: list[Column], n: int) -> list[dict[int, int]]:
    """Integer basis of w (length n) with sum_s w_s column_s = 0 for each sparse column; Gauss-Jordan, fractions."""
    rows: dict[
        int, dict[int, Fraction]
    ] = {}  # by pivot: {species: Fraction}, reduced so that a pivot stands in one row only
    holders: list[set[int]] = [set() for _ in range(n)]  # pivots of the rows that hold each species
    for column in columns:
        row = {s: Fraction(v) for s, v in column}
        for pivot in [s for s in row if s in rows]:
            _subtract(row, rows[pivot], row.get(pivot))
        if not row:
            continue
        # The species in the fewest rows: little is left to eliminate, and rows stay short.
        pivot = min(row, key=lambda s: (len(holders[s]), s))
        scale = row[pivot]
        row = {s: v / scale for s, v in row.items()}
        for other in list(holders[pivot]):
            before = set(rows[other])
            _subtract(rows[other], row, rows[other].get(pivot))
            for s in before.symmetric_difference(rows[other]):
                holders[s].symmetric_difference_update((other,))
        rows[pivot] = row
        for s in row:
            holders[s].add(pivot)
    basis = []
    for free in range(n):
        if free in rows:
            continue
        vector = {free: Fraction(1)} | {pivot: -rows[pivot][free] for pivot in sorted(holders[free])}
        denominator = lcm(*(v.denominator for v in vector.values()))
        whole = {s: int(v * denominator) for s, v in vector.items()}
        divisor = gcd(*whole.values())
        basis.append({s: v // divisor for s, v in sorted(whole.items()) if v})
    return basis


def _subtract(row: dict[int, Fraction], other: dict[int, Fraction], factor: Fraction | None) -> None:
    if not factor:
        return
    for s, v in other.items():
        value = row.get(s, 0) - factor * v
        if value:
            row[s] = value
        else:
            row.pop(s, None)
