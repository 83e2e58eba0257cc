"""Reactions: what goes in, what comes out, and the law of the propensity."""

import re
from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping
from typing import Any, NamedTuple

from .. import checks
from ..checks import InputError
from ..kernels.codes import COUNT_LIMIT
from .expressions import DRAWN, Expression, checked, number, operation
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


class _Fields(NamedTuple):
    reactants: tuple[tuple[str, int], ...]
    products: tuple[tuple[str, int], ...]
    rate: float
    name: str = ""
    threshold: Threshold | None = None
    law: Expression | None = None
    rate_expression: Expression | None = None


class Reaction(_Fields):
    """One reaction: `Reaction({"A": 2}, {"B": 1}, 0.5)` is 2 A -> B @ 0.5.

    Parameters
    ----------
    reactants, products : multiplicities by species, {"A": 2}; or species, ["A", "A"]; or pairs, [("A", 2)]. They are
        stored as a tuple of pairs (species, multiplicity), each species at most once.
    rate : the rate constant, at least 0, in the convention of `ReactionNetwork`; with a law a dimensionless factor.
    name : the network calls a reaction without a name r1, r2, ... by position.
    threshold : a factor that switches the rate.
    law : with it, the propensity is rate * law [1/s], in counts, whatever the reactants; see `gillespie_nn.law`.
        Without one, the reaction is mass action.
    rate_expression : the expression of parameters whose value is `rate`, or None if the rate is just a number.

    Raises
    ------
    InputError : reactants or products of another form. The network checks the rest.
    """

    __slots__ = ()

    def __new__(
        cls,
        reactants: Mapping[str, int] | Iterable[Any],
        products: Mapping[str, int] | Iterable[Any],
        rate: float,
        name: str = "",
        threshold: Threshold | None = None,
        law: Expression | None = None,
        rate_expression: Expression | None = None,
    ) -> "Reaction":
        left, right = _side("reactants", reactants, name), _side("products", products, name)
        return super().__new__(cls, left, right, rate, name, threshold, law, rate_expression)

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
    for role, most in (("reactants", _MOST_REACTANTS), ("products", COUNT_LIMIT)):
        side = _side(role, getattr(reaction, role), reaction.name)
        if len({s for s, _ in side}) != len(side):
            raise InputError(f"reaction {reaction.name}: a species appears twice on one side; add its multiplicities")
        if not all(type(n) is int and 0 < n <= most for _, n in side):
            what = f"multiplicity of {{}} in reaction {reaction.name}"
            side = tuple((s, checks.whole(what.format(s), n, 1, most)) for s, n in side)
        sides.append(side)
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


def _side(role: str, given: Any, reaction: str) -> tuple[tuple[str, Any], ...]:
    """Pairs (species, multiplicity) of the `reactants` or `products` of a reaction; raises InputError for another
    form. The multiplicities are checked with the network."""
    items: tuple[Any, ...]
    if type(given) is tuple:  # first what readers and builders make, by the hundred thousand
        for pair in given:
            if type(pair) is not tuple or len(pair) != 2 or type(pair[0]) is not str:
                break
        else:
            return given
    if isinstance(given, (tuple, list)):
        items = tuple(given)
        if items and all(isinstance(item, str) for item in items):
            return tuple(Counter(items).items())
    elif isinstance(given, Mapping):
        items = tuple(given.items())
    else:
        items = (None,)
    if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 and isinstance(pair[0], str) for pair in items):
        of = f" of reaction {reaction}" if reaction else ""
        raise InputError(
            f"{role}{of} must be a mapping {{species: multiplicity}} such as {{'A': 2}}, a list of species such as "
            f"['A', 'A'], or a list of pairs such as [('A', 2)], got {given!r}"
        )
    return tuple((species, n) for species, n in items)


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


def mass_action_law(reaction: Reaction, powers: bool = False) -> Expression:
    """The propensity of a mass-action reaction whose rate constant is an expression, in counts, as an expression; with
    `powers` its limit of large counts, A^2 in place of A (A - 1)."""
    assert reaction.rate_expression is not None
    factors = [reaction.rate_expression]
    for species, n in reaction.reactants:
        if powers and n > 1:
            factors.append(Expression("power", (name_of(species), number(n))))
            continue
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


def with_powers(reaction: Reaction, parameters: Container[str]) -> Reaction:
    """`reaction`, and if its law is that of `mass_action_law`, the limit of that law for large counts in its place."""
    if reaction.law is None or all(n == 1 for _, n in reaction.reactants):
        return reaction
    constant = constant_in_law(reaction, parameters)
    if constant is None:
        return reaction
    factors = (reaction.law.args[0] if reaction.law.op == "quotient of" else reaction.law).args
    threshold = next(filter(None, map(_threshold_of, reversed(factors))), None)
    whole = reaction._replace(rate_expression=constant, law=None, threshold=threshold)
    return reaction._replace(law=mass_action_law(whole, powers=True))


def constant_in_law(reaction: Reaction, parameters: Container[str]) -> Expression | None:
    """The rate constant in the law of a reaction, if the law is that of `mass_action_law` with an expression of
    `parameters`; else None."""
    if reaction.law is None or reaction.rate != 1:
        return None
    law = reaction.law
    factors = (law.args[0] if law.op == "quotient of" else law).args
    threshold = next(filter(None, map(_threshold_of, reversed(factors))), None)
    form = mass_action_law(reaction._replace(rate_expression=name_of(""), law=None, threshold=threshold))
    if form.op == "quotient of":
        if law.op != form.op or law.args[1] != form.args[1]:
            return None
        form, law = form.args[0], law.args[0]
    n = len(form.args) - 1  # factors behind the rate constant, which may itself be several factors
    if law.op != form.op or law.args[-n:] != form.args[1:] or len(law.args) <= n:
        return None
    law = law.args[0] if len(law.args) == n + 1 else Expression(law.op, law.args[:-n])
    names = law.names()
    return law if names and all(name in parameters for name in names) else None


def _threshold_of(factor: Expression) -> Threshold | None:
    """The threshold that became this factor of a law."""
    if factor.op != "piecewise" or len(factor.args) != 3 or factor.args[1].op != ">":
        return None
    above, below = factor.args[1].args
    return Threshold("step" if factor.args[0] == number(1) else "ramp", above.value, below.value)


def checked_expression(expression: Expression, what: str, names: Container[str], draws: bool = False) -> Expression:
    """`expression`, checked: it is an Expression below the limits of size, has only known names, and no random draws
    unless `draws`."""
    if not isinstance(expression, Expression):
        raise InputError(f"{what} must be an Expression, got {expression!r}: make one with gillespie_nn.law, from text")
    checked(expression, what)
    if not draws:
        for node in expression.walk():
            if node.op in DRAWN:
                raise InputError(
                    f"{what} has the random draw {node.op}(...): only assignments and delays of events can have one"
                )
    for name in sorted(expression.names()):
        checks.choice(f"name in {what}", name, names, "known names are", "declare any other name with @parameter")
    return expression


def checked_name(what: str, name: str) -> str:
    """`name`, if it is an identifier."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(f"{what} name {name!r} must be letters, digits and underscores, not starting with a digit")
    return name
