"""Recognise a kinetic law as mass action: a constant times falling factorials of counts."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from ... import checks
from ...checks import InputError
from ..expressions import RELATIONS, Expression, number, operation
from ..names import BUILT_IN, REACTION, Scope
from ..parts import listed
from ..reaction import Reaction
from .sbml_declared import Reference
from .sbml_values import SbmlValues


class Monomial(NamedTuple):
    """coefficient * prod (n[species] - offset), in counts."""

    coefficient: float
    factors: tuple[tuple[str, float], ...] = ()


class Unrecognised(Exception):
    """The law is not mass action; the message says what stands in the way."""


def monomial(law: Expression, constant: Callable[[str], float | None]) -> Monomial:
    """Reduce an expression to one monomial: `constant` says the values of names, of counts None."""
    if law.op == "number":
        return Monomial(law.value)
    if law.op == "name":
        value = constant(law.value)
        return Monomial(1.0, ((law.value, 0.0),)) if value is None else Monomial(value)
    if law.op not in ("product", "quotient of", "sum", "negative", "power"):
        raise Unrecognised(f"{law} is not a product of species and constants")
    parts = [monomial(a, constant) for a in law.args]
    if law.op == "product":
        return _product(parts)
    if law.op == "sum":
        return _sum(parts)
    if law.op == "negative":
        return _negative(parts[0])
    if law.op == "quotient of":
        return _product([parts[0], _reciprocal(parts[1])])
    return _power(*parts)


def orders(law: Monomial) -> dict[str, int]:
    """Multiplicity of each species, if the factors are whole falling factorials A (A - 1) (A - 2) ...

    Raises Unrecognised otherwise.
    """
    offsets: dict[str, list[float]] = {}
    for s, offset in law.factors:
        offsets.setdefault(s, []).append(offset)
    for s, offsets_of_species in offsets.items():
        if any(abs(offset - k) > 1e-9 for k, offset in enumerate(sorted(offsets_of_species))):
            n = len(offsets_of_species)
            falling = " * ".join([s] + [f"({s} - {k})" for k in range(1, n)])
            raise Unrecognised(f"its factors of {s} are not {falling}, the propensity for {n} molecules of {s}")
    if not (math.isfinite(law.coefficient) and law.coefficient >= 0):
        raise Unrecognised(f"its constant is {law.coefficient}, which must be at least 0 and finite")
    return {s: len(offsets_of_species) for s, offsets_of_species in offsets.items()}


def _product(parts: list[Monomial]) -> Monomial:
    return Monomial(math.prod(p.coefficient for p in parts), sum((p.factors for p in parts), ()))


def _reciprocal(part: Monomial) -> Monomial:
    if part.factors:
        raise Unrecognised(f"it divides by {part.factors[0][0]}")
    if part.coefficient == 0:
        raise Unrecognised("it divides by zero")
    return Monomial(1.0 / part.coefficient)


def _negative(part: Monomial) -> Monomial:
    return Monomial(-part.coefficient, part.factors)


def _sum(parts: list[Monomial]) -> Monomial:
    constant = sum(p.coefficient for p in parts if not p.factors)
    rest = [p for p in parts if p.factors]
    if not rest:
        return Monomial(constant)
    if len(rest) > 1 or len(rest[0].factors) > 1 or rest[0].coefficient == 0:
        raise Unrecognised("it adds or subtracts terms")
    coefficient, ((species, offset),) = rest[0]
    return Monomial(coefficient, ((species, offset - constant / coefficient),))


def _power(base: Monomial, exponent: Monomial) -> Monomial:
    if exponent.factors:
        raise Unrecognised(f"{exponent.factors[0][0]} is in an exponent")
    power = exponent.coefficient
    if not base.factors:
        try:
            return Monomial(float(base.coefficient**power))
        except (ArithmeticError, TypeError):
            raise Unrecognised(f"it has {base.coefficient} to the power {power}") from None
    if not 1 <= power <= 32 or power != int(power):
        raise Unrecognised(f"it has {base.factors[0][0]} to the power {power}")
    return _product([base] * int(power))


# Laws of reversible reactions: a difference of two rates, each of which fires separately.

_NEVER_NEGATIVE = {"exp", "sqrt", "abs", "and", "or", "not", *RELATIONS}
_AS_ARGUMENTS = {"sum", "product", "quotient of", "min", "max", "floor", "ceil"}
"""Not negative where no argument is."""


class Names(NamedTuple):
    """What is known of the names in laws."""

    constant: Callable[[str], float | None]
    """The value of a name that nothing changes, else None."""
    amounts: Collection[str]
    """Species and sizes, which are never negative; and the time."""
    rules: Mapping[str, Expression]


def split(law: Expression, names: Names) -> tuple[Expression, Expression] | None:
    """(forward, backward) of a law forward - backward, both sums of what is never negative; None for another law.

    Products and quotients are expanded over one difference: c * (k1 * A - k2 * B) is c * k1 * A - c * k2 * B. A falling
    factorial as in k * A * (A - 1) is no difference, and neither is one of constants.
    """
    terms = _terms(law, names)
    sides = [[term for sign, term in terms if sign == side] for side in (1, -1)]
    if not all(sides) or not all(_not_negative(term, names) for _, term in terms):
        return None
    forward, backward = (side[0] if len(side) == 1 else Expression("sum", tuple(side)) for side in sides)
    return forward, backward


def reads(expression: Expression, rules: Mapping[str, Expression]) -> set[str]:
    """The names that it reads, also by way of rules."""
    names: set[str] = set()
    wanted = expression.names()
    while new := wanted - names:
        names |= new
        wanted = {n for name in new if name in rules for n in rules[name].names()}
    return names


def _terms(node: Expression, names: Names) -> list[tuple[int, Expression]]:
    """(sign, term) of each term of the sum that an expression is; one, where it is none."""
    value = _constant(node, names)
    if value is not None:
        return [(1, node)] if value >= 0 else [(-1, Expression("negative", (node,)))]
    if node.op == "negative":
        return [(-sign, term) for sign, term in _terms(node.args[0], names)]
    if node.op == "sum":
        return [parts for a in node.args for parts in _terms(a, names)]
    if node.op == "quotient of":
        numerator, denominator = node.args
        return [(sign, Expression("quotient of", (term, denominator))) for sign, term in _terms(numerator, names)]
    if node.op != "product" or _is_mass_action(node, names):
        return [(1, node)]
    factors = [_terms(a, names) for a in node.args]
    differences = [k for k, parts in enumerate(factors) if len({sign for sign, _ in parts}) > 1]
    # Of two differences the product is one, too, but its terms are no rates: they are larger than what reacts.
    if len(differences) > 1:
        return [(1, node)]
    sign, rest = 1, []
    for k, (factor, parts) in enumerate(zip(node.args, factors)):
        if k not in differences:
            sign *= parts[0][0]
            rest.append(factor if parts[0][0] > 0 else _negated(factor))
    if not differences:
        return [(sign, _product_of(rest))]
    place = differences[0]
    return [(sign * term_sign, _product_of([*rest[:place], term, *rest[place:]])) for term_sign, term in factors[place]]


def _negated(node: Expression) -> Expression:
    return node.args[0] if node.op == "negative" else Expression("negative", (node,))


def _constant(node: Expression, names: Names) -> float | None:
    """The value of what nothing changes."""
    values = {}
    for name in node.names():
        value = names.constant(name)
        if value is None:
            return None
        values[name] = value
    return float(node.evaluate(values))


def _product_of(factors: list[Expression]) -> Expression:
    product = factors[0]
    for factor in factors[1:]:
        product = operation("product", (product, *(factor.args if factor.op == "product" else (factor,))))
    return product


def _is_mass_action(node: Expression, names: Names) -> bool:
    try:
        orders(monomial(node, names.constant))
    except (Unrecognised, OverflowError):
        return False
    return True


def _not_negative(node: Expression, names: Names, inside: frozenset[str] = frozenset()) -> bool:
    """Whether an expression is surely at least 0, or not a number."""
    value = _constant(node, names)
    if value is not None:
        return value >= 0
    if node.op == "name":
        if node.value in names.amounts:
            return True
        if node.value in names.rules and node.value not in inside:
            return _not_negative(names.rules[node.value], names, inside | {node.value})
        return False
    if node.op in _NEVER_NEGATIVE:
        return True
    if node.op == "power":
        return _not_negative(node.args[0], names, inside)
    if node.op == "piecewise":  # value, condition, value, condition, ..., value
        return all(_not_negative(a, names, inside) for a in node.args[::2])
    if node.op in _AS_ARGUMENTS and all(_not_negative(a, names, inside) for a in node.args):
        return True
    return node.op == "product" and _is_mass_action(node, names)


# The reactions of an SBML model: changes, and laws as mass action where they are, as general laws where not.


class Reactions:
    """Translates the reactions of a libsbml model; `volume` is that of its only compartment, or 1."""

    def __init__(self, model: Any, scope: Scope, values: SbmlValues, volume: float):
        self._model, self._scope, self._values = model, scope, values
        self._declared = values.declared
        self._volume = volume
        self._constants = values.constants()
        self._back: dict[str, str] = {}

    def all(self) -> tuple[Reaction, ...]:
        """All reactions, in order. One warning names those that were split in two."""
        reactions = tuple(translated for r in self._model.getListOfReactions() for translated in self._translated(r))
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
        law, local = self._declared.law(identifier)
        law = self._values.propensity(law)
        single = self._mass_action(name, law, local, change)
        if single is not None:
            return (single,)
        if reaction.getReversible() and (parts := self._split(law, local, change)):
            back = {s: -n for s, n in change.items()}
            return self._one(name, parts[0], local, change), self._one(self._name_back(name), parts[1], local, back)
        _warn_of_difference(reaction, law)
        return (self._general(name, law, local, change),)

    def _one(self, name: str, law: Expression, local: Mapping[str, float], change: dict[str, int]) -> Reaction:
        return self._mass_action(name, law, local, change) or self._general(name, law, local, change)

    def _general(self, name: str, law: Expression, local: Mapping[str, float], change: dict[str, int]) -> Reaction:
        law = law.substitute({n: number(v) for n, v in local.items()})
        sides = tuple((s, -n) for s, n in change.items() if n < 0), tuple((s, n) for s, n in change.items() if n > 0)
        return Reaction(*sides, 1.0, name, None, law)

    def _mass_action(
        self, name: str, law: Expression, local: Mapping[str, float], change: dict[str, int]
    ) -> Reaction | None:
        """The reaction as one of mass action, if its law is."""
        try:
            parsed = monomial(law, lambda name: local.get(name, self._constants.get(name)))
            multiplicity = orders(parsed)
            if any(not self._is_counted(s) for s in multiplicity):
                raise Unrecognised("it uses a quantity that changes without reactions")
            products = dict(multiplicity)
            for s, n in change.items():
                products[s] = products.get(s, 0) + n
            if min(products.values(), default=0) < 0:
                raise Unrecognised("it does not vanish where molecules are missing")
            rate = parsed.coefficient * self._volume ** (sum(multiplicity.values()) - 1)
            sides = tuple(multiplicity.items()), tuple((s, n) for s, n in products.items() if n)
            return Reaction(*sides, checks.not_negative(f"the rate of {name}", rate), name)
        except (Unrecognised, OverflowError):
            return None

    def _is_counted(self, name: str) -> bool:
        return name in self._values.species and not self._values.has_rule(name) and name not in self.flowing

    def _split(
        self, law: Expression, local: Mapping[str, float], change: dict[str, int]
    ) -> tuple[Expression, Expression] | None:
        """The two rates whose difference the law is, if each reads all that it takes."""
        names = Names(lambda name: local.get(name, self._constants.get(name)), self._amounts, self._rules)
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
        reasons: dict[str, str] = {}
        for s in self._values.species:
            if not self._values.has_rule(s) and self._values.initial_amount(s) < 0:
                why = reasons[s] = f"{s} starts below 0"
        all_references = self._declared.references
        for references in all_references.values():
            for r in references:
                if self._whole(r) is None:
                    why = reasons[r.species] = self._not_whole(r)
        if not reasons:
            return reasons
        n = 0
        while len(reasons) > n:
            n = len(reasons)
            for references in all_references.values():
                species = [r.species for r in references]
                if not reasons.keys().isdisjoint(species):
                    reasons |= {s: why for s in species if s not in reasons}
        return reasons

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
