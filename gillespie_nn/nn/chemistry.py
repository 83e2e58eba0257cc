"""What a learning chemistry is: settings, equations, ports and phases, all of them data.

A subclass describes how a layered network computes, how its errors travel back, and how its weights change. The
compiler makes reactions of the equations (`compiler.py`), and floating point follows from the same ones
(`floating.py`). To add a chemistry: a file in `chemistries/`, and its line in `CHEMISTRIES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..options import Options, not_negative, option, positive
from .equations import Equation
from .phases import INPUTS, SAMPLE, TARGETS, Phase
from .schedules import CONSTANT

BELOW, ABOVE = "below", "above"
PREACTIVATIONS, OUTPUTS, SLOPES, ERROR_SUMS, ERRORS = "pre-activations", "outputs", "slopes", "error sums", "errors"
WEIGHTS, BIASES = "weights", "biases"
"""Meanings of quantities that many chemistries have. Studies and figures choose quantities by them."""
AUXILIARIES = "auxiliaries"
"""The meaning of species that an activation adds."""


@dataclass(frozen=True)
class Chemistry(Options):
    """The base of all chemistries. Its fields are settings that each of them has; a subclass adds its own by `option`.

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
        """The name in `schedules.SCHEDULES` of what ports are set to where a phase says `SCHEDULED`."""
        return CONSTANT

    def step(self, running_time: float) -> float:
        """s = eta T: how far a presentation of `running_time` T [s] moves the weights along the direction of learning,
        in first order, for each of its samples and before a schedule lowers it. Phases without learning do not
        count."""
        *_, last = self.phases
        learning = sum(phase.duration or 0.0 for phase in self.phases if phase.learns)
        others = self.fixed_time - learning  # before the last phase, which has the rest of the presentation
        return self.learning_rate * (running_time - others if last.learns else learning)

    @property
    def fixed_time(self) -> float:
        """Sum of the durations of all phases but the last [s]."""
        return float(sum(phase.duration or 0.0 for phase in self.phases))
