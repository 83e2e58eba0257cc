"""Faults planted into results, which the checks must catch: a verdict that could not fail says nothing."""

from collections.abc import Sequence

import numpy as np

from ...statistics.scaling import UPPER, Slopes, bootstrap
from ...statistics.verdict import Judgement, Verdict
from . import judgements
from .error_rates import Criterion
from .judgements import LEAST_TIGHTNESS
from .results import Results

OUTSIDE = 0.01
"""How far outside the limits the planted slopes are."""


def caught(results: Results, seed: int, confidence: float) -> Judgement:
    """Check 5, on the very results: errors made to scale like sqrt(eps) fail checks 1 and 2, like eps^2 check 1, and
    Theta_0 of other paths check 3."""
    which = results.reached()
    names = [results.quantity[q] for q in which]
    size, theta, theta_0 = results.size, results.theta[:, :, which], results.theta_0[:, which]
    theta = np.maximum(theta, np.finfo(np.float64).tiny)
    largest = results.theta.max(axis=2, keepdims=True)
    root, square = theta / np.sqrt(size)[:, None], theta * size[:, None]
    found = {
        "sqrt(eps), check 1": judgements.slope(names, root * size[:, None], size, seed, confidence=confidence),
        "sqrt(eps), check 2": judgements.tightness(
            [judgements.THE_LARGEST], largest / np.sqrt(size)[:, None], size, seed, confidence=confidence
        ),
        "eps^2, check 1": judgements.slope(names, square * size[:, None], size, seed, confidence=confidence),
        "noise not shared, check 3": judgements.sharp_constant(
            names, theta, np.roll(theta_0, 1, axis=0), size, seed, confidence=confidence
        ),
    }
    return power({what: j.verdict for what, j in found.items()})


def power(verdicts: dict[str, Verdict]) -> Judgement:
    """Whether every planted fault was found failing; `verdicts` by what was planted."""
    missed = [what for what, v in verdicts.items() if v != Verdict.FAILS]
    sentence = f"{len(verdicts) - len(missed)} of {len(verdicts)} errors planted into these results are detected"
    return Judgement(
        "power", Verdict.of(not missed, missed), sentence + (f"; missed: {', '.join(missed)}" if missed else ""),
        {"planted": verdicts},
    )  # fmt: skip


def slopes(limits: tuple[float, float], n: int) -> list[tuple[str, np.ndarray]]:
    """Plants of a `Criterion` of `n` quantities: slopes just outside the limits."""
    return [(f"slope {value:g}", np.full(n, value)) for value in (limits[0] - OUTSIDE, limits[1] + OUTSIDE)]


def growth(
    names: Sequence[str],
    values: list[np.ndarray],
    tasks: Sequence[int],
    size: np.ndarray,
    seed: int,
) -> Criterion:
    """Check 2 as a `Criterion`, of Theta float64[path, size, quantity], or of one float64[path, quantity] a size."""

    def estimate(values: list[np.ndarray], confidence: float) -> Slopes:
        return bootstrap(values[0] if len(values) == 1 else values, size, seed, UPPER, True, confidence)

    n = len(names)
    plant = f"quantile slope {LEAST_TIGHTNESS - OUTSIDE:g}", np.full(n, LEAST_TIGHTNESS - OUTSIDE)
    return Criterion(
        "tightness", names, values, tasks, estimate, np.full(n, LEAST_TIGHTNESS), np.full(n, np.inf), [plant]
    )
