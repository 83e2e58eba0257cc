"""What an SBML model declares, by identifier: items of libsbml, and formulas as expressions.

Expressions have the meaning of SBML here, where a species is read as an amount or a concentration.
"""

import math
from collections.abc import Mapping
from typing import Any

from ... import checks
from ...checks import InputError
from ..draws import has_draws
from ..expressions import Expression, number
from ..expressions import name as name_of
from ..symbols import COMPARTMENT, LOCAL, PARAMETER, REACTION, Scope
from .base import Overrides
from .mathml import Translator, has_formula
from .sbml_algebraic import solved
from .sbml_scope import VALUES, scope_of
from .sbml_stoichiometry import given, references


class Declared:
    """The declarations of a libsbml model, with overrides of its parameters and sizes."""

    def __init__(self, model: Any, translator: Translator, scope: Scope, overrides: Overrides):
        self._scope, self._translator = scope, translator

        def by_identifier(items: Any) -> dict[str, Any]:
            return {self.identifier(item.getId(), "symbol"): item for item in items}

        self.species = by_identifier(model.getListOfSpecies())
        self.compartments = by_identifier(model.getListOfCompartments())
        parameters = by_identifier(model.getListOfParameters())
        self._compartment_of = {
            s: self.identifier(item.getCompartment(), f"compartment of species {s}", COMPARTMENT)
            for s, item in self.species.items()
        }
        self.given = {i: c.getSize() if c.isSetSize() else 1.0 for i, c in self.compartments.items()}
        """Values of compartments, parameters and stoichiometries as they are written, NaN without one."""
        self.given |= {i: p.getValue() if p.isSetValue() else math.nan for i, p in parameters.items()}
        overridden = set()
        for name, value in checks.by_name("parameters", overrides).items():
            identifier = self.identifier(name, "parameter", PARAMETER, COMPARTMENT)
            self.given[identifier] = checks.finite(f"parameter {name}", value)
            overridden.add(identifier)
        self.given |= given(model, scope)
        initial = {
            self._assigned_to(a.getSymbol()): a.getMath() for a in model.getListOfInitialAssignments() if has_formula(a)
        }
        self.initial = {
            name: self._formula(math_, f"the initial assignment of {name}", draws=True)
            for name, math_ in initial.items()
            if name not in overridden
        }
        """Initial assignments."""
        self.drawn = {name: math_ for name, math_ in self.initial.items() if has_draws(math_)}
        """Those that draw at random: an event at time 0 makes them, in each replicate."""
        self.references = references(model, translator, scope, self.species)
        """Of each reaction, what changes species."""
        assignments = [a for e in model.getListOfEvents() for a in e.getListOfEventAssignments() if has_formula(a)]
        self.assigned = {self.identifier(a.getVariable(), "name assigned by an event") for a in assignments}
        self.assigned |= self.drawn.keys()
        """What events assign to."""
        self.rate_rules: dict[str, Expression] = {}
        self.rules: dict[str, Expression] = {}
        """Assignment rules, and algebraic rules solved."""
        self._read_rules(model)
        for name in sorted(overridden & self.rules.keys()):
            raise InputError(f"parameter {name} is given by a rule, and cannot be set")
        self.reactions = {
            self.identifier(r.getId(), "reaction", REACTION): r for r in model.getListOfReactions() if r.getId()
        }

    def changes(self, name: str) -> bool:
        """Whether a rule or an event changes a parameter, compartment or stoichiometry."""
        return name in self.rules or name in self.rate_rules or name in self.assigned

    def settable(self) -> list[str]:
        """Names, as they are written, of the parameters and sizes that can be overridden."""
        names = self._scope.names(PARAMETER, COMPARTMENT)
        return [n for n in names if self._scope.meaning(n, PARAMETER).identifier not in self.rules]

    def dimensions(self, compartment: str) -> float:
        """Spatial dimensions of a compartment."""
        item = self.compartments[compartment]
        return item.getSpatialDimensionsAsDouble() if item.isSetSpatialDimensions() else 3

    def compartment_of(self, species: str) -> str:
        return self._compartment_of[species]

    def size(self, species: str) -> Expression:
        """Size by which the amount of a species is divided where it is read as a concentration; 1 for amounts."""
        compartment = self._compartment_of[species]
        if self.species[species].getHasOnlySubstanceUnits() or self.dimensions(compartment) == 0:
            return number(1)
        return name_of(compartment)

    def law(self, reaction: str) -> tuple[Expression, Mapping[str, float]]:
        """The kinetic law of a reaction as it is written, and the values of its own parameters."""
        law = self.reactions[reaction].getKineticLaw()
        if law is None or (law.getMath() is None and has_formula(law)):
            raise InputError(f"reaction {reaction} has no kinetic law")
        if law.getMath() is None:
            checks.warn(f"reaction {reaction} has a kinetic law without a formula: it does not fire")
            return number(0), {}
        parameters = {p.getId(): p.getValue() for p in (*law.getListOfParameters(), *law.getListOfLocalParameters())}
        scope = scope_of(parameters, LOCAL, self._scope)
        values = {
            scope.meaning(p, LOCAL).identifier: checks.finite(f"parameter {p} of reaction {reaction}", value)
            for p, value in parameters.items()
        }
        what = f"the kinetic law of reaction {reaction}"
        return self._translator.expression(law.getMath(), what, scope), values

    def _read_rules(self, model: Any) -> None:
        """Assignment rules and rate rules; algebraic rules become assignment rules."""
        algebraic = []
        for rule in model.getListOfRules():
            if not has_formula(rule):
                continue
            if rule.isAlgebraic():
                algebraic.append(self._formula(rule.getMath(), "an algebraic rule"))
                continue
            name = self._assigned_to(rule.getVariable())
            kind, rules = ("rate rule", self.rate_rules) if rule.isRate() else ("rule", self.rules)
            rules[name] = self._formula(rule.getMath(), f"the {kind} of {name}")
        for name in sorted(self.rate_rules.keys() & self.rules.keys()):
            raise InputError(f"{name} has a rule and a rate rule: remove one of the two")
        if algebraic:
            self.rules |= solved(algebraic, self.rules, self._free(model))

    def _free(self, model: Any) -> list[str]:
        """Names that an algebraic rule can give, because nothing else does; those that events assign to come last."""
        items = [*model.getListOfSpecies(), *model.getListOfCompartments(), *model.getListOfParameters()]
        for reaction in model.getListOfReactions():
            items += [r for side in (reaction.getListOfReactants(), reaction.getListOfProducts()) for r in side]
        names = [self.identifier(item.getId(), "symbol") for item in items if item.getId() and not item.getConstant()]
        taken = {r.species for found in self.references.values() for r in found}
        taken |= self.rules.keys() | self.rate_rules.keys()
        return sorted((n for n in names if n not in taken), key=lambda n: n in self.assigned)

    def _formula(self, math_: Any, what: str, draws: bool = False) -> Expression:
        return self._translator.expression(math_, what, self._scope, draws)

    def _assigned_to(self, written: str) -> str:
        return self.identifier(written, "name assigned to")

    def identifier(self, written: str, what: str, *kinds: str) -> str:
        """The identifier of a name, which must be of one of `kinds`, by default of what has a value."""
        return self._scope.meaning(written, what, *(kinds or VALUES), known="the model has").identifier
