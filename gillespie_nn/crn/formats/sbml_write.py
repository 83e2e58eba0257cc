"""Expressions to MathML of SBML level 3 version 1, as libsbml's syntax trees; `mathml` reads them.

Trees are built and not parsed: in libsbml's formulas `e`, `inf` and others are constants, here they are names.
"""

import math
import os
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import checks
from ..expressions import DRAWN, RELATIONS, Expression, number, number_text, operation
from ..expressions import name as name_of
from ..names import BUILT_IN, EVENT, PARAMETER, REACTION, RULE, SPECIES, Scope
from ..parts import Event, has_draws
from ..reaction import Reaction

_KINDS = {
    "quotient of": "DIVIDE", "power": "POWER", "negative": "MINUS", "product": "TIMES", "not": "LOGICAL_NOT",
    "and": "LOGICAL_AND", "or": "LOGICAL_OR", "<": "RELATIONAL_LT", "<=": "RELATIONAL_LEQ", ">": "RELATIONAL_GT",
    ">=": "RELATIONAL_GEQ", "==": "RELATIONAL_EQ", "!=": "RELATIONAL_NEQ", "ceil": "FUNCTION_CEILING",
}  # fmt: skip
"""Kinds of nodes; all other functions have their name with FUNCTION in front."""
_TRUTHS = (*RELATIONS, "and", "or", "not")
_MOST_DIFFERENCES = 20


class Builder:
    """Makes the trees of a document."""

    def __init__(self, sbml: Any):
        self._sbml = sbml

    def tree(self, expression: Expression) -> Any:
        """The tree of an expression, in the functions of level 3 version 1."""
        return self._tree(_level_three(expression))

    def product(self, coefficient: float, front: list[Expression], factors: list[Expression]) -> Any:
        """The tree of front * coefficient * factors."""
        rate = self._sbml.parseL3Formula(repr(float(coefficient)))
        parts = [*(self._tree(f) for f in front), rate, *(self._tree(f) for f in factors)]
        return self._node("TIMES", parts) if len(parts) > 1 else rate

    def _tree(self, node: Expression) -> Any:
        if node.op == "number":
            return self._number(node.value)
        if node.op == "name":
            return self._name(node.value)
        if node.op == "sum":
            return self._sum(node)
        if node.op == "sqrt":
            return self._node("FUNCTION_ROOT", [self._number(2.0), self._tree(node.args[0])])
        if node.op == "log10":
            return self._node("FUNCTION_LOG", [self._number(10.0), self._tree(node.args[0])])
        if node.op in DRAWN:
            return self._node(f"DISTRIB_FUNCTION_{node.op.upper()}", [self._tree(a) for a in node.args])
        args = node.args
        while node.op == "product" and args[0].op == "product":
            args = (*args[0].args, *args[1:])
        return self._node(_KINDS.get(node.op, f"FUNCTION_{node.op.upper()}"), [self._tree(a) for a in args])

    def _sum(self, node: Expression) -> Any:
        """`<plus/>` of all, with `<minus/>` of two for what is subtracted; that nests, so of many it is of one."""
        flat = sum(a.op == "negative" for a in node.args) > _MOST_DIFFERENCES
        first, *rest = node.args
        tree = self._tree(first)
        for a in rest:
            if a.op == "negative" and not flat:
                tree = self._node("MINUS", [tree, self._tree(a.args[0])])
            elif tree.getType() == self._sbml.AST_PLUS:
                tree.addChild(self._tree(a))
            else:
                tree = self._node("PLUS", [tree, self._tree(a)])
        return tree

    def _node(self, kind: str, children: list) -> Any:
        node = self._sbml.ASTNode(getattr(self._sbml, f"AST_{kind}"))
        for child in children:
            node.addChild(child)
        return node

    def _number(self, value: float) -> Any:
        return self._sbml.parseL3Formula("INF" if math.isinf(value) else number_text(value))

    def _name(self, value: str) -> Any:
        is_time = value == BUILT_IN["time"].identifier
        node = self._sbml.ASTNode(self._sbml.AST_NAME_TIME if is_time else self._sbml.AST_NAME)
        node.setName(value)
        return node


def _level_three(node: Expression) -> Expression:
    """Without the functions that only later versions of SBML have, and without what is read otherwise elsewhere: a
    relation of relations becomes one of three by libsbml, (a^b)^c is a^(b^c) in Antimony."""
    args = tuple(_level_three(a) for a in node.args)
    if node.op in RELATIONS:
        return Expression(node.op, tuple(_as_number(a) for a in args))
    if node.op == "power" and args[0].op == "power":
        args = (Expression("product", (args[0], number(1))), args[1])
    if node.op in ("min", "max"):
        result = args[0]
        for a in args[1:]:
            relation = Expression("<=" if node.op == "min" else ">=", (_as_number(result), _as_number(a)))
            result = Expression("piecewise", (result, relation, a))
        return result
    if node.op in ("quotient", "rem"):
        ratio = Expression("quotient of", args)
        positive = Expression(">=", (ratio, number(0)))
        whole = Expression("piecewise", (Expression("floor", (ratio,)), positive, Expression("ceil", (ratio,))))
        if node.op == "quotient":
            return whole
        return Expression("sum", (args[0], Expression("negative", (Expression("product", (args[1], whole)),))))
    return Expression(node.op, args, node.value)


def _as_number(node: Expression) -> Expression:
    return Expression("piecewise", (number(1), node, number(0))) if node.op in _TRUTHS else node


# Documents of SBML level 3 version 1, so that other programs can simulate the same model.

if TYPE_CHECKING:
    from ..network import ReactionNetwork

KINETICS = ("stochastic", "deterministic")
_COMPARTMENT = "reactor"


def write(
    network: "ReactionNetwork",
    path: str | os.PathLike | None = None,
    kinetics: str = "stochastic",
    volume: float | None = None,
    initial: Mapping[str, float] | None = None,
    notes: Sequence[str] = (),
) -> str:
    """Write `network` in `volume` (default: that of the network, else 1), with overrides of initial counts by name and
    with `notes` for a reader, a paragraph each.

    `stochastic`: amounts are molecules in a compartment of size 1 and the law is the propensity, with falling
    factorials and Omega folded into its constant. `deterministic`: species are concentrations in a compartment of
    size Omega and the law is Omega * k * c^nu, or the general law at Omega * c. Returns the document.

    The stochastic law is the propensity, as in the SBML stochastic test suite. COPASI (4.48) takes every law for a
    deterministic rate and corrects that of `2 A -> ...` by 1 - 1 / A, so that there k * A * (A - 1) runs as
    k * (A - 1)^2; libRoadRunner takes it as it is.
    """
    sbml = checks.optional("libsbml", "sbml", "writing SBML")
    checks.choice("kinetics", kinetics, KINETICS)
    if volume is not None and network.volume is not None:
        raise checks.InputError(f"the model fixes its volume at {network.volume}: leave out volume={volume!r}")
    volume = checks.positive("volume", volume if volume is not None else network.volume or 1.0)
    network, initial = network.with_continuous(initial)
    amounts = network.amounts(initial)
    _refuse(network)
    names = _names(network)
    document = _document(sbml, network)
    model = document.createModel()
    _Writer(sbml, model, network, names, volume, kinetics == "stochastic").write(amounts)
    if notes:
        paragraphs = "".join(f"<p>{escape(note)}</p>" for note in notes)
        model.setNotes(f'<body xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</body>')
    text = sbml.writeSBMLToString(document)
    if path is not None:
        checks.write_text(path, text)
    return text


def _document(sbml: Any, network: "ReactionNetwork") -> Any:
    """An empty document, with the package distrib if events draw at random."""
    if not any(has_draws(e) for event in network.events for e in event.expressions()):
        return sbml.SBMLDocument(3, 1)
    document = sbml.SBMLDocument(sbml.SBMLNamespaces(3, 1, "distrib", 1))
    document.setPackageRequired("distrib", True)
    return document


class _Writer:
    def __init__(
        self, sbml: Any, model: Any, network: "ReactionNetwork", names: Scope, volume: float, stochastic: bool
    ):
        self._builder, self._model, self._network = Builder(sbml), model, network
        self._volume, self._stochastic = volume, stochastic
        self._compartment = names.take(_COMPARTMENT)
        # What a name of an expression, which speaks of counts, is in the document.
        self._meaning = {BUILT_IN["volume"].identifier: number(volume)}
        if not stochastic:
            size = name_of(self._compartment)
            self._meaning |= {s: Expression("product", (name_of(s), size)) for s in network.species}

    def write(self, amounts: np.ndarray) -> None:
        model, network = self._model, self._network
        model.setId("network")  # a word that Antimony has no use for
        model.setSubstanceUnits("item")
        model.setExtentUnits("item")
        model.setTimeUnits("second")
        compartment = model.createCompartment()
        compartment.setId(self._compartment)
        compartment.setConstant(True)
        compartment.setSize(1.0 if self._stochastic else self._volume)
        compartment.setSpatialDimensions(3)
        for name, n in zip(network.species, amounts.tolist()):
            self._species(name, network.initial[name] if name in network.rate_rules else n)
        changed = {target for event in network.events for target, _ in event.assignments} | network.rate_rules.keys()
        for name, value in network.parameters.items():
            self._parameter(name, name not in changed).setValue(value)
        for target, rule in network.rules.items():
            if target not in network.index:
                self._parameter(target, False)
            entry = model.createAssignmentRule()
            entry.setVariable(target)
            entry.setMath(self._math(self._as_assigned(target, rule)))
        for target, rate in network.rate_rules.items():
            entry = model.createRateRule()
            entry.setVariable(target)
            entry.setMath(self._math(self._as_assigned(target, rate)))
        for reaction in network.reactions:
            self._reaction(reaction)
        for event in network.events:
            self._event(event)

    def _species(self, name: str, n: float) -> None:
        species = self._model.createSpecies()
        species.setId(name)
        species.setCompartment(self._compartment)
        species.setHasOnlySubstanceUnits(self._stochastic)
        species.setBoundaryCondition(name in self._network.rules)
        species.setConstant(False)
        if name in self._network.rules:
            return
        if self._stochastic:
            species.setInitialAmount(n)
        else:
            species.setInitialConcentration(n / self._volume)

    def _parameter(self, name: str, constant: bool) -> Any:
        parameter = self._model.createParameter()
        parameter.setId(name)
        parameter.setConstant(constant)
        return parameter

    def _reaction(self, reaction: Reaction) -> None:
        entry = self._model.createReaction()
        entry.setId(reaction.name)
        entry.setReversible(False)
        entry.setFast(False)
        for side, create in ((reaction.reactants, entry.createReactant), (reaction.products, entry.createProduct)):
            for name, n in side:
                reference = create()
                reference.setSpecies(name)
                reference.setStoichiometry(n)
                reference.setConstant(True)
        on_a_side = {s for s, _ in (*reaction.reactants, *reaction.products)}
        for name in sorted(reaction.read_species() & set(self._network.species) - on_a_side):
            entry.createModifier().setSpecies(name)
        law = entry.createKineticLaw()
        if reaction.law is None:
            scale, front, factors = self._mass_action(reaction)
            if reaction.rate_expression is None:
                law.setMath(self._builder.product(reaction.rate * scale, front, factors))
            else:
                scaled = [] if scale == 1.0 else [number(scale)]
                parts = (*front, reaction.rate_expression, *scaled, *factors)
                law.setMath(self._builder.tree(operation("product", parts) if len(parts) > 1 else parts[0]))
        else:
            factor = () if reaction.rate == 1.0 else (number(reaction.rate),)
            law.setMath(self._math(operation("product", (*factor, reaction.law)) if factor else reaction.law))

    def _mass_action(self, reaction: Reaction) -> tuple[float, list[Expression], list[Expression]]:
        """What multiplies the rate constant, and the factors before and after it."""
        if self._stochastic:
            scale, front = self._volume ** (1 - reaction.order), []
            factors = [_less(name, k) for name, n in reaction.reactants for k in range(n)]
        else:
            scale, front = 1.0, [name_of(self._compartment)]
            factors = [
                name_of(name) if n == 1 else Expression("power", (name_of(name), number(n)))
                for name, n in reaction.reactants
            ]
        if reaction.threshold is not None:
            kind, above, below = reaction.threshold
            high, low = name_of(above), name_of(below)
            value = number(1) if kind == "step" else Expression("sum", (high, Expression("negative", (low,))))
            factors.append(Expression("piecewise", (value, Expression(">", (high, low)), number(0))))
        return scale, front, factors

    def _event(self, event: Event) -> None:
        entry = self._model.createEvent()
        entry.setId(event.name)
        entry.setUseValuesFromTriggerTime(event.values_at_trigger)
        trigger = entry.createTrigger()
        trigger.setInitialValue(event.initially)
        trigger.setPersistent(event.persistent)
        trigger.setMath(self._math(event.trigger))
        if event.delay is not None:
            entry.createDelay().setMath(self._math(event.delay))
        if event.priority is not None:
            entry.createPriority().setMath(self._math(event.priority))
        for target, value in event.assignments:
            assignment = entry.createEventAssignment()
            assignment.setVariable(target)
            assignment.setMath(self._math(self._as_assigned(target, value)))

    def _as_assigned(self, target: str, value: Expression) -> Expression:
        if self._stochastic or target not in self._network.index:
            return value
        return Expression("quotient of", (value, name_of(self._compartment)))

    def _math(self, expression: Expression) -> Any:
        return self._builder.tree(expression.substitute(self._meaning))


def _refuse(network: "ReactionNetwork") -> None:
    """Raise InputError for what SBML cannot express with amounts; warn of what it does not say."""
    for event in network.events:
        if event.factors:
            raise checks.InputError(
                f"event {event.name} scales {event.factors[0][0]} when it is assigned, which SBML with amounts cannot "
                "express: write the model as text"
            )
    if network.only_ode:
        checks.warn(f"only method ode can simulate the network ({network.only_ode}): the SBML does not say so")


def _less(name: str, k: int) -> Expression:
    return Expression("sum", (name_of(name), Expression("negative", (number(k),)))) if k else name_of(name)


def _names(network: "ReactionNetwork") -> Scope:
    """The names of the document; InputError for one that two things share."""
    values = [
        *((s, SPECIES) for s in network.species),
        *((p, PARAMETER) for p in network.parameters),
        *((r, RULE) for r in network.rules if r not in network.index),
    ]
    scope = Scope()
    try:
        for name, kind in (*values, *((r.name, REACTION) for r in network.reactions)):
            scope.define(name, kind)
        for event in network.events:
            scope.define(event.name, EVENT)
    except checks.InputError as error:
        raise checks.InputError(f"{error}, because SBML allows each name only once") from None
    return scope
