"""The reactions of an SBML model: changes, and laws as mass action where they are, as general laws where not."""

from functools import cached_property
from typing import Any

from ... import checks
from ...checks import InputError
from ..amounts import listed
from ..expressions import Expression, number
from ..reaction import Reaction
from ..symbols import BUILT_IN, PARAMETER, SPECIES, Scope
from .kinetic_law import Unrecognised, monomial, orders
from .mathml import Translator
from .reversible import Names, reads, split
from .sbml_scope import VALUES
from .sbml_values import Values


class Reactions:
    """Translates the reactions of a libsbml model; `volume` is that of its only compartment, or 1."""

    def __init__(self, model: Any, translator: Translator, scope: Scope, values: Values, volume: float):
        self._model, self._translator, self._scope, self._values = model, translator, scope, values
        self._volume = volume
        self._constants = values.constants()
        self._back: dict[str, str] = {}

    def all(self) -> tuple[Reaction, ...]:
        """All reactions, in order. One warning names those that were split in two."""
        reactions = tuple(found for r in self._model.getListOfReactions() for found in self._translated(r))
        if self._back:
            pairs = listed([f"{name} and {back}" for name, back in self._back.items()])
            name = next(iter(self._back))
            checks.warn(
                f"reversible reactions whose law is a difference of two rates were split into {pairs}: both directions "
                f"fire. A rate set for {name} changes that direction only; '{name}*' sets both"
            )
        return reactions

    def _translated(self, reaction: Any) -> tuple[Reaction, ...]:
        """The reaction; a reversible one whose law is a difference of two rates as two."""
        name = reaction.getId()
        if reaction.isSetFast() and reaction.getFast():
            raise InputError(f"reaction {name} is marked fast, which is not supported: give it a large rate constant")
        law, own = self._values.law(reaction)
        law = self._values.propensity(law)
        change = self._net_change(reaction)
        found = self._mass_action(name, law, own, change)
        if found is not None:
            return (found,)
        if reaction.getReversible() and (parts := self._split(law, own, change)):
            back = {s: -n for s, n in change.items()}
            return self._one(name, parts[0], own, change), self._one(self._name_back(name), parts[1], own, back)
        _warn_of_difference(reaction, law)
        return (self._general(name, law, own, change),)

    def _one(self, name: str, law: Expression, own: dict[str, float], change: dict[str, int]) -> Reaction:
        return self._mass_action(name, law, own, change) or self._general(name, law, own, change)

    def _general(self, name: str, law: Expression, own: dict[str, float], change: dict[str, int]) -> Reaction:
        law = law.substitute({n: number(v) for n, v in own.items()})
        sides = tuple((s, -n) for s, n in change.items() if n < 0), tuple((s, n) for s, n in change.items() if n > 0)
        return Reaction(*sides, 1.0, name, None, law)

    def _mass_action(
        self, name: str, law: Expression, own: dict[str, float], change: dict[str, int]
    ) -> Reaction | None:
        """The reaction as one of mass action, if its law is."""
        try:
            found = monomial(law, lambda name: own.get(name, self._constants.get(name)))
            multiplicity = orders(found)
            if any(s not in self._values.species or self._values.has_rule(s) for s in multiplicity):
                raise Unrecognised("it uses a quantity that changes without reactions")
            products = dict(multiplicity)
            for s, n in change.items():
                products[s] = products.get(s, 0) + n
            if min(products.values(), default=0) < 0:
                raise Unrecognised("it does not vanish where molecules are missing")
            rate = found.coefficient * self._volume ** (sum(multiplicity.values()) - 1)
            sides = tuple(multiplicity.items()), tuple((s, n) for s, n in products.items() if n)
            return Reaction(*sides, checks.not_negative(f"the rate of {name}", rate), name)
        except (Unrecognised, OverflowError):
            return None

    def _split(
        self, law: Expression, own: dict[str, float], change: dict[str, int]
    ) -> tuple[Expression, Expression] | None:
        """The two rates whose difference the law is, if each reads all that it takes."""
        names = Names(lambda name: own.get(name, self._constants.get(name)), self._amounts, self._rules)
        parts = split(law, names)
        if parts is None:
            return None
        taken = ({s for s, n in change.items() if sign * n < 0} for sign in (1, -1))
        return parts if all(species <= reads(part, self._rules) for species, part in zip(taken, parts)) else None

    def _name_back(self, name: str) -> str:
        self._back[name] = self._scope.take(f"{name}_back")
        return self._back[name]

    @cached_property
    def _rules(self) -> dict[str, Expression]:
        return self._values.rules()

    @cached_property
    def _amounts(self) -> set[str]:
        """What is never negative."""
        return {*self._values.species, *self._values.compartments(), BUILT_IN["time"].identifier}

    def _net_change(self, reaction: Any) -> dict[str, int]:
        """Net change by species; repeated references add up, boundary and constant species do not change."""
        change: dict[str, int] = {}
        for sign, references in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
            for reference in references:
                s = self._identifier(reference.getSpecies(), f"species in reaction {reaction.getId()}", SPECIES)
                change[s] = change.get(s, 0) + sign * self._stoichiometry(reaction, reference, s)
        species = self._values.species
        return {
            s: n for s, n in change.items() if n and not (species[s].getBoundaryCondition() or species[s].getConstant())
        }

    def _stoichiometry(self, reaction: Any, reference: Any, species: str) -> int:
        what = f"stoichiometry of {reference.getSpecies()} in reaction {reaction.getId()}"
        if reference.isSetStoichiometryMath():
            math = self._translator.expression(reference.getStoichiometryMath().getMath(), what, self._scope)
            if not math.names() <= self._constants.keys():
                raise InputError(f"the {what} changes during a run, which is not supported")
            value = float(math.evaluate(self._constants))
        elif self._model.getLevel() > 2 and not reference.isSetStoichiometry():
            raise InputError(f"the {what} is not given: write it as a number")
        else:  # level 1 writes fractions with a denominator, which is 1 elsewhere
            value = reference.getStoichiometry() / reference.getDenominator()
        units = self._values.units
        value *= self._factor(species)
        ratio = units.of_species[species] / units.extent
        return checks.whole(what, value if ratio == 1.0 else checks.rounded_amount(value * ratio), least=0)

    def _factor(self, species: str) -> float:
        """The conversion factor from extents to amounts."""
        item = self._values.species[species]
        owner = item if item.isSetConversionFactor() else self._model
        if not owner.isSetConversionFactor():
            return 1
        factor = self._identifier(owner.getConversionFactor(), "conversion factor", PARAMETER)
        return self._constants[checks.choice("conversion factor", factor, self._constants, "constants are")]

    def _identifier(self, written: str, what: str, *kinds: str) -> str:
        return self._scope.meaning(written, what, *(kinds or VALUES), known="the model has").identifier


def _warn_of_difference(reaction: Any, law: Expression) -> None:
    """A difference of two rates is no propensity: it is negative where the back reaction is the faster one."""
    inner = law
    while inner.op in ("product", "quotient of"):
        inner = next((a for a in inner.args if a.op in ("sum", "product", "quotient of")), number(0))
    difference = inner.op == "sum" and any(a.op == "negative" and a.args[0].names() for a in inner.args)
    if reaction.getReversible() and difference:
        checks.warn(
            f"reaction {reaction.getId()} is reversible and its law {law} is a difference of two rates: only the net "
            "rate would be simulated, with too little noise, and a run stops where it is negative. Split it into two "
            "irreversible reactions, one for each rate",
        )
