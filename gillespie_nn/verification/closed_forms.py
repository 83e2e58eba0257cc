"""Networks whose law is known in closed form: the whole distribution at one time, by a chi-square test."""

import numpy as np
from scipy import stats

from ..api import simulate
from ..crn import ReactionNetwork
from .base import Check, Outcome, chi_square

_N = np.arange(400)


def _linear_birth_death(birth, death, t):
    """From one molecule: probability alpha of none, else geometric (Kendall 1948)."""
    grown = np.exp((birth - death) * t)
    alpha = death * (grown - 1) / (birth * grown - death)
    beta = birth * (grown - 1) / (birth * grown - death)
    return np.append(alpha, (1 - alpha) * (1 - beta) * beta ** (_N[1:] - 1))


CASES = {
    "immigration-death": (
        "0 -> A @ 5\nA -> 0 @ 0.5",
        2.0,
        lambda: stats.poisson.pmf(_N, 10.0 * (1 - np.exp(-1.0))),
    ),
    "isomerisation": (
        "A -> B @ 1.0\nB -> A @ 0.5\nA = 30",
        0.8,
        lambda: stats.binom.pmf(_N, 30, (0.5 + np.exp(-1.5 * 0.8)) / 1.5),
    ),
    "Yule": ("A -> 2 A @ 0.7\nA = 1", 3.0, lambda: np.append(0.0, stats.geom.pmf(_N[1:], np.exp(-0.7 * 3.0)))),
    "birth-death": ("A -> 2 A @ 0.9\nA -> 0 @ 1.1\nA = 1", 2.0, lambda: _linear_birth_death(0.9, 1.1, 2.0)),
    "two states": (
        "E -> C @ 2\nC -> E @ 3\nE = 12",
        0.3,
        lambda: stats.binom.pmf(_N, 12, (3 + 2 * np.exp(-5 * 0.3)) / 5),
    ),
}
"""Text, time and the law of the first species."""


class ClosedForms(Check):
    name = "closed-forms"
    summary = "distributions of small networks against their closed forms"

    def run(self, method, seed, options):
        found = []
        for name, (text, time, law) in CASES.items():
            network = ReactionNetwork.from_text(text)
            r = simulate(network, time, 2, method=method, replicates=options.replicates, seed=seed, workers=2)
            found.append(Outcome(name, chi_square(r.counts[:, -1, 0], law())))
        return found
