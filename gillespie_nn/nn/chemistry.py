"""A learning chemistry as data: its equations, the phases of a presentation, schedules, and the base class `Chemistry`.

An equation stands for one reaction network per neuron, or per weight. Its text has one of three forms:

    Z[i]' = W[i,j] Y.below[j] + B[i] - Z[i]     a rate equation: a sum of products
    Y[i] = f(Z[i])                              the activation of the layer, by the reactions of the activation
    S[i] = f'(Z[i])                             its slope, likewise

A factor is a number, the name of a setting in small letters, or a quantity: a capital letter, with indices unless there
is one of it in the whole network. An index that the left side does not have is summed over. `.below` and `.above` mean
the layer below and above; other quantities are those of the layer itself. A product has at most two quantities, so that
all reactions are at most bimolecular. A quantity has one equation in a layer, and an equation reads what the equations
before it make, weights, fixed numbers and ports (`reactions.check_equations`).
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, NamedTuple

from .. import checks
from ..checks import InputError
from ..options import Options, not_negative, option, positive

ALL, LAST, HIDDEN, ACTIVATED = "all", "last", "hidden", "activated"
LAYERS = (ALL, LAST, HIDDEN, ACTIVATED)
"""The layers that an equation is for; `activated` are those with an activation, so not a linear output layer."""
FUNCTION, SLOPE = "f", "f'"
_FACTOR = re.compile(r"(\d+(?:\.\d+)?)|([A-Za-z_]\w*)(?:\.(below|above))?(?:\[([a-z](?:,[a-z])?)\])?")
_LEFT = re.compile(r"([A-Za-z_]\w*)(?:\[([a-z](?:,[a-z])?)\])?('?)")
_APPLIED = re.compile(r"(f'?)\((.*)\)")


class EquationError(ValueError):
    """A text that is not a valid equation: a mistake in the definition of a chemistry."""


class Quantity(NamedTuple):
    """A factor that molecules carry."""

    name: str
    indices: tuple[str, ...] = ()
    at: str = ""
    """`below`, `above`, or empty for the layer itself."""


class EquationTerm(NamedTuple):
    """A product in a rate equation."""

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
    terms: tuple[EquationTerm, ...] = ()
    """Of a rate equation."""
    function: str = ""
    """FUNCTION or SLOPE, else empty."""
    argument: Quantity | None = None
    """Of the function."""

    def decay(self, term: EquationTerm) -> bool:
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
        raise EquationError(f"{text!r} is not an equation: write Z[i]' = ..., Y[i] = f(Z[i]) or S[i] = f'(Z[i])")
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
        terms.append(EquationTerm(-1 if sign == "-" else 1, coefficients, factors))
    return Parsed(target, tuple(terms))


def _factors(product: str, text: str, exactly: int | None = None) -> tuple[tuple[str, ...], tuple[Quantity, ...]]:
    """(numbers and names without index, quantities with indices) of a product."""
    coefficients, factors = [], []
    for word in product.split():
        match = _FACTOR.fullmatch(word)
        if match is None:
            raise EquationError(f"{text!r}: {word!r} is not a factor: write a number, a setting or a quantity")
        if match[1] is not None or word.islower():
            coefficients.append(word)
        else:
            factors.append(Quantity(match[2], _indices(match[4]), match[3] or ""))
    if (exactly is not None and (len(factors) != exactly or coefficients)) or not (coefficients or factors):
        raise EquationError(f"{text!r}: {product.strip()!r} is not valid there")
    return tuple(coefficients), tuple(factors)


def _indices(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


# Phases of a presentation: the times at which the environment sets ports of a network

SAMPLE = "sample"
"""In place of a number: the values of the sample that is presented."""
SCHEDULED = "scheduled"
"""In place of a number: the factor of the learning schedule in the presentation, see `SCHEDULES`."""
INPUTS, TARGETS = "inputs", "targets"
"""The ports for which a sample has values."""


class Phase(NamedTuple):
    """A part of each presentation. A port keeps its value until another phase sets it."""

    name: str
    duration: float | None
    """[s]; None is the rest of the presentation."""
    sets: tuple[tuple[str, float | str], ...]
    """Pairs (port, concentration of all its numbers), (port, `SAMPLE`) or (port, `SCHEDULED`), in the order in which
    they are set."""
    learns: bool = True
    """Whether weights follow the presented sample: methods in floating point learn in these phases only."""


def intervals(phases: Sequence[Phase], begin: float, end: float) -> Iterator[tuple[Phase, float, float]]:
    """(phase, its begin, its end) for a presentation from `begin` to `end` [s]. Raises InputError if phases take longer
    than the presentation."""
    for phase in phases:
        until = end if phase.duration is None else begin + phase.duration
        if until > end:
            raise InputError(
                f"phase {phase.name!r} ends at {until:g} s, after its presentation, which ends at {end:g} s: give "
                "shorter phases or a longer running time"
            )
        yield phase, begin, until
        begin = until


def check_phases(phases: Sequence[Phase], ports: Mapping[str, Sequence]) -> None:
    """Raise InputError for phases that do not fit each other or the `ports`, a mapping by name."""
    if not phases or phases[-1].duration is not None:
        raise InputError("the last phase of a presentation must have duration None, the rest of the presentation")
    for phase in phases[:-1]:
        checks.positive(f"duration of phase {phase.name!r}", phase.duration, "s")
    for phase in phases:
        for port, value in phase.sets:
            checks.choice(f"port in phase {phase.name!r}", port, list(ports), "the ports of this network are")
            if value == SAMPLE and port not in (INPUTS, TARGETS):
                raise InputError(
                    f"phase {phase.name!r} sets port {port!r} to the value of the sample, but a sample has values for "
                    f"{INPUTS} and {TARGETS} only: give a number"
                )
            if value not in (SAMPLE, SCHEDULED):
                checks.finite(f"port {port!r} in phase {phase.name!r}", value)


# Schedules of the learning rate over a run: pure functions of the presentation
#
# The environment sets the licence L, which the updates need as a catalyst, to f(k) in presentation k of n. To add a
# schedule: a function here, and its line in `SCHEDULES`.

CONSTANT = "constant"


def constant(k: int, n: int) -> float:
    """f = 1 in all presentations."""
    return 1.0


def cosine(k: int, n: int) -> float:
    """f falls from 1 towards 0 along half a cosine: f = (1 + cos(pi k / n)) / 2."""
    return 0.5 * (1.0 + math.cos(math.pi * k / n))


def steps(k: int, n: int) -> float:
    """f = 1 in the first half of the run, then 1/5, and 1/25 from three quarters on."""
    return 1.0 if 2 * k < n else 0.2 if 4 * k < 3 * n else 0.04


SCHEDULES: dict[str, Callable[[int, int], float]] = {CONSTANT: constant, "cosine": cosine, "steps": steps}
"""f(k, n) in [0, 1], for presentation k from 0 of n, by name."""


# The base class of learning chemistries: settings, equations, ports and phases
#
# A subclass describes how a layered network computes, how its errors travel back, and how its weights change. The
# compiler makes reactions of the equations (`compiler.py`), and floating point follows from the same ones
# (`floating.py`). To add a chemistry: a file in `chemistries/`, and its line in `CHEMISTRIES`.

BELOW, ABOVE = "below", "above"
PREACTIVATIONS, OUTPUTS, SLOPES, ERROR_SUMS, ERRORS = "pre-activations", "outputs", "slopes", "error sums", "errors"
WEIGHTS, BIASES = "weights", "biases"
"""Meanings of quantities that many chemistries have. Studies and figures select quantities by them."""
AUXILIARIES = "auxiliaries"
"""The meaning of species that an activation adds."""


@dataclass(frozen=True)
class Chemistry(Options):
    """The base of all chemistries. Its fields are settings that each of them has; a subclass adds more by `option`.

    Quantities are named by capital letters. Quantity Z of layer 1 and neuron 0 has the species `Z1_0_p` and `Z1_0_m`
    for its plus and minus rail.
    """

    learning_rate: float = option(
        0.01, not_negative("1/s"), "learning rate eta: rate constant of the weight updates", unit="1/s"
    )
    annihilation_rate: float = option(
        20.0,
        positive(),
        "rate constant of V_p + V_m -> 0, which cancels the two parts of a signed number",
        unit="1/(concentration s)",
    )

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    reference: ClassVar[str] = ""
    """What to cite."""

    inputs: ClassVar[str] = "X"
    targets: ClassVar[str] = "T"
    signal: ClassVar[str] = "Y"
    """The quantity that a layer hands to the next; that of layer 0 is `inputs`."""
    weights: ClassVar[tuple[str, ...]] = ("W", "B")
    """Quantities that learn, in the order of the vector of weights: a matrix, and the biases."""
    fixed: ClassVar[Mapping[str, str]] = {}
    """Quantities of fixed random values, uniform between minus and plus a setting, by the name of that setting."""
    matrices: ClassVar[Mapping[str, str]] = {"W": BELOW}
    """Quantities with two indices, and the layer that the second one counts the neurons of."""
    unsigned: ClassVar[tuple[str, ...]] = ("S",)
    """Quantities that are never negative, and have one rail."""
    linear: ClassVar[Mapping[str, str]] = {"Y": "Z", "E": "D"}
    """In a layer without activation the first quantity is the second."""

    meanings: ClassVar[Mapping[str, str]] = {}
    """A word for each quantity, in the order of the colours of figures. Ports need none: the name of the port is the
    word. A quantity without a word has its letter."""

    forward: ClassVar[tuple[Equation, ...]]
    """From the first layer to the last. Consecutive equations of one label are compiled neuron by neuron."""
    backward: ClassVar[tuple[Equation, ...]]
    """From the last layer to the first."""

    @property
    def update(self) -> tuple[Equation, ...]:
        """Equations of the weights, from the first layer to the last."""
        raise NotImplementedError

    @property
    def ports(self) -> Mapping[str, str]:
        """Quantities besides inputs and targets that the environment sets, by the name of the port. They are one of the
        whole network each, and 0 or positive."""
        return {}

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases of a presentation."""
        return (Phase("learn", None, ((INPUTS, SAMPLE), (TARGETS, SAMPLE))),)

    @property
    def schedule(self) -> str:
        """The name in `SCHEDULES` of the schedule that ports follow where a phase sets them to `SCHEDULED`."""
        return CONSTANT

    def step(self, running_time: float) -> float:
        """s = eta T: how far a presentation of `running_time` T [s] moves the weights along the direction of learning,
        in first order, for each of its samples and before a schedule lowers it. Phases without learning do not
        count."""
        *_, last = self.phases
        learning = sum(phase.duration or 0.0 for phase in self.phases if phase.learns)
        # The last phase takes the rest of the presentation, after the phases of fixed length.
        others = self.fixed_time - learning
        return self.learning_rate * (running_time - others if last.learns else learning)

    @property
    def fixed_time(self) -> float:
        """Sum of the durations of all phases but the last [s]."""
        return float(sum(phase.duration or 0.0 for phase in self.phases))
