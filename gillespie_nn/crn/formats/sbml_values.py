"""Rates of change in an SBML model: of rate rules, of reactions, and of assignment rules that read what these change.

They are expressions of SBML, in which a species is read as an amount or a concentration, as declared. `SbmlValues`
translates them to counts. The state is the amount, so a growing compartment dilutes its content.
"""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from ... import checks
from ...checks import InputError
from ..compiled.derivative import derivative, negative, product, ratio, total
from ..expressions import Expression, checked, number, operation
from ..expressions import name as name_of
from ..names import BUILT_IN
from ..parts import drawn
from .sbml_declared import Declared, Reference
from .sbml_document import substances

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
            expanded = self.expanded(law.substitute({n: number(value) for n, value in values.items()}))
            self._of_reaction[name] = checked(expanded, f"the rate of {name}, with the rates that it uses,")
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
        """The rate of change of the amount of a species, in the unit of the model, expanded."""
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


# What the names of an SBML model come to: values at time 0, parameters and rules of a network, in counts.

Assignments = tuple[tuple[str, Expression], ...]


class SbmlValues:
    """Values of a libsbml model by identifier, translated so that that of a species means its count.

    A species that SBML reads as a concentration becomes its count over the size of its compartment.
    """

    def __init__(self, model: Any, declared: Declared, substance: str | None = None):
        self.declared, self.species = declared, declared.species
        self._values: dict[str, float] = {}
        self._open: list[str] = []
        self.variable = (declared.assigned | declared.rate_rules.keys()) - self.species.keys()
        """Parameters, compartments and stoichiometries that events and rate rules change."""
        self.motion = Motion(declared, self.folded)
        with_amount = [s for s in self.species if s not in declared.rules]
        self.units = substances(model, self.species, lambda: [self._amount(s) for s in with_amount], substance)
        self._in_counts = {s: self._count_form(s) for s in self.species}

    # parts of the network

    def constants(self) -> dict[str, float]:
        """Values that nothing changes: parameters and sizes without rules and events, if they have a value."""
        values = {n: self._value_or_none(n) for n in self.declared.given if not self.declared.changes(n)}
        return {n: value for n, value in values.items() if value is not None}

    def parameters(self, read: Collection[str]) -> dict[str, float]:
        """Parameters, sizes and stoichiometries among the identifiers `read`, at time 0."""
        values = {n: self.value(n) for n in self.declared.given if n in read and n not in self.declared.rules}
        return {n: value for n, value in values.items() if math.isfinite(value) or n in self.variable}

    def unbounded(self) -> dict[str, Expression]:
        """Rules for the constants that are infinite or not a number on purpose: a parameter of a network is finite."""
        return {n: number(value) for n, value in self.constants().items() if not math.isfinite(value)}

    def has_rule(self, name: str) -> bool:
        """Whether a rule or a rate rule gives it."""
        return name in self.declared.rules or name in self.declared.rate_rules

    def rules(self) -> dict[str, Expression]:
        """Rules of the network, in counts; of a species its count."""
        return {n: self._assigned(n, self.counts(math_)) for n, math_ in self.declared.rules.items()}

    def rate_rules(self) -> dict[str, Expression]:
        """Rate rules of the network, in counts; of a species that of its count."""
        rules = self.declared.rate_rules
        return {n: self.count_rate(n) if n in self.species else self.counts(self.motion.of_name(n)) for n in rules}

    def count_rate(self, species: str) -> Expression:
        """The rate of change of the count of a species, by its rate rule or by reactions."""
        return self._times(self.counts(self.motion.of_amount(species)), self._unit(species))

    def counts(self, expression: Expression) -> Expression:
        """`expression` with species read as counts, and the names of reactions as their rates."""
        expression = self.motion.expanded(expression)
        return expression.substitute({n: self._in_counts[n] for n in expression.names() if n in self._in_counts})

    def propensity(self, law: Expression) -> Expression:
        """A kinetic law as the propensity, in counts."""
        extent = self.units.extent
        return self.counts(law) if extent == 1.0 else operation("product", (number(extent), self.counts(law)))

    def assigned(self, assignments: Mapping[str, Expression], later: bool) -> tuple[Assignments, Assignments]:
        """The counts, or the values, that the assignments of one event give, and their factors.

        A concentration holds in the compartment as it is at that moment, before the event changes that. If values are
        assigned `later` than they are worked out, the size is a factor.
        """
        values, factors = [], []
        for name, math_ in assignments.items():
            value, size = self.counts(math_), self._varying_size(name)
            if later and size is not None:
                factors.append((name, size))
                values.append((name, self._times(value, self._unit(name))))
            else:
                values.append((name, self._assigned(name, value)))
        return tuple(values), tuple(factors)

    # values at time 0

    def compartments(self) -> dict[str, float]:
        """Sizes at time 0."""
        return {c: self.value(c) for c in self.declared.compartments}

    def initial_amount(self, species: str) -> int | float:
        """Molecules at time 0; below 0 only what no reaction changes."""
        amount = checks.rounded_amount(self._amount(species) * self.units.of_species[species])
        what = f"initial amount of {species}"
        if species in self.declared.drawn:  # until an event draws it, at time 0
            amount = float(np.rint(amount))
        return checks.finite(what, amount) if amount < 0 else checks.amount(what, amount)

    def value(self, name: str) -> float:
        """Value at time 0 of a symbol, as SBML reads it: initial assignments and rules come first."""
        if name == "time":  # the identifier of the time itself, which no other name of the model gets
            return 0.0
        if name in self._open:
            raise InputError(f"{name} depends on itself in initial assignments: {' -> '.join([*self._open, name])}")
        if name in self.declared.drawn and self._open:
            raise InputError(
                f"the value of {self._open[-1]} at time 0 reads {name}, which an initial assignment draws at random: "
                "use an assignment rule instead"
            )
        if name not in self._values:
            self._open.append(name)
            self._values[name] = self._value(name)
            self._open.pop()
        return self._values[name]

    def folded(self, expression: Expression) -> Expression:
        """`expression`, as a number if nothing changes it."""
        constants = self.constants_of(expression)
        return expression if constants is None else number(float(expression.evaluate(constants)))

    def constants_of(self, expression: Expression) -> dict[str, float] | None:
        """Values of the names of an expression, or None if any of them changes or has none."""
        result = {}
        for name in expression.names():
            fixed = name in self.declared.given and not self.declared.changes(name)
            value = self._value_or_none(name) if fixed else None
            if value is None:
                return None
            result[name] = value
        return result

    def _value_or_none(self, name: str) -> float | None:
        """The value of a name, None for one that has none."""
        has_value = name in self.declared.initial or not math.isnan(self.declared.given[name])
        return self.value(name) if has_value else None

    def _value(self, name: str) -> float:
        math_ = self.declared.initial.get(name, self.declared.rules.get(name))
        if math_ is not None:
            math_ = self.motion.expanded(math_)
            values = {n: self.value(n) for n in math_.names()}
            value = float(drawn(math_, lambda e: e.evaluate(values), None).evaluate(values))
        elif name in self.species:
            value = checks.rounded_amount(self._amount(name)) / self._size_value(name)
        else:
            value = self.declared.given[name]
        if name in self.declared.compartments and self.declared.dimensions(name):
            return checks.positive(f"size of compartment {name}", value)
        if not math.isfinite(value) and not self._is_meant(name):
            raise InputError(f"{name} has no value at the start" if math.isnan(value) else f"{name} is infinite")
        return value

    def _is_meant(self, name: str) -> bool:
        """Whether an initial assignment gives a constant that is infinite or not a number, as it says itself."""
        if name not in self.declared.initial or name in self.species:
            return False
        math_ = self.declared.initial[name]
        literal = any(
            n.op == "number" and math.isinf(n.value) or n.op == "quotient of" and n.args == (number(0), number(0))
            for n in math_.walk()
        )
        return literal or any(not math.isfinite(self.value(n)) for n in math_.names())

    def _amount(self, species: str) -> float:
        """The amount at time 0, in the unit of the model."""
        item = self.species[species]
        if species in self.declared.initial or not (item.isSetInitialAmount() or item.isSetInitialConcentration()):
            if species not in self.declared.initial:
                raise InputError(f"species {species} has no initial amount: give it one, for example {species} = 0")
            return self.value(species) * self._size_value(species)
        if item.isSetInitialAmount():
            return item.getInitialAmount()
        return item.getInitialConcentration() * self.value(self.declared.compartment_of(species))

    def _size_value(self, species: str) -> float:
        size = self.declared.size(species)
        return 1.0 if size.op == "number" else self.value(size.value)

    # species in counts

    def _unit(self, species: str) -> Expression:
        return number(self.units.of_species[species])

    def _times(self, expression: Expression, *factors: Expression) -> Expression:
        """The product, without factors 1."""
        rest = [f for f in factors if f != number(1)]
        return operation("product", (expression, *rest)) if rest else expression

    def _count_form(self, species: str) -> Expression:
        size, unit = self.declared.size(species), self._unit(species)
        amount = name_of(species) if unit == number(1) else Expression("quotient of", (name_of(species), unit))
        is_one = size.op == "number" or (not self.declared.changes(size.value) and self.value(size.value) == 1.0)
        return amount if is_one else Expression("quotient of", (amount, size))

    def _varying_size(self, name: str) -> Expression | None:
        """The size of the compartment of a species that is read as a concentration, if it changes."""
        size = self.declared.size(name) if name in self.species else number(1)
        return size if size.op == "name" and self.declared.changes(size.value) else None

    def _assigned(self, name: str, expression: Expression) -> Expression:
        """The count that an expression for a species means; of another name the expression."""
        if name not in self.species or self._in_counts[name].op == "name":
            return expression
        return self._times(expression, self.declared.size(name), self._unit(name))
