"""What changes an SBML model's names between events: rate rules, reactions, and assignment rules of what they change.

Rates of change are expressions of SBML, in which a species is read as an amount or a concentration as declared; `Values`
puts them into counts. The state is the amount: a compartment that grows dilutes what is in it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...checks import InputError
from ..derivative import derivative, negative, product, ratio, total
from ..expressions import Expression, checked, number
from ..expressions import name as name_of
from ..symbols import BUILT_IN
from .sbml_stoichiometry import Reference

if TYPE_CHECKING:
    from .sbml_values import Values

RATE_OF = "rate of"
"""The operation of the symbol rateOf, as long as an expression is one of SBML."""
_TIME = BUILT_IN["time"].identifier


class Motion:
    """Rates of change by identifier.

    Parameters
    ----------
    values : gives the size by which a species is divided, and the rates that names of reactions stand for.
    rules, rate_rules : of the model, by identifier.
    references : of each reaction, those that change species.
    """

    def __init__(
        self,
        values: "Values",
        rules: Mapping[str, Expression],
        rate_rules: Mapping[str, Expression],
        references: Mapping[str, tuple[Reference, ...]],
    ):
        self._values, self._rules, self._rate_rules = values, rules, rate_rules
        self._references: dict[str, list[Reference]] = {}
        for found in references.values():
            for reference in found:
                self._references.setdefault(reference.species, []).append(reference)
        self._rates: dict[str, Expression] = {}
        self._open: list[str] = []
        self.read: list[str] = []
        """Species that reactions change, whose rates of change were asked for by rateOf."""

    def expanded(self, node: Expression) -> Expression:
        """`node`, the names of reactions as their rates, and rates of change written out."""
        special = any(n.op == RATE_OF or (n.op == "name" and self._values.is_reaction(n.value)) for n in node.walk())
        return self._expanded(node) if special else node

    def _expanded(self, node: Expression) -> Expression:
        if node.op == RATE_OF:
            self.read += [n for n in node.args[0].names() if n in self._references and n not in self._rate_rules]
            return self.of(node.args[0])
        if node.op == "name":
            return self._values.reaction_rate(node.value) if self._values.is_reaction(node.value) else node
        if not node.args:
            return node
        args = tuple(self._expanded(a) for a in node.args)
        if node.op in ("sum", "product", "and", "or") and args[0].op == node.op:
            args = (*args[0].args, *args[1:])
        return Expression(node.op, args)

    def of(self, expression: Expression) -> Expression:
        """The rate of change of an expression, expanded."""
        if expression.op == "name" and not self._values.is_reaction(expression.value):
            return self.of_name(expression.value)
        expression = self.expanded(expression)
        return derivative(expression, {n: self.of_name(n) for n in expression.names()})

    def of_name(self, name: str) -> Expression:
        """The rate of change of what a name means in SBML."""
        if name == _TIME:
            return number(1)
        if name in self._open:
            chain = " -> ".join([*self._open[self._open.index(name) :], name])
            raise InputError(f"the rate of change of {name} depends on itself: {chain}")
        if name not in self._rates:
            self._open.append(name)
            self._rates[name] = checked(self._of_name(name), f"the rate of change of {name}")
            self._open.pop()
        return self._rates[name]

    def _of_name(self, name: str) -> Expression:
        if name in self._rules:
            return self.of(self._rules[name])
        if name in self._rate_rules:
            return self.expanded(self._rate_rules[name])
        if not self._values.is_species(name):
            return number(0)
        size = self._values.size(name)
        growth = number(0) if size.op == "number" else self.of_name(size.value)
        return total([ratio(self.of_amount(name), size), negative(ratio(product(name_of(name), growth), size))])

    def of_amount(self, species: str) -> Expression:
        """The rate of change of the amount of a species, in the model's own unit."""
        if species in self._rate_rules:
            rate, size = self.expanded(self._rate_rules[species]), self._values.size(species)
            if size.op == "number":
                return rate
            return total([product(rate, size), product(name_of(species), self.of_name(size.value))])
        terms = []
        for reference in self._references.get(species, ()):
            term = product(self._values.folded(reference.number), self._values.reaction_rate(reference.reaction))
            terms.append(negative(term) if reference.sign < 0 else term)
        return checked(total(terms), f"the rate of change of {species}")
