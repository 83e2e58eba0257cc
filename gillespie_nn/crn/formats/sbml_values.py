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
from .mathml import Translator, has_formula
from .sbml_algebraic import solved
from .sbml_motion import Motion
from .sbml_scope import VALUES, scope_of
from .sbml_stoichiometry import given, references
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
        self._given |= given(model, scope)
        initial = {
            self._assigned_to(a.getSymbol()): a.getMath() for a in model.getListOfInitialAssignments() if has_formula(a)
        }
        self._initial_math = {
            name: translator.expression(math_, f"the initial assignment of {name}", scope)
            for name, math_ in initial.items()
            if name not in overridden
        }
        self.references = references(model, translator, scope, self.species)
        assignments = [a for e in model.getListOfEvents() for a in e.getListOfEventAssignments() if has_formula(a)]
        changed = {self._identifier(a.getVariable(), "name assigned by an event") for a in assignments}
        self._rate_math: dict[str, Expression] = {}
        self._rule_math: dict[str, Expression] = {}
        self._read_rules(model, changed)
        for name in sorted(overridden & self._rule_math.keys()):
            raise InputError(f"parameter {name} is given by a rule, and cannot be set")
        self._laws = {
            self._identifier(r.getId(), "reaction", REACTION): r for r in model.getListOfReactions() if r.getId()
        }
        self._rates: dict[str, Expression] = {}
        self._values: dict[str, float] = {}
        self._open: list[str] = []
        self.variable = (changed | self._rate_math.keys()) - self.species.keys()
        """Parameters, compartments and stoichiometries that events and rate rules change."""
        self.motion = Motion(self, self._rule_math, self._rate_math, self.references)
        with_amount = [s for s in self.species if s not in self._rule_math]
        self.units = substances(model, self.species, lambda: [self._amount(s) for s in with_amount], substance)
        self._in_counts = {s: self._count_form(s) for s in self.species}

    def _read_rules(self, model: Any, changed: Collection[str]) -> None:
        """Assignment rules and rate rules; algebraic rules become assignment rules. `changed` is what events assign."""
        algebraic = []
        for rule in model.getListOfRules():
            if not has_formula(rule):
                continue
            if rule.isAlgebraic():
                algebraic.append(self._translator.expression(rule.getMath(), "an algebraic rule", self._scope))
                continue
            name = self._assigned_to(rule.getVariable())
            kind = "rate rule" if rule.isRate() else "rule"
            rules = self._rate_math if rule.isRate() else self._rule_math
            rules[name] = self._translator.expression(rule.getMath(), f"the {kind} of {name}", self._scope)
        for name in sorted(self._rate_math.keys() & self._rule_math.keys()):
            raise InputError(f"{name} has a rule and a rate rule: remove one of the two")
        if algebraic:
            self._rule_math |= solved(algebraic, self._rule_math, self._free(model, changed))

    def _free(self, model: Any, changed: Collection[str]) -> list[str]:
        """Names that an algebraic rule can give, because nothing else does; those that events assign to come last."""
        items = [*model.getListOfSpecies(), *model.getListOfCompartments(), *model.getListOfParameters()]
        for reaction in model.getListOfReactions():
            items += [r for side in (reaction.getListOfReactants(), reaction.getListOfProducts()) for r in side]
        names = [self._identifier(item.getId(), "symbol") for item in items if item.getId() and not item.getConstant()]
        taken = {r.species for found in self.references.values() for r in found}
        taken |= self._rule_math.keys() | self._rate_math.keys()
        return sorted((n for n in names if n not in taken), key=lambda n: n in changed)

    def constants(self) -> dict[str, float]:
        """Values that nothing changes: parameters and sizes without rules and events, if they have a value."""
        values = {n: self._value_or_none(n) for n in self._given if not self.changes(n)}
        return {n: value for n, value in values.items() if value is not None}

    def _value_or_none(self, name: str) -> float | None:
        """The value of a name, None for one that has none."""
        return self.value(name) if name in self._initial_math or not math.isnan(self._given[name]) else None

    def parameters(self, read: Collection[str]) -> dict[str, float]:
        """Parameters, sizes and stoichiometries among the identifiers `read`, at time 0."""
        values = {n: self.value(n) for n in self._given if n in read and n not in self._rule_math}
        return {n: value for n, value in values.items() if math.isfinite(value) or n in self.variable}

    def unbounded(self, read: Collection[str]) -> dict[str, Expression]:
        """Rules for the constants among the identifiers `read` that are infinite or not a number on purpose, because a
        parameter of a network is finite."""
        values = {n: self.value(n) for n in self._given if n in read and not self.changes(n)}
        return {n: number(value) for n, value in values.items() if not math.isfinite(value)}

    def settable(self) -> list[str]:
        """Names, as they are written, of the parameters and sizes that can be overridden."""
        names = self._scope.names(PARAMETER, COMPARTMENT)
        return [n for n in names if self._scope.meaning(n, PARAMETER).identifier not in self._rule_math]

    def has_rule(self, name: str) -> bool:
        """Whether a rule or a rate rule gives it."""
        return name in self._rule_math or name in self._rate_math

    def rules(self) -> dict[str, Expression]:
        """Rules of the network, in counts; of a species its count."""
        return {n: self._assigned(n, self.counts(math)) for n, math in self._rule_math.items()}

    def rate_rules(self) -> dict[str, Expression]:
        """Rate rules of the network, in counts; of a species that of its count."""
        return {
            n: self.count_rate(n) if n in self.species else self.counts(self.motion.of_name(n)) for n in self._rate_math
        }

    def count_rate(self, species: str) -> Expression:
        """The rate of change of the count of a species, by its rate rule or by reactions."""
        unit = self.units.of_species[species]
        rate = self.counts(self.motion.of_amount(species))
        return rate if unit == 1.0 else operation("product", (rate, number(unit)))

    def changes(self, name: str) -> bool:
        """Whether a rule or an event changes a parameter, compartment or stoichiometry."""
        return name in self._rule_math or name in self.variable

    def is_species(self, name: str) -> bool:
        return name in self.species

    def is_reaction(self, name: str) -> bool:
        return name in self._laws

    def folded(self, expression: Expression) -> Expression:
        """`expression`, as a number if nothing changes it."""
        if expression.op == "number" or not expression.names():
            return expression
        constants = self.constants_of(expression)
        return expression if constants is None else number(float(expression.evaluate(constants)))

    def constants_of(self, expression: Expression) -> dict[str, float] | None:
        """Values of the names of an expression, or None if any of them changes or has none."""
        found = {}
        for name in expression.names():
            fixed = name in self._given and not self.changes(name)
            value = self._value_or_none(name) if fixed else None
            if value is None:
                return None
            found[name] = value
        return found

    def assigned(
        self, assignments: dict[str, Expression], later: bool
    ) -> tuple[tuple[tuple[str, Expression], ...], tuple[tuple[str, Expression], ...]]:
        """The counts, or the values, that the assignments of one event give, and their factors. A concentration holds in
        the compartment as it is when it is assigned, before the event changes that; if the assignment comes `later`
        than its values, the size is a factor."""
        values, factors = [], []
        for name, math_ in assignments.items():
            value, size = self.counts(math_), self._varying_size(name)
            if later and size is not None:
                unit = self.units.of_species[name]
                factors.append((name, size))
                values.append((name, value if unit == 1.0 else operation("product", (value, number(unit)))))
            else:
                values.append((name, self._assigned(name, value)))
        return tuple(values), tuple(factors)

    def _varying_size(self, name: str) -> Expression | None:
        """The size of the compartment of a species that is read as a concentration, if it changes."""
        size = self.size(name) if name in self.species else number(1)
        return size if size.op == "name" and self.changes(size.value) else None

    def counts(self, expression: Expression) -> Expression:
        """`expression` with species read as counts, and the names of reactions as their rates."""
        expression = self.motion.expanded(expression)
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

    def reaction_rate(self, name: str) -> Expression:
        """The rate that the name of a reaction stands for."""
        if name in self._open:
            raise InputError(f"the rate of {name} depends on itself: {' -> '.join([*self._open, name])}")
        if name not in self._rates:
            self._open.append(name)
            law, own = self.law(self._laws[name])
            found = self.motion.expanded(law.substitute({n: number(value) for n, value in own.items()}))
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
        """Molecules at time 0; below 0 only what no reaction changes."""
        amount = checks.rounded_amount(self._amount(species) * self.units.of_species[species])
        what = f"initial amount of {species}"
        return checks.finite(what, amount) if amount < 0 else checks.amount(what, amount)

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
            math_ = self.motion.expanded(math_)
            found = float(math_.evaluate({n: self.value(n) for n in math_.names()}))
        elif name in self.species:
            found = checks.rounded_amount(self._amount(name)) / self._size_value(name)
        else:
            found = self._given[name]
        if name in self._compartments and self._dimensions(name):
            return checks.positive(f"size of compartment {name}", found)
        if not math.isfinite(found) and not self._is_meant(name):
            raise InputError(f"{name} has no value at the start" if math.isnan(found) else f"{name} is infinite")
        return found

    def _is_meant(self, name: str) -> bool:
        """Whether an initial assignment gives a constant that is infinite or not a number, as it says itself."""
        if name not in self._initial_math or name in self.species:
            return False
        math_ = self._initial_math[name]
        literal = any(
            n.op == "number" and math.isinf(n.value) or n.op == "quotient of" and n.args == (number(0), number(0))
            for n in math_.walk()
        )
        return literal or any(not math.isfinite(self.value(n)) for n in math_.names())

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
        return not self.changes(compartment) and self.value(compartment) == 1.0

    def _assigned(self, name: str, expression: Expression) -> Expression:
        if name not in self.species or self._in_counts[name].op == "name":
            return expression
        size, unit = self.size(name), self.units.of_species[name]
        factors = [] if size.op == "number" else [size]
        return operation("product", (expression, *factors, *([] if unit == 1.0 else [number(unit)])))

    def _assigned_to(self, written: str) -> str:
        return self._identifier(written, "name assigned to")

    def _identifier(self, written: str, what: str, *kinds: str) -> str:
        return self._scope.meaning(written, what, *(kinds or VALUES), known="the model has").identifier
