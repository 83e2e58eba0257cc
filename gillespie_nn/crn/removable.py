"""Quotients with a removable gap: F / (1 - exp(-F / k)), as in the rates of ion channels.

At F = 0 such a quotient is 0 / 0, and over an interval with that point in it no bound can be given. Where rate rules
move F through 0 that happens in every run. So it is written with x / (exp(x) - 1), which is 1 at x = 0, smooth, and
falling everywhere.
"""

from .expressions import Expression, number, operation

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
