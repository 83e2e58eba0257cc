"""Structure of networks: conservation laws, and signed numbers on two rails."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .network import ReactionNetwork
from .reaction import Reaction, Threshold

# Conservation laws: an integer basis of the left null space of the stoichiometry, in exact arithmetic.

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


# Signed numbers in molecules: v = [v_p] - [v_m], and the reactions that copy, multiply and settle them.
#
# All rates are per unit of concentration; every reaction is at most bimolecular and catalysts stand on both sides.

_PLUS, _MINUS = "_p", "_m"
"""Endings of the names of rails."""


class Rails(NamedTuple):
    """The species that carry a number: a plus rail and, for signed numbers, a minus rail."""

    plus: str
    minus: str | None = None

    @classmethod
    def signed(cls, name: str) -> "Rails":
        return cls(f"{name}{_PLUS}", f"{name}{_MINUS}")

    @property
    def name(self) -> str:
        """The name of the number: that of its plus rail without the ending."""
        return self.plus.removesuffix(_PLUS)

    def signs(self) -> tuple[tuple[str, int], ...]:
        """Pairs (species, +1 or -1) of the rails that exist."""
        return ((self.plus, 1),) if self.minus is None else ((self.plus, 1), (self.minus, -1))

    def rail(self, sign: int) -> str:
        """The species that carries this sign."""
        if sign > 0:
            return self.plus
        if self.minus is None:
            raise ValueError(f"{self.plus} has no minus rail")
        return self.minus


def pairs(species: Sequence[str]) -> dict[str, Rails]:
    """The numbers that two of these species carry, by name, in the order of their plus rails. Any network may have
    such species."""
    known = set(species)
    both = (Rails.signed(s.removesuffix(_PLUS)) for s in species if s.endswith(_PLUS) and s != _PLUS)
    return {rails.name: rails for rails in both if rails.minus in known}


class NetworkBuilder:
    """Collects the reactions of one network. Names of reactions are the module's label and a running number."""

    def __init__(self) -> None:
        self.species: dict[str, None] = {}
        self.reactions: list[Reaction] = []
        self._label, self._number = "r", 0

    def module(self, label: str) -> None:
        """Reactions that follow belong to the module `label` (an identifier)."""
        self._label, self._number = label, 0

    def declare(self, *rails: Rails) -> None:
        """Give species their place in the file order before any reaction names them."""
        for pair in rails:
            self.species.update(dict.fromkeys(s for s, _ in pair.signs()))

    def react(
        self, reactants: Sequence[str], products: Sequence[str], rate: float, threshold: Threshold | None = None
    ) -> None:
        """Add one reaction; sides are sequences of species names, repetitions counting as multiplicity."""
        self._number += 1
        left, right = (tuple((s, side.count(s)) for s in dict.fromkeys(side)) for side in (reactants, products))
        self.species.update(dict.fromkeys((*reactants, *products)))
        self.reactions.append(Reaction(left, right, float(rate), f"{self._label}_{self._number}", threshold))

    def catalyse(self, catalysts: Sequence[str], product: str, rate: float) -> None:
        """catalysts -> catalysts + product."""
        self.react(catalysts, (*catalysts, product), rate)

    def copy(self, source: Rails, target: Rails, rate: float = 1.0, sign: int = 1) -> None:
        """target' += sign * rate * source."""
        for s, s_sign in source.signs():
            self.catalyse((s,), target.rail(s_sign * sign), rate)

    def multiply(self, left: Rails, right: Rails, target: Rails, rate: float = 1.0, sign: int = 1) -> None:
        """target' += sign * rate * left * right."""
        for a, a_sign in left.signs():
            for b, b_sign in right.signs():
                self.catalyse((a, b), target.rail(a_sign * b_sign * sign), rate)

    def consume(self, rails: Rails, other: Rails, rate: float) -> None:
        """v' -= rate * v * other: `other` takes molecules of v away, and its minus rail, if it has one, makes more."""
        for s, s_sign in other.signs():
            for v, _ in rails.signs():
                self.react((v, s), (s,) if s_sign > 0 else (v, v, s), rate)

    def decay(self, rails: Rails, rate: float = 1.0) -> None:
        """v' -= rate * v, on each rail."""
        for s, _ in rails.signs():
            self.react((s,), (), rate)

    def annihilate(self, rails: Rails, rate: float) -> None:
        """V_p + V_m -> 0: the number stays, the common part of its rails goes."""
        if rails.minus is not None:
            self.react((rails.plus, rails.minus), (), rate)

    def network(self) -> ReactionNetwork:
        return ReactionNetwork(tuple(self.species), tuple(self.reactions))
