"""Scores on the test set: of the trained weights, of those before training and of gradient descent, all in floating
point, and of the trained weights by simulation."""

from dataclasses import replace

import numpy as np

from ..datasets.base import CLASSIFICATION
from ..statistics.intervals import NORMAL, wilson
from .validation import n_averaged

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
    found = first.accuracy(outputs), first.rmse(outputs), first.accuracy(at_one_moment)
    return dict(zip(CHEMICAL_SCORES, found))


def accuracy_interval(accuracy, dataset, n_samples) -> tuple[float, float]:
    """The 95 % interval of Wilson's score for an accuracy found on so many test samples: where the fraction right of
    all that could be drawn lies; (NaN, NaN) for regression. Outputs of one sample that are judged one by one count
    as independent."""
    n = n_samples * (1 if dataset.task == CLASSIFICATION else dataset.test_t.shape[1])
    return wilson(accuracy, NORMAL**2 / n)
