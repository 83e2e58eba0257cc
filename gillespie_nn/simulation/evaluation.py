"""How well trained weights do on the test set, in floating point, beside where they started and gradient descent."""

import numpy as np

OUTPUTS = ("outputs", "outputs_before", "outputs_gradient_descent")
"""Arrays float64[test sample, output] [concentration] of an evaluation."""
SCORES = tuple(
    score + suffix for score in ("accuracy", "rmse", "largest_error") for suffix in ("", "_before", "_gradient_descent")
)
"""Numbers of an evaluation: `accuracy` is a fraction (NaN for regression), the errors are concentrations."""


def gradient_descent(plan) -> np.ndarray:
    """Weights by float gradient descent from the same start, in the same order, with step eta * T."""
    step = plan.settings.learning_rate * plan.settings.running_time
    data = plan.dataset
    return plan.spec.floating.gradient_descent(plan.initial_weights, data.train_x, data.train_t, plan.order, step)


def evaluate(plan, weights) -> tuple[dict, dict]:
    """Arrays by the names `OUTPUTS` and numbers by the names `SCORES` for final `weights` float64[weight]."""
    forward, data = plan.spec.floating.forward, plan.dataset
    every = dict(zip(OUTPUTS, (weights, plan.initial_weights, gradient_descent(plan))))
    arrays = {name: forward(w, data.test_x) for name, w in every.items()}
    scores = {}
    for name, outputs in arrays.items():
        suffix = name.removeprefix("outputs")
        scores[f"accuracy{suffix}"] = data.accuracy(outputs)
        scores[f"rmse{suffix}"] = data.rmse(outputs)
        scores[f"largest_error{suffix}"] = float(np.abs(outputs - data.test_t).max())
    return arrays, scores
