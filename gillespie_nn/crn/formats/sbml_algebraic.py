"""Algebraic rules of SBML, solved for the names that nothing else gives: they become assignment rules.

Each rule says that an expression is 0. Which of the free names it gives is found by trying: a name is solved for where
the expression is linear in it, or where it stands in one place, below operations that have an inverse.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from ...checks import InputError
from ..consistency import inlined_rules
from ..derivative import STEPS, derivative, negative, product, ratio, total
from ..expressions import Expression, checked, number

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
    """Assignment rules that are equal to the `algebraic` ones, for some of the names `free`, the first preferred.
    `rules` are the assignment rules there are. Raises InputError where there is no explicit solution."""
    if not algebraic:
        return {}
    inlined = inlined_rules(rules)
    trials = 0
    stuck = algebraic[0]

    def search(k: int, found: dict[str, Expression]) -> dict[str, Expression] | None:
        nonlocal trials, stuck
        if k == len(algebraic):
            return found
        rule = checked(algebraic[k].substitute(inlined).substitute(found), f"the algebraic rule {algebraic[k]} = 0")
        for name in free:
            if name in found or name not in rule.names():
                continue
            trials += 1
            solution = _solution(rule, name) if trials <= _MOST_TRIALS else None
            if solution is None:
                continue
            solution = checked(solution, f"the solution of the algebraic rule {algebraic[k]} = 0 for {name}")
            put_in = {other: value.substitute({name: solution}) for other, value in found.items()}
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
