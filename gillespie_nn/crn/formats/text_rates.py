"""A place in a line of text, and what can be taken from there."""

import re
from collections.abc import Mapping
from typing import NamedTuple, NoReturn

from ... import checks
from ...checks import InputError
from .. import formula
from ..expressions import Expression
from ..reaction import THRESHOLD_KINDS, Reaction, Threshold, rate_of


class Cursor:
    """A line of the text and a place in it; every failure names both."""

    def __init__(self, text: str, number: int):
        self.text, self.number, self.place = text, number, 0
        self.skip()

    def skip(self) -> None:
        while self.place < len(self.text) and self.text[self.place].isspace():
            self.place += 1

    def take(self, token: str | re.Pattern) -> str | None:
        """Consume a literal or a pattern; returns the text consumed, or None."""
        if isinstance(token, str):
            taken = token if self.text.startswith(token, self.place) else None
        else:
            match = token.match(self.text, self.place)
            taken = match.group() if match else None
        if taken is not None:
            self.place += len(taken)
            self.skip()
        return taken

    def need(self, token: str | re.Pattern, what: str) -> str:
        taken = self.take(token)
        if taken is None:
            got = self.text[self.place :].split(maxsplit=1)
            self.fail(f"expected {what}, got {got[0]!r}" if got else f"expected {what}, but the line ends")
        return taken

    def rest(self) -> str:
        """All that is left of the line."""
        self.place, text = len(self.text), self.text[self.place :]
        return text

    def end(self) -> None:
        if self.place < len(self.text):
            self.fail(f"unexpected {self.text[self.place :].strip()!r}: write one reaction, count or rule per line")

    def fail(self, message: str, place: int | None = None) -> NoReturn:
        column = (self.place if place is None else place) + 1
        raise InputError(f"line {self.number}, column {column}: {message}")


# Rates in the text form: what stands behind the `@` of a reaction.
#
# A number, as in `@ 0.5`; an expression of numbers and parameters, as in `@ 2 * k`; either of these times a threshold
# factor, `@ k * ramp(A, B)`; or a general law, `@ propensity(V * A / (K + A))`, also with a number in front of it.

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Here and in all patterns of readers no two parts in a row match the same: matching takes time in proportion to length.
NUMBER = re.compile(r"[+-]?((\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|inf|nan)(?![a-z0-9_.])", re.IGNORECASE)
_PROPENSITY = re.compile(r"propensity\s*\(")
_FACTOR = re.compile(r"\*\s*(?=(?:step|ramp|propensity)\s*\()")
_GOES_ON = re.compile(r"[-+/^(*]")
_BUILT_IN = {"time": "the time", "volume": "the volume"}


class WrittenRate(NamedTuple):
    """A rate as written. Parameters may be declared below it, so `with_rate_constant` comes later."""

    number: float = 1.0
    threshold: Threshold | None = None
    law: Expression | None = None
    expression: Expression | None = None
    """Of the rate constant, if that is more than a number."""
    line: int = 0
    text: str = ""
    """Of the expression, which begins at column `start + 1`."""
    start: int = 0


def read_number(cursor: Cursor, what: str) -> int | float:
    """The number at the cursor."""
    text = cursor.need(NUMBER, what)
    return int(text) if re.fullmatch(r"\+?\d{1,300}", text) else float(text)


def read_expression(cursor: Cursor, text: str, what: str) -> Expression:
    """The expression that `text`, the end of the line or a part of it, holds."""
    try:
        return formula.parse(text, what)
    except InputError as error:
        raise InputError(f"line {cursor.number}: {error}") from None


def read_rates(cursor: Cursor, reversible: bool) -> list[WrittenRate]:
    """The rates that the rest of the line holds: one, or two of a reversible reaction."""
    commas = _commas(cursor.text, cursor.place) if reversible else []
    if not reversible:
        return [_rate(cursor)]
    if len(commas) != 1:
        got = "the second is missing" if not commas else f"got {len(commas) + 1}"
        cursor.fail(f"a reversible reaction has two rate constants, `A <-> B @ forward, backward`: {got}")
    forward, backward = Cursor(cursor.text[: commas[0]].rstrip(), cursor.number), cursor
    forward.place, backward.place = cursor.place, commas[0] + 1
    backward.skip()
    rates = [_rate(forward)]
    forward.end()
    return [*rates, _rate(backward)]


def _commas(text: str, start: int) -> list[int]:
    """Places of the commas outside brackets."""
    places, depth = [], 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if text[place] == "," and depth == 0:
            places.append(place)
    return places


def _rate(cursor: Cursor) -> WrittenRate:
    law = _law(cursor)
    if law is not None:
        return WrittenRate(law=law)
    start = cursor.place
    number = NUMBER.match(cursor.text, start)
    if number is None or _is_more(cursor.text[number.end() :].lstrip()):
        return _computed(cursor)
    rate = read_number(cursor, "a rate constant")
    if not 0 <= rate < float("inf"):
        cursor.fail(f"a rate constant must be at least 0 and finite, got {rate}", start)
    if not cursor.take("*"):
        return WrittenRate(rate)
    law = _law(cursor)
    return WrittenRate(rate, None if law is not None else _threshold(cursor), law)


def _is_more(text: str) -> bool:
    """Whether an expression goes on, behind its first number."""
    return _GOES_ON.match(text) is not None and _FACTOR.match(text) is None


def _computed(cursor: Cursor) -> WrittenRate:
    """A rate constant that is an expression, to the end of the line or to a factor."""
    start, line = cursor.place, cursor.number
    if start == len(cursor.text):
        cursor.need(NUMBER, "a rate constant: a number, an expression of parameters, or propensity(...)")
    factor = _FACTOR.search(cursor.text, start)
    end = len(cursor.text) if factor is None else factor.start()
    text = cursor.text[start:end]
    try:
        expression = formula.parse(text, "the rate constant")
    except formula.FormulaError as error:
        cursor.fail(f"in the rate constant: {error.problem}", start + error.column)
    except InputError as error:
        cursor.fail(str(error), start)
    cursor.place = end if factor is None else factor.end()
    threshold = None
    if factor is not None:
        if _PROPENSITY.match(cursor.text, cursor.place) and expression.names():
            cursor.fail(f"write {text.strip()} inside propensity(...): only a number can precede it", start)
        law = _law(cursor)
        if law is not None:
            return WrittenRate(law=law, expression=expression, line=line, text=text, start=start)
        threshold = _threshold(cursor)
    return WrittenRate(1.0, threshold, None, expression, line, text, start)


def with_rate_constant(
    reaction: Reaction,
    rate: WrittenRate,
    parameters: Mapping[str, float],
    others: Mapping[str, str],
    idle: Mapping[str, float],
) -> Reaction:
    """`reaction` with its rate constant, when all parameters are known; `others` says what other names are, and `idle`
    are initial amounts of species that occur in no reaction."""
    expression = rate.expression
    if expression is None:
        return reaction
    for name in sorted(expression.names()):
        if name not in parameters:
            _refuse(name, rate, parameters, _BUILT_IN | dict(others), idle)
    try:
        value = rate_of(reaction._replace(rate_expression=expression), parameters)
    except InputError as error:
        raise InputError(f"line {rate.line}, column {rate.start + 1}: {error}") from None
    return reaction._replace(rate=value, rate_expression=expression if expression.names() else None)


def _refuse(
    name: str, rate: WrittenRate, parameters: Mapping[str, float], others: Mapping[str, str], idle: Mapping[str, float]
) -> None:
    match = re.search(rf"\b{name}\b", rate.text)
    column = rate.start + 1 + (match.start() if match else 0)
    where = f"line {rate.line}, column {column}"
    if name in idle:
        value = f"{name} = {idle[name]:g}"
        raise InputError(
            f"{where}: the rate constant reads {name}, which is a species, because `{value}` gives an initial amount: "
            f"declare a rate constant with `@parameter {value}`"
        )
    if name in others:
        raise InputError(
            f"{where}: the rate constant reads {others[name]}, but mass action takes numbers and parameters only: "
            "write the propensity itself, in counts, as propensity(...)"
        )
    raise InputError(
        f"{where}: unknown name {name!r} in the rate constant{checks.meant(name, list(parameters))}: declare it with "
        f"`@parameter {name} = NUMBER`, or write a rate law as propensity(...)"
    )


def _law(cursor: Cursor) -> Expression | None:
    """What `propensity(...)`, the end of the line, holds; or None."""
    if not cursor.take(_PROPENSITY):
        return None
    text = cursor.rest()
    if not text.endswith(")"):
        cursor.fail("expected ')' at the end, after the law")
    return read_expression(cursor, text[:-1], "the law")


def _threshold(cursor: Cursor) -> Threshold:
    start = cursor.place
    kind = cursor.need(NAME, "step(A, B) or ramp(A, B)")
    if kind not in THRESHOLD_KINDS:
        cursor.fail(f"unknown factor {kind!r}: a rate takes step(A, B) or ramp(A, B)", start)
    cursor.need("(", "'('")
    above = cursor.need(NAME, "a species name")
    cursor.need(",", "','")
    below = cursor.need(NAME, "a species name")
    cursor.need(")", "')'")
    return Threshold(kind, above, below)
