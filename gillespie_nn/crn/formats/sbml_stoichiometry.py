"""How many units of a species a reaction of an SBML model takes or makes: numbers, or what rules and events change."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ... import checks
from ...checks import InputError
from ..derivative import product
from ..expressions import Expression, number
from ..expressions import name as name_of
from ..symbols import PARAMETER, REACTION, SPECIES, STOICHIOMETRY, Scope
from .mathml import Translator


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
    found = {}
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
        found[name] = tuple(mine)
    return found


def given(model: Any, scope: Scope) -> dict[str, float]:
    """The stoichiometries that have names, as they are written; NaN without one."""
    found = {}
    for reaction in model.getListOfReactions():
        for side in (reaction.getListOfReactants(), reaction.getListOfProducts()):
            for reference in side:
                if reference.getId():
                    symbol = scope.meaning(reference.getId(), "stoichiometry", STOICHIOMETRY)
                    found[symbol.identifier] = _written(model, reference)
    return found


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
