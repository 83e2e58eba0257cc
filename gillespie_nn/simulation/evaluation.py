"""Evaluation of training: scores on the test set, and validation while training.

Scores are those of the trained weights, of the initial weights and of gradient descent, all in floating point, and of
the trained weights by simulation.
"""

from dataclasses import replace

import numpy as np

from .. import seeds
from ..datasets.dataset import CLASSIFICATION
from ..seeds import Purpose
from ..statistics.intervals import NORMAL, wilson

_SUFFIXES = ("", "_before", "_gradient_descent", "_best")
OUTPUTS = tuple(f"outputs{suffix}" for suffix in _SUFFIXES)
"""Arrays float64[test sample, output] [concentration] of an evaluation; `_best` only after validation."""
SCORES = tuple(score + suffix for score in ("accuracy", "rmse", "largest_error") for suffix in _SUFFIXES)
"""Numbers of an evaluation: `accuracy` is a fraction (NaN for regression), the errors are concentrations."""
CHEMICAL_SCORES = ("accuracy_chemical", "rmse_chemical", "accuracy_chemical_moment")
"""Of outputs by simulation, averaged over time, and the accuracy of the last reading alone."""


def gradient_descent(plan, n_presented) -> np.ndarray:
    """Weights by float gradient descent from the same start, with the same presentations and steps eta (T - hold) times
    the factor of the schedule, averaged over the last presentations as those of the chemistry are."""
    evaluated = plan.presentations.evaluated
    averaged = n_averaged(evaluated, int(np.searchsorted(evaluated, n_presented)))
    shown, step = plan.presented, plan.settings.step
    presentations = ((shown.x(k), shown.t(k), step * shown.licence(k)) for k in range(n_presented))
    return plan.spec.floating.descend(plan.learner.initial_weights, presentations, n_presented, averaged)


def evaluate(plan, trained) -> tuple[dict, dict]:
    """Arrays by the names `OUTPUTS` and numbers by the names `SCORES` for the end of a run, a `training.Trained`."""
    forward, data = plan.spec.floating.forward, plan.dataset
    descent = gradient_descent(plan, trained.n_presented)
    every = dict(zip(_SUFFIXES, (trained.weights, plan.learner.initial_weights, descent, trained.best_weights)))
    if trained.best is None:
        del every["_best"]
    test_x = data.test_x - plan.centre
    arrays = {f"outputs{suffix}": forward(w, test_x) for suffix, w in every.items()}
    scores = {}
    for name, outputs in arrays.items():
        suffix = name.removeprefix("outputs")
        scores[f"accuracy{suffix}"] = data.accuracy(outputs)
        scores[f"rmse{suffix}"] = data.rmse(outputs)
        scores[f"largest_error{suffix}"] = float(np.abs(outputs - data.test_t).max())
    return arrays, scores


def evaluate_chemical(dataset, outputs, at_one_moment) -> dict:
    """Numbers by the names `CHEMICAL_SCORES` for `outputs` float64[sample, output] of the first test samples, averaged
    over time, and those `at_one_moment`."""
    first = replace(dataset, test_x=dataset.test_x[: len(outputs)], test_t=dataset.test_t[: len(outputs)])
    scores = first.accuracy(outputs), first.rmse(outputs), first.accuracy(at_one_moment)
    return dict(zip(CHEMICAL_SCORES, scores))


def accuracy_interval(accuracy, dataset, n_samples) -> tuple[float, float]:
    """Wilson's 95 % confidence interval of an accuracy measured on `n_samples` test samples; (NaN, NaN) for regression.

    It contains the accuracy over all samples that could be drawn. Outputs of one sample that are judged one by one
    count as independent.
    """
    n = n_samples * (1 if dataset.task == CLASSIFICATION else dataset.test_t.shape[1])
    return wilson(accuracy, NORMAL**2 / n)


# Validation while training, and early stopping
#
# A single reading of the weights carries the noise of few molecules. So each evaluation uses the mean over the last
# presentations, in a float forward pass on the samples that the split by seed keeps out of training. Training stops
# when the root mean square error has not improved for `patience` evaluations (L. Prechelt, in Neural Networks: Tricks
# of the Trade, Springer 1998, 55-69, doi:10.1007/3-540-49430-8_3; his criterion UP counts strips in the same way).

N_AVERAGED = 100
"""Weights are averaged over this number of presentations, or over those since the last evaluation if they are fewer."""
RMSE, ACCURACY = 0, 1
"""Columns of validation scores."""


def held_out(n_samples, fraction, seed) -> np.ndarray:
    """Numbers int64[sample], in order, of the training samples that are held out for validation."""
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


class EvaluationWatch:
    """Follows the weights of a run from a checkpoint on; `scores` float64[evaluation, 2] are those before it."""

    def __init__(self, plan, checkpoint, scores):
        self._plan = plan
        self.weights_sum, self.best_weights = checkpoint.weights_sum.copy(), checkpoint.best_weights.copy()
        self.n_evaluated = int(np.searchsorted(plan.presentations.evaluated, checkpoint.n_presented, side="right"))
        self._scores = np.full((len(plan.presentations.evaluated), 2), np.nan)
        if plan.presentations.validates:
            self._scores[: self.n_evaluated] = scores[: self.n_evaluated]
            data = plan.dataset
            held_out = {
                "test_x": data.train_x[plan.presentations.held_out] - plan.centre,
                "test_t": data.train_t[plan.presentations.held_out],
            }
            self._validation = replace(data, **held_out)

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
