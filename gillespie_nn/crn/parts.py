"""What a model is made of: events and their random draws, amounts, and the models that come with the package.

Random draws in expressions: `set A = binomial(A, 0.5)`. Events make them, each from the generator of its replicate.

To add one: its line in `DRAWS`. Names and arguments are those of the SBML package distrib (version 1).
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .. import checks, data
from ..checks import COUNT_LIMIT, InputError
from .expressions import DRAWN, Expression, number
from .reaction import Reaction


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

    Right-hand sides read species as counts. All right-hand sides of an event are evaluated first, then all values are
    assigned.
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
    edge_of: str | None = None
    """A parameter that is 1 while the condition holds, else 0; nothing else is done. Not of a model, but of a run."""
    factors: tuple[tuple[str, Expression], ...] = ()
    """Factors of the values of targets at the moment of their assignment, also if they were worked out
    before a delay: the size of a compartment, where the value is a concentration and the state an amount."""

    def expressions(self) -> list[Expression]:
        values = (e for _, e in (*self.assignments, *self.factors))
        result = [self.trigger, *values, self.delay, self.priority]
        return [e for e in result if e is not None]

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


# Amounts that are to be whole numbers of molecules.

NEAREST, RANDOM = ROUNDINGS = "nearest", "random"
"""How amounts become whole: the nearest whole number, of two the even one; or up with the probability of the
fraction."""
_SHOWN = 5
_FEW_MOLES = 1e-6
"""Smaller positive amounts are hardly numbers of molecules."""


def whole_counts(species: Sequence[str], amounts: np.ndarray) -> np.ndarray:
    """int64[species] of amounts [molecules], which must be whole and at most 2**53; raises InputError."""
    if np.issubdtype(amounts.dtype, np.integer):
        return amounts
    if (amounts != np.rint(amounts)).any():
        raise InputError(fractions_refused(species, amounts))
    refuse_overflow(species, amounts)
    return amounts.astype(np.int64)


def fractions_refused(species: Sequence[str], amounts: np.ndarray, why: str = "") -> str:
    """What to say where whole numbers are needed; `why` says more of these amounts."""
    shown = listed([f"{species[s]} = {amounts[s]:.12g}" for s in np.flatnonzero(amounts != np.rint(amounts)).tolist()])
    moles = ""
    if (amounts > 0).any() and amounts[amounts > 0].min() < _FEW_MOLES:
        moles = (
            "; an amount this far below 1 molecule is probably in moles: read an SBML or Antimony model with "
            "substance='mole' (--substance mole)"
        )
    return (
        f"the initial state has {shown}, but counts of molecules must be whole numbers{why}: round them with "
        "round_initial='nearest' or round_initial='random' (--round-initial; random rounds up with the probability of "
        "the fraction), give whole numbers with initial (--initial), or use ode, langevin or linear_noise, which take "
        "real numbers"
        f"{moles}"
    )


def refuse_overflow(species: Sequence[str], amounts: np.ndarray) -> None:
    """Raise InputError for an amount above 2**53."""
    if (amounts > COUNT_LIMIT).any():
        s = int(np.argmax(amounts))
        raise InputError(
            f"initial amount of {species[s]} is {amounts[s]:.17g}, but counts above 2**53 = {COUNT_LIMIT} would "
            "overflow: use a smaller volume or a deterministic method, or, if moles of an SBML model mean molecules, "
            "read it with substance='item'"
        )


def listed(entries: Sequence[str]) -> str:
    """The first of the entries, and how many more there are."""
    more = len(entries) - _SHOWN
    return ", ".join(entries[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


# What a model is made of: what readers return and a network is made from.

_NONE: Mapping = MappingProxyType({})


class Parts(NamedTuple):
    """What a `ReactionNetwork` is made of, not yet checked against one another, and where it is from."""

    species: tuple[str, ...]
    reactions: tuple[Reaction, ...]
    initial: Mapping[str, float] = _NONE
    volume: float | None = None
    parameters: Mapping[str, float] = _NONE
    rules: Mapping[str, Expression] = _NONE
    events: tuple[Event, ...] = ()
    origin: str = ""
    """What it was read from, for messages; empty for a text written by this package."""
    text: str = ""
    """The model as it is written, if numbers above were worked out from parameters in it: to be read again."""
    settable: Collection[str] = ()
    """The names that overrides of parameters may have there."""
    language: str = ""
    """The name of the format of `text`, if it is another than the one that was read."""
    substance: str | None = None
    """How its amounts are to be read then, see `formats.sbml_units`."""
    rate_rules: Mapping[str, Expression] = _NONE
    only_ode: str = ""
    """Why only `ode` can simulate it; empty if every method can."""
    constants: Mapping[str, float] = _NONE
    """Values of what the source names and nothing changes, also where it is but a number in rates."""


class ModelSource(NamedTuple):
    """What a network was read from, so that it can be read again with other values of parameters."""

    format: str
    text: str
    settable: frozenset[str]
    parameters: Mapping[str, float]
    """Overrides that it was read with."""
    substance: str | None = None
    """How its amounts are read, see `formats.sbml_units`."""
    constants: Mapping[str, float] = {}
    """`Parts.constants`."""


# The models that come with the package, by name: the files `data/models/*.txt`.

_ENDING = ".txt"


def models() -> dict[str, str]:
    """Names of the packaged models, each with a one-line description.

    `ReactionNetwork.from_file(name)` reads one, and so does every command that takes a model file. Sources and
    licences are listed in data/README.md.
    """
    return {name: _text(path).partition("\n")[0].removeprefix("# ") for name, path in _paths().items()}


def packaged_text(name: str) -> str:
    """The text of the packaged model `name`. Raises InputError for an unknown name."""
    return _text(_paths()[checks.choice("packaged model", name, _paths(), "known are")])


def model_path(source: object) -> Path:
    """The path of a model file, or of the packaged model of that name where there is no such file.

    Raises InputError if there is neither.
    """
    name = source if isinstance(source, str) else ""
    paths = _paths()
    if name in paths and not os.path.isfile(name):
        return paths[name]
    if name and not os.path.lexists(name) and not (set(name) & {".", "/", os.sep, "\0"}):
        raise InputError(
            f"no such model file: {checks.shortened_text(name)}{checks.meant(name, list(paths))}; "
            f"packaged models are {', '.join(paths)}"
        )
    return checks.existing_file("model file", source, f"expected the path of a model file, got {source!r}")


@cache
def _paths() -> dict[str, Path]:
    # Folders of a package without __file__, as in a zip archive, are not supported by numba's cache either.
    return {path.stem: path for path in sorted(Path(data.__file__).with_name("models").glob(f"*{_ENDING}"))}


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
