"""Expressions over names as immutable trees, and their infix text.

Infix text of expressions: how tightly operators bind, and the text of a tree. `formula` reads it.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..checks import InputError, choice

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
        text, precedence = " ".join(parts), SUM
    elif op == "product":
        text, precedence = " * ".join([_text(args[0], PRODUCT), *(_text(a, UNARY) for a in args[1:])]), PRODUCT
    elif op == "quotient of":
        text, precedence = f"{_text(args[0], PRODUCT)} / {_text(args[1], UNARY)}", PRODUCT
    elif op == "power":
        text, precedence = f"{_text(args[0], POWER + 1)}^{_text(args[1], POWER)}", POWER
    elif op in ("negative", "not"):
        text, precedence = f"{'-' if op == 'negative' else '!'}{_text(args[0], UNARY)}", UNARY
    elif op in ("and", "or"):
        precedence = AND if op == "and" else OR
        text = (" && " if op == "and" else " || ").join(_text(a, RELATION) for a in args)
    elif op in RELATIONS:
        text, precedence = f"{_text(args[0], SUM)} {op} {_text(args[1], SUM)}", RELATION
    else:
        return f"{op}({', '.join(_text(a, 0) for a in args)})"
    return f"({text})" if precedence < outer else text


def number_text(value: float) -> str:
    """Text of a number that is at least 0."""
    if math.isinf(value):
        return "1e999"
    return repr(int(value)) if value == int(value) and value < 1e15 else repr(value)


# Expressions over names, as immutable trees: rate laws, rules, event triggers. `formula` reads their text, `write`
# writes it.
#
# Truth is 1, falsehood 0. Sums and products keep their operands side by side, so that long ones are not deep.

MOST_DEEP = 50
MOST_NODES = 20_000
FUNCTIONS: Mapping[str, int | None] = {
    "abs": 1, "exp": 1, "ln": 1, "log10": 1, "sqrt": 1, "floor": 1, "ceil": 1, "factorial": 1, "sin": 1, "cos": 1,
    "tan": 1, "arcsin": 1, "arccos": 1, "arctan": 1, "sinh": 1, "cosh": 1, "tanh": 1, "arcsinh": 1, "arccosh": 1,
    "arctanh": 1, "min": None, "max": None, "quotient": 2, "rem": 2, "piecewise": None,
}  # fmt: skip
"""Functions and their number of arguments; None where it varies."""
DRAWN: Mapping[str, int] = {
    "bernoulli": 1, "binomial": 2, "exponential": 1, "gamma": 2, "lognormal": 2, "normal": 2, "poisson": 1,
    "uniform": 2,
}  # fmt: skip
"""Random draws, see `draws`, and their number of arguments; events alone can make them."""
_CALLED: Mapping[str, int | None] = {**FUNCTIONS, **DRAWN}
_TAKEN_IN = ("sum", "product", "and", "or")


class Expression(NamedTuple):
    """A node: `number` (value a float), `name` (value a str), or an operator or function over `args`."""

    op: str
    args: tuple["Expression", ...] = ()
    value: Any = None

    def walk(self) -> Iterator["Expression"]:
        """Every node, parents first."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.args))

    def names(self) -> set[str]:
        """The names it reads."""
        return {node.value for node in self.walk() if node.op == "name"}

    def substitute(self, values: Mapping[str, "Expression"]) -> "Expression":
        """Names replaced by expressions."""
        if self.op == "name":
            return values.get(self.value, self)
        if not self.args:
            return self
        args = tuple(a.substitute(values) for a in self.args)
        return self if args == self.args else operation(self.op, args)

    def evaluate(self, values: Mapping[str, float | np.ndarray]) -> Any:
        """Its value [float or array] for values by name."""
        with np.errstate(all="ignore"):
            return _evaluate(self, values)

    def __str__(self) -> str:
        return write(self)


def number(value: float) -> Expression:
    """A number; a negative one as its negative, and NaN as 0 / 0, as in the text."""
    value = float(value)
    if math.isnan(value):
        return Expression("quotient of", (number(0), number(0)))
    if math.copysign(1.0, value) < 0:
        return Expression("negative", (number(-value),))
    return Expression("number", (), value)


def name(value: str) -> Expression:
    return Expression("name", (), value)


def operation(op: str, args: tuple[Expression, ...]) -> Expression:
    """`op` over `args`, a sum or product in first place taken in: that is the order of evaluation anyway."""
    if op in _TAKEN_IN and args[0].op == op:
        args = (*args[0].args, *args[1:])
    return Expression(op, args)


def checked(expression: Expression, what: str) -> Expression:
    """`expression`, refused if it is too large or too deep to be handled."""
    n, level = 0, [expression]
    for _ in range(MOST_DEEP):
        n += len(level)
        if n > MOST_NODES:
            raise InputError(f"{what} has more than {MOST_NODES} operations: split it")
        level = [child for node in level for child in node.args]
        if not level:
            return expression
    raise InputError(f"{what} is nested more than {MOST_DEEP} deep: split it")


def call(function: str, args: tuple[Expression, ...]) -> Expression:
    """A function of `FUNCTIONS`, or a draw, applied; raises InputError for an unknown one or a wrong number of
    arguments."""
    n = _CALLED[choice("function", function, _CALLED, "known are")]
    least = 1 if n is None else n
    if len(args) < least or (n is not None and len(args) > n):
        raise InputError(f"{function} takes {'at least 1' if n is None else n} argument(s), got {len(args)}")
    return Expression(function, args)


def _remainder(a: Any, b: Any) -> Any:
    return a - b * np.trunc(np.divide(a, b))


def _factorial(a: Any) -> Any:
    from scipy.special import gamma

    return np.where(np.asarray(a) >= 0, gamma(np.asarray(a, dtype=float) + 1.0), np.nan)[()]


_UFUNCS: dict[str, Callable] = {
    "negative": np.negative, "power": np.power, "quotient of": np.true_divide, "not": lambda a: 1.0 * (a == 0),
    "abs": np.abs, "exp": np.exp, "ln": np.log, "log10": np.log10, "sqrt": np.sqrt, "floor": np.floor,
    "ceil": np.ceil, "factorial": _factorial, "sin": np.sin, "cos": np.cos, "tan": np.tan, "arcsin": np.arcsin,
    "arccos": np.arccos, "arctan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "arcsinh": np.arcsinh, "arccosh": np.arccosh, "arctanh": np.arctanh, "rem": _remainder,
    "quotient": lambda a, b: np.trunc(np.divide(a, b)),
    "<": lambda a, b: 1.0 * np.less(a, b), "<=": lambda a, b: 1.0 * np.less_equal(a, b),
    ">": lambda a, b: 1.0 * np.greater(a, b), ">=": lambda a, b: 1.0 * np.greater_equal(a, b),
    "==": lambda a, b: 1.0 * np.equal(a, b), "!=": lambda a, b: 1.0 * np.not_equal(a, b),
}  # fmt: skip
_FOLDED: dict[str, Callable] = {
    "sum": np.add, "product": np.multiply, "min": np.minimum, "max": np.maximum,
    "and": lambda a, b: 1.0 * ((a != 0) & (b != 0)), "or": lambda a, b: 1.0 * ((a != 0) | (b != 0)),
}  # fmt: skip


def _evaluate(node: Expression, values: Mapping[str, Any]) -> Any:
    if node.op == "number":
        return np.float64(node.value)
    if node.op == "name":
        return np.asarray(values[node.value], dtype=np.float64)[()]
    args = [_evaluate(a, values) for a in node.args]
    if node.op == "piecewise":
        result = args[-1] if len(args) % 2 else np.float64(np.nan)
        for k in range(len(args) - len(args) % 2 - 2, -1, -2):
            result = np.where(args[k + 1] != 0, args[k], result)[()]
        return result
    if node.op in _FOLDED:
        result = args[0]
        for a in args[1:]:
            result = _FOLDED[node.op](result, a)
        return result
    return _UFUNCS[node.op](*args)
