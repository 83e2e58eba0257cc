"""Checkpoints of a training run: the state needed to continue from the end of a presentation.

Every run, interrupted or not, with a file or without, continues at each checkpoint with a new simulation made from the
checkpoint alone; so a resumed run equals an uninterrupted one bit for bit. The plan fixes the presentations at which
they occur. Bounds, sums and trees are recomputed from the counts. A pending time is drawn again:
given the state, the wait for the next reaction is exponential however long it has lasted, so that one drawn afresh at a
time that no draw has decided has the same law, and the process stays exact.
"""

from typing import NamedTuple

import numpy as np

from .. import seeds
from ..seeds import Purpose
from .protocol import Simulation


class Checkpoint(NamedTuple):
    """The state of a training run between two presentations; number 0 is its start."""

    n_presented: int
    """Presentations done."""
    n_events: int
    counts: np.ndarray
    """The state, of the method's dtype [species] [molecules]."""
    generator: np.ndarray
    """uint64[6], see `generator_state`."""
    memory: np.ndarray
    """float64[number], `Method.memory`, before it that of the noise."""
    weights_sum: np.ndarray
    """float64[weight]: the running average of the weights towards the next evaluation [concentration]."""
    best_weights: np.ndarray
    """float64[weight]: the best in validation so far, NaN before the first [concentration]."""


def first_checkpoint(plan) -> Checkpoint:
    """The start of the run of a `TrainingPlan`."""
    rng = seeds.stream(plan.seed, Purpose.SIMULATION)
    n = len(plan.spec.weights)
    return Checkpoint(0, 0, plan.learner.counts, generator_state(rng), np.empty(0), np.zeros(n), np.full(n, np.nan))


def simulation_at(plan, checkpoint) -> Simulation:
    """A simulation that continues from a checkpoint, with compiled kernels."""
    rng = restored_generator(checkpoint.generator)
    time = checkpoint.n_presented * plan.settings.running_time
    simulation = plan.learner.start(plan.seed, rng, checkpoint.counts, time)
    simulation.recall(checkpoint.n_events, checkpoint.memory)
    simulation.advance(time)  # fires nothing: the first candidate time is drawn, and kept
    return simulation


def generator_state(rng) -> np.ndarray:
    """The state of a generator (SFC64) as uint64[6]: four words, whether half a word is left over, and that half."""
    state = rng.bit_generator.state
    return np.array([*state["state"]["state"], state["has_uint32"], state["uinteger"]], dtype=np.uint64)


def restored_generator(numbers) -> np.random.Generator:
    """The generator whose state `numbers` uint64[6] is."""
    bits = np.random.SFC64()
    words = np.array(numbers[:4], dtype=np.uint64)
    bits.state = {
        "bit_generator": "SFC64",
        "state": {"state": words},
        "has_uint32": int(numbers[4]),
        "uinteger": int(numbers[5]),
    }
    return np.random.Generator(bits)
