"""Continuous variables coupled to molecules: whole distributions against closed forms and the master equation.

There are variables that read counts (a telegraph process drives a variable, which its rates may read in turn),
variables that read none (a growing volume), conditions that variables cross, and cells that divide.

M. H. A. Davis, J. R. Stat. Soc. B 46 (1984) 353-376, doi:10.1111/j.2517-6161.1984.tb01308.x.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import scipy

from ..crn import ReactionNetwork
from ..simulation import Result
from ..statistics.tests import chi_square
from .check import Check, CheckOptions, Outcome, method_class, run_of
from .event_checks import BIRTH, DEATH
from .exact_laws import cells_of

_SIZE = 120
"""Counts of this and above are cut off."""
N = np.arange(_SIZE)
_TOLERANCES = {"rtol": 1e-10, "atol": 1e-13}

ON, OFF = 5.6, 3.6
"""Rates of the telegraph process [1/s]; the variable relaxes at rate 1."""


def stationary(edges: np.ndarray) -> np.ndarray:
    """Joint law float64[s, interval] of s and the interval of x in `edges` float64[k + 1], which go from 0 to 1.

    Here x' = s - x, and s is switched on at rate ON and off at rate OFF. Then x is Beta(ON, OFF), and s is 1 with
    probability x."""
    on = ON / (ON + OFF) * np.diff(scipy.stats.beta.cdf(edges, ON + 1, OFF))
    return np.array([np.diff(scipy.stats.beta.cdf(edges, ON, OFF)) - on, on])


def switched_on(x: float) -> float:
    """Rate at which s is switched on [1/s]."""
    return 0.6 + 2.0 * x


def switched_off(x: float) -> float:
    return 0.8 + 1.5 * (1.0 - x) ** 2


def stationary_with_feedback(edges: np.ndarray) -> np.ndarray:
    """The same joint law for rates that read x. In the stationary state no net flow passes any x. Hence s is 1 with
    probability x, and the density is exp(integral of on / x - off / (1 - x)) / (x (1 - x))."""

    def exponent(x: float) -> float:
        return scipy.integrate.quad(lambda y: switched_on(y) / y - switched_off(y) / (1.0 - y), 0.5, x)[0]

    def density(x: float) -> float:
        return float(np.exp(exponent(x))) / (x * (1.0 - x))

    def integrals(part: Callable[[float], float]) -> list[float]:
        return [
            scipy.integrate.quad(lambda x: density(x) * part(x), a, b, limit=200)[0] for a, b in zip(inner, inner[1:])
        ]

    # The density is infinite or 0 at the ends, and integrable: what is left out has a probability of the order of 1e-5.
    inner = np.clip(edges, 1e-9, 1.0 - 1e-9)
    pieces = np.array([integrals(lambda x: 1.0 - x), integrals(lambda x: x)])
    return pieces / pieces.sum()


def _evolved(start: np.ndarray, t0: float, t1: float, rates: Callable[[float], np.ndarray]) -> np.ndarray:
    """The law at t1 from that at t0, where `rates(t)` are rates float64[to, from] [1/s]."""
    solution = scipy.integrate.solve_ivp(lambda t, p: rates(t) @ p, (t0, t1), start, method="LSODA", **_TOLERANCES)
    return solution.y[:, -1]


def _jumps(change: int, rate: np.ndarray) -> np.ndarray:
    """Rates float64[to, from] of jumps by `change` at `rate` float64[from]. Probability that leaves the range is
    lost."""
    rates = np.diag(-rate)
    for n in N.tolist():
        if 0 <= n + change < _SIZE and rate[n]:
            rates[n + change, n] += rate[n]
    return rates


GROWTH, PAIRING = 0.8, 0.9


def pairs_in_growing_volume(start: int, times: tuple[float, ...]) -> list[np.ndarray]:
    """Laws of A at `times` [s] for 0 -> A at BIRTH V and 2 A -> 0 at PAIRING A (A - 1) / V, where V = exp(GROWTH t)."""
    births, pairs = _jumps(1, np.full(_SIZE, BIRTH)), _jumps(-2, PAIRING * N * (N - 1.0))
    laws, law, before = [], np.where(start == N, 1.0, 0.0), 0.0
    for time in times:
        law = _evolved(
            law, before, time, lambda t: births * np.exp(GROWTH * t) + pairs * np.exp(-GROWTH * t)
        )  # fmt: skip
        before = time
        laws.append(law)
    return laws


def dividing_cell(start: int, times: tuple[float, ...]) -> list[np.ndarray]:
    """Laws of A at `times` [s] for 0 -> A at BIRTH V and A -> 0 at DEATH A. V grows from 1 at rate GROWTH. At V = 2 the
    cell divides and retains each molecule with probability 1/2."""
    births, deaths = _jumps(1, np.full(_SIZE, BIRTH)), _jumps(-1, DEATH * N)
    halves = scipy.stats.binom.pmf(N[:, None], N, 0.5)
    period = np.log(2.0) / GROWTH
    laws, law, now = [], np.where(start == N, 1.0, 0.0), 0.0
    for time in times:
        while now < time:
            # The cell divides at multiples of the period; 1e-9 keeps rounding from repeating a generation.
            generation = np.floor(now / period + 1e-9)
            stop = min(time, (generation + 1) * period)
            begin = generation * period

            def rates(t: float, begin: float = begin) -> np.ndarray:
                return births * np.exp(GROWTH * (t - begin)) + deaths

            law = _evolved(law, now, stop, rates)
            if stop < time:
                law = halves @ law
            now = stop
        laws.append(law)
    return laws


def reached(seconds: float, times: tuple[float, ...], rate: float) -> list[np.ndarray]:
    """Laws float64[2] at `times` [s] of whether an exponential waiting time at `rate` [1/s], followed by a fixed time
    of `seconds`, is over."""
    over = [1.0 - np.exp(-rate * max(0.0, t - seconds)) for t in times]
    return [np.array([1.0 - p, p]) for p in over]


# The models of the check, each with its laws.

_EDGES = np.linspace(0.0, 1.0, 21)
_LATE = 40.0
"""Time at which the law is stationary up to exp(-40) [s]."""
_TIMES = (0.6, 1.4)
_GENERATIONS = (0.5, 1.5, 3.2)
_NOTED = (0.8, 1.7)


class ContinuousCase(NamedTuple):
    """A model, the recorded times [s], the law at each of them, and the whole numbers int64[replicate, k] that have
    it."""

    text: str
    times: Sequence[float]
    laws: Callable[[], list[np.ndarray]]
    numbers: Callable[[Result, int], np.ndarray]
    """The numbers of a result that have law number k."""


def _filtered(run: Result, _: int) -> np.ndarray:
    """The state of the switch, and the number of the interval that contains the variable."""
    interval = np.clip(np.searchsorted(_EDGES, run.of("x")[:, -1], side="right") - 1, 0, len(_EDGES) - 2)
    return np.stack([run.of("On")[:, -1], interval], axis=1)


def _of(name: str) -> Callable[[Result, int], np.ndarray]:
    return lambda run, k: run.of(name)[:, k : k + 1]


_SWITCH = "@parameter x = 0.5\n@rate x = On - x\nOff = 1\nOn = 0\n"
_GROWING = f"@parameter V = 1\n@rate V = {GROWTH} * V\n0 -> A @ propensity({BIRTH} * V)\nA = 5\n"
CASES = {
    "driven by a switch": ContinuousCase(
        f"{_SWITCH}Off -> On @ {ON}\nOn -> Off @ {OFF}", [_LATE], lambda: [stationary(_EDGES)], _filtered
    ),
    "a switch that reads what it drives": ContinuousCase(
        f"{_SWITCH}Off -> On @ propensity((0.6 + 2 * x) * Off)\nOn -> Off @ propensity((0.8 + 1.5 * (1 - x)^2) * On)",
        [_LATE], lambda: [stationary_with_feedback(_EDGES)], _filtered,
    ),
    "pairs in a growing volume": ContinuousCase(
        f"{_GROWING}2 A -> 0 @ propensity({PAIRING} * A * (A - 1) / V)", _TIMES,
        lambda: pairs_in_growing_volume(5, _TIMES), _of("A"),
    ),
    "a dividing cell": ContinuousCase(
        f"{_GROWING}A -> 0 @ {DEATH}\n@event divide: when V >= 2; set V = V / 2, A = binomial(A, 0.5)", _GENERATIONS,
        lambda: dividing_cell(5, _GENERATIONS), _of("A"),
    ),
    "a condition between reactions": ContinuousCase(
        "@parameter x = 0\n@rate x = 1 - T\nT -> 0 @ 1.2\nT = 1\nF = 0\n@event hit: when x >= 0.5; set F = 1", _NOTED,
        lambda: reached(0.5, _NOTED, 1.2), _of("F"),
    ),
}  # fmt: skip


@cache
def laws_of(name: str) -> list[np.ndarray]:
    """The laws of a case, computed once."""
    return CASES[name].laws()


def outcomes(name: str, method: type, n: int, seed: int) -> list[Outcome]:
    """An outcome for each law of a case."""
    case = CASES[name]
    run = run_of(ReactionNetwork.from_text(case.text), method, case.times, n, seed)
    result = []
    for k, law in enumerate(laws_of(name)):
        cells = cells_of(np.ma.getdata(case.numbers(run, k)), law.shape)
        cut_off = max(0.0, 1.0 - float(law.sum()))
        p = chi_square(cells, np.maximum(law, 0.0).ravel())
        result.append(Outcome(f"{name}, t = {case.times[k]:g}", p, {"probability_cut_off": cut_off}))
    return result


class ContinuousVariables(Check):
    name = "continuous"
    summary = "continuous variables with molecules against closed forms and the master equation"
    methods = ("direct", "rejection")  # optimized_direct draws the same numbers here as direct

    def run(self, method: str, seed: int, options: CheckOptions) -> list:
        cls = method_class(method)
        return [outcome for name in CASES for outcome in outcomes(name, cls, options.replicates, seed)]
