"""Equations of a chemistry, as text and parsed.

An equation stands for one reaction network per neuron, or per weight. Its text has one of three forms:

    Z[i]' = W[i,j] Y.below[j] + B[i] - Z[i]     a rate equation: a sum of products
    Y[i] = f(Z[i])                              the activation of the layer, by its own reactions
    S[i] = f'(Z[i])                             its slope, too

A factor is a number, the name of a setting in small letters, or a quantity: a capital letter, with indices unless there
is one of it in the whole network. An index that the left side does not have is summed over. `.below` and `.above` mean
the layer below and above; other quantities are those of the layer itself. A product has at most two quantities, so that
all reactions are at most bimolecular. A quantity has one equation in a layer, and an equation reads what the equations
before it make, weights, fixed numbers and ports (`consistency.py`).
"""

import re
from functools import cache
from typing import NamedTuple

ALL, LAST, HIDDEN, ACTIVATED = "all", "last", "hidden", "activated"
LAYERS = (ALL, LAST, HIDDEN, ACTIVATED)
"""Layers that an equation is for; `activated` ones have an activation, which a linear output layer has not."""
FUNCTION, SLOPE = "f", "f'"
_FACTOR = re.compile(r"(\d+(?:\.\d+)?)|([A-Za-z_]\w*)(?:\.(below|above))?(?:\[([a-z](?:,[a-z])?)\])?")
_LEFT = re.compile(r"([A-Za-z_]\w*)(?:\[([a-z](?:,[a-z])?)\])?('?)")
_APPLIED = re.compile(r"(f'?)\((.*)\)")


class EquationError(ValueError):
    """A text that is no equation: a mistake of whoever writes a chemistry."""


class Quantity(NamedTuple):
    """A factor that molecules carry."""

    name: str
    indices: tuple[str, ...] = ()
    at: str = ""
    """`below`, `above`, or empty for the layer itself."""


class Term(NamedTuple):
    """A product."""

    sign: int
    coefficients: tuple[str, ...]
    """Numbers and names of settings."""
    factors: tuple[Quantity, ...]


class Equation(NamedTuple):
    """One line of a chemistry."""

    label: str
    """Reactions are called `LABEL_QUANTITY_NUMBER`."""
    text: str
    layers: str = ALL

    @property
    def parsed(self) -> "Parsed":
        """The parts of the text. Raises EquationError."""
        return _parsed(self.text)


class Parsed(NamedTuple):
    """The parts of an equation."""

    target: Quantity
    terms: tuple[Term, ...] = ()
    """Of a rate equation."""
    function: str = ""
    """FUNCTION or SLOPE, else empty."""
    argument: Quantity | None = None
    """Of the function."""

    def decay(self, term: Term) -> bool:
        """Whether a term is minus the quantity itself, so that it decays."""
        return term.sign < 0 and term.factors == (self.target,)

    def read(self) -> tuple[Quantity, ...]:
        """The quantities on the right side, in order."""
        if self.argument is not None:
            return (self.argument,)
        return tuple(factor for term in self.terms for factor in term.factors)


@cache
def _parsed(text: str) -> Parsed:
    left, equals, right = text.partition("=")
    match = _LEFT.fullmatch(left.strip())
    if not equals or match is None:
        raise EquationError(f"{text!r} is no equation: write Z[i]' = ..., Y[i] = f(Z[i]) or S[i] = f'(Z[i])")
    target, rate = Quantity(match[1], _indices(match[2])), bool(match[3])
    applied = _APPLIED.fullmatch(right.strip())
    if rate == (applied is not None):
        raise EquationError(f"{text!r}: a rate equation has a sum of products, and f stands alone after 'Y[i] ='")
    if applied is not None:
        _, (argument,) = _factors(applied[2], text, exactly=1)
        return Parsed(target, function=applied[1], argument=argument)
    terms, products = [], right.strip()
    for sign, product in re.findall(r"([-+]?)([^-+]*)", products if products[:1] in "+-" else f"+{products}"):
        if not (sign or product):
            continue
        coefficients, factors = _factors(product, text)
        if len(factors) > 2:
            raise EquationError(f"{text!r}: {product.strip()!r} has {len(factors)} quantities, and at most two react")
        terms.append(Term(-1 if sign == "-" else 1, coefficients, factors))
    return Parsed(target, tuple(terms))


def _factors(product: str, text: str, exactly: int | None = None) -> tuple[tuple[str, ...], tuple[Quantity, ...]]:
    """(numbers and names without index, quantities with indices) of a product."""
    coefficients, factors = [], []
    for word in product.split():
        match = _FACTOR.fullmatch(word)
        if match is None:
            raise EquationError(f"{text!r}: {word!r} is no factor")
        if match[1] is not None or word.islower():
            coefficients.append(word)
        else:
            factors.append(Quantity(match[2], _indices(match[4]), match[3] or ""))
    if (exactly is not None and (len(factors) != exactly or coefficients)) or not (coefficients or factors):
        raise EquationError(f"{text!r}: {product.strip()!r} is not what can stand there")
    return tuple(coefficients), tuple(factors)


def _indices(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()
