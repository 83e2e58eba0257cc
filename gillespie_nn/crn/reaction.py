"""Reactions: what goes in, what comes out, and the law of the propensity."""

import re
from collections.abc import Collection, Container, Mapping
from typing import NamedTuple

from .. import checks
from ..checks import InputError
from ..kernels.codes import COUNT_LIMIT
from .expressions import Expression, checked, number, operation
from .expressions import name as name_of

THRESHOLD_KINDS = ("step", "ramp")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_MOST_REACTANTS = 32


class Threshold(NamedTuple):
    """A factor that switches a rate, depending on which of two species has more molecules.

    `step` is 1 while n[above] > n[below], else 0 (dimensionless). `ramp` is max(n[above] - n[below], 0) [molecules],
    and adds 1 to the order.
    """

    kind: str
    above: str
    below: str


class Reaction(NamedTuple):
    """One reaction. `reactants` and `products` are pairs (species, multiplicity), each species at most once.

    With a `law`, the propensity is rate * law [1/s]: the law reads counts, and the reactants do not enter. Without a
    law, the propensity is that of mass action.
    `rate_expression` is the expression of parameters whose value is `rate`, or None if the rate is just a number.
    """

    reactants: tuple[tuple[str, int], ...]
    products: tuple[tuple[str, int], ...]
    rate: float
    name: str = ""
    threshold: Threshold | None = None
    law: Expression | None = None
    rate_expression: Expression | None = None

    @property
    def order(self) -> int:
        """Molecularity m of the rate law: the exponent of 1 / Omega is m - 1. It is 1 for a general law."""
        if self.law is not None:
            return 1
        ramp = self.threshold is not None and self.threshold.kind == "ramp"
        return sum(n for _, n in self.reactants) + ramp

    def net_change(self) -> dict[str, int]:
        """Net change of counts per firing, without zeros [molecules]."""
        change = dict(self.products)
        for species, n in self.reactants:
            change[species] = change.get(species, 0) - n
        return {species: n for species, n in change.items() if n}

    def read_species(self) -> set[str]:
        """The species that the propensity reads; for a general law, all names in it."""
        if self.law is not None:
            return self.law.names()
        read = {species for species, _ in self.reactants}
        if self.threshold is not None:
            read |= {self.threshold.above, self.threshold.below}
        return read


def checked_reaction(reaction: Reaction, known: Collection[str], names: Container[str]) -> Reaction:
    """`reaction`, its species among `known` and the names of its law among `names`; raises InputError."""
    checked_name("reaction", reaction.name)
    sides = []
    for side, most in ((reaction.reactants, _MOST_REACTANTS), (reaction.products, COUNT_LIMIT)):
        if not _is_side(side):
            raise InputError(
                f"reaction {reaction.name}: each side must be a tuple of pairs (species, multiplicity), for example "
                f"(('A', 2),), got {side!r}"
            )
        if len({s for s, _ in side}) != len(side):
            raise InputError(f"reaction {reaction.name}: a species appears twice on one side; add its multiplicities")
        what = f"multiplicity of {{}} in reaction {reaction.name}"
        sides.append(tuple((s, checks.whole(what.format(s), n, 1, most)) for s, n in side))
    if reaction.law is not None:
        if reaction.threshold is not None:
            raise InputError(f"reaction {reaction.name} has a threshold and a law: write the threshold into the law")
        checked_expression(reaction.law, f"the law of reaction {reaction.name}", names)
    if reaction.threshold is not None:
        checks.choice(f"threshold in reaction {reaction.name}", reaction.threshold.kind, THRESHOLD_KINDS)
    read = reaction.read_species() if reaction.law is None else {s for s, _ in reaction.reactants}
    for s in read | {s for s, _ in reaction.products}:
        if s not in known:
            checks.choice(f"species in reaction {reaction.name}", s, known, "the network has")
    rate = checks.not_negative(f"rate of reaction {reaction.name}", reaction.rate)
    return reaction._replace(reactants=sides[0], products=sides[1], rate=rate)


def _is_side(side: object) -> bool:
    """Whether `side` has the form ((species, multiplicity), ...)."""
    return isinstance(side, (tuple, list)) and all(
        isinstance(pair, (tuple, list)) and len(pair) == 2 and isinstance(pair[0], str) for pair in side
    )


def rate_of(reaction: Reaction, parameters: Mapping[str, float]) -> float:
    """The value of the `rate_expression` of a reaction [as `rate`]; raises InputError if it is not a rate constant."""
    expression = reaction.rate_expression
    assert expression is not None
    checked_expression(expression, f"the rate constant of reaction {reaction.name}", parameters)
    value = float(expression.evaluate(parameters))
    return checks.not_negative(f"the rate constant of reaction {reaction.name}, {expression},", value)


def with_rate(reaction: Reaction, parameters: Mapping[str, float], changing: Collection[str]) -> Reaction:
    """`reaction`, whose rate constant is an expression of `parameters`, checked.

    If events change one of these parameters (`changing`), the reaction gets the equal general law, which is evaluated
    anew whenever a parameter changes. A rate that contradicts the expression is refused: either could be meant.
    """
    value, expression = rate_of(reaction, parameters), reaction.rate_expression
    assert expression is not None
    if reaction.law is not None:
        raise InputError(
            f"reaction {reaction.name} has a general law and an expression for its rate constant: write {expression} "
            "into the law"
        )
    if reaction.rate != value:
        raise InputError(
            f"the rate of reaction {reaction.name} is {reaction.rate!r}, and its rate_expression {expression} has the "
            f"value {value!r}: use with_parameters, or set rate_expression=None to give a number"
        )
    if expression.names().isdisjoint(changing):
        return reaction
    return reaction._replace(rate=1.0, rate_expression=None, threshold=None, law=mass_action_law(reaction))


def mass_action_law(reaction: Reaction) -> Expression:
    """The propensity of a mass-action reaction whose rate constant is an expression, in counts, as an expression."""
    assert reaction.rate_expression is not None
    factors = [reaction.rate_expression]
    for species, n in reaction.reactants:
        factors += [operation("sum", (name_of(species), number(-k))) if k else name_of(species) for k in range(n)]
    if reaction.threshold is not None:
        kind, above, below = reaction.threshold
        high, low = name_of(above), name_of(below)
        value = number(1) if kind == "step" else operation("sum", (high, Expression("negative", (low,))))
        factors.append(Expression("piecewise", (value, Expression(">", (high, low)), number(0))))
    if reaction.order == 0:
        factors.append(name_of("volume"))
    law = factors[0] if len(factors) == 1 else operation("product", tuple(factors))
    if reaction.order < 2:
        return law
    power = reaction.order - 1
    size = name_of("volume") if power == 1 else Expression("power", (name_of("volume"), number(power)))
    return Expression("quotient of", (law, size))


def checked_expression(expression: Expression, what: str, names: Container[str]) -> Expression:
    """`expression`, if it is one, of bearable size, over known names."""
    if not isinstance(expression, Expression):
        raise InputError(f"{what} must be an Expression, got {expression!r}: make one with crn.formula.parse")
    checked(expression, what)
    for name in sorted(expression.names()):
        checks.choice(f"name in {what}", name, names, "known names are", "declare any other name with @parameter")
    return expression


def checked_name(what: str, name: str) -> str:
    """`name`, if it is an identifier."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(f"{what} name {name!r} must be letters, digits and underscores, not starting with a digit")
    return name
