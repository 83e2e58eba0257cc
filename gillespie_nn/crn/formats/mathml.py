"""MathML of SBML as expressions: the names of a model with their scopes, and the translation of formulas.

All declarations of a model share one namespace. The parameters of a kinetic law and the arguments of a function have
inner scopes, which shadow outer names. In SBML the time and the constants are not names but symbols with separate
elements. So a parameter may be called `time`; it gets another identifier here.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from ...checks import InputError
from ..expressions import DRAWN, MOST_DEEP, Expression, call, number, operation
from ..names import ARGUMENT, BUILT_IN, COMPARTMENT, FUNCTION, LOCAL, PARAMETER, REACTION, SPECIES, STOICHIOMETRY, Scope
from ..parts import has_draws

VALUES = SPECIES, PARAMETER, COMPARTMENT, STOICHIOMETRY
"""Kinds of names that have a value, and can be assigned to."""


def global_scope(model: Any) -> Scope:
    """The scope of a libsbml model; raises InputError for an identifier that two things have."""
    references = (
        reference
        for reaction in model.getListOfReactions()
        for side in (reaction.getListOfReactants(), reaction.getListOfProducts())
        for reference in side
    )
    lists: tuple[tuple[str, Iterable], ...] = (
        (FUNCTION, model.getListOfFunctionDefinitions()),
        (SPECIES, model.getListOfSpecies()),
        (COMPARTMENT, model.getListOfCompartments()),
        (PARAMETER, model.getListOfParameters()),
        (REACTION, model.getListOfReactions()),
        (STOICHIOMETRY, references),
    )
    scope = Scope()
    _define(scope, [(item.getId(), kind) for kind, items in lists for item in items if item.getId()])
    return scope


def scope_of(names: Iterable[str], kind: str, above: Scope | None = None) -> Scope:
    """An inner scope for the parameters of a kinetic law, or the arguments of a function."""
    scope = Scope(above=above)
    _define(scope, [(name, kind) for name in names])
    return scope


def _define(scope: Scope, names: list[tuple[str, str]]) -> None:
    # Names that must change their identifier come last, so that no other name has to give way to them.
    for name, kind in sorted(names, key=lambda item: item[0] in BUILT_IN):
        scope.define(name, kind)


# Translation of the syntax trees of libsbml to expressions.

_SIMPLE = {
    "LOGICAL_NOT": "not",
    "RELATIONAL_LT": "<", "RELATIONAL_LEQ": "<=", "RELATIONAL_GT": ">", "RELATIONAL_GEQ": ">=",
    "RELATIONAL_EQ": "==", "RELATIONAL_NEQ": "!=", "DIVIDE": "quotient of", "POWER": "power",
    "FUNCTION_POWER": "power", "FUNCTION_ABS": "abs", "FUNCTION_EXP": "exp", "FUNCTION_LN": "ln",
    "FUNCTION_FLOOR": "floor", "FUNCTION_CEILING": "ceil", "FUNCTION_FACTORIAL": "factorial", "FUNCTION_SIN": "sin",
    "FUNCTION_COS": "cos", "FUNCTION_TAN": "tan", "FUNCTION_ARCSIN": "arcsin", "FUNCTION_ARCCOS": "arccos",
    "FUNCTION_ARCTAN": "arctan", "FUNCTION_SINH": "sinh", "FUNCTION_COSH": "cosh", "FUNCTION_TANH": "tanh",
    "FUNCTION_ARCSINH": "arcsinh", "FUNCTION_ARCCOSH": "arccosh", "FUNCTION_ARCTANH": "arctanh",
    "FUNCTION_MIN": "min", "FUNCTION_MAX": "max", "FUNCTION_PIECEWISE": "piecewise",
    "FUNCTION_QUOTIENT": "quotient", "FUNCTION_REM": "rem",
}  # fmt: skip
_CHAINS = {"PLUS": "sum", "MINUS": "sum", "TIMES": "product", "LOGICAL_AND": "and", "LOGICAL_OR": "or"}
"""Operations that take any number of operands, which files nest in pairs."""
_NESTED_RIGHT = 10
_DRAW = "DISTRIB_FUNCTION_"
_RECIPROCAL = {
    "SEC": "cos", "CSC": "sin", "COT": "tan", "SECH": "cosh", "CSCH": "sinh", "COTH": "tanh",
}  # fmt: skip
_OF_RECIPROCAL = {
    "ARCSEC": "arccos", "ARCCSC": "arcsin", "ARCCOT": "arctan", "ARCSECH": "arccosh", "ARCCSCH": "arcsinh",
    "ARCCOTH": "arctanh",
}  # fmt: skip
_SYMBOLS = {
    "CONSTANT_E": number(math.e), "CONSTANT_PI": number(math.pi), "CONSTANT_TRUE": number(1.0),
    "CONSTANT_FALSE": number(0.0), "NAME_AVOGADRO": BUILT_IN["avogadro"].expression,
    "NAME_TIME": BUILT_IN["time"].expression,
}  # fmt: skip
"""Symbols with a separate element in MathML, which are not names."""


class Translator:
    """Translates trees of one libsbml model, with its function definitions written out."""

    def __init__(self, sbml: Any, model: Any):
        self._kind = {
            getattr(sbml, n): n[4:] for n in dir(sbml) if n.startswith("AST_") and isinstance(getattr(sbml, n), int)
        }
        self._functions = {f.getId(): f for f in model.getListOfFunctionDefinitions()}
        self._open: list[str] = []

    def expression(self, node: Any, what: str, scope: Scope, draws: bool = False) -> Expression:
        """The expression of a tree, whose names are those of `scope`; `what` it is, for messages. Raises InputError for
        what has no translation, and for random draws unless `draws`."""
        if node is None:
            raise InputError(f"{what} has no formula")
        try:
            expression = self._translate(node, scope, 0)
        except InputError as error:
            raise InputError(f"{what}: {error}") from None
        if not draws and has_draws(expression):
            raise InputError(
                f"{what} draws at random: only initial assignments, and assignments and delays of events, can"
            )
        return expression

    def _translate(self, node: Any, scope: Scope, depth: int) -> Expression:
        if depth > MOST_DEEP:
            raise InputError(f"nested more than {MOST_DEEP} deep")
        kind = self._kind.get(node.getType(), "UNKNOWN")
        if node.isNumber():
            return number(node.getValue())
        if kind == "NAME":
            return _value(node.getName(), scope)
        if kind in _SYMBOLS:
            return _SYMBOLS[kind]
        if kind in _CHAINS and self._is_chain(node, _CHAINS[kind]):
            return operation(_CHAINS[kind], tuple(self._chain(node, scope, depth)))
        args = tuple(self._translate(node.getChild(k), scope, depth + 1) for k in range(node.getNumChildren()))
        if kind == "FUNCTION":
            return self._call(node.getName(), args, depth)
        return _combine(kind, args)

    def _chain(self, node: Any, scope: Scope, depth: int) -> Iterator[Expression]:
        """The operands of a sum, product, conjunction or disjunction: libsbml nests those of `<plus/>` in pairs.

        Those nested on the left are taken in, which is the order of evaluation. So are those nested deeply on the
        right: the last digit of a sum may depend on that.
        """
        op = _CHAINS[self._kind[node.getType()]]
        operands = self._nested_left(node, op)
        if not operands[-1][1] and self._nested_right(operands[-1][0], op):
            while not operands[-1][1] and self._is_chain(operands[-1][0], op):
                operands += self._nested_left(operands.pop()[0], op)
        for operand, is_subtracted in operands:
            translated = self._translate(operand, scope, depth + 1)
            yield Expression("negative", (translated,)) if is_subtracted else translated

    def _nested_left(self, node: Any, op: str) -> list[tuple[Any, bool]]:
        """(node, whether it is subtracted) of each operand, those of first operands taken in."""
        operands: list[tuple[Any, bool]] = []
        while self._is_chain(node, op):
            is_minus = self._kind[node.getType()] == "MINUS"
            operands += [(node.getChild(k), is_minus) for k in range(node.getNumChildren() - 1, 0, -1)]
            node = node.getChild(0)
        return [(node, False), *reversed(operands)]

    def _nested_right(self, node: Any, op: str) -> bool:
        for _ in range(_NESTED_RIGHT):
            if not self._is_chain(node, op) or self._kind[node.getType()] == "MINUS":
                return False
            node = node.getChild(node.getNumChildren() - 1)
        return True

    def _is_chain(self, node: Any, op: str) -> bool:
        kind, n = self._kind.get(node.getType(), ""), node.getNumChildren()
        return _CHAINS.get(kind) == op and (n == 2 or (n > 2 and kind != "MINUS"))

    def _call(self, function: str, args: tuple[Expression, ...], depth: int) -> Expression:
        definition = self._functions.get(function)
        if definition is None:
            raise InputError(f"unknown function {function!r}")
        if function in self._open:
            raise InputError(f"function {function} calls itself: define it without itself")
        arguments = [definition.getArgument(k).getName() for k in range(definition.getNumArguments())]
        if len(arguments) != len(args):
            raise InputError(f"function {function} takes {len(arguments)} argument(s), got {len(args)}")
        if definition.getBody() is None:
            raise InputError(f"function {function} has no body")
        self._open.append(function)
        try:
            scope = scope_of(arguments, ARGUMENT)
            body = self._translate(definition.getBody(), scope, depth + 1)
        except InputError as error:
            raise InputError(f"function {function}: {error}") from None
        finally:
            self._open.pop()
        return body.substitute({scope.meaning(n, ARGUMENT).identifier: a for n, a in zip(arguments, args)})


def may_miss(item: Any) -> bool:
    """Whether a libsbml item may be without its formula: since level 3 version 2. It then does nothing."""
    return (item.getLevel(), item.getVersion()) >= (3, 2)


def has_formula(item: Any) -> bool:
    """Whether a libsbml item has its formula, or must have it."""
    return item.getMath() is not None or not may_miss(item)


def _value(written: str, scope: Scope) -> Expression:
    return scope.meaning(written, "symbol", *VALUES, REACTION, LOCAL, ARGUMENT, known="the model has").expression


def _combine(kind: str, args: tuple[Expression, ...]) -> Expression:
    if kind == "MINUS":
        _need(len(args) == 1, "minus", "one or two", args)
        return Expression("negative", args)
    if kind in _CHAINS:  # of one operand, or none
        return args[0] if args else number(kind in ("TIMES", "LOGICAL_AND"))
    if kind.startswith("RELATIONAL") and len(args) > 2:
        return Expression("and", tuple(Expression(_SIMPLE[kind], pair) for pair in zip(args, args[1:])))
    if kind == "LOGICAL_XOR":
        result = number(0)
        for a in args:
            result = Expression("!=", (result, Expression("not", (Expression("not", (a,)),))))
        return result
    if kind == "LOGICAL_IMPLIES":
        _need(len(args) == 2, "implies", "two", args)
        return Expression("or", (Expression("not", args[:1]), args[1]))
    if kind == "FUNCTION_LOG":
        _need(len(args) in (1, 2), "log", "one or two", args)
        if len(args) == 1 or args[0] == number(10):
            return Expression("log10", args[-1:])
        return Expression("quotient of", (Expression("ln", args[1:]), Expression("ln", args[:1])))
    if kind == "FUNCTION_ROOT":
        _need(len(args) in (1, 2), "root", "one or two", args)
        if len(args) == 1 or args[0] == number(2):
            return Expression("sqrt", args[-1:])
        return Expression("power", (args[1], Expression("quotient of", (number(1), args[0]))))
    if kind == "FUNCTION_RATE_OF":
        _need(len(args) == 1, "rateOf", "one", args)
        return Expression("rate of", args)
    if kind == "FUNCTION_DELAY":
        raise InputError(
            "delay() is not supported in formulas, which cannot read a past state: use intermediate species, or an "
            "event with a delay"
        )
    if kind.startswith(_DRAW):
        return _draw(kind.removeprefix(_DRAW).lower(), args)
    function = kind.removeprefix("FUNCTION_")
    if function in _RECIPROCAL:
        return Expression("quotient of", (number(1), call(_RECIPROCAL[function], args)))
    if function in _OF_RECIPROCAL:
        _need(len(args) == 1, function.lower(), "one", args)
        return call(_OF_RECIPROCAL[function], (Expression("quotient of", (number(1), args[0])),))
    op = _SIMPLE.get(kind)
    if op is None:
        raise InputError(f"{function.lower().replace('_', ' ')} is not supported in formulas")
    if op in ("quotient of", "power", "<", "<=", ">", ">=", "==", "!="):
        _need(len(args) == 2, op, "two", args)
    elif op == "not":
        _need(len(args) == 1, op, "one", args)
    else:
        return call(op, args)
    return Expression(op, args)


def _draw(name: str, args: tuple[Expression, ...]) -> Expression:
    """A random draw of the package distrib."""
    if name == "chisquare" and len(args) == 1:
        return call("gamma", (Expression("quotient of", (args[0], number(2))), number(2)))
    if name not in DRAWN:
        raise InputError(f"the random draw {name} is not supported: use one of {', '.join(DRAWN)}, chisquare")
    if len(args) == DRAWN[name] + 2:
        raise InputError(f"{name} within limits is not supported: leave out the limits")
    return call(name, args)


def _need(holds: bool, op: str, n: str, args: tuple[Expression, ...]) -> None:
    if not holds:
        raise InputError(f"{op} takes {n} operand(s), got {len(args)}")
