"""The text of expressions, that of SBML's infix form: `V * S^2 / (K^2 + S^2)`, `piecewise(k1, time < 10, k2)`,
`A >= 5 && !(B == 0)`."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

from ..checks import InputError, choice
from .expressions import MOST_DEEP, RELATIONS, Expression, checked, name, number, operation
from .names import BUILT_IN, BUILT_IN_FUNCTIONS, Function

NOT = "not"
"""The operator that denies a whole comparison, as `not A > 2`; `!` binds more tightly, as in SBML."""
_SHOWN = 80
"""Characters of a law that a message repeats."""
_Meaning = TypeVar("_Meaning")
_INSTEAD = {"and": "&&", "&": "&&", "or": "||", "|": "||", "=": "==", "=>": ">=", "=<": "<="}
"""What is written instead of an operator of another language."""
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<op><=|>=|==|!=|&&|\|\||[-+*/^<>!(),]))",
    re.ASCII,
)


class FormulaError(InputError):
    """An expression that does not read, with the column (from 0) and the problem there."""

    def __init__(self, what: str, column: int, problem: str):
        super().__init__(f"{what}, column {column + 1}: {problem}")
        self.column, self.problem = column, problem


class Language:
    """What names and calls in a formula are. Here: what expressions have built in, and names declared elsewhere."""

    functions: Mapping[str, Function] = BUILT_IN_FUNCTIONS
    words: Mapping[str, str] = MappingProxyType({})
    """Words that stand for operators: `{"and": "&&"}`."""

    def name(self, written: str) -> Expression:
        """What a name stands for; raises InputError."""
        return BUILT_IN[written].expression if written in BUILT_IN else name(written)

    def function(self, written: str) -> Function:
        """What a function makes of its arguments; raises InputError."""
        return self.functions[choice("function", written, self.functions, "known are")]

    def called(self, written: str) -> Expression:
        """A function without arguments; raises InputError."""
        return self.function(written)(())


_BUILT_IN = Language()


def parse(text: str, what: str = "the expression", language: Language = _BUILT_IN) -> Expression:
    """Read an expression; raises InputError with the column."""
    return checked(_Parser(text, what, language).all(), what)


def law(text: str) -> Expression:
    """The expression of a text: a rate law for a `Reaction`, `law("V * S / (K + S)")`.

    The law is a propensity [1/s], in molecules. It may read species, parameters and rules of the network, `time` and
    `volume`; operators and functions are those of the text format. Rules and rate expressions of a `ReactionNetwork`
    made in Python are expressions, too. Raises InputError with the column where the text cannot be read; the network
    checks the names.
    """
    if not isinstance(text, str):
        raise InputError(f"a law must be a text such as 'V * S / (K + S)', got {text!r}")
    return parse(text, f"the law {text[:_SHOWN]!r}")


def _product(factors: list[Expression]) -> Expression:
    return factors[0] if len(factors) == 1 else operation("product", tuple(factors))


def _quoted(token: str) -> str:
    return repr(token) if token else "the end of the text"


def _instead(written: str) -> str:
    """The operator to write for one of another language, after a colon, or nothing."""
    first = re.match(r"\w+|[^\w\s]+", written)
    operator = _INSTEAD.get(first.group().lower()) if first else None
    return "" if operator is None else f": write {operator}"


class _Parser:
    """Precedence climbing over tokens (kind, text, column)."""

    def __init__(self, text: str, what: str, language: Language):
        self.what, self.language, self.place, self.depth = what, language, 0, 0
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                self.tokens.append(("other", text[at:].strip()[:20], len(text) - len(text[at:].lstrip())))
                break
            kind = str(match.lastgroup)
            token = match.group(kind)
            if kind == "name" and token in language.words:
                kind, token = "op", language.words[token]
            self.tokens.append((kind, token, match.start(str(match.lastgroup))))
            at = match.end()
        self.tokens.append(("end", "", len(text)))

    def fail(self, message: str, column: int | None = None) -> NoReturn:
        column = self.tokens[self.place][2] if column is None else column
        raise FormulaError(self.what, column, message)

    def take(self, *texts: str) -> str | None:
        kind, text, _ = self.tokens[self.place]
        if kind == "op" and text in texts:
            self.place += 1
            return text
        return None

    def need(self, text: str) -> None:
        if not self.take(text):
            written = self.tokens[self.place][1]
            self.fail(f"expected {text!r}, got {_quoted(written)}{_instead(written)}")

    def all(self) -> Expression:
        expression = self.either()
        if self.tokens[self.place][0] != "end":
            written = self.tokens[self.place][1]
            self.fail(f"unexpected {written!r}{_instead(written)}")
        return expression

    def either(self) -> Expression:
        self.depth += 1
        if self.depth > MOST_DEEP:
            self.fail(f"nested more than {MOST_DEEP} deep: split it")
        expression = self.chain("||", "or", lambda: self.chain("&&", "and", self.relation))
        self.depth -= 1
        return expression

    def chain(self, sign: str, op: str, part: Callable[[], Expression]) -> Expression:
        parts = [part()]
        while self.take(sign):
            parts.append(part())
        return parts[0] if len(parts) == 1 else operation(op, tuple(parts))

    def relation(self) -> Expression:
        n_denials = 0
        while self.take(NOT):
            n_denials += 1
            if n_denials > MOST_DEEP:
                self.fail(f"nested more than {MOST_DEEP} deep: split it")
        first = self.sum()
        sign = self.take(*RELATIONS)
        expression = Expression(sign, (first, self.sum())) if sign else first
        for _ in range(n_denials):
            expression = Expression("not", (expression,))
        return expression

    def sum(self) -> Expression:
        parts = [self.product()]
        while sign := self.take("+", "-"):
            part = self.product()
            parts.append(Expression("negative", (part,)) if sign == "-" else part)
        return parts[0] if len(parts) == 1 else operation("sum", tuple(parts))

    def product(self) -> Expression:
        factors = [self.unary()]
        while sign := self.take("*", "/"):
            part = self.unary()
            if sign == "*":
                factors.append(part)
            else:
                factors = [Expression("quotient of", (_product(factors), part))]
        return _product(factors)

    def unary(self) -> Expression:
        signs = []
        while sign := self.take("-", "!", "+"):
            signs.append(sign)
            if len(signs) > MOST_DEEP:
                self.fail(f"nested more than {MOST_DEEP} deep: split it")
        expression = self.power()
        for sign in reversed(signs):
            if sign != "+":
                expression = Expression("negative" if sign == "-" else "not", (expression,))
        return expression

    def power(self) -> Expression:
        base = self.atom()
        if not self.take("^"):
            return base
        self.depth += 1
        if self.depth > MOST_DEEP:
            self.fail(f"nested more than {MOST_DEEP} deep: split it")
        expression = Expression("power", (base, self.unary()))
        self.depth -= 1
        return expression

    def atom(self) -> Expression:
        if self.take("("):
            expression = self.either()
            self.need(")")
            return expression
        kind, text, column = self.tokens[self.place]
        if kind not in ("number", "name"):
            self.fail(f"expected a number, a name or '(', got {_quoted(text)}")
        self.place += 1
        if kind == "number":
            return number(float(text))
        if not self.take("("):
            return self.located(column, self.language.name, text)
        if self.take(")"):
            return self.located(column, self.language.called, text)
        function = self.located(column, self.language.function, text)
        args = [self.either()]
        while self.take(","):
            args.append(self.either())
        self.need(")")
        return self.located(column, function, tuple(args))

    def located(self, column: int, meaning: Callable[..., _Meaning], *args: Any) -> _Meaning:
        """`meaning(*args)`, where an InputError gets the column in the text."""
        try:
            return meaning(*args)
        except InputError as error:
            self.fail(str(error), column)
