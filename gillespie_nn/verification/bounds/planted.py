"""Faults planted into results, which the checks must catch: a verdict that could not fail says nothing."""

import numpy as np

from . import judgements
from .judgements import FAILS, HOLDS, Judgement
from .results import Results


def caught(results: Results, seed: int) -> Judgement:
    """Check 5, on the very results: errors made to scale like sqrt(eps) fail checks 1 and 2, like eps^2 check 1, and
    Theta_0 of other paths check 3."""
    which = results.reached()
    names = [results.quantity[q] for q in which]
    size, theta, theta_0 = results.size, results.theta[:, :, which], results.theta_0[:, which]
    theta = np.maximum(theta, np.finfo(np.float64).tiny)
    largest = results.theta.max(axis=2, keepdims=True)
    root, square = theta / np.sqrt(size)[:, None], theta * size[:, None]
    found = {
        "sqrt(eps), check 1": judgements.slope(names, root * size[:, None], size, seed),
        "sqrt(eps), check 2": judgements.tightness(
            [judgements.THE_LARGEST], largest / np.sqrt(size)[:, None], size, seed
        ),
        "eps^2, check 1": judgements.slope(names, square * size[:, None], size, seed),
        "noise not shared, check 3": judgements.sharp_constant(names, theta, np.roll(theta_0, 1, axis=0), size, seed),
    }
    return power({what: j.verdict for what, j in found.items()})


def power(verdicts: dict[str, str]) -> Judgement:
    """Whether every planted fault was found failing; `verdicts` by what was planted."""
    missed = [what for what, v in verdicts.items() if v != FAILS]
    sentence = f"{len(verdicts) - len(missed)} of {len(verdicts)} errors planted into these results are detected"
    return Judgement(
        "power", FAILS if missed else HOLDS, sentence + (f"; missed: {', '.join(missed)}" if missed else ""),
        {"planted": verdicts},
    )  # fmt: skip
