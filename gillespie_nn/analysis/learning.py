"""Learning curves of a training run, from the recorded weights."""

import numpy as np

from ..activations import make_activation
from ..nn import FloatNetwork
from ..nn.compiler import LINEAR
from ..simulation.validation import N_AVERAGED
from ..storage import Run
from ..storage.damage import understood


def float_network(run: Run) -> FloatNetwork:
    """The network of a training run in floating point, from the settings in its file."""
    settings = run.training.settings
    with understood(run.path):
        hidden = make_activation(settings["activation"], settings["h"], settings["derivative"])
        output = settings["output_activation"]
        last = None if output == LINEAR else make_activation(output, settings["h"], settings["derivative"])
    return FloatNetwork(run.training.layers, hidden, last)


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean of each row of float64[n, k] with up to `window` - 1 rows before it."""
    return _mean_since(values, np.maximum(np.arange(1, len(values) + 1) - window, 0))


def _mean_since(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Mean of each row of float64[n, k] with those before it from row `first` int64[n] on."""
    total = np.cumsum(np.vstack([np.zeros((1, values.shape[1])), values]), axis=0)
    last = np.arange(1, len(values) + 1)
    return (total[last] - total[first]) / (last - first)[:, None]


def averaged_weights(run: Run) -> np.ndarray:
    """Recorded weights, each averaged over the records of the 100 presentations up to it, float64[record, weight]."""
    weights = run.weights
    recorded = run.training.recorded[: len(weights)]  # at uneven distances where evaluations lie between
    return _mean_since(weights, np.searchsorted(recorded, recorded - N_AVERAGED, side="right"))


def output_curves(run: Run, inputs: np.ndarray) -> np.ndarray:
    """Float forward pass of the averaged weights at each record, float64[record, sample, output]."""
    network = float_network(run)
    return np.array([network.forward(w, inputs) for w in averaged_weights(run)])
