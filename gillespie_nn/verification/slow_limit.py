"""The last steps of the ladder: rate equations to gradient flow, and gradient flow to gradient descent.

The networks learn XOR, samples in file order. All of it is deterministic, so the intervals for the exponents are those
of the residuals of the fit alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..api import train
from ..statistics.scaling import Rate, rate

_PASSES = 2
_STEP = 0.1
_TOLERANCE = 0.03
"""Higher orders move the exponents by 0.02 and 0.04 on these ladders; an error of 2 % in a step, by 0.2 and more."""


def change(
    method: str, step: float, running_time: float, presentations: int = 4 * _PASSES, **options: Any
) -> np.ndarray:
    """Change of the weights, float64[weight], in some presentations of XOR with step s = eta T."""
    fit = train(
        "xor", method=method, learning_rate=step / running_time, running_time=running_time,
        presentations=presentations, order="cyclic", volume=1.0, seed=0, **options,
    )  # fmt: skip
    return fit.last_weights - fit.plan.learner.initial_weights


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other))


def ode_to_flow(times: Sequence[float] = (40.0, 80.0, 160.0, 320.0)) -> Rate:
    """Weights of the rate equations against gradient flow, at a fixed step and T = s / eta."""
    flow = change("gradient_flow", _STEP, 1.0)
    error = [_distance(change("ode", _STEP, t, rtol=1e-9), flow) for t in times]
    eta = _STEP / np.array(times)
    return rate(
        f"rate equations to gradient flow, s = {_STEP:g}", "learning rate [1/s]", "distance of the weights", eta, error,
        1.0, _TOLERANCE, method="ode",
    )  # fmt: skip


def flow_to_descent(steps: Sequence[float] = (0.01, 0.005, 0.0025, 0.00125)) -> Rate:
    """Gradient flow against gradient descent, over a fixed s times presentations."""
    error = []
    for step in steps:
        presentations = round(0.4 / step / 4) * 4
        flow = change("gradient_flow", step, 1.0, presentations)
        error.append(_distance(flow, change("gradient_descent", step, 1.0, presentations)))
    return rate(
        "gradient flow to gradient descent", "step s", "distance of the weights", steps, error, 1.0, _TOLERANCE,
        method="gradient_flow",
    )  # fmt: skip


def bias_at_fixed_time(times: Sequence[float] = (20.0, 40.0, 80.0, 160.0), step: float = 1e-4) -> Rate:
    """What remains at a fixed running time as eta -> 0: the change of the weights in two passes, against that by
    gradient flow, relative to it, with a step so small that only the relaxation after each switch differs."""
    flow = change("gradient_flow", step, 1.0)
    error = [_distance(change("ode", step, t, rtol=1e-10, atol=1e-13), flow) / np.linalg.norm(flow) for t in times]
    return rate(
        "bias at a fixed running time", "running time T [s]", "relative error of the change of the weights",
        times, error, -1.0, _TOLERANCE, method="ode",
    )  # fmt: skip


def slow_limit_rates() -> list[Rate]:
    return [ode_to_flow(), flow_to_descent(), bias_at_fixed_time()]
