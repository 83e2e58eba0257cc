"""Recognise a kinetic law as mass action: a constant times falling factorials of counts."""

import math
from collections.abc import Callable
from typing import NamedTuple

from ..expressions import Expression


class Monomial(NamedTuple):
    """coefficient * prod (n[species] - offset), in counts."""

    coefficient: float
    factors: tuple[tuple[str, float], ...] = ()


class Unrecognised(Exception):
    """The law is not mass action; the message says what stands in the way."""


def monomial(law: Expression, constant: Callable[[str], float | None]) -> Monomial:
    """Reduce an expression to one monomial: `constant` says the values of names, of counts None."""
    if law.op == "number":
        return Monomial(law.value)
    if law.op == "name":
        value = constant(law.value)
        return Monomial(1.0, ((law.value, 0.0),)) if value is None else Monomial(value)
    if law.op not in ("product", "quotient of", "sum", "negative", "power"):
        raise Unrecognised(f"{law} is not a product of species and constants")
    parts = [monomial(a, constant) for a in law.args]
    if law.op == "product":
        return _product(parts)
    if law.op == "sum":
        return _sum(parts)
    if law.op == "negative":
        return _negative(parts[0])
    if law.op == "quotient of":
        return _product([parts[0], _reciprocal(parts[1])])
    return _power(*parts)


def orders(law: Monomial) -> dict[str, int]:
    """Multiplicity of each species, if the factors are whole falling factorials A (A - 1) (A - 2) ...

    Raises Unrecognised otherwise.
    """
    offsets: dict[str, list[float]] = {}
    for s, offset in law.factors:
        offsets.setdefault(s, []).append(offset)
    for s, found in offsets.items():
        if any(abs(offset - k) > 1e-9 for k, offset in enumerate(sorted(found))):
            n = len(found)
            falling = " * ".join([s] + [f"({s} - {k})" for k in range(1, n)])
            raise Unrecognised(f"its factors of {s} are not {falling}, the propensity for {n} molecules of {s}")
    if not (math.isfinite(law.coefficient) and law.coefficient >= 0):
        raise Unrecognised(f"its constant is {law.coefficient}, which must be at least 0 and finite")
    return {s: len(found) for s, found in offsets.items()}


def _product(parts: list[Monomial]) -> Monomial:
    return Monomial(math.prod(p.coefficient for p in parts), sum((p.factors for p in parts), ()))


def _reciprocal(part: Monomial) -> Monomial:
    if part.factors:
        raise Unrecognised(f"it divides by {part.factors[0][0]}")
    if part.coefficient == 0:
        raise Unrecognised("it divides by zero")
    return Monomial(1.0 / part.coefficient)


def _negative(part: Monomial) -> Monomial:
    return Monomial(-part.coefficient, part.factors)


def _sum(parts: list[Monomial]) -> Monomial:
    constant = sum(p.coefficient for p in parts if not p.factors)
    rest = [p for p in parts if p.factors]
    if not rest:
        return Monomial(constant)
    if len(rest) > 1 or len(rest[0].factors) > 1 or rest[0].coefficient == 0:
        raise Unrecognised("it adds or subtracts terms")
    coefficient, ((species, offset),) = rest[0]
    return Monomial(coefficient, ((species, offset - constant / coefficient),))


def _power(base: Monomial, exponent: Monomial) -> Monomial:
    if exponent.factors:
        raise Unrecognised(f"{exponent.factors[0][0]} is in an exponent")
    power = exponent.coefficient
    if not base.factors:
        try:
            return Monomial(float(base.coefficient**power))
        except (ArithmeticError, TypeError):
            raise Unrecognised(f"it has {base.coefficient} to the power {power}") from None
    if not 1 <= power <= 32 or power != int(power):
        raise Unrecognised(f"it has {base.factors[0][0]} to the power {power}")
    return _product([base] * int(power))
