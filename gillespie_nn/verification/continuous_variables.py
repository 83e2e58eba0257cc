"""Continuous variables beside molecules: whole distributions, against closed forms and the master equation.

Variables that read counts (a telegraph process and what it drives, with rates that read it in turn), variables that
read none (a growing volume), conditions that they cross, and division of cells.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from ..crn import ReactionNetwork
from ..simulation import Result
from ..statistics.tests import chi_square
from . import continuous_laws as laws
from .base import Check, Options, Outcome
from .event_laws import BIRTH, DEATH
from .master_equation import cells_of
from .samples import method_class, run_of

_EDGES = np.linspace(0.0, 1.0, 21)
_LATE = 40.0
"""The variable has forgotten its start up to exp(-40)."""
_TIMES = (0.6, 1.4)
_GENERATIONS = (0.5, 1.5, 3.2)
_NOTED = (0.8, 1.7)


class Case(NamedTuple):
    """A model, the recorded times [s], its laws, and what they are of: whole numbers int64[replicate, k] of each."""

    text: str
    times: Sequence[float]
    laws: Callable[[], list[np.ndarray]]
    numbers: Callable[[Result, int], np.ndarray]
    """Of the law with a number."""


def _filtered(run: Result, _: int) -> np.ndarray:
    """The state of the switch, and the interval in which the variable is."""
    interval = np.clip(np.searchsorted(_EDGES, run.of("x")[:, -1], side="right") - 1, 0, len(_EDGES) - 2)
    return np.stack([run.of("On")[:, -1], interval], axis=1)


def _of(name: str) -> Callable[[Result, int], np.ndarray]:
    return lambda run, k: run.of(name)[:, k : k + 1]


_SWITCH = "@parameter x = 0.5\n@rate x = On - x\nOff = 1\nOn = 0\n"
_GROWING = f"@parameter V = 1\n@rate V = {laws.GROWTH} * V\n0 -> A @ propensity({BIRTH} * V)\nA = 5\n"
CASES = {
    "driven by a switch": Case(
        f"{_SWITCH}Off -> On @ {laws.ON}\nOn -> Off @ {laws.OFF}", [_LATE], lambda: [laws.stationary(_EDGES)], _filtered
    ),
    "a switch that reads what it drives": Case(
        f"{_SWITCH}Off -> On @ propensity((0.6 + 2 * x) * Off)\nOn -> Off @ propensity((0.8 + 1.5 * (1 - x)^2) * On)",
        [_LATE], lambda: [laws.stationary_with_feedback(_EDGES)], _filtered,
    ),
    "pairs in a growing volume": Case(
        f"{_GROWING}2 A -> 0 @ propensity({laws.PAIRING} * A * (A - 1) / V)", _TIMES,
        lambda: laws.pairs_in_growing_volume(5, _TIMES), _of("A"),
    ),
    "a dividing cell": Case(
        f"{_GROWING}A -> 0 @ {DEATH}\n@event divide: when V >= 2; set V = V / 2, A = binomial(A, 0.5)", _GENERATIONS,
        lambda: laws.dividing_cell(5, _GENERATIONS), _of("A"),
    ),
    "a condition between reactions": Case(
        "@parameter x = 0\n@rate x = 1 - T\nT -> 0 @ 1.2\nT = 1\nF = 0\n@event hit: when x >= 0.5; set F = 1", _NOTED,
        lambda: laws.reached(0.5, _NOTED, 1.2), _of("F"),
    ),
}  # fmt: skip


@cache
def laws_of(name: str) -> list[np.ndarray]:
    """The laws of a case, worked out once."""
    return CASES[name].laws()


def outcomes(name: str, method: type, n: int, seed: int) -> list[Outcome]:
    """One for each law of a case."""
    case = CASES[name]
    run = run_of(ReactionNetwork.from_text(case.text), method, case.times, n, seed)
    found = []
    for k, law in enumerate(laws_of(name)):
        cells = cells_of(np.ma.getdata(case.numbers(run, k)), law.shape)
        cut_off = max(0.0, 1.0 - float(law.sum()))
        p = chi_square(cells, np.maximum(law, 0.0).ravel())
        found.append(Outcome(f"{name}, t = {case.times[k]:g}", p, {"probability_cut_off": cut_off}))
    return found


class ContinuousVariables(Check):
    name = "continuous"
    summary = "continuous variables beside molecules against closed forms and the master equation"
    methods = ("direct", "rejection")  # optimized_direct draws the same numbers here as direct

    def run(self, method: str, seed: int, options: Options) -> list:
        cls = method_class(method)
        return [outcome for name in CASES for outcome in outcomes(name, cls, options.replicates, seed)]
