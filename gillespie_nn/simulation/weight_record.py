"""The weights over a training run that has no file, so that its learning curve can be drawn."""

from typing import NamedTuple

import numpy as np

from .checkpoints import Checkpoint
from .training import TrainingPlan
from .validation import N_AVERAGED

MOST_RECORDS = 200
"""Records at which a learning curve is evaluated."""
_FEWEST_RECORDS = 20
_BYTES = 1 << 24
"""Large networks have fewer records, so that they fit in here, but no fewer than `_FEWEST_RECORDS`."""


class WeightCourse(NamedTuple):
    """Weights over the presentations."""

    presentation: np.ndarray
    """int64[record], presentations done."""
    weights: np.ndarray
    """float64[record, weight], averaged over the recorded ones of up to 100 last presentations [concentration]."""

    def __repr__(self) -> str:
        return f"WeightCourse({len(self.presentation)} records of {self.weights.shape[1]} weights)"


def evenly(n: int, most: int) -> np.ndarray:
    """Up to `most` of the numbers 0 to n - 1, at about even distances, int64; with the first and the last."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


class WeightRecord:
    """A sink (`training.TrainingSink`) in memory. Only sums over weights are stored, not the weights themselves."""

    def __init__(self, plan: TrainingPlan):
        n_weights = len(plan.spec.weights)
        most = max(_FEWEST_RECORDS, min(MOST_RECORDS, _BYTES // (8 * n_weights)))
        self._recorded = plan.presentations.recorded
        self._at = self._recorded[evenly(len(self._recorded), most)]
        self._sums = np.zeros((len(self._at), n_weights))
        self._numbers = np.zeros(len(self._at), dtype=np.int64)
        self._n = 0

    def record(self, time: float, counts: np.ndarray, weights: np.ndarray, prediction: np.ndarray) -> None:
        """Add weights to all averages that they belong to."""
        presentation = self._recorded[self._n]
        first, last = np.searchsorted(self._at, (presentation, presentation + N_AVERAGED))
        self._sums[first:last] += weights
        self._numbers[first:last] += 1
        self._n += 1

    def checkpoint(self, checkpoint: Checkpoint, scores: np.ndarray) -> None:
        """Nothing: a run in memory cannot be resumed."""

    def course(self) -> WeightCourse:
        """The averages up to the last record."""
        done = self._recorded[self._n - 1] if self._n else -1
        n = int(np.searchsorted(self._at, done, side="right"))
        return WeightCourse(self._at[:n] + 1, self._sums[:n] / self._numbers[:n, None])
