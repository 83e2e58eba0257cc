"""Formulas and rate laws of BioNetGen's network files.

BioNetGen's function `mratio(a, b, z)` = M(a + 1, b + 1, z) / M(a, b, z), with Kummer's function M = 1F1.

Moments of the chemical equilibrium A + B <-> C are such ratios. The continued fraction

    M(a, b, z) / M(a + 1, b + 1, z) = 1 + u_1 z / (1 + u_2 z / (1 + ...)),
    u_{2n+1} = (a - b - n) / ((b + 2n) (b + 2n + 1)),    u_{2n} = (a + n) / ((b + 2n - 1) (b + 2n)),

converges for all z, DLMF 13.5.1, https://dlmf.nist.gov/13.5. It is evaluated from the front by the modified method of
Lentz: I. J. Thompson, A. R. Barnett, J. Comput. Phys. 64 (1986) 490-509, doi:10.1016/0021-9991(86)90046-X.
"""

import graphlib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from ... import checks
from ...checks import InputError
from .. import formula
from ..expressions import MOST_NODES, Expression, call, checked, name, number, operation
from ..names import Function, Scope

_MOST_TERMS = 1_000_000
_TINY = 1e-300
"""In place of a denominator that vanishes: the next term then cancels it."""
_POLE = 1e-250


def mratio(a: float, b: float, z: float) -> float:
    """The ratio; all are dimensionless. Raises InputError where it has no value or the continued fraction does not
    converge."""
    if not all(map(math.isfinite, (a, b, z))):
        raise InputError(f"mratio takes finite numbers, got {a!r}, {b!r}, {z!r}")
    if b <= 0 and b == math.floor(b):
        raise InputError(f"mratio(a, b, z) has no value for b = {b:g}: b must not be 0, -1, -2, ...")
    value = c = 1.0
    d = 0.0
    for k in range(1, _MOST_TERMS):
        n, odd = divmod(k, 2)
        u = (a - b - n) / ((b + 2 * n) * (b + 2 * n + 1)) if odd else (a + n) / ((b + 2 * n - 1) * (b + 2 * n))
        d = 1.0 / (1.0 + u * z * d or _TINY)
        c = 1.0 + u * z / c or _TINY
        value *= c * d
        if abs(c * d - 1.0) <= 2.0**-52:
            if abs(value) < _POLE:
                raise InputError(f"mratio({a:g}, {b:g}, {z:g}) has no value: M(a, b, z) is 0")
            return 1.0 / value
    raise InputError(
        f"mratio({a:g}, {b:g}, {z:g}) does not converge within {_MOST_TERMS:,} terms of its continued fraction"
    )


# Rate laws that BioNetGen knows by name: `0.5*Sat k K`, `MM kcat Km`, `Hill k K n`, as propensities in counts.
#
# Reactants x1, x2, ... count in the order of the file. As in the simulator of BioNetGen (`rxn_rate` of
# bng2/Network3/src/network.cpp), the second of two like reactants counts as x - 1 in a numerator:
#
#     Sat k K1 ... Km     k x1 ... xr / ((K1 + x1) ... (Km + xm)), with 1 to r saturation constants for r reactants
#     Hill k K n          k x1^n / (K^n + x1^n) x2 ... xr
#     MM kcat Km          kcat S E / (Km + S), substrate x1, enzyme E = x2; S is the free substrate of
#                         S + S E / (Km + S) = x1, the total quasi-steady-state approximation
#
# The root of MM is 0.5 (b + sqrt(b^2 + 4 x1 Km)) with b = x1 - Km - E. Where b < 0 it loses digits, so the same number
# is computed as kcat 2 x1 E / (x1 + E + Km + sqrt(b^2 + 4 x1 Km)), in which nothing cancels.
#
# J. A. M. Borghans, R. J. de Boer, L. A. Segel, Bull. Math. Biol. 58 (1996) 43-63, doi:10.1007/BF02458281.

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


# Formulas of BioNetGen's network files: what parameters, functions and rates come to.

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
    """The values of the formulas of the file; their names are those of a scope."""

    def __init__(self, scope: Scope):
        self._scope, self._language = scope, _Language(scope)
        self._functions: dict[str, Expression] = {}
        self._sizes: dict[str, int] = {}
        self._rates: dict[str, Expression] = {}
        self.values: dict[str, float] = {}

    def define(self, entries: Mapping[str, tuple[int, str, str | float]]) -> None:
        """Evaluate parameters and functions, each after those that it reads."""
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
        resolved = self._resolved(expression, what)
        if resolved.names():
            raise InputError(f"{what} must be constant, but uses {checks.shortened(sorted(resolved.names()))}")
        return float(resolved.evaluate({}))

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
