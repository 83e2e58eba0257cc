"""What the names of an SBML model come to: sizes, amounts, parameters and rules, in counts."""

import math
from collections.abc import Collection
from typing import Any

from ... import checks
from ...checks import InputError
from ..expressions import Expression, checked, number, operation
from ..expressions import name as name_of
from ..symbols import COMPARTMENT, LOCAL, PARAMETER, REACTION, Scope
from .base import Overrides
from .mathml import Translator
from .sbml_scope import VALUES, scope_of
from .sbml_units import substances


class Values:
    """Values of a libsbml model by identifier, translated so that that of a species means its count.

    A species that SBML reads as a concentration becomes its count over the size of its compartment.
    """

    def __init__(
        self, model: Any, translator: Translator, scope: Scope, overrides: Overrides, substance: str | None = None
    ):
        self._scope, self._translator = scope, translator

        def by_identifier(items: Any) -> dict[str, Any]:
            return {self._identifier(item.getId(), "symbol"): item for item in items}

        self.species = by_identifier(model.getListOfSpecies())
        self._compartments = by_identifier(model.getListOfCompartments())
        parameters = by_identifier(model.getListOfParameters())
        self._compartment_of = {
            s: scope.meaning(
                item.getCompartment(), f"compartment of species {s}", COMPARTMENT, known="the model has"
            ).identifier
            for s, item in self.species.items()
        }
        self._given = {i: c.getSize() if c.isSetSize() else 1.0 for i, c in self._compartments.items()}
        self._given |= {i: p.getValue() if p.isSetValue() else math.nan for i, p in parameters.items()}
        overridden = set()
        for name, value in checks.by_name("parameters", overrides).items():
            identifier = scope.meaning(name, "parameter", PARAMETER, COMPARTMENT, known="the model has").identifier
            self._given[identifier] = checks.finite(f"parameter {name}", value)
            overridden.add(identifier)
        initial = {self._assigned_to(a.getSymbol()): a.getMath() for a in model.getListOfInitialAssignments()}
        self._initial_math = {
            name: translator.expression(math_, f"the initial assignment of {name}", scope)
            for name, math_ in initial.items()
            if name not in overridden
        }
        rules = {self._assigned_to(r.getVariable()): r.getMath() for r in model.getListOfRules()}
        self._rule_math = {
            name: translator.expression(math_, f"the rule of {name}", scope) for name, math_ in rules.items()
        }
        for name in sorted(overridden & rules.keys()):
            raise InputError(f"parameter {name} is given by a rule, and cannot be set")
        self._laws = {
            self._identifier(r.getId(), "reaction", REACTION): r for r in model.getListOfReactions() if r.getId()
        }
        self._rates: dict[str, Expression] = {}
        self._values: dict[str, float] = {}
        self._open: list[str] = []
        assignments = [a for e in model.getListOfEvents() for a in e.getListOfEventAssignments()]
        changed = {self._identifier(a.getVariable(), "name assigned by an event") for a in assignments}
        self.variable = changed - self.species.keys()
        """Parameters and compartments that events change."""
        given = [s for s in self.species if s not in self._rule_math]
        self.units = substances(model, self.species, lambda: [self._amount(s) for s in given], substance)
        self._in_counts = {s: self._count_form(s) for s in self.species}

    def constants(self) -> dict[str, float]:
        """Values that nothing changes: parameters and sizes without rules and events, if they have a value."""
        fixed = [n for n in self._given if n not in self._rule_math and n not in self.variable]
        return {n: self.value(n) for n in fixed if n in self._initial_math or not math.isnan(self._given[n])}

    def parameters(self, read: Collection[str]) -> dict[str, float]:
        """Parameters and sizes among the identifiers `read`, at time 0."""
        return {n: self.value(n) for n in self._given if n in read and n not in self._rule_math}

    def settable(self) -> list[str]:
        """Names, as they are written, of the parameters and sizes that can be overridden."""
        names = self._scope.names(PARAMETER, COMPARTMENT)
        return [n for n in names if self._scope.meaning(n, PARAMETER).identifier not in self._rule_math]

    def has_rule(self, name: str) -> bool:
        """Whether a rule gives it."""
        return name in self._rule_math

    def rules(self) -> dict[str, Expression]:
        """Rules of the network, in counts; of a species its count."""
        return {n: self._assigned(n, self.counts(math)) for n, math in self._rule_math.items()}

    def assigned(self, assignments: dict[str, Expression]) -> tuple[tuple[str, Expression], ...]:
        """The counts, or the values, that the assignments of one event give: a concentration holds in the compartment
        as it is after the event."""
        found = {name: self.counts(math) for name, math in assignments.items()}
        return tuple((name, self._assigned(name, value, found)) for name, value in found.items())

    def counts(self, expression: Expression) -> Expression:
        """`expression` with species read as counts, and the names of reactions as their rates."""
        expression = self._with_rates(expression)
        return expression.substitute({n: self._in_counts[n] for n in expression.names() if n in self._in_counts})

    def law(self, reaction: Any) -> tuple[Expression, dict[str, float]]:
        """The kinetic law of a libsbml reaction as it is written, and the values of its own parameters."""
        law = reaction.getKineticLaw()
        if law is None or law.getMath() is None:
            raise InputError(f"reaction {reaction.getId()} has no kinetic law")
        parameters = {p.getId(): p.getValue() for p in (*law.getListOfParameters(), *law.getListOfLocalParameters())}
        scope = scope_of(parameters, LOCAL, self._scope)
        own = {
            scope.meaning(p, LOCAL).identifier: checks.finite(f"parameter {p} of reaction {reaction.getId()}", value)
            for p, value in parameters.items()
        }
        what = f"the kinetic law of reaction {reaction.getId()}"
        return self._translator.expression(law.getMath(), what, scope), own

    def propensity(self, law: Expression) -> Expression:
        """A kinetic law as the propensity, in counts."""
        extent = self.units.extent
        return self.counts(law) if extent == 1.0 else operation("product", (number(extent), self.counts(law)))

    def _with_rates(self, expression: Expression) -> Expression:
        read = expression.names() & self._laws.keys()
        return expression.substitute({n: self._rate(n) for n in read}) if read else expression

    def _rate(self, name: str) -> Expression:
        """The rate that the name of a reaction stands for."""
        if name in self._open:
            raise InputError(f"the rate of {name} depends on itself: {' -> '.join([*self._open, name])}")
        if name not in self._rates:
            self._open.append(name)
            law, own = self.law(self._laws[name])
            found = self._with_rates(law.substitute({n: number(value) for n, value in own.items()}))
            self._rates[name] = checked(found, f"the rate of {name}, with the rates that it uses,")
            self._open.pop()
        return self._rates[name]

    def size(self, species: str) -> Expression:
        """Size by which the count of a species is divided where it is read as a concentration; 1 for amounts."""
        compartment = self._compartment_of[species]
        if self.species[species].getHasOnlySubstanceUnits() or self._dimensions(compartment) == 0:
            return number(1)
        return name_of(compartment)

    def compartments(self) -> dict[str, float]:
        """Sizes at time 0."""
        return {c: self.value(c) for c in self._compartments}

    def initial_amount(self, species: str) -> int | float:
        """Molecules at time 0."""
        amount = self._amount(species) * self.units.of_species[species]
        return checks.amount(f"initial amount of {species}", checks.rounded_amount(amount))

    def _amount(self, species: str) -> float:
        """The amount at time 0, in the model's own unit."""
        item = self.species[species]
        if species in self._initial_math or not (item.isSetInitialAmount() or item.isSetInitialConcentration()):
            if species not in self._initial_math:
                raise InputError(f"species {species} has no initial amount: give it one, for example {species} = 0")
            amount = self.value(species) * self._size_value(species)
        elif item.isSetInitialAmount():
            amount = item.getInitialAmount()
        else:
            amount = item.getInitialConcentration() * self.value(self._compartment_of[species])
        return amount

    def value(self, name: str) -> float:
        """Value at time 0 of a symbol, as SBML reads it: initial assignments and rules come first."""
        if name == "time":  # the identifier of the time itself, which no other name of the model gets
            return 0.0
        if name in self._open:
            raise InputError(f"{name} depends on itself in initial assignments: {' -> '.join([*self._open, name])}")
        if name not in self._values:
            self._open.append(name)
            self._values[name] = self._value(name)
            self._open.pop()
        return self._values[name]

    def _value(self, name: str) -> float:
        math_ = self._initial_math.get(name, self._rule_math.get(name))
        if math_ is not None:
            math_ = self._with_rates(math_)
            found = float(math_.evaluate({n: self.value(n) for n in math_.names()}))
        elif name in self.species:
            found = checks.rounded_amount(self._amount(name)) / self._size_value(name)
        else:
            found = self._given[name]
        if name in self._compartments and self._dimensions(name):
            return checks.positive(f"size of compartment {name}", found)
        if not math.isfinite(found):
            raise InputError(f"{name} has no value at the start" if math.isnan(found) else f"{name} is infinite")
        return found

    def _size_value(self, species: str) -> float:
        size = self.size(species)
        return 1.0 if size.op == "number" else self.value(size.value)

    def _dimensions(self, compartment: str) -> float:
        item = self._compartments[compartment]
        return item.getSpatialDimensionsAsDouble() if item.isSetSpatialDimensions() else 3

    def _count_form(self, species: str) -> Expression:
        size, unit = self.size(species), self.units.of_species[species]
        amount = name_of(species) if unit == 1.0 else Expression("quotient of", (name_of(species), number(unit)))
        if size.op == "number" or (size.value in self._given and self._is_one(size.value)):
            return amount
        return Expression("quotient of", (amount, size))

    def _is_one(self, compartment: str) -> bool:
        fixed = compartment not in self._rule_math and compartment not in self.variable
        return fixed and self.value(compartment) == 1.0

    def _assigned(self, name: str, expression: Expression, sizes: dict[str, Expression] | None = None) -> Expression:
        if name not in self.species or self._in_counts[name].op == "name":
            return expression
        size, unit = self.size(name), self.units.of_species[name]
        factors = [] if size.op == "number" else [(sizes or {}).get(size.value, size)]
        return operation("product", (expression, *factors, *([] if unit == 1.0 else [number(unit)])))

    def _assigned_to(self, written: str) -> str:
        return self._identifier(written, "name assigned to")

    def _identifier(self, written: str, what: str, *kinds: str) -> str:
        return self._scope.meaning(written, what, *(kinds or VALUES), known="the model has").identifier
