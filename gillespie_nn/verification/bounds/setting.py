"""What a verification is done on: a network, where it starts, and what is presented to it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...crn import ReactionNetwork
from ...nn import TrainingNetwork
from ...simulation.presentations import Samples
from ...simulation.presented import Presented
from .quantities import Quantities, quantities_of

FORWARD, LEARNING = "5.1", "5.2"
PROPOSITIONS = (FORWARD, LEARNING)


@dataclass(frozen=True)
class Setting:
    """A proposition on a network. Presentation k lasts from k T to (k + 1) T, T = `running_time` [s]."""

    proposition: str
    case: str
    activation: str
    spec: TrainingNetwork
    weights: np.ndarray  # float64[weight], at the start [concentration]
    x: np.ndarray  # float64[presentation, input] [concentration]
    t: np.ndarray  # float64[presentation, output] [concentration]
    running_time: float
    remark: str = ""
    """What the case is about, in a sentence."""

    @property
    def network(self) -> ReactionNetwork:
        return self.spec.network

    @property
    def horizon(self) -> float:
        """[s]"""
        return len(self.x) * self.running_time

    @property
    def switches(self) -> np.ndarray:
        """Times at which inputs and targets are set anew, the start left out, float64[...] [s]."""
        return self.running_time * np.arange(1, len(self.x))

    @cached_property
    def quantities(self) -> Quantities:
        return quantities_of(self.network)

    def samples(self, volume: float = 1.0, dtype: type = np.float64) -> Samples:
        """What is presented, in molecules."""
        return Samples(self.spec, Presented.each(self.x, self.t if self.spec.targets else None), volume, dtype)

    def start(self, volume: float = 1.0, dtype: type = np.float64) -> np.ndarray:
        """The state `dtype`[species] at time 0, before anything is presented [molecules]."""
        return self.spec.start(self.weights, volume, dtype)

    def described(self) -> str:
        """What was chosen, in a line."""
        layers = "-".join(map(str, self.spec.layers))
        learning = "learning on" if self.spec.targets else "weights fixed"
        n = len(self.x)
        return (
            f"{self.case}, {layers}, {self.activation}, {learning}: {n} presentation{'s' * (n > 1)} of "
            f"{self.running_time:g} s, {n - 1} switches of the input, T = {self.horizon:g} s, "
            f"{len(self.network.species)} species, {len(self.network.reactions)} reactions"
        )

    def record(self) -> dict:
        """What decides it, by name, for files."""
        return {
            "proposition": self.proposition,
            "case": self.case,
            "activation": self.activation,
            "network": self.network.digest,
            "weights": self.weights.tolist(),
            "x": self.x.tolist(),
            "t": self.t.tolist(),
            "running_time": self.running_time,
        }
