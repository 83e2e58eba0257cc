"""Learning curves of a training run, from the recorded weights."""

import json

import numpy as np

from ..activations import make_activation
from ..nn import FloatNetwork
from ..nn.compiler import LINEAR
from ..simulation.validation import N_AVERAGED


def float_network(run) -> FloatNetwork:
    """The network of a training run in floating point, from the settings in its file."""
    attributes = run.training.attrs
    settings = json.loads(attributes["settings"])
    hidden = make_activation(settings["activation"], settings["h"], settings["derivative"])
    output = settings["output_activation"]
    last = None if output == LINEAR else make_activation(output, settings["h"], settings["derivative"])
    return FloatNetwork(tuple(int(n) for n in attributes["layers"]), hidden, last)


def running_mean(values, window) -> np.ndarray:
    """Mean of each row of float64[n, k] with up to `window` - 1 rows before it."""
    total = np.cumsum(np.vstack([np.zeros((1, values.shape[1])), values]), axis=0)
    last = np.arange(1, len(values) + 1)
    first = np.maximum(last - window, 0)
    return (total[last] - total[first]) / (last - first)[:, None]


def averaged_weights(run) -> np.ndarray:
    """Recorded weights, each averaged over the records of the 100 presentations up to it, float64[record, weight]."""
    recorded = run.training["recorded"][:]
    spacing = int(recorded[1] - recorded[0]) if len(recorded) > 1 else 1
    return running_mean(run.weights, max(1, N_AVERAGED // spacing))


def output_curves(run, inputs) -> np.ndarray:
    """Float forward pass of the averaged weights at each record, float64[record, sample, output]."""
    network = float_network(run)
    return np.array([network.forward(w, inputs) for w in averaged_weights(run)])
