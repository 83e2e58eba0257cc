"""Derivatives of expressions, and quotients with a removable gap.

Quotients with a removable gap: F / (1 - exp(-F / k)), as in the rates of ion channels.

At F = 0 such a quotient is 0 / 0, and over an interval with that point in it no bound can be given. Where rate rules
move F through 0 that happens in every run. So it is written with x / (exp(x) - 1), which is 1 at x = 0, smooth, and
falling everywhere.
"""

import math
from collections.abc import Callable, Mapping

from ...checks import InputError
from ..expressions import MOST_NODES, Expression, checked, number, operation

EXPREL = "x / (exp(x) - 1)"
"""The operation. Only programs have it: no text can write it."""


def without_gaps(node: Expression) -> Expression:
    """`node`, with every such quotient written with `EXPREL`; the same object where there is none."""
    if not node.args:
        return node
    args = tuple(without_gaps(a) for a in node.args)
    if args != node.args:
        node = Expression(node.op, args, node.value)
    return _rewritten(node) if node.op == "quotient of" else node


def _rewritten(node: Expression) -> Expression:
    top, bottom = node.args
    exponent = _exponent(bottom)
    if exponent is None:
        return node
    sign, u = exponent  # the quotient is top / (sign (exp(u) - 1))
    factors = list(top.args) if top.op == "product" else [top]
    for k, factor in enumerate(factors):
        ratio = _ratio(factor, u)
        if ratio is not None:  # factor = ratio * u
            rest = [*factors[:k], *factors[k + 1 :], ratio, Expression(EXPREL, (u,))]
            product = rest[0]
            for other in rest[1:]:
                product = operation("product", (product, other))
            return product if sign > 0 else Expression("negative", (product,))
    return node


def _exponent(node: Expression) -> tuple[int, Expression] | None:
    """(sign, u) of exp(u) - 1 or 1 - exp(u), in any order of the terms; else None."""
    if node.op != "sum" or len(node.args) != 2:
        return None
    one, power = sorted(node.args, key=lambda a: "exp" in (a.op, a.args[0].op if a.args else ""))
    sign = 1
    if power.op == "negative":
        sign, power = -1, power.args[0]
    wanted = Expression("negative", (number(1),)) if sign > 0 else number(1)
    if power.op != "exp" or one not in (wanted, number(-1) if sign > 0 else wanted):
        return None
    return sign, power.args[0]


def _ratio(factor: Expression, u: Expression) -> Expression | None:
    """`factor` / u, if u is `factor` with a sign, multiplied or divided by other expressions; else None."""
    scale: Expression = number(1)
    while u != factor:
        if u.op == "negative":
            scale, u = Expression("negative", (scale,)), u.args[0]
        elif u.op == "quotient of":
            scale, u = Expression("product", (scale, u.args[1])), u.args[0]
        elif u.op == "product" and any(_holds(a, factor) for a in u.args):
            k = next(k for k, a in enumerate(u.args) if _holds(a, factor))
            for j, other in enumerate(u.args):
                if j != k:
                    scale = Expression("quotient of", (scale, other))
            u = u.args[k]
        elif _opposite(factor) == u:
            return Expression("negative", (scale,))
        else:
            return None
    return scale


def _holds(node: Expression, factor: Expression) -> bool:
    return any(part in (factor, _opposite(factor)) for part in node.walk())


def _opposite(node: Expression) -> Expression | None:
    """a - b as b - a; None for another form."""
    if node.op == "sum" and len(node.args) == 2 and node.args[1].op == "negative":
        return Expression("sum", (node.args[1].args[0], Expression("negative", (node.args[0],))))
    return None


# Derivatives of expressions with respect to the time, in closed form.
#
# Steps, conditions and whole parts count as constant: the derivative is that between their jumps. Of `abs`, `min` and
# `max` it is that of the branch taken.

_ZERO, _ONE, _TWO = number(0), number(1), number(2)
STEPS = frozenset({"floor", "ceil", "quotient", "not", "and", "or", "<", "<=", ">", ">=", "==", "!="})
"""Operations whose derivative is 0 between their jumps."""


def derivative(expression: Expression, rates: Mapping[str, Expression]) -> Expression:
    """d(expression)/dt, where `rates` has the derivatives of the names that change; the others are constant.

    With `{"x": number(1)}` it is the partial derivative by x. Raises InputError for what has none here, `factorial`,
    and for one that is too large.
    """
    return checked(_of(expression, rates), "a derivative")


def is_zero(expression: Expression) -> bool:
    """Whether an expression is the number 0."""
    return expression.op == "number" and expression.value == 0


def total(terms: list[Expression]) -> Expression:
    """The sum, without zeros."""
    terms = [t for t in terms if not is_zero(t)]
    if len(terms) < 2:
        return terms[0] if terms else _ZERO
    return operation("sum", tuple(terms))


def product(*factors: Expression) -> Expression:
    """The product, without factors 1; 0 where one is 0."""
    if any(is_zero(f) for f in factors):
        return _ZERO
    rest = [f for f in factors if f != _ONE]
    if len(rest) < 2:
        return rest[0] if rest else _ONE
    return operation("product", tuple(rest))


def negative(value: Expression) -> Expression:
    """-value."""
    if value.op == "negative":
        return value.args[0]
    return value if is_zero(value) else Expression("negative", (value,))


def ratio(above: Expression, below: Expression) -> Expression:
    """above / below."""
    return above if is_zero(above) or below == _ONE else Expression("quotient of", (above, below))


def _call(function: str, *args: Expression) -> Expression:
    return Expression(function, args)


def _square(u: Expression) -> Expression:
    return Expression("power", (u, _TWO))


_OUTER: Mapping[str, Callable[[Expression], Expression]] = {
    "exp": lambda u: _call("exp", u),
    "ln": lambda u: ratio(_ONE, u),
    "log10": lambda u: ratio(_ONE, product(number(math.log(10)), u)),
    "sqrt": lambda u: ratio(_ONE, product(_TWO, _call("sqrt", u))),
    "sin": lambda u: _call("cos", u),
    "cos": lambda u: negative(_call("sin", u)),
    "tan": lambda u: total([_ONE, _square(_call("tan", u))]),
    "arcsin": lambda u: ratio(_ONE, _call("sqrt", total([_ONE, negative(_square(u))]))),
    "arccos": lambda u: negative(ratio(_ONE, _call("sqrt", total([_ONE, negative(_square(u))])))),
    "arctan": lambda u: ratio(_ONE, total([_ONE, _square(u)])),
    "sinh": lambda u: _call("cosh", u),
    "cosh": lambda u: _call("sinh", u),
    "tanh": lambda u: total([_ONE, negative(_square(_call("tanh", u)))]),
    "arcsinh": lambda u: ratio(_ONE, _call("sqrt", total([_square(u), _ONE]))),
    "arccosh": lambda u: ratio(_ONE, _call("sqrt", total([_square(u), negative(_ONE)]))),
    "arctanh": lambda u: ratio(_ONE, total([_ONE, negative(_square(u))])),
    "abs": lambda u: Expression("piecewise", (_ONE, Expression(">=", (u, _ZERO)), number(-1))),
}
"""Derivatives of functions of one argument by it."""


def _of(node: Expression, rates: Mapping[str, Expression]) -> Expression:
    op, args = node.op, node.args
    if op == "name":
        return rates.get(node.value, _ZERO)
    if op == "number" or op in STEPS or node.names().isdisjoint(rates):
        return _ZERO
    if op == "piecewise":
        last = len(args) - len(args) % 2
        return Expression(op, tuple(a if k % 2 and k < last else _of(a, rates) for k, a in enumerate(args)))
    inner = [_of(a, rates) for a in args]
    if op == "sum":
        return total(inner)
    if op in ("product", "min", "max") and len(args) * sum(not is_zero(d) for d in inner) > MOST_NODES:
        raise InputError(f"a derivative has more than {MOST_NODES} operations: split the {op}")
    if op in ("min", "max"):  # the branch whose value it is
        branches = [(d, Expression("==", (a, node))) for d, a in zip(inner[:-1], args)]
        return Expression("piecewise", (*(part for branch in branches for part in branch), inner[-1]))
    if op == "negative":
        return negative(inner[0])
    if op == "product":
        return total([product(*args[:k], d, *args[k + 1 :]) for k, d in enumerate(inner)])
    if op == "quotient of":
        return _quotient(args, inner)
    if op == "power":
        return _power(args, inner)
    if op == "rem":  # a - b * quotient(a, b)
        return total([inner[0], negative(product(inner[1], Expression("quotient", args)))])
    if op in _OUTER:
        return product(_OUTER[op](args[0]), inner[0])
    raise InputError(f"{node} has no derivative in closed form: write it without {op}")


def _quotient(args: tuple[Expression, ...], inner: list[Expression]) -> Expression:
    (u, v), (du, dv) = args, inner
    if is_zero(dv):
        return ratio(du, v)
    above = total([product(du, v), negative(product(u, dv))])
    return ratio(above, _square(v))


def _power(args: tuple[Expression, ...], inner: list[Expression]) -> Expression:
    (u, v), (du, dv) = args, inner
    if v.op == "number" and v.value == 1:
        return du
    less = number(v.value - 1) if v.op == "number" else total([v, number(-1)])
    by_base = product(v, du, u if less == _ONE else Expression("power", (u, less)))
    if is_zero(dv):
        return by_base
    return total([by_base, product(Expression("power", args), dv, _call("ln", u))])
