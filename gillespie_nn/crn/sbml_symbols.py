"""What the symbols of an SBML model stand for: sizes, amounts, parameters and rules, in counts."""

import math

from .. import checks
from ..checks import InputError
from .expressions import Expression, number, operation
from .expressions import name as name_of


class Symbols:
    """Symbols of a model, translated so that the name of a species means its count.

    A species that SBML reads as a concentration becomes its count over the size of its compartment.
    """

    def __init__(self, model, translator, overrides):
        self.species = {s.getId(): s for s in model.getListOfSpecies()}
        self._compartments = {c.getId(): c for c in model.getListOfCompartments()}
        parameters = {p.getId(): p for p in model.getListOfParameters()}
        for s in self.species.values():
            checks.choice(
                f"compartment of species {s.getId()}", s.getCompartment(), self._compartments, "the model has"
            )
        self._given = {i: c.getSize() if c.isSetSize() else 1.0 for i, c in self._compartments.items()}
        self._given |= {i: p.getValue() if p.isSetValue() else math.nan for i, p in parameters.items()}
        overrides = checks.by_name("parameters", overrides)
        for name, value in overrides.items():
            checks.choice("parameter", name, self._given, "the model has")
            self._given[name] = checks.finite(f"parameter {name}", value)
        self._initial_math = {
            a.getSymbol(): translator.expression(a.getMath(), f"the initial assignment of {a.getSymbol()}")
            for a in model.getListOfInitialAssignments()
            if a.getSymbol() not in overrides
        }
        self._rule_math = {
            r.getVariable(): translator.expression(r.getMath(), f"the rule of {r.getVariable()}")
            for r in model.getListOfRules()
        }
        for name in overrides:
            if name in self._rule_math:
                raise InputError(f"parameter {name} is given by a rule, and cannot be set")
        self._known = {**self.species, **self._given}
        for name in (*self._initial_math, *self._rule_math):
            checks.choice("name assigned to", name, self._known, "the model has")
        self._values, self._open = {}, []
        changed = {a.getVariable() for e in model.getListOfEvents() for a in e.getListOfEventAssignments()}
        for name in sorted(changed):
            checks.choice("name assigned by an event", name, self._known, "the model has")
        self.variable = {n for n in changed if n not in self.species}
        """Parameters and compartments that events change."""
        self._in_counts = {s: self._count_form(s) for s in self.species}

    def constants(self) -> dict[str, float]:
        """Values that nothing changes: parameters and sizes without rules and events, if they have a value."""
        fixed = [n for n in self._given if n not in self._rule_math and n not in self.variable]
        return {n: self.value(n) for n in fixed if n in self._initial_math or not math.isnan(self._given[n])}

    def parameters(self, read) -> dict[str, float]:
        """Parameters and sizes among the names `read`, at time 0."""
        return {n: self.value(n) for n in self._given if n in read and n not in self._rule_math}

    def has_rule(self, name) -> bool:
        return name in self._rule_math

    def rules(self) -> dict[str, Expression]:
        """Rules of the network, in counts; of a species its count."""
        return {n: self._assigned(n, self.counts(math)) for n, math in self._rule_math.items()}

    def assigned(self, assignments: dict[str, Expression]) -> tuple[tuple[str, Expression], ...]:
        """The counts, or the values, that the assignments of one event give: a concentration holds in the compartment
        as it is after the event."""
        found = {name: self.counts(math) for name, math in assignments.items()}
        return tuple((name, self._assigned(name, value, found)) for name, value in found.items())

    def counts(self, expression: Expression, local=()) -> Expression:
        """`expression` with species read as counts, but for names in `local`."""
        names = expression.names().difference(local, ("time",))
        for n in sorted(names - self._known.keys()):
            checks.choice("symbol", n, self._known, "the model has")
        return expression.substitute({n: self._in_counts[n] for n in names if n in self._in_counts})

    def size(self, species) -> Expression:
        """Size by which the count of a species is divided where it is read as a concentration; 1 for amounts."""
        item = self.species[species]
        if item.getHasOnlySubstanceUnits() or self._dimensions(item.getCompartment()) == 0:
            return number(1)
        return name_of(item.getCompartment())

    def compartments(self) -> dict[str, float]:
        """Sizes at time 0."""
        return {c: self.value(c) for c in self._compartments}

    def initial_count(self, species) -> int:
        item = self.species[species]
        if species in self._initial_math or not (item.isSetInitialAmount() or item.isSetInitialConcentration()):
            if species not in self._initial_math:
                raise InputError(f"species {species} has no initial amount: give it one, as {species} = 0")
            amount = self.value(species) * self._size_value(species)
        elif item.isSetInitialAmount():
            amount = item.getInitialAmount()
        else:
            amount = item.getInitialConcentration() * self.value(item.getCompartment())
        return checks.count(f"initial amount of {species} (amounts are molecules)", checks.rounded(amount))

    def value(self, name) -> float:
        """Value at time 0 of a symbol, as SBML reads it: initial assignments and rules come first."""
        if name == "time":
            return 0.0
        if name in self._open:
            raise InputError(f"{name} is initially assigned by itself: {' -> '.join([*self._open, name])}")
        if name not in self._values:
            self._open.append(name)
            self._values[name] = self._value(checks.choice("symbol", name, self._known, "the model has"))
            self._open.pop()
        return self._values[name]

    def _value(self, name):
        math_ = self._initial_math.get(name, self._rule_math.get(name))
        if math_ is not None:
            found = float(math_.evaluate({n: self.value(n) for n in math_.names()}))
        elif name in self.species:
            found = self.initial_count(name) / self._size_value(name)
        else:
            found = self._given[name]
        if name in self._compartments and self._dimensions(name):
            return checks.positive(f"size of compartment {name}", found)
        if not math.isfinite(found):
            raise InputError(f"{name} has no value at the start" if math.isnan(found) else f"{name} is infinite")
        return found

    def _size_value(self, species):
        size = self.size(species)
        return 1.0 if size.op == "number" else self.value(size.value)

    def _dimensions(self, compartment):
        item = self._compartments[compartment]
        return item.getSpatialDimensionsAsDouble() if item.isSetSpatialDimensions() else 3

    def _count_form(self, species):
        size = self.size(species)
        if size.op == "number" or (size.value in self._given and self._is_one(size.value)):
            return name_of(species)
        return Expression("quotient of", (name_of(species), size))

    def _is_one(self, compartment):
        fixed = compartment not in self._rule_math and compartment not in self.variable
        return fixed and self.value(compartment) == 1.0

    def _assigned(self, name, expression, sizes=None):
        if name not in self.species or self._in_counts[name].op == "name":
            return expression
        size = self.size(name)
        return operation("product", (expression, (sizes or {}).get(size.value, size)))
