"""What is looked at while training: weights averaged towards each evaluation, and early stopping on held-out samples.

A single reading of the weights carries the noise of few molecules, so the mean over the last presentations before an
evaluation is evaluated: by a float forward pass on the samples that the split by seed keeps out of training. Training
stops when the root mean square error has not improved for `patience` evaluations (L. Prechelt, in Neural Networks:
Tricks of the Trade, Springer 1998, 55-69, doi:10.1007/3-540-49430-8_3; his criterion UP counts strips in the same way).
"""

from dataclasses import replace

import numpy as np

from .. import seeds
from ..seeds import Purpose

N_AVERAGED = 100
"""Weights are averaged over so many last presentations, or those since the evaluation before, if they are fewer."""
RMSE, ACCURACY = 0, 1
"""Columns of validation scores."""


def held_out(n_samples, fraction, seed) -> np.ndarray:
    """Numbers int64[sample], in order, of the training samples that are kept for validation."""
    n = round(fraction * n_samples)
    return np.sort(seeds.stream(seed, Purpose.VALIDATION).permutation(n_samples)[:n])


def evaluation_points(n_presentations, every) -> np.ndarray:
    """Numbers of presentations done int64[evaluation] at which weights are evaluated: multiples of `every`, the last of
    them moved to the end; without `every` the end alone."""
    if every is None:
        return np.array([n_presentations])
    points = np.arange(1, max(1, n_presentations // every) + 1) * every
    points[-1] = n_presentations
    return points


def n_averaged(points, n) -> int:
    """Over how many presentations the weights at evaluation n of `points` are averaged."""
    return min(N_AVERAGED, int(points[n] - (points[n - 1] if n else 0)))


def best_evaluation(scores) -> int | None:
    """Number of the evaluation with the least error, the first of equals; `scores` float64[evaluation, 2]."""
    errors = scores[:, RMSE]
    return int(np.nanargmin(errors)) if np.isfinite(errors).any() else None


class Watch:
    """Follows the weights of a run from a checkpoint on; `scores` float64[evaluation, 2] are those before it."""

    def __init__(self, plan, checkpoint, scores):
        self._plan = plan
        self.weights_sum, self.best_weights = checkpoint.weights_sum.copy(), checkpoint.best_weights.copy()
        self.n_evaluated = int(np.searchsorted(plan.presentations.evaluated, checkpoint.n_presented, side="right"))
        self._scores = np.full((len(plan.presentations.evaluated), 2), np.nan)
        if plan.presentations.validates:
            self._scores[: self.n_evaluated] = scores[: self.n_evaluated]
            data = plan.dataset
            kept = {
                "test_x": data.train_x[plan.presentations.held_out] - plan.centre,
                "test_t": data.train_t[plan.presentations.held_out],
            }
            self._validation = replace(data, **kept)

    @property
    def scores(self) -> np.ndarray:
        """float64[evaluation so far, 2]: RMSE [concentration] and accuracy (NaN: regression) in validation."""
        return self._scores[: self.n_evaluated if self._plan.presentations.validates else 0]

    @property
    def best(self) -> int | None:
        """Number of the best evaluation so far."""
        return best_evaluation(self.scores)

    def needs(self, k) -> bool:
        """Whether weights at the end of presentation k belong to an average."""
        points = self._plan.presentations.evaluated
        return k >= points[self.n_evaluated] - n_averaged(points, self.n_evaluated)

    def see(self, k, weights) -> bool:
        """`weights` float64[weight] at the end of presentation k; returns whether to stop."""
        if not self.needs(k):
            return False
        points = self._plan.presentations.evaluated
        end = points[self.n_evaluated]
        n = n_averaged(points, self.n_evaluated)
        if k == end - n:
            self.weights_sum[:] = 0.0
        self.weights_sum += weights / n
        return k + 1 == end and self._evaluate()

    def _evaluate(self):
        n = self.n_evaluated
        self.n_evaluated += 1
        if not self._plan.presentations.validates:
            return False
        outputs = self._plan.spec.floating.forward(self.weights_sum, self._validation.test_x)
        self._scores[n] = self._validation.rmse(outputs), self._validation.accuracy(outputs)
        if self.best == n:
            self.best_weights[:] = self.weights_sum
        patience = self._plan.options.patience
        return patience is not None and n - (-1 if self.best is None else self.best) >= patience
