"""Laws of reversible reactions: a difference of two rates, each of which fires on its own."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from ..expressions import RELATIONS, Expression, operation
from .kinetic_law import Unrecognised, monomial, orders

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
    found: set[str] = set()
    wanted = expression.names()
    while new := wanted - found:
        found |= new
        wanted = {n for name in new if name in rules for n in rules[name].names()}
    return found


def _terms(node: Expression, names: Names) -> list[tuple[int, Expression]]:
    """(sign, term) of each term of the sum that an expression is; one, where it is none."""
    value = _constant(node, names)
    if value is not None:
        return [(1, node)] if value >= 0 else [(-1, Expression("negative", (node,)))]
    if node.op == "negative":
        return [(-sign, term) for sign, term in _terms(node.args[0], names)]
    if node.op == "sum":
        return [found for a in node.args for found in _terms(a, names)]
    if node.op == "quotient of":
        numerator, denominator = node.args
        return [(sign, Expression("quotient of", (term, denominator))) for sign, term in _terms(numerator, names)]
    if node.op != "product" or _is_mass_action(node, names):
        return [(1, node)]
    factors = [_terms(a, names) for a in node.args]
    differences = [k for k, found in enumerate(factors) if len({sign for sign, _ in found}) > 1]
    # Of two differences the product is one, too, but its terms are no rates: they are larger than what reacts.
    if len(differences) > 1:
        return [(1, node)]
    sign, rest = 1, []
    for k, (factor, found) in enumerate(zip(node.args, factors)):
        if k not in differences:
            sign *= found[0][0]
            rest.append(factor if found[0][0] > 0 else _negated(factor))
    if not differences:
        return [(sign, _product(rest))]
    place = differences[0]
    return [(sign * own, _product([*rest[:place], term, *rest[place:]])) for own, term in factors[place]]


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


def _product(factors: list[Expression]) -> Expression:
    found = factors[0]
    for factor in factors[1:]:
        found = operation("product", (found, *(factor.args if factor.op == "product" else (factor,))))
    return found


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
