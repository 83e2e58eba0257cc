"""Random draws in expressions: `set A = binomial(A, 0.5)`. Events make them, each from the generator of its replicate.

To add one: its line in `DRAWS`. Names and arguments are those of the SBML package distrib (version 1).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .expressions import DRAWN, Expression, number


class Draw(NamedTuple):
    """A distribution: how a number is drawn, and its mean."""

    sample: Callable[..., float]
    mean: Callable[..., float]


def _binomial(rng: np.random.Generator, n: float, p: float) -> float:
    if n != np.floor(n):
        raise ValueError(f"the number of trials must be whole, got {n:g}")
    return rng.binomial(int(n), p)


def _binomial_mean(n: float, p: float) -> float:
    if not (n >= 0.0 and 0.0 <= p <= 1.0):
        raise ValueError("n < 0, p < 0 or p > 1")
    return n * p


DRAWS: Mapping[str, Draw] = {
    "bernoulli": Draw(lambda rng, p: rng.binomial(1, p), lambda p: p),
    "binomial": Draw(_binomial, _binomial_mean),
    "exponential": Draw(lambda rng, rate: rng.exponential(1.0 / rate), lambda rate: 1.0 / rate),
    "gamma": Draw(lambda rng, shape, scale: rng.gamma(shape, scale), lambda shape, scale: shape * scale),
    "lognormal": Draw(
        lambda rng, mean, deviation: rng.lognormal(mean, deviation),
        lambda mean, deviation: float(np.exp(mean + 0.5 * deviation**2)),
    ),
    "normal": Draw(lambda rng, mean, deviation: rng.normal(mean, deviation), lambda mean, deviation: mean),
    "poisson": Draw(lambda rng, mean: rng.poisson(mean), lambda mean: mean),
    "uniform": Draw(lambda rng, low, high: rng.uniform(low, high), lambda low, high: 0.5 * (low + high)),
}
assert DRAWS.keys() == DRAWN.keys()


def has_draws(expression: Expression) -> bool:
    return any(node.op in DRAWS for node in expression.walk())


def drawn(expression: Expression, value: Callable[[Expression], Any], rng: np.random.Generator | None) -> Expression:
    """`expression` with a number in place of each draw: one from `rng`, or the mean without it. `value` evaluates
    expressions without draws. Raises ValueError for arguments that a distribution does not have."""
    if not has_draws(expression):
        return expression
    args = tuple(drawn(a, value, rng) for a in expression.args)
    if expression.op not in DRAWS:
        return Expression(expression.op, args, expression.value)
    draw, numbers = DRAWS[expression.op], [float(value(a)) for a in args]
    if not np.isfinite(numbers).all():
        raise ValueError(f"the arguments are {', '.join(f'{n:g}' for n in numbers)}, and must be finite")
    if rng is not None:
        return number(float(draw.sample(rng, *numbers)))
    if expression.op != "binomial":
        draw.sample(np.random.default_rng(0), *numbers)  # refuses what the distribution does not have
    return number(float(draw.mean(*numbers)))
