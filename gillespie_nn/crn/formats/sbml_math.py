"""Expressions to MathML of SBML level 3 version 1, as libsbml's syntax trees; `mathml` reads them.

Trees are built and not parsed: in libsbml's formulas `e`, `inf` and others are constants, here they are names.
"""

import math
from typing import Any

from ..expressions import DRAWN, Expression, number
from ..infix import RELATIONS, number_text
from ..symbols import BUILT_IN

_KINDS = {
    "quotient of": "DIVIDE", "power": "POWER", "negative": "MINUS", "product": "TIMES", "not": "LOGICAL_NOT",
    "and": "LOGICAL_AND", "or": "LOGICAL_OR", "<": "RELATIONAL_LT", "<=": "RELATIONAL_LEQ", ">": "RELATIONAL_GT",
    ">=": "RELATIONAL_GEQ", "==": "RELATIONAL_EQ", "!=": "RELATIONAL_NEQ", "ceil": "FUNCTION_CEILING",
}  # fmt: skip
"""Other functions have their own names, with FUNCTION in front."""
_TRUTHS = (*RELATIONS, "and", "or", "not")
_MOST_DIFFERENCES = 20


class Builder:
    """Makes the trees of a document."""

    def __init__(self, sbml: Any):
        self._sbml = sbml

    def tree(self, expression: Expression) -> Any:
        """The tree of an expression, in the functions of level 3 version 1."""
        return self._tree(_level_three(expression))

    def product(self, coefficient: float, front: list[Expression], factors: list[Expression]) -> Any:
        """The tree of front * coefficient * factors."""
        rate = self._sbml.parseL3Formula(repr(float(coefficient)))
        parts = [*(self._tree(f) for f in front), rate, *(self._tree(f) for f in factors)]
        return self._node("TIMES", parts) if len(parts) > 1 else rate

    def _tree(self, node: Expression) -> Any:
        if node.op == "number":
            return self._number(node.value)
        if node.op == "name":
            return self._name(node.value)
        if node.op == "sum":
            return self._sum(node)
        if node.op == "sqrt":
            return self._node("FUNCTION_ROOT", [self._number(2.0), self._tree(node.args[0])])
        if node.op == "log10":
            return self._node("FUNCTION_LOG", [self._number(10.0), self._tree(node.args[0])])
        if node.op in DRAWN:
            return self._node(f"DISTRIB_FUNCTION_{node.op.upper()}", [self._tree(a) for a in node.args])
        args = node.args
        while node.op == "product" and args[0].op == "product":
            args = (*args[0].args, *args[1:])
        return self._node(_KINDS.get(node.op, f"FUNCTION_{node.op.upper()}"), [self._tree(a) for a in args])

    def _sum(self, node: Expression) -> Any:
        """`<plus/>` of all, with `<minus/>` of two for what is subtracted; that nests, so of many it is of one."""
        flat = sum(a.op == "negative" for a in node.args) > _MOST_DIFFERENCES
        first, *rest = node.args
        found = self._tree(first)
        for a in rest:
            if a.op == "negative" and not flat:
                found = self._node("MINUS", [found, self._tree(a.args[0])])
            elif found.getType() == self._sbml.AST_PLUS:
                found.addChild(self._tree(a))
            else:
                found = self._node("PLUS", [found, self._tree(a)])
        return found

    def _node(self, kind: str, children: list) -> Any:
        found = self._sbml.ASTNode(getattr(self._sbml, f"AST_{kind}"))
        for child in children:
            found.addChild(child)
        return found

    def _number(self, value: float) -> Any:
        return self._sbml.parseL3Formula("INF" if math.isinf(value) else number_text(value))

    def _name(self, value: str) -> Any:
        is_time = value == BUILT_IN["time"].identifier
        found = self._sbml.ASTNode(self._sbml.AST_NAME_TIME if is_time else self._sbml.AST_NAME)
        found.setName(value)
        return found


def _level_three(node: Expression) -> Expression:
    """Without the functions that only later versions of SBML have, and without what is read otherwise elsewhere: a
    relation of relations becomes one of three by libsbml, (a^b)^c is a^(b^c) in Antimony."""
    args = tuple(_level_three(a) for a in node.args)
    if node.op in RELATIONS:
        return Expression(node.op, tuple(_as_number(a) for a in args))
    if node.op == "power" and args[0].op == "power":
        args = (Expression("product", (args[0], number(1))), args[1])
    if node.op in ("min", "max"):
        found = args[0]
        for a in args[1:]:
            relation = Expression("<=" if node.op == "min" else ">=", (_as_number(found), _as_number(a)))
            found = Expression("piecewise", (found, relation, a))
        return found
    if node.op in ("quotient", "rem"):
        ratio = Expression("quotient of", args)
        positive = Expression(">=", (ratio, number(0)))
        whole = Expression("piecewise", (Expression("floor", (ratio,)), positive, Expression("ceil", (ratio,))))
        if node.op == "quotient":
            return whole
        return Expression("sum", (args[0], Expression("negative", (Expression("product", (args[1], whole)),))))
    return Expression(node.op, args, node.value)


def _as_number(node: Expression) -> Expression:
    return Expression("piecewise", (number(1), node, number(0))) if node.op in _TRUTHS else node
