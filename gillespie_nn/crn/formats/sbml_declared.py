"""What an SBML model declares: its names, rules, stoichiometries and events' targets.

Algebraic rules of SBML, solved for the names that nothing else gives: they become assignment rules.

Each rule says that an expression is 0. Which of the free names it gives is tried in turn: a name is solved for where
the expression is linear in it, or where it stands in one place, below operations that have an inverse.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ... import checks
from ...checks import InputError
from ..compiled.derivative import STEPS, derivative, negative, product, ratio, total
from ..expressions import Expression, checked, number
from ..expressions import name as name_of
from ..names import COMPARTMENT, LOCAL, PARAMETER, REACTION, SPECIES, STOICHIOMETRY, Scope, inlined_rules
from ..parts import has_draws
from .mathml import VALUES, Translator, has_formula, scope_of
from .model_format import Overrides

_MOST_TRIALS = 200
_TEN = number(10)
_INVERSE: Mapping[str, Callable[[Expression], Expression]] = {
    "negative": negative,
    "exp": lambda t: Expression("ln", (t,)),
    "ln": lambda t: Expression("exp", (t,)),
    "log10": lambda t: Expression("power", (_TEN, t)),
    "sqrt": lambda t: Expression("power", (t, number(2))),
    "arcsin": lambda t: Expression("sin", (t,)),
    "arccos": lambda t: Expression("cos", (t,)),
    "arctan": lambda t: Expression("tan", (t,)),
    "sinh": lambda t: Expression("arcsinh", (t,)),
    "arcsinh": lambda t: Expression("sinh", (t,)),
    "tanh": lambda t: Expression("arctanh", (t,)),
    "arctanh": lambda t: Expression("tanh", (t,)),
    "arccosh": lambda t: Expression("cosh", (t,)),
}
"""Operations with one inverse: what stands in them, if their value is t."""


def solved(
    algebraic: Sequence[Expression], rules: Mapping[str, Expression], free: Sequence[str]
) -> dict[str, Expression]:
    """Assignment rules that are equal to the `algebraic` ones, for names among `free`, the first preferred.
    `rules` are the assignment rules there are. Raises InputError where there is no explicit solution."""
    if not algebraic:
        return {}
    inlined = inlined_rules(rules)
    trials = 0
    stuck = algebraic[0]

    def search(k: int, solutions: dict[str, Expression]) -> dict[str, Expression] | None:
        nonlocal trials, stuck
        if k == len(algebraic):
            return solutions
        rule = checked(algebraic[k].substitute(inlined).substitute(solutions), f"the algebraic rule {algebraic[k]} = 0")
        for name in free:
            if name in solutions or name not in rule.names():
                continue
            trials += 1
            solution = _solution(rule, name) if trials <= _MOST_TRIALS else None
            if solution is None:
                continue
            solution = checked(solution, f"the solution of the algebraic rule {algebraic[k]} = 0 for {name}")
            put_in = {other: value.substitute({name: solution}) for other, value in solutions.items()}
            complete = search(k + 1, {**put_in, name: solution})
            if complete is not None:
                return complete
        stuck = algebraic[k]
        return None

    complete = search(0, {})
    if complete is None:
        raise InputError(
            f"the algebraic rule {stuck} = 0 has no explicit solution for a name that nothing else gives: solve it, "
            "and write an assignment rule"
        )
    return complete


def _solution(rule: Expression, name: str) -> Expression | None:
    """The value of `name` for which `rule` is 0, or None."""
    if not any(name in node.names() for node in rule.walk() if node.op in STEPS or node.op in ("rem", "rate of")):
        try:
            slope = derivative(rule, {name: number(1)})
        except InputError:
            slope = number(0)
        names = slope.names()
        if name not in names and (names or slope.evaluate({}) != 0):
            return _over(negative(_at_zero(rule, name)), slope)
    return _isolated(rule, name)


def _over(above: Expression, below: Expression) -> Expression:
    if below == number(-1):
        return negative(above)
    return ratio(above, below)


def _at_zero(node: Expression, name: str) -> Expression:
    """The expression with 0 for a name, and without what is then 0."""
    if node.op == "name":
        return number(0) if node.value == name else node
    if name not in node.names():
        return node
    args = tuple(_at_zero(a, name) for a in node.args)
    if node.op == "sum":
        return total(list(args))
    if node.op == "product":
        return product(*args)
    if node.op == "negative":
        return negative(args[0])
    if node.op == "quotient of":
        return ratio(*args)
    return Expression(node.op, args)


def _isolated(node: Expression, name: str) -> Expression | None:
    """The value of a name that stands in one place of an expression that is 0, or None."""
    if sum(n.op == "name" and n.value == name for n in node.walk()) != 1:
        return None
    value = number(0)
    while node.op != "name":
        (k,) = (k for k, a in enumerate(node.args) if name in a.names())
        rest = [a for j, a in enumerate(node.args) if j != k]
        inverse = _inverse(node.op, k, rest, value)
        if inverse is None:
            return None
        node, value = node.args[k], inverse
    return value


def _inverse(op: str, k: int, rest: list[Expression], value: Expression) -> Expression | None:
    """The value of operand k of an operation whose value is `value`, or None where it has none or several."""
    if op in _INVERSE:
        return _INVERSE[op](value)
    if op == "sum":
        return total([value, *(negative(a) for a in rest)])
    if op == "product":
        return ratio(value, product(*rest))
    if op == "quotient of":
        return product(value, rest[0]) if k == 0 else ratio(rest[0], value)
    if op != "power":
        return None
    if k == 1:
        return ratio(Expression("ln", (value,)), Expression("ln", (rest[0],)))
    power = rest[0].value if rest[0].op == "number" else math.nan
    if power % 2 != 1:
        return None
    root = number(1 / power)
    positive, below = Expression("power", (value, root)), Expression("power", (negative(value), root))
    return Expression("piecewise", (positive, Expression(">=", (value, number(0))), negative(below)))


# How many units of a species a reaction of an SBML model takes or makes: numbers, or what rules and events change.


class Reference(NamedTuple):
    """One species reference: an extent of the reaction changes the amount of `species` by `sign * number`."""

    reaction: str
    """Identifier of the reaction."""
    species: str
    sign: int
    number: Expression
    """Stoichiometry times conversion factor."""
    what: str
    """What it is, for messages."""


def references(
    model: Any, translator: Translator, scope: Scope, species: Mapping[str, Any]
) -> dict[str, tuple[Reference, ...]]:
    """The references to `species`, libsbml's by identifier, of each reaction that change them: by the identifier of the
    reaction. Those to boundary and constant species change nothing."""
    result = {}
    for reaction in model.getListOfReactions():
        name = scope.meaning(reaction.getId(), "reaction", REACTION).identifier if reaction.getId() else ""
        mine = []
        for sign, side in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
            for reference in side:
                written = reference.getSpecies()
                what = f"species in reaction {reaction.getId()}"
                s = scope.meaning(written, what, SPECIES, known="the model has").identifier
                if species[s].getBoundaryCondition() or species[s].getConstant():
                    continue
                what = f"stoichiometry of {written} in reaction {reaction.getId()}"
                amount = _number(model, reference, what, translator, scope)
                factor = _factor(model, species[s], scope)
                mine.append(Reference(name, s, sign, product(amount, factor), what))
        result[name] = tuple(mine)
    return result


def given(model: Any, scope: Scope) -> dict[str, float]:
    """The stoichiometries that have names, as they are written; NaN without one."""
    values = {}
    for reaction in model.getListOfReactions():
        for side in (reaction.getListOfReactants(), reaction.getListOfProducts()):
            for reference in side:
                if reference.getId():
                    symbol = scope.meaning(reference.getId(), "stoichiometry", STOICHIOMETRY)
                    values[symbol.identifier] = _written(model, reference)
    return values


def _written(model: Any, reference: Any) -> float:
    if model.getLevel() > 2 and not reference.isSetStoichiometry():
        return float("nan")
    # Level 1 writes fractions with a denominator, which is 1 elsewhere.
    return reference.getStoichiometry() / reference.getDenominator()


def _number(model: Any, reference: Any, what: str, translator: Translator, scope: Scope) -> Expression:
    if reference.isSetStoichiometryMath():
        return translator.expression(reference.getStoichiometryMath().getMath(), what, scope)
    if reference.getId():
        return name_of(scope.meaning(reference.getId(), "stoichiometry", STOICHIOMETRY).identifier)
    if model.getLevel() > 2 and not reference.isSetStoichiometry():
        raise InputError(f"the {what} is not given: write it as a number")
    return number(checks.finite(what, _written(model, reference)))


def _factor(model: Any, species: Any, scope: Scope) -> Expression:
    """The conversion factor from extents to amounts."""
    owner = species if species.isSetConversionFactor() else model
    if not owner.isSetConversionFactor():
        return number(1)
    written = owner.getConversionFactor()
    return scope.meaning(written, "conversion factor", PARAMETER, known="the model has").expression


# What an SBML model declares, by identifier: items of libsbml, and formulas as expressions.
#
# Expressions have the meaning of SBML here, where a species is read as an amount or a concentration.


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
        """The kinetic law of a reaction as it is written, and the values of its local parameters."""
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
        taken = {r.species for of_reaction in self.references.values() for r in of_reaction}
        taken |= self.rules.keys() | self.rate_rules.keys()
        return sorted((n for n in names if n not in taken), key=lambda n: n in self.assigned)

    def _formula(self, math_: Any, what: str, draws: bool = False) -> Expression:
        return self._translator.expression(math_, what, self._scope, draws)

    def _assigned_to(self, written: str) -> str:
        return self.identifier(written, "name assigned to")

    def identifier(self, written: str, what: str, *kinds: str) -> str:
        """The identifier of a name, which must be of one of `kinds`, by default of what has a value."""
        return self._scope.meaning(written, what, *(kinds or VALUES), known="the model has").identifier
