"""Recognise a kinetic law as mass action: a constant times falling factorials of counts."""

import math
from collections import Counter
from typing import NamedTuple

from ..checks import InputError


class Monomial(NamedTuple):
    """coefficient * prod (n[species] - offset), in counts."""

    coefficient: float
    factors: tuple[tuple[str, float], ...] = ()


class Unrecognised(Exception):
    """The law is not mass action; the message says what stands in the way."""


def monomial(node, constants, scale) -> Monomial:
    """Reduce a libsbml ASTNode to one monomial.

    `constants` gives the value of each constant symbol; `scale[species]` is the size by which its count is
    divided to give what the symbol means (1 for amounts, the compartment's size for concentrations).
    """
    import libsbml as sbml

    kind = node.getType()
    if node.isNumber():
        return Monomial(node.getValue())
    if kind == sbml.AST_NAME:
        return _symbol(node.getName(), constants, scale)
    powers = (sbml.AST_POWER, sbml.AST_FUNCTION_POWER)
    if kind not in (sbml.AST_TIMES, sbml.AST_DIVIDE, sbml.AST_PLUS, sbml.AST_MINUS, *powers):
        raise Unrecognised(f"{sbml.formulaToL3String(node)!r} is not a product of species and constants")
    children = [monomial(node.getChild(k), constants, scale) for k in range(node.getNumChildren())]
    if kind == sbml.AST_TIMES:
        return _product(children)
    if kind == sbml.AST_PLUS:
        return _sum(children)
    if kind == sbml.AST_MINUS and len(children) == 1:
        return _negative(children[0])
    if len(children) != 2:
        raise Unrecognised(f"{sbml.formulaToL3String(node)!r} has {len(children)} operands")
    first, second = children
    if kind == sbml.AST_DIVIDE:
        return _product([first, _reciprocal(second)])
    if kind == sbml.AST_MINUS:
        return _sum([first, _negative(second)])
    return _power(first, second)


def orders(law: Monomial) -> dict[str, int]:
    """Multiplicity of each species, if the factors are whole falling factorials A (A - 1) (A - 2) ...

    Raises Unrecognised otherwise.
    """
    multiplicity = Counter(s for s, _ in law.factors)
    for s, n in multiplicity.items():
        offsets = sorted(offset for name, offset in law.factors if name == s)
        if any(abs(offset - k) > 1e-9 for k, offset in enumerate(offsets)):
            falling = " * ".join([s] + [f"({s} - {k})" for k in range(1, n)])
            raise Unrecognised(f"its factors of {s} are not {falling}, the propensity of {n} molecules of {s}")
    if not (math.isfinite(law.coefficient) and law.coefficient >= 0):
        raise Unrecognised(f"its constant is {law.coefficient}, which must be at least 0 and finite")
    return dict(multiplicity)


def _symbol(name, constants, scale):
    if name in scale:
        return Monomial(1.0 / scale[name], ((name, 0.0),))
    if name in constants:
        return Monomial(constants[name])
    raise InputError(f"unknown symbol {name!r} in a kinetic law")


def _product(parts):
    return Monomial(math.prod(p.coefficient for p in parts), sum((p.factors for p in parts), ()))


def _reciprocal(part):
    if part.factors:
        raise Unrecognised(f"it divides by {part.factors[0][0]}")
    if part.coefficient == 0:
        raise Unrecognised("it divides by zero")
    return Monomial(1.0 / part.coefficient)


def _negative(part):
    return Monomial(-part.coefficient, part.factors)


def _sum(parts):
    constant = sum(p.coefficient for p in parts if not p.factors)
    rest = [p for p in parts if p.factors]
    if not rest:
        return Monomial(constant)
    if len(rest) > 1 or len(rest[0].factors) > 1 or rest[0].coefficient == 0:
        raise Unrecognised("it adds or subtracts terms: a difference of rates is two reactions")
    coefficient, ((species, offset),) = rest[0]
    return Monomial(coefficient, ((species, offset - constant / coefficient),))


def _power(base, exponent):
    if exponent.factors:
        raise Unrecognised(f"{exponent.factors[0][0]} stands in an exponent")
    power = exponent.coefficient
    if not base.factors:
        try:
            return Monomial(float(base.coefficient**power))
        except (ArithmeticError, TypeError):
            raise Unrecognised(f"it has {base.coefficient} to the power {power}") from None
    if not 1 <= power <= 32 or power != int(power):
        raise Unrecognised(f"it has {base.factors[0][0]} to the power {power}")
    return _product([base] * int(power))
