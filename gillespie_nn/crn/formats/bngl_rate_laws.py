"""Rate laws that BioNetGen knows by name: `0.5*Sat k K`, `MM kcat Km`, `Hill k K n`, as propensities in counts.

Reactants x1, x2, ... count in the order of the file. As in BioNetGen's own simulator (`rxn_rate` of
bng2/Network3/src/network.cpp), the second of two like reactants counts as x - 1 in a numerator:

    Sat k K1 ... Km     k x1 ... xr / ((K1 + x1) ... (Km + xm)), with 1 to r saturation constants for r reactants
    Hill k K n          k x1^n / (K^n + x1^n) x2 ... xr
    MM kcat Km          kcat S E / (Km + S), substrate x1, enzyme E = x2; S is the free substrate of
                        S + S E / (Km + S) = x1, the total quasi-steady-state approximation

The root of MM is 0.5 (b + sqrt(b^2 + 4 x1 Km)) with b = x1 - Km - E. Where b < 0 it loses digits, so the same number is
computed as kcat 2 x1 E / (x1 + E + Km + sqrt(b^2 + 4 x1 Km)), in which nothing cancels.

J. A. M. Borghans, R. J. de Boer, L. A. Segel, Bull. Math. Biol. 58 (1996) 43-63, doi:10.1007/BF02458281.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ... import checks
from ...checks import InputError
from ..expressions import Expression, name, number, operation

_NAMED = re.compile(r"(?:^|\*)\s*(Sat|MM|Hill|FunctionProduct|Arrhenius)(?=[\s(]+[\w\".])", re.ASCII)
_REFUSED = ("FunctionProduct", "Arrhenius")


class Written(NamedTuple):
    """A named rate law as the file has it."""

    law: str
    factor: str
    """The text in front of it, such as `0.5`; empty for none."""
    constants: tuple[str, ...]


def written(rate: str, reaction: str) -> Written | None:
    """The named rate law that `rate` is, or None for a formula. Raises InputError for a law that is not supported."""
    match = _NAMED.search(rate)
    if match is None:
        return None
    if match[1] in _REFUSED:
        raise InputError(f"the rate law {match[1]} of reaction {reaction} is not supported: write it as a function")
    constants = rate[match.end() :].strip()
    if constants.startswith("(") and constants.endswith(")"):
        return Written(match[1], rate[: match.start()], tuple(constants[1:-1].split(",")))
    return Written(match[1], rate[: match.start()], tuple(constants.split()))


def propensity(law: str, factor: float, constants: Sequence[float], reactants: Sequence[str]) -> Expression:
    """The propensity [1/s] of a named law, in counts.

    Parameters
    ----------
    law : a name of `LAWS`.
    factor : multiplies the law.
    constants : as in the file.
    reactants : species in the order of the file, like ones several times.

    Raises
    ------
    InputError : the law cannot have these constants or reactants.
    """
    k, *others = constants
    for value in others:
        checks.positive(f"each constant of the rate law {law} after the first", value)
    rate = number(checks.not_negative(f"the rate of the rate law {law}", factor * k))
    seen: dict[str, int] = {}
    numerators = []
    for s in reactants:
        numerators.append(_less(s, seen.get(s, 0)))
        seen[s] = seen.get(s, 0) + 1
    return LAWS[law](rate, [number(value) for value in others], reactants, numerators)


def _saturation(
    rate: Expression, constants: list[Expression], reactants: Sequence[str], numerators: list[Expression]
) -> Expression:
    n = len(constants)
    if not 1 <= n <= len(reactants):
        raise InputError(
            f"the rate law Sat takes a rate and 1 saturation constant for each reactant at most, got {n} for "
            f"{len(reactants)} reactant(s)"
        )
    bound = [operation("sum", (K, name(s))) for K, s in zip(constants, reactants)]
    return Expression("quotient of", (_product(rate, *numerators), _product(*bound)))


def _hill(
    rate: Expression, constants: list[Expression], reactants: Sequence[str], numerators: list[Expression]
) -> Expression:
    if len(constants) != 2 or not reactants:
        raise InputError(
            f"the rate law Hill takes 3 constants (rate, K, exponent) and at least 1 reactant, got "
            f"{len(constants) + 1} and {len(reactants)}"
        )
    high, low = (Expression("power", (base, constants[1])) for base in (name(reactants[0]), constants[0]))
    return Expression("quotient of", (_product(rate, high, *numerators[1:]), operation("sum", (low, high))))


def _michaelis_menten(
    rate: Expression, constants: list[Expression], reactants: Sequence[str], numerators: list[Expression]
) -> Expression:
    if len(constants) != 1 or len(reactants) != 2 or len(set(reactants)) != 2:
        raise InputError(
            f"the rate law MM takes 2 constants (kcat, Km) and 2 different reactants (substrate, enzyme), got "
            f"{len(constants) + 1} and {checks.shortened(reactants) or 'none'}"
        )
    (Km,), (substrate, enzyme) = constants, map(name, reactants)
    b = operation("sum", (substrate, Expression("negative", (operation("sum", (Km, enzyme)),))))
    root = Expression("sqrt", (operation("sum", (_square(b), _product(number(4), substrate, Km))),))
    return Expression(
        "quotient of",
        (_product(rate, number(2), substrate, enzyme), operation("sum", (substrate, enzyme, Km, root))),
    )


LAWS: dict[str, Callable[[Expression, list[Expression], Sequence[str], list[Expression]], Expression]] = {
    "Sat": _saturation, "MM": _michaelis_menten, "Hill": _hill,
}  # fmt: skip
"""Laws by name: functions of the rate, the other constants, the reactants, and their factors in a numerator."""


def _less(species: str, n: int) -> Expression:
    return operation("sum", (name(species), number(-n))) if n else name(species)


def _square(base: Expression) -> Expression:
    return Expression("power", (base, number(2)))


def _product(*factors: Expression) -> Expression:
    return factors[0] if len(factors) == 1 else operation("product", factors)
