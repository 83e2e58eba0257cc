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


# Events: assignments made when a condition becomes true, with the meaning that SBML gives them.


class Event(NamedTuple):
    """When `trigger` becomes true, `assignments` are made, after `delay` [s] if there is one.

    Right-hand sides speak of counts. Those of one event are worked out first and then assigned together.
    """

    name: str
    trigger: Expression
    assignments: tuple[tuple[str, Expression], ...]
    delay: Expression | None = None
    priority: Expression | None = None
    """Of events at the same moment the highest goes first, of equals one at random; those without one go last, in the
    order of becoming true."""
    persistent: bool = True
    """Still made if the condition is false again before the delay is over."""
    initially: bool = False
    """Whether the condition counts as true before time 0: then being true at 0 does not make it happen."""
    values_at_trigger: bool = True
    """Right-hand sides are worked out when the condition becomes true, not after the delay."""
    stops: bool = False
    """The simulation ends when the condition becomes true; not of a model, but of a run."""
    is_edge: bool = False
    """Nothing is assigned: where the condition changes, either way, integration begins anew. Not of a model, but of a
    run."""
    factors: tuple[tuple[str, Expression], ...] = ()
    """What the values of some targets are multiplied by at the moment of their assignment, also if they were worked out
    before a delay: the size of a compartment, where the value is a concentration and the state an amount."""

    def expressions(self) -> list[Expression]:
        values = (e for _, e in (*self.assignments, *self.factors))
        found = [self.trigger, *values, self.delay, self.priority]
        return [e for e in found if e is not None]

    def substitute(self, values: Mapping[str, Expression]) -> "Event":
        """The event with names replaced by expressions."""

        def put(e: Any) -> Any:
            return None if e is None else e.substitute(values)

        assignments = tuple((target, put(e)) for target, e in self.assignments)
        factors = tuple((target, put(e)) for target, e in self.factors)
        return self._replace(
            trigger=put(self.trigger), assignments=assignments, delay=put(self.delay), priority=put(self.priority),
            factors=factors,
        )  # fmt: skip
