"""Learning curves of a training run, from the recorded weights."""

import numpy as np

from ..nn import Numbers
from ..nn.floating import FloatNetwork
from ..nn.settings import Settings
from ..storage import Run
from ..storage.averages import averaged_weights, running_mean
from ..storage.damage import understood

__all__ = ["averaged_weights", "float_network", "numbers_of", "output_curves", "running_mean"]


def float_network(run: Run) -> FloatNetwork:
    """The network of a training run in floating point, from the settings in its file."""
    with understood(run.path):
        settings = Settings.restored(run.training.settings)
    parts = settings.activation, settings.output, settings.chemistry
    return FloatNetwork(run.training.layers, *parts, run.seed, settings.course.batch)


def numbers_of(run: Run) -> Numbers:
    """The numbers in the network of a training run, from the settings in its file."""
    return Numbers(float_network(run).stack, run.species)


def output_curves(run: Run, inputs: np.ndarray) -> np.ndarray:
    """Float forward pass of the averaged weights at each record, float64[record, sample, output]; `inputs` as in
    `TrainingRecord.inputs`."""
    network, inputs = float_network(run), inputs - run.training.centre
    return np.array([network.forward(w, inputs) for w in averaged_weights(run)])
