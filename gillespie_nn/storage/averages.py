"""Weights of a training run, averaged over presentations."""

import numpy as np

from ..simulation.validation import N_AVERAGED
from .reader import Run


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean of each row of float64[n, k] and up to `window` - 1 rows before it."""
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
