"""Signed numbers in molecules: v = [v_p] - [v_m], and the reactions that copy, multiply and settle them.

All rates are per unit of concentration; every reaction is at most bimolecular and catalysts stand on both sides.
"""

from collections.abc import Sequence
from typing import NamedTuple

from .network import ReactionNetwork
from .reaction import Reaction, Threshold

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
