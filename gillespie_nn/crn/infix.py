"""Infix text of expressions: how tightly operators bind, and the text of a tree. `formula` reads it."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .expressions import Expression

RELATIONS = ("<", "<=", ">", ">=", "==", "!=")
POWER, UNARY, PRODUCT, SUM, RELATION, AND, OR = 7, 6, 5, 4, 3, 2, 1
"""Precedence: what binds more is higher."""


def write(expression: "Expression") -> str:
    """Text that `formula.parse` reads back to an equal expression, but for the grouping of signs."""
    return _text(expression, 0)


def _text(node: "Expression", outer: int) -> str:
    """Text of a node within an operator of precedence `outer`, bracketed where it binds less."""
    op, args = node.op, node.args
    if op == "number":
        return number_text(node.value)
    elif op == "name":
        return node.value
    elif op == "sum":
        parts = [_text(args[0], SUM)]
        for a in args[1:]:
            parts += ["-", _text(a.args[0], PRODUCT)] if a.op == "negative" else ["+", _text(a, PRODUCT)]
        text, own = " ".join(parts), SUM
    elif op == "product":
        text, own = " * ".join([_text(args[0], PRODUCT), *(_text(a, UNARY) for a in args[1:])]), PRODUCT
    elif op == "quotient of":
        text, own = f"{_text(args[0], PRODUCT)} / {_text(args[1], UNARY)}", PRODUCT
    elif op == "power":
        text, own = f"{_text(args[0], POWER + 1)}^{_text(args[1], POWER)}", POWER
    elif op in ("negative", "not"):
        text, own = f"{'-' if op == 'negative' else '!'}{_text(args[0], UNARY)}", UNARY
    elif op in ("and", "or"):
        own = AND if op == "and" else OR
        text = (" && " if op == "and" else " || ").join(_text(a, RELATION) for a in args)
    elif op in RELATIONS:
        text, own = f"{_text(args[0], SUM)} {op} {_text(args[1], SUM)}", RELATION
    else:
        return f"{op}({', '.join(_text(a, 0) for a in args)})"
    return f"({text})" if own < outer else text


def number_text(value: float) -> str:
    """Text of a number that is at least 0."""
    if math.isinf(value):
        return "1e999"
    return repr(int(value)) if value == int(value) and value < 1e15 else repr(value)
