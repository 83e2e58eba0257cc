"""Formulas of BioNetGen's network files: what parameters, functions and rates come to."""

import graphlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from ... import checks
from ...checks import InputError
from .. import formula
from ..expressions import MOST_NODES, Expression, call, checked, number, operation
from ..symbols import Function, Scope
from .bngl_mratio import mratio

_NAMES = {
    "abs": "abs", "exp": "exp", "ln": "ln", "log10": "log10", "sqrt": "sqrt", "min": "min", "max": "max",
    "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asin": "arcsin",
    "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
}  # fmt: skip
_OPERATORS = (("**", "^"), ("~=", "!="), ("~", "!"))


@contextmanager
def at_line(n: int) -> Iterator[None]:
    """Put the line in front of the messages of InputErrors."""
    try:
        yield
    except InputError as error:
        raise InputError(f"line {n}: {error}") from None
    except RecursionError:
        raise InputError(f"line {n}: a formula is nested too deeply: split it") from None


def _if(args: tuple[Expression, ...]) -> Expression:
    if len(args) != 3:
        raise InputError(f"if takes 3 arguments, got {len(args)}")
    return Expression("piecewise", (args[1], args[0], args[2]))


def _rint(args: tuple[Expression, ...]) -> Expression:
    (nearest,) = call("floor", args).args
    return Expression("floor", (operation("sum", (nearest, number(0.5))),))


def _log2(args: tuple[Expression, ...]) -> Expression:
    return Expression("quotient of", (call("ln", args), call("ln", (number(2),))))


def _mratio(args: tuple[Expression, ...]) -> Expression:
    if len(args) != 3:
        raise InputError(f"mratio takes 3 arguments, got {len(args)}")
    return Expression("mratio", args)


class _Language(formula.Language):
    """BioNetGen's names and functions; a name may be called without arguments."""

    functions: Mapping[str, Function] = {
        **{theirs: partial(call, ours) for theirs, ours in _NAMES.items()}, "if": _if, "rint": _rint, "log2": _log2,
        "mratio": _mratio,
    }  # fmt: skip

    def __init__(self, scope: Scope):
        self._scope = scope

    def name(self, written: str) -> Expression:
        return self._scope.meaning(written, "name").expression

    def called(self, written: str) -> Expression:
        return self.name(written)


class Formulas:
    """What the formulas of the file come to, whose names are those of a scope."""

    def __init__(self, scope: Scope):
        self._scope, self._language = scope, _Language(scope)
        self._functions: dict[str, Expression] = {}
        self._sizes: dict[str, int] = {}
        self._rates: dict[str, Expression] = {}
        self.values: dict[str, float] = {}

    def define(self, entries: Mapping[str, tuple[int, str, str | float]]) -> None:
        """Work out parameters and functions, each after those that it reads."""
        parsed = {}
        for key, (n, kind, text) in entries.items():
            with at_line(n):
                what = f"{kind} {key}"
                parsed[self._scope.meaning(key, kind).identifier] = n, what, self._parsed(text, what)
        try:
            needed = {key: e.names() & parsed.keys() for key, (_, _, e) in parsed.items()}
            order = [*graphlib.TopologicalSorter(needed).static_order()]
        except graphlib.CycleError as error:
            cycle = error.args[1][::-1]
            raise InputError(f"line {parsed[cycle[0]][0]}: circular definition: {checks.shortened(cycle)}") from None
        for key in order:
            n, what, expression = parsed[key]
            with at_line(n):
                if what.startswith("parameter "):
                    self.values[key] = self._number(expression, what)
                else:
                    self._functions[key] = self._resolved(expression, what)
                    self._sizes[key] = sum(1 for _ in self._functions[key].walk())

    def constant(self, text: str, what: str) -> float:
        """The value of a formula in which nothing changes during a run."""
        return self._number(self._parsed(text, what), what)

    def rate(self, text: str, what: str) -> Expression:
        """A number, where nothing that it reads changes."""
        if text not in self._rates:  # large networks repeat few rates many times
            self._rates[text] = self._resolved(self._parsed(text, what), what)
        return self._rates[text]

    def _number(self, expression: Expression, what: str) -> float:
        found = self._resolved(expression, what)
        if found.names():
            raise InputError(f"{what} must be constant, but uses {checks.shortened(sorted(found.names()))}")
        return float(found.evaluate({}))

    def _resolved(self, expression: Expression, what: str) -> Expression:
        if sum(self._sizes.get(node.value, 1) for node in expression.walk()) > MOST_NODES:
            raise InputError(f"{what} has more than {MOST_NODES} operations, counting the functions it uses: split it")
        expression = self._without_ratios(checked(expression.substitute(self._functions), what), what)
        if expression.names() <= self.values.keys():
            return number(checks.finite(what, float(expression.evaluate(self.values))))
        return expression

    def _without_ratios(self, expression: Expression, what: str) -> Expression:
        """`expression` with numbers in place of `mratio`, which expressions of the package do not have."""
        if all(node.op != "mratio" for node in expression.walk()):
            return expression
        args = tuple(self._without_ratios(a, what) for a in expression.args)
        if expression.op != "mratio":
            return expression._replace(args=args)
        changing = set().union(*(a.names() for a in args)) - self.values.keys()
        if changing:
            raise InputError(
                f"{what}: mratio is only supported of constants, but here it reads {checks.shortened(sorted(changing))}"
            )
        return number(mratio(*(float(a.evaluate(self.values)) for a in args)))

    def _parsed(self, text: str | float, what: str) -> Expression:
        if isinstance(text, float):
            return number(text)
        for theirs, ours in _OPERATORS:
            text = text.replace(theirs, ours)
        return formula.parse(text, what, self._language)
