"""Networks whose law is known in closed form: the whole distribution at one time, by a chi-square test."""

import numpy as np
import scipy

from ..crn import ReactionNetwork
from ..statistics.tests import chi_square
from .base import Check, Options, Outcome
from .samples import method_class, sample

_N = np.arange(400)


def _linear_birth_death(birth: float, death: float, t: float) -> np.ndarray:
    """From one molecule: probability alpha of none, else geometric (Kendall 1948)."""
    grown = np.exp((birth - death) * t)
    alpha = death * (grown - 1) / (birth * grown - death)
    beta = birth * (grown - 1) / (birth * grown - death)
    return np.append(alpha, (1 - alpha) * (1 - beta) * beta ** (_N[1:] - 1))


def _wave(t: float) -> float:
    """Mean of immigration at 6 (1 + sin 4 s) and death at 0.9 (the solution of its rate equation)."""
    death, w = 0.9, 4.0
    steady = 6 / death * (1 - np.exp(-death * t))
    return steady + 6 * (death * np.sin(w * t) - w * np.cos(w * t) + w * np.exp(-death * t)) / (death**2 + w**2)


def _reset(t: float) -> np.ndarray:
    """Births at rate 8, deaths at rate 0.5 each; at 10 an event sets the count to 2."""
    rates = np.zeros((10, 10))
    for n in range(10):
        rates[n, n] -= 8.0 + 0.5 * n
        rates[n + 1 if n < 9 else 2, n] += 8.0
        if n:
            rates[n - 1, n] += 0.5 * n
    return scipy.linalg.expm(rates * t)[:, 0]


CASES = {
    "immigration-death": (
        "0 -> A @ 5\nA -> 0 @ 0.5",
        2.0,
        lambda: scipy.stats.poisson.pmf(_N, 10.0 * (1 - np.exp(-1.0))),
    ),
    "isomerisation": (
        "A -> B @ 1.0\nB -> A @ 0.5\nA = 30",
        0.8,
        lambda: scipy.stats.binom.pmf(_N, 30, (0.5 + np.exp(-1.5 * 0.8)) / 1.5),
    ),
    "Yule": ("A -> 2 A @ 0.7\nA = 1", 3.0, lambda: np.append(0.0, scipy.stats.geom.pmf(_N[1:], np.exp(-0.7 * 3.0)))),
    "birth-death": ("A -> 2 A @ 0.9\nA -> 0 @ 1.1\nA = 1", 2.0, lambda: _linear_birth_death(0.9, 1.1, 2.0)),
    "a rate that depends on the time": (
        "0 -> A @ propensity(6 * (1 + sin(4 * time)))\nA -> 0 @ 0.9",
        1.05,
        lambda: scipy.stats.poisson.pmf(_N, _wave(1.05)),
    ),
    "a rate that an event sets": (
        "@parameter k = 2\n0 -> A @ propensity(k)\nA -> 0 @ 1\n@event more: when time > 0.5; set k = 20",
        1.3,
        lambda: scipy.stats.poisson.pmf(_N, 20 + (2 * (1 - np.exp(-0.5)) - 20) * np.exp(-0.8)),
    ),
    "an event at a count": ("0 -> A @ 8\nA -> 0 @ 0.5\n@event full: when A >= 10; set A = 2", 3.0, lambda: _reset(3.0)),
}
"""Text, time and the law of the first species."""


def p_value(name: str, method: type, n: int, seed: int) -> float:
    """That the counts of the first species have the law of the case."""
    text, time, law = CASES[name]
    return chi_square(sample(ReactionNetwork.from_text(text), method, [time], n, seed)[:, 0, 0], law())


class ClosedForms(Check):
    name = "closed-forms"
    summary = "distributions of small networks against closed forms"

    def run(self, method: str, seed: int, options: Options) -> list:
        cls = method_class(method)
        return [Outcome(name, p_value(name, cls, options.replicates, seed)) for name in CASES]
