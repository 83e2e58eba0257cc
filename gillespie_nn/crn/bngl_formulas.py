"""Formulas of BioNetGen's network files: what parameters, functions and rates come to."""

import graphlib
import re
from contextlib import contextmanager

from .. import checks
from ..checks import InputError
from . import formula
from .expressions import MOST_NODES, Expression, checked, number, operation

# `if`, `rint` and `log2` travel under names that BioNetGen has not, until `_meant` says what they are.
_FUNCTIONS = {
    "abs": "abs", "exp": "exp", "ln": "ln", "log10": "log10", "sqrt": "sqrt", "min": "min", "max": "max",
    "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asin": "arcsin",
    "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    "if": "piecewise", "rint": "floor", "log2": "ceil",
}  # fmt: skip
_OPERATORS = {"**": "^", "~=": "!=", "~": "!"}
_TOKEN = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?P<name>[A-Za-z_]\w*)(?P<call>\s*\((?:\s*\))?)?|\*\*|~=|~"


@contextmanager
def at_line(n):
    try:
        yield
    except InputError as error:
        raise InputError(f"line {n}: {error}") from None
    except RecursionError:
        raise InputError(f"line {n}: a formula is nested too deeply: split it") from None


class Formulas:
    """What the formulas of the file come to; parameters and functions go by the identifiers of `known`."""

    def __init__(self, known):
        self._known, self._functions, self._sizes, self._rates = known, {}, {}, {}
        self.values = {}

    def define(self, entries):
        """Work out parameters and functions, each after those that it reads."""
        parsed = {}
        for key, (n, kind, text) in entries.items():
            with at_line(n):
                parsed[self._known[key]] = n, f"{kind} {key}", self._parsed(text, f"{kind} {key}")
        try:
            needed = {key: e.names() & parsed.keys() for key, (_, _, e) in parsed.items()}
            order = [*graphlib.TopologicalSorter(needed).static_order()]
        except graphlib.CycleError as error:
            cycle = error.args[1][::-1]
            raise InputError(f"line {parsed[cycle[0]][0]}: defined by itself: {checks.shortened(cycle)}") from None
        for key in order:
            n, what, expression = parsed[key]
            with at_line(n):
                if what.startswith("parameter "):
                    self.values[key] = self._number(expression, what)
                else:
                    self._functions[key] = self._resolved(expression, what)
                    self._sizes[key] = sum(1 for _ in self._functions[key].walk())

    def constant(self, text, what) -> float:
        return self._number(self._parsed(text, what), what)

    def rate(self, text, what) -> Expression:
        """A number, where nothing that it reads changes."""
        if text not in self._rates:  # large networks repeat few rates many times
            self._rates[text] = self._resolved(self._parsed(text, what), what)
        return self._rates[text]

    def _number(self, expression, what):
        found = self._resolved(expression, what)
        if found.names():
            raise InputError(f"{what} reads {checks.shortened(sorted(found.names()))}, which changes during a run")
        return float(found.evaluate({}))

    def _resolved(self, expression, what):
        if sum(self._sizes.get(node.value, 1) for node in expression.walk()) > MOST_NODES:
            raise InputError(f"{what}, with the functions that it reads, has more than {MOST_NODES} operations")
        expression = checked(expression.substitute(self._functions), what)
        if expression.names() <= self.values.keys():
            return number(checks.finite(what, float(expression.evaluate(self.values))))
        return expression

    def _parsed(self, text, what):
        if isinstance(text, float):
            return number(text)

        def translated(token):
            written, call, known = token["name"], token["call"] or "", self._known
            if written is None:
                return _OPERATORS.get(token[0], token[0])
            if call.endswith("("):
                return _FUNCTIONS[checks.choice(f"function in {what}", written, _FUNCTIONS, "known are")] + "("
            return known[checks.choice(f"name in {what}", written, known, "known are")]

        return checked(_meant(formula.parse(re.sub(_TOKEN, translated, text, flags=re.ASCII), what), what), what)


def _meant(node, what):
    args = tuple(_meant(a, what) for a in node.args)
    if node.op == "piecewise":
        if len(args) != 3:
            raise InputError(f"{what}: if takes 3 arguments, got {len(args)}")
        return Expression("piecewise", (args[1], args[0], args[2]))
    if node.op == "floor":
        return Expression("floor", (operation("sum", (*args, number(0.5))),))
    if node.op == "ceil":
        return Expression("quotient of", (Expression("ln", args), Expression("ln", (number(2),))))
    return operation(node.op, args) if args else node
