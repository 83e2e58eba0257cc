"""The reactions of an SBML model: changes, and laws as mass action where they are, as general laws where not."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from ... import checks
from ...checks import InputError
from ..amounts import listed
from ..expressions import Expression, number
from ..reaction import Reaction
from ..symbols import BUILT_IN, REACTION, Scope
from .kinetic_law import Unrecognised, monomial, orders
from .reversible import Names, reads, split
from .sbml_stoichiometry import Reference
from .sbml_values import Values


class Reactions:
    """Translates the reactions of a libsbml model; `volume` is that of its only compartment, or 1."""

    def __init__(self, model: Any, scope: Scope, values: Values, volume: float):
        self._model, self._scope, self._values = model, scope, values
        self._declared = values.declared
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
        identifier = self._scope.meaning(name, "reaction", REACTION).identifier
        change = self._net_change(self._declared.references[identifier])
        if change is None:
            return ()
        law, own = self._declared.law(identifier)
        law = self._values.propensity(law)
        found = self._mass_action(name, law, own, change)
        if found is not None:
            return (found,)
        if reaction.getReversible() and (parts := self._split(law, own, change)):
            back = {s: -n for s, n in change.items()}
            return self._one(name, parts[0], own, change), self._one(self._name_back(name), parts[1], own, back)
        _warn_of_difference(reaction, law)
        return (self._general(name, law, own, change),)

    def _one(self, name: str, law: Expression, own: Mapping[str, float], change: dict[str, int]) -> Reaction:
        return self._mass_action(name, law, own, change) or self._general(name, law, own, change)

    def _general(self, name: str, law: Expression, own: Mapping[str, float], change: dict[str, int]) -> Reaction:
        law = law.substitute({n: number(v) for n, v in own.items()})
        sides = tuple((s, -n) for s, n in change.items() if n < 0), tuple((s, n) for s, n in change.items() if n > 0)
        return Reaction(*sides, 1.0, name, None, law)

    def _mass_action(
        self, name: str, law: Expression, own: Mapping[str, float], change: dict[str, int]
    ) -> Reaction | None:
        """The reaction as one of mass action, if its law is."""
        try:
            found = monomial(law, lambda name: own.get(name, self._constants.get(name)))
            multiplicity = orders(found)
            if any(not self._is_counted(s) for s in multiplicity):
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

    def _is_counted(self, name: str) -> bool:
        return name in self._values.species and not self._values.has_rule(name) and name not in self.flowing

    def _split(
        self, law: Expression, own: Mapping[str, float], change: dict[str, int]
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

    def _net_change(self, references: Sequence[Reference]) -> dict[str, int] | None:
        """Net change by species, without zeros; repeated references add up. None if species with rates of change are
        among them."""
        if any(r.species in self.flowing for r in references):
            return None
        change: dict[str, int] = {}
        for r in references:
            number = self._whole(r)
            assert number is not None
            change[r.species] = change.get(r.species, 0) + r.sign * number
        return {s: n for s, n in change.items() if n}

    @cached_property
    def flowing(self) -> Mapping[str, str]:
        """Species that reactions change by other than whole numbers, or that start below 0, and those that they react
        with: they have rates of change, and their reactions are left out. With each the reason for all."""
        why = ""
        found: dict[str, str] = {}
        for s in self._values.species:
            if not self._values.has_rule(s) and self._values.initial_amount(s) < 0:
                why = found[s] = f"{s} starts below 0"
        all_references = self._declared.references
        for references in all_references.values():
            for r in references:
                if self._whole(r) is None:
                    why = found[r.species] = self._not_whole(r)
        if not found:
            return found
        n = 0
        while len(found) > n:
            n = len(found)
            for references in all_references.values():
                species = [r.species for r in references]
                if not found.keys().isdisjoint(species):
                    found |= {s: why for s in species if s not in found}
        return found

    def _not_whole(self, reference: Reference) -> str:
        value = self._values.folded(reference.number)
        verb = "makes" if reference.sign > 0 else "takes"
        return f"reaction {reference.reaction} {verb} {value} {reference.species}"

    def _whole(self, reference: Reference) -> int | None:
        """The molecules of a reference, if that is a whole number that nothing changes."""
        constants = self._values.constants_of(reference.number)
        if constants is None:
            return None
        value = checks.finite(reference.what, float(reference.number.evaluate(constants)))
        units = self._values.units
        ratio = units.of_species[reference.species] / units.extent
        value = value if ratio == 1.0 else checks.rounded_amount(value * ratio)
        return int(value) if value == int(value) and abs(value) <= checks.COUNT_LIMIT else None


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
