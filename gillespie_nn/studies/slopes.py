"""The slope that a hidden neuron hands to backpropagation, measured at fixed weights.

The network is a hidden layer of the default chemistry without updates, in which the environment holds the error sum at
1. So the error D of a neuron, which its weights learn from, is its slope as the chemistry has it at that time.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .. import seeds
from ..activations import Activation, make_activation
from ..nn import TrainingNetwork, training_network
from ..nn.chemistries import KangKim
from ..nn.chemistry import ERRORS, Chemistry
from ..nn.equations import ACTIVATED, Equation
from ..nn.phases import INPUTS, SAMPLE, TARGETS, Phase
from ..noise import plan_noise
from ..seeds import Purpose
from ..simulation.methods.implicit_euler import ImplicitEuler
from ..simulation.presentations import Samples
from ..simulation.presented import Presented
from ..simulation.replicate import advance_to
from ..simulation.start import start_simulation
from ..storage import prediction_file
from .points import Outputs, plain

_N_INPUTS = 2
_WEIGHT_LIMIT = float(np.sqrt(3.0 / _N_INPUTS))
"""Weights are uniform between plus and minus this, as at the start of training with two inputs."""
_POINTS = 101
"""Points at which the error is read in the second half of the presentation, for its mean by the trapezoidal rule."""
_STEP = 0.02
"""Step of `implicit_euler` [s]."""


@dataclass(frozen=True)
class HeldError(Chemistry):
    """Forward pass, slopes and errors of `kang_kim` for one hidden layer, at fixed weights and a given error sum."""

    name = "held_error"
    summary = "the slopes of kang_kim at fixed weights, with an error sum of 1"
    meanings: ClassVar = KangKim.meanings
    forward: ClassVar = KangKim.forward
    backward: ClassVar = (
        Equation("slope", "S[i] = f'(Z[i])", ACTIVATED),
        Equation("error", "D[i]' = S[i] E - D[i]", ACTIVATED),
    )

    @property
    def update(self) -> tuple[Equation, ...]:
        return ()

    @property
    def ports(self) -> Mapping[str, str]:
        return {"error sum": "E"}

    @property
    def phases(self) -> tuple[Phase, ...]:
        sets = ((INPUTS, SAMPLE), (TARGETS, SAMPLE), ("error sum", 1.0))
        return (Phase("hold", None, sets, learns=False),)


@dataclass(frozen=True)
class Slopes(Outputs):
    """Mean errors D of hidden neurons in `n` random configurations, over the second half of a presentation.

    A configuration has the seed `seed`, `seed` + 1, ...: weights of two inputs, uniform as at the start of training,
    and two samples, uniform in [0, 1]. Each sample is presented for `running_time` [s], and the errors are those of the
    second. There is one neuron for each of `z`, all with the same weights; the bias makes its pre-activation z.

    The file is that of a prediction: `outputs` float64[configuration, z] are mean errors, `targets` the slopes that the
    reactions of the activation have at rest without noise.
    """

    n: int
    activation: str
    settings: tuple[tuple[str, Any], ...]
    running_time: float
    z: tuple[float, ...]
    noise: tuple = ()
    step: float = _STEP

    @property
    def function(self) -> Activation:
        return make_activation(self.activation, **dict(self.settings))

    @property
    def decided(self) -> dict:
        made = {
            "seed": self.seed,
            "n": self.n,
            "activation": self.activation,
            "settings": asdict(self.function),
            "annihilation_rate": HeldError().annihilation_rate,
            "running_time": float(self.running_time),
            "z": [float(z) for z in self.z],
            "noise": [noise.record() for noise in self.noise],
            "step": float(self.step),
            "points": _POINTS,
            "weight_limit": _WEIGHT_LIMIT,
        }
        return plain(made)

    @property
    def kernels(self) -> tuple[str, bool]:
        return ImplicitEuler.name, bool(self.noise)

    def carry_out(self, folder: str | Path) -> None:
        spec = training_network((_N_INPUTS, len(self.z), 1), chemistry=HeldError(), activation=self.function)
        every = [self._configuration(spec, seed) for seed in range(self.seed, self.seed + self.n)]
        errors, slopes = (np.array(part) for part in zip(*every))
        prediction_file.write(self.path(folder), self.decided, "regression", slopes, errors)

    def _configuration(self, spec: TrainingNetwork, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """(mean errors, slopes at rest) float64[z] of the configuration of a seed."""
        z = np.array(self.z)
        weights = seeds.stream(seed, Purpose.INITIAL_WEIGHTS).uniform(-_WEIGHT_LIMIT, _WEIGHT_LIMIT, _N_INPUTS)
        samples = seeds.stream(seed, Purpose.SPLIT).uniform(0.0, 1.0, (2, _N_INPUTS))
        biases = z - weights @ samples[1]
        vector = np.concatenate([np.tile(weights, len(z)), biases, np.zeros(len(z) + 1)])
        plan = plan_noise(self.noise, spec.network, unforced=spec.unforced)
        simulation = start_simulation(
            ImplicitEuler, spec.network, spec.network.rates(), 1.0, spec.start(vector, 1.0, np.float64),
            seeds.stream(seed, Purpose.SIMULATION), noise=plan, seed=seed, options={"fixed_step": self.step},
        )  # fmt: skip
        grid = np.linspace(1.5 * self.running_time, 2.0 * self.running_time, _POINTS)
        rows = np.empty((_POINTS, simulation.n_species))
        presented = Samples(spec, Presented.each(samples, np.zeros((2, 1))), 1.0, np.float64)
        for k in range(2):
            for step in presented.present(simulation, k, k * self.running_time, (k + 1) * self.running_time):
                advance_to(
                    simulation, step.end, lambda time: False, grid_time=grid[: k * _POINTS], grid_counts=rows
                )  # fmt: skip
        rails = [number.rails for number in spec.numbers.select(ERRORS, layer=1)]
        errors = spec.read(rails, rows[:, : len(spec.network.species)], 1.0)
        mean = np.trapezoid(errors, grid, axis=0) / (grid[-1] - grid[0])
        made = np.abs(weights) @ samples[1] + np.abs(biases)
        return mean, self.function.at_rest(z, made).slope
