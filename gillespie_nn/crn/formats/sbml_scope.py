"""The names of an SBML model: which are declared where, and the identifiers that they get here.

All that a model declares shares one namespace. The parameters of a kinetic law and the arguments of a function are in
scopes of their own and shadow what is declared outside. The time and the constants are no names of SBML but symbols
with elements of their own, so that a parameter may be called `time`: it gets another identifier here.
"""

from collections.abc import Iterable
from typing import Any

from ..symbols import (
    BUILT_IN,
    COMPARTMENT,
    FUNCTION,
    PARAMETER,
    REACTION,
    SPECIES,
    STOICHIOMETRY,
    Scope,
)

VALUES = SPECIES, PARAMETER, COMPARTMENT, STOICHIOMETRY
"""Kinds of names that have a value, and can be assigned to."""


def global_scope(model: Any) -> Scope:
    """The scope of a libsbml model; raises InputError for an identifier that two things have."""
    references = (
        reference
        for reaction in model.getListOfReactions()
        for side in (reaction.getListOfReactants(), reaction.getListOfProducts())
        for reference in side
    )
    lists: tuple[tuple[str, Iterable], ...] = (
        (FUNCTION, model.getListOfFunctionDefinitions()),
        (SPECIES, model.getListOfSpecies()),
        (COMPARTMENT, model.getListOfCompartments()),
        (PARAMETER, model.getListOfParameters()),
        (REACTION, model.getListOfReactions()),
        (STOICHIOMETRY, references),
    )
    scope = Scope()
    _define(scope, [(item.getId(), kind) for kind, items in lists for item in items if item.getId()])
    return scope


def scope_of(names: Iterable[str], kind: str, above: Scope | None = None) -> Scope:
    """A scope of its own for the parameters of a kinetic law, or the arguments of a function."""
    scope = Scope(above=above)
    _define(scope, [(name, kind) for name in names])
    return scope


def _define(scope: Scope, names: list[tuple[str, str]]) -> None:
    # What has to be renamed comes last: no other name gives way to it.
    for name, kind in sorted(names, key=lambda item: item[0] in BUILT_IN):
        scope.define(name, kind)
