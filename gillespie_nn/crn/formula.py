"""The text of expressions, that of SBML's infix form: `V * S^2 / (K^2 + S^2)`, `piecewise(k1, time < 10, k2)`,
`A >= 5 && !(B == 0)`."""

import math
import re
from typing import NoReturn

from ..checks import InputError
from .expressions import CONSTANTS, MOST_DEEP, RELATIONS, Expression, call, checked, name, number, operation

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<op><=|>=|==|!=|&&|\|\||[-+*/^<>!(),]))",
    re.ASCII,
)
_POWER, _UNARY, _PRODUCT, _SUM, _RELATION, _AND, _OR = 7, 6, 5, 4, 3, 2, 1


def parse(text: str, what: str = "the expression") -> Expression:
    """Read an expression; raises InputError with the column."""
    return checked(_Parser(text, what).all(), what)


class _Parser:
    """Precedence climbing over tokens (kind, text, column)."""

    def __init__(self, text, what):
        self.what, self.place, self.depth = what, 0, 0
        self.tokens, at = [], 0
        text = text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                self.fail(f"unexpected {text[at:].strip()[:20]!r}", len(text) - len(text[at:].lstrip()))
            kind = str(match.lastgroup)
            self.tokens.append((kind, match.group(kind), match.start(kind)))
            at = match.end()
        self.tokens.append(("end", "", len(text)))

    def fail(self, message, column=None) -> NoReturn:
        column = self.tokens[self.place][2] if column is None else column
        raise InputError(f"{self.what}, column {column + 1}: {message}")

    def take(self, *texts):
        kind, text, _ = self.tokens[self.place]
        if kind == "op" and text in texts:
            self.place += 1
            return text
        return None

    def need(self, text):
        if not self.take(text):
            self.fail(f"expected {text!r}, got {self.tokens[self.place][1] or 'the end'!r}")

    def all(self):
        found = self.either()
        if self.tokens[self.place][0] != "end":
            self.fail(f"unexpected {self.tokens[self.place][1]!r}")
        return found

    def either(self):
        self.depth += 1
        if self.depth > MOST_DEEP:
            self.fail(f"nested more than {MOST_DEEP} deep: split it")
        found = self.chain("||", "or", lambda: self.chain("&&", "and", self.relation))
        self.depth -= 1
        return found

    def chain(self, sign, op, part):
        parts = [part()]
        while self.take(sign):
            parts.append(part())
        return parts[0] if len(parts) == 1 else operation(op, tuple(parts))

    def relation(self):
        first = self.sum()
        sign = self.take(*RELATIONS)
        return Expression(sign, (first, self.sum())) if sign else first

    def sum(self):
        parts = [self.product()]
        while sign := self.take("+", "-"):
            part = self.product()
            parts.append(Expression("negative", (part,)) if sign == "-" else part)
        return parts[0] if len(parts) == 1 else operation("sum", tuple(parts))

    def product(self):
        found = self.unary()
        while sign := self.take("*", "/"):
            part = self.unary()
            found = Expression("quotient of", (found, part)) if sign == "/" else operation("product", (found, part))
        return found

    def unary(self):
        signs = []
        while sign := self.take("-", "!", "+"):
            signs.append(sign)
            if len(signs) > MOST_DEEP:
                self.fail(f"nested more than {MOST_DEEP} deep: split it")
        found = self.power()
        for sign in reversed(signs):
            if sign != "+":
                found = Expression("negative" if sign == "-" else "not", (found,))
        return found

    def power(self):
        base = self.atom()
        if not self.take("^"):
            return base
        self.depth += 1
        if self.depth > MOST_DEEP:
            self.fail(f"nested more than {MOST_DEEP} deep: split it")
        found = Expression("power", (base, self.unary()))
        self.depth -= 1
        return found

    def atom(self):
        if self.take("("):
            found = self.either()
            self.need(")")
            return found
        kind, text, column = self.tokens[self.place]
        if kind not in ("number", "name"):
            self.fail(f"expected a number, a name or '(', got {text or 'the end'!r}")
        self.place += 1
        if kind == "number":
            return number(text)
        if not self.take("("):
            return number(CONSTANTS[text]) if text in CONSTANTS else name(text)
        args = []
        if not self.take(")"):
            args.append(self.either())
            while self.take(","):
                args.append(self.either())
            self.need(")")
        try:
            return call(text, tuple(args))
        except InputError as error:
            self.fail(str(error), column)


def write(expression: Expression) -> str:
    """Text that `parse` reads back to an equal expression, but for the grouping of signs."""
    return _text(expression, 0)


def _text(node, outer):
    """Text of a node within an operator of precedence `outer`, bracketed where it binds less."""
    op, args = node.op, node.args
    if op == "number":
        return _number_text(node.value)
    elif op == "name":
        return node.value
    elif op == "sum":
        parts = [_text(args[0], _SUM)]
        for a in args[1:]:
            parts += ["-", _text(a.args[0], _PRODUCT)] if a.op == "negative" else ["+", _text(a, _PRODUCT)]
        text, own = " ".join(parts), _SUM
    elif op == "product":
        text, own = " * ".join([_text(args[0], _PRODUCT), *(_text(a, _UNARY) for a in args[1:])]), _PRODUCT
    elif op == "quotient of":
        text, own = f"{_text(args[0], _PRODUCT)} / {_text(args[1], _UNARY)}", _PRODUCT
    elif op == "power":
        text, own = f"{_text(args[0], _POWER + 1)}^{_text(args[1], _POWER)}", _POWER
    elif op in ("negative", "not"):
        text, own = f"{'-' if op == 'negative' else '!'}{_text(args[0], _UNARY)}", _UNARY
    elif op in ("and", "or"):
        own = _AND if op == "and" else _OR
        text = (" && " if op == "and" else " || ").join(_text(a, _RELATION) for a in args)
    elif op in RELATIONS:
        text, own = f"{_text(args[0], _SUM)} {op} {_text(args[1], _SUM)}", _RELATION
    else:
        return f"{op}({', '.join(_text(a, 0) for a in args)})"
    return f"({text})" if own < outer else text


def _number_text(value):
    if math.isinf(value):
        return "1e999"
    return repr(int(value)) if value == int(value) and value < 1e15 else repr(value)
