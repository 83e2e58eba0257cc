"""The network that learns, where it starts, and what simulates it."""

from typing import Any, NamedTuple

import numpy as np

from ..nn import TrainingNetwork
from ..nn.settings import Settings
from ..noise import NoisePlan
from .batches import BatchMethod
from .methods import TrainingMethod
from .protocol import Simulation
from .slow_limit import Level
from .start import start_simulation


class Learner(NamedTuple):
    """A training network at its start, by a method, or at a level where weights are numbers."""

    spec: TrainingNetwork
    settings: Settings
    method: TrainingMethod
    method_reason: str
    options: dict[str, Any]  # of the method, all of them
    volume: float
    counts: np.ndarray  # of the method's dtype [species], the start [molecules]
    rates: np.ndarray  # float64[reaction] of the training network
    noise: NoisePlan | None = None  # of training

    @property
    def initial_weights(self) -> np.ndarray:
        """float64[weight] as the molecules hold them, so rounded to whole counts where the method has such."""
        return self.spec.read_weights(self.counts, self.volume)

    @property
    def changed_rates(self) -> dict[str, float]:
        """Rate constants that differ from those of the training network, by the name of the reaction."""
        reactions = self.spec.declared.reactions
        return {r.name: k for r, k in zip(reactions, self.rates.tolist(), strict=True) if k != r.rate}

    @property
    def in_floating_point(self) -> bool:
        """Whether nothing reacts: weights are numbers, and learn in floating point."""
        return issubclass(self.method, Level)

    def start(self, seed: int, rng: np.random.Generator, counts: np.ndarray, time: float) -> Simulation | BatchMethod:
        """A simulation that goes on from `counts` at `time` [s]; the paths of noise are those of `seed`."""
        spec = self.spec
        if issubclass(self.method, BatchMethod):
            running_time = self.settings.running_time
            batches = self.method(spec, running_time, self.volume, counts, seed, self.options, time)
            batches.rng = rng
            return batches
        if issubclass(self.method, Level):
            rate, running_time = self.settings.learning_rate, self.settings.running_time
            return self.method(spec, rate, self.volume, counts, rng, self.options, time, running_time)
        return start_simulation(
            self.method, spec.network, self.rates, self.volume, counts, rng,
            noise=self.noise, seed=seed, options=self.options, start_time=time,
        )  # fmt: skip
