"""Rates of change in an SBML model: of rate rules, of reactions, and of assignment rules that read what these change.

They are expressions of SBML, in which a species is read as an amount or a concentration as declared; `Values` puts them
into counts. The state is the amount: a compartment that grows dilutes what is in it.
"""

from collections.abc import Callable

from ...checks import InputError
from ..derivative import derivative, negative, product, ratio, total
from ..expressions import Expression, checked, number, operation
from ..expressions import name as name_of
from ..symbols import BUILT_IN
from .sbml_declared import Declared
from .sbml_stoichiometry import Reference

RATE_OF = "rate of"
"""The operation of the symbol rateOf, as long as an expression is one of SBML."""
_TIME = BUILT_IN["time"].identifier


class Motion:
    """Rates of change by identifier.

    Parameters
    ----------
    declared : the model.
    folded : makes numbers of expressions that nothing changes.
    """

    def __init__(self, declared: Declared, folded: Callable[[Expression], Expression]):
        self._declared, self._folded = declared, folded
        self._references: dict[str, list[Reference]] = {}
        for references in declared.references.values():
            for reference in references:
                self._references.setdefault(reference.species, []).append(reference)
        self._rates: dict[str, Expression] = {}
        self._of_reaction: dict[str, Expression] = {}
        self._open: list[str] = []
        self.read: list[str] = []
        """Species that reactions change, whose rates of change were asked for by rateOf."""

    def expanded(self, expression: Expression) -> Expression:
        """`expression`, the names of reactions as their rates, and rates of change written out."""
        nodes = expression.walk()
        if any(n.op == RATE_OF or (n.op == "name" and n.value in self._declared.reactions) for n in nodes):
            return self._expanded(expression)
        return expression

    def _expanded(self, node: Expression) -> Expression:
        if node.op == RATE_OF:
            (inner,) = node.args
            self.read += [n for n in inner.names() if n in self._references and n not in self._declared.rate_rules]
            return self._of(inner)
        if node.op == "name":
            return self.of_reaction(node.value) if node.value in self._declared.reactions else node
        return operation(node.op, tuple(self._expanded(a) for a in node.args)) if node.args else node

    def of_reaction(self, name: str) -> Expression:
        """The rate that the name of a reaction stands for, expanded."""
        if name in self._open:
            raise InputError(f"the rate of {name} depends on itself: {' -> '.join([*self._open, name])}")
        if name not in self._of_reaction:
            self._open.append(name)
            law, values = self._declared.law(name)
            found = self.expanded(law.substitute({n: number(value) for n, value in values.items()}))
            self._of_reaction[name] = checked(found, f"the rate of {name}, with the rates that it uses,")
            self._open.pop()
        return self._of_reaction[name]

    def of_name(self, name: str) -> Expression:
        """The rate of change of what a name means in SBML, expanded."""
        if name == _TIME:
            return number(1)
        key = f"{RATE_OF} {name}"
        if key in self._open:
            chain = " -> ".join([*self._open[self._open.index(key) :], key])
            raise InputError(f"the rate of change of {name} depends on itself: {chain}")
        if key not in self._rates:
            self._open.append(key)
            self._rates[key] = checked(self._of_name(name), f"the rate of change of {name}")
            self._open.pop()
        return self._rates[key]

    def _of_name(self, name: str) -> Expression:
        declared = self._declared
        if name in declared.rules:
            return self._of(declared.rules[name])
        if name in declared.rate_rules:
            return self.expanded(declared.rate_rules[name])
        if name not in declared.species:
            return number(0)
        size = declared.size(name)
        growth = number(0) if size.op == "number" else self.of_name(size.value)
        return total([ratio(self.of_amount(name), size), negative(ratio(product(name_of(name), growth), size))])

    def _of(self, expression: Expression) -> Expression:
        """The rate of change of an expression, expanded."""
        expression = self.expanded(expression)
        return derivative(expression, {n: self.of_name(n) for n in expression.names()})

    def of_amount(self, species: str) -> Expression:
        """The rate of change of the amount of a species, in the model's own unit, expanded."""
        rates = self._declared.rate_rules
        if species in rates:
            rate, size = self.expanded(rates[species]), self._declared.size(species)
            if size.op == "number":
                return rate
            return total([product(rate, size), product(name_of(species), self.of_name(size.value))])
        terms = []
        for reference in self._references.get(species, ()):
            term = product(self._folded(reference.number), self.of_reaction(reference.reaction))
            terms.append(negative(term) if reference.sign < 0 else term)
        return checked(total(terms), f"the rate of change of {species}")
