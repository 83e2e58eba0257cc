"""Outputs of a trained network by simulation of its forward reactions with fixed weights."""

from typing import Any, NamedTuple

import numpy as np

from .. import seeds
from ..checks import InputError, UnfinishedError
from ..kernels import codes
from ..nn import TrainingNetwork, training_network
from ..noise import as_noises, plan_noise
from ..progress import Progress
from ..seeds import Purpose
from ..simulation.batches import BatchMethod, simulate_outputs
from ..simulation.batches.weights import Weights
from ..simulation.methods import Method
from ..simulation.presentations import Samples
from ..simulation.presented import Presented
from ..simulation.replicate import advance_to
from ..simulation.start import start_simulation
from ..simulation.training import TrainingPlan
from ..status import Status

_READINGS = 20
"""Readings in the second half of a presentation, which are averaged."""


class Simulated(NamedTuple):
    """Outputs by simulation, float64[sample, output] each [concentration]."""

    mean: np.ndarray
    """Averaged over readings in the second half of the presentation."""
    last: np.ndarray
    """The last of these readings, at the end of the presentation."""


def predict_by_simulation(
    plan: TrainingPlan, x: np.ndarray, weights: np.ndarray, seed: int, noise: Any, progress: bool | None
) -> Simulated:
    """Outputs for inputs x float64[sample, input], as they were given to `train`, by `weights` float64[weight]
    [concentration]. `noise` and `progress` are as of `Fit.predict`. Raises InputError for noise with a method that
    lists no reactions."""
    x = x - plan.centre
    if issubclass(plan.method, BatchMethod):
        if as_noises(noise):
            raise InputError(f"noise: {plan.method.name} has no list of reactions: leave noise out")
        return _by_batches(plan, x, weights, seed, progress)
    return _by_reactions(plan, x, weights, seed, noise, progress)


def _forward_network(plan: TrainingPlan, x: np.ndarray, batch: int, listed: bool) -> TrainingNetwork:
    return training_network(
        plan.spec.layers,
        **plan.settings.of_network | {"batch": batch},
        signed_inputs=plan.signed or bool((x < 0).any()),
        learning=False,
        listed=listed,
        seed=plan.seed,
    )


def _times(plan: TrainingPlan) -> np.ndarray:
    return np.linspace(0.5, 1.0, _READINGS + 1)[1:] * plan.settings.running_time


def _by_batches(plan: TrainingPlan, x: np.ndarray, weights: np.ndarray, seed: int, progress: bool | None) -> Simulated:
    spec, times = _forward_network(plan, x, 1, listed=False), _times(plan)
    held = Weights(spec.layers, plan.volume, spec.start(weights, plan.volume)[: 2 * len(weights)])
    options = {name: value for name, value in plan.learner.options.items() if name in ("leap", "threads")}
    with Progress("predict", len(x), progress, plan.method.name) as bar:
        read = simulate_outputs(
            spec, held, x, times.tolist(), lambda block: seeds.stream(seed, Purpose.BATCHES_OF_PREDICTION, piece=block),
            done=bar.update, **options,
        )  # fmt: skip
    return Simulated(read.mean(axis=0, dtype=np.float64), read[-1].astype(np.float64))


def _by_reactions(
    plan: TrainingPlan, x: np.ndarray, weights: np.ndarray, seed: int, noise: Any, progress: bool | None
) -> Simulated:
    settings, volume = plan.settings, plan.volume
    batch = min(plan.batch, len(x)) or 1
    spec = _forward_network(plan, x, batch, listed=True)
    network = spec.network
    kind = plan.method
    assert issubclass(kind, Method)  # `Fit.predict` does for floating point without it
    # The last presentation is filled up with the last sample.
    order = np.minimum(np.arange(-(-len(x) // batch) * batch), len(x) - 1).reshape(-1, batch)
    samples = Samples(spec, Presented(x, None, order), volume, kind.dtype)
    counts, rng = spec.start(weights, volume, kind.dtype), seeds.stream(seed, Purpose.PREDICTION)
    changed = plan.learner.changed_rates
    rates = network.rates({name: k for name, k in changed.items() if name in network.reaction_index})
    noise = plan_noise(noise, network, rates, unforced=spec.unforced if noise is not None else (), prediction=True)
    method = start_simulation(
        kind, network, rates, volume, counts, rng, noise=noise, seed=seed, options=plan.learner.options,
    )  # fmt: skip
    readings = _times(plan)
    rows: np.ndarray = np.empty((_READINGS, len(network.species)), dtype=kind.dtype)
    mean, last = np.empty((2, order.size, spec.layers[-1]))
    with Progress("predict", len(x), progress, kind.name) as bar:
        for k in range(len(samples)):
            method.start_block()
            begin = k * settings.running_time
            times = begin + readings
            for step in samples.present(method, k, begin, times[-1]):
                due = times[times < step.end] if step.end < times[-1] else times
                code = advance_to(method, step.end, lambda time: False, grid_time=due, grid_counts=rows)
                if code != codes.REACHED_END:
                    which = f"sample {k}" if batch == 1 else f"samples {order[k, 0]} to {order[k, -1]}"
                    raise UnfinishedError(f"the prediction of {which} stopped early: {Status(code)}")
            read = spec.read_outputs(rows, volume)
            mean[k * batch : (k + 1) * batch] = read.mean(axis=0).reshape(batch, -1)
            last[k * batch : (k + 1) * batch] = read[-1].reshape(batch, -1)
            bar.update(min(len(x), (k + 1) * batch))
    return Simulated(mean[: len(x)], last[: len(x)])
