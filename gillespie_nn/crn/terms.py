"""Terms of propensities: the factors of a reaction, and the arrays of all."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..kernels.codes import FALLING, LAW, RAMP, STEP
from .programs import Program
from .reaction import Reaction

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


class Term(NamedTuple):
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
        """How many of each species it takes; of a general law nothing is said."""
        return Counter([s for s, _ in self.factors])

    def reads(self, laws: Sequence[Program]) -> list[int]:
        """The species that it reads, in order."""
        if not self.extra:
            return sorted({s for s, _ in self.factors})
        if self.program is not None:
            return list(laws[self.program].species)
        return sorted({f.species for f in self.factors} | {s for e in self.extra for s in (e.a, e.b)})


def term_of(reaction: Reaction, index: Mapping[str, int], program: int | None) -> Term:
    """The term of a reaction, whose general law, if it has one, is program number `program`."""
    if program is not None:
        return Term((), (Extra(LAW, program, 0),))
    factors = tuple(Factor(index[s], k) for s, n in reaction.reactants for k in range(n))
    if reaction.threshold is None:
        return Term(factors)
    kind, above, below = reaction.threshold
    return Term(factors, (Extra(_KIND[kind], index[above], index[below]),))


def term_arrays(terms: Sequence[Term], one: int) -> dict[str, np.ndarray]:
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
