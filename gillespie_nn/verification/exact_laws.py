"""Exact methods against exact laws: the master equation, closed forms, the random time change, and another method.

The master equation is solved by matrix exponential, at one time and jointly at two. States beyond the largest counts
are cut off; their probability is one more cell of the test.
"""

import itertools
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import scipy

from .. import seeds
from ..api import simulate
from ..checks import UnfinishedError
from ..crn import ReactionNetwork
from ..nn.chemistry import BIASES, ERROR_SUMS, ERRORS, OUTPUTS, PREACTIVATIONS, SLOPES, WEIGHTS
from ..seeds import Purpose
from ..simulation.methods import Method, choose_method
from ..statistics.tests import chi_square, chi_square_two, two_sided
from .check import XOR_VOLUME, Check, CheckOptions, Outcome, method_class, sample, xor


class TruncatedModel(NamedTuple):
    """A network, the largest count of each species (states beyond are cut off), two times [s] and a volume."""

    text: str
    most: tuple[int, ...]
    times: tuple[float, float]
    volume: float = 1.0


MODELS = {
    "dimerisation": TruncatedModel("2 A -> B @ 1.5\nB -> 2 A @ 0.8\nA = 25\nB = 0", (25, 12), (0.2, 0.5), 20.0),
    "third order": TruncatedModel("3 A -> A @ 2\n0 -> A @ 4\nA = 2", (60,), (0.5, 1.5), 6.0),
    "catalysis": TruncatedModel("0 -> A @ 3\nA -> 0 @ 0.4\n2 A -> 0 @ 1\nA = 4", (40,), (0.5, 2.0), 4.0),
    "threshold": TruncatedModel(
        "0 -> A @ 3 * step(B, A)\nA -> 0 @ 0.5\n0 -> B @ 2\nB -> 0 @ 0.6", (20, 20), (0.7, 2.0)
    ),
    "Hill": TruncatedModel("0 -> A @ propensity(20 / (1 + (A / 5)^2))\nA -> 0 @ 0.8", (50,), (0.5, 2.0)),
    "Michaelis-Menten": TruncatedModel(
        "A -> B @ propensity(9 * A / (3 + A))\nB -> A @ propensity(5 * B / (6 + B))\nA = 20", (20, 20), (0.4, 1.0)
    ),
    "not monotone": TruncatedModel(
        "0 -> A @ propensity(12 * A * exp(-A / 4) + 1)\nA -> 0 @ 1\nA = 2", (60,), (0.5, 1.5)
    ),
    "piecewise": TruncatedModel(
        "0 -> A @ propensity(piecewise(8, A < 4, 2))\nA -> 0 @ propensity(min(A, 3))", (40,), (0.5, 2.0)
    ),
    "two sources": TruncatedModel(
        "0 -> A @ 2\nB -> B + A @ 1\nC -> C + A @ 3\nA -> 0 @ 1\nB -> C @ 1\nC -> B @ 1\nB = 2", (30, 2, 2), (0.4, 1.2)
    ),
}


def generator(network: ReactionNetwork, states: Sequence[tuple[int, ...]], volume: float) -> np.ndarray:
    """Rates float64[to, from] [1/s] between `states`. Probability that leaves them is lost."""
    place = {state: k for k, state in enumerate(states)}
    changes = [tuple(r.net_change().get(s, 0) for s in network.species) for r in network.reactions]
    rates = np.zeros((len(states), len(states)))
    for k, state in enumerate(states):
        for rate, change in zip(propensities(network, dict(zip(network.species, state)), volume), changes):
            after = tuple(n + c for n, c in zip(state, change))
            if rate > 0 and after != state:
                rates[k, k] -= rate
                if after in place:
                    rates[place[after], k] += rate
    return rates


@cache
def laws(name: str) -> tuple[ReactionNetwork, np.ndarray, np.ndarray]:
    """The network of a model, the law of all counts at its second time, float64[species 0, species 1, ...], and the
    joint law of the first species at both times, float64[first, second]."""
    model = MODELS[name]
    network = ReactionNetwork.from_text(model.text)
    states = [
        s for s in itertools.product(*(range(m + 1) for m in model.most)) if _reachable(network, s)
    ]  # fmt: skip
    rates = generator(network, states, model.volume)
    start = np.array([float(s == tuple(network.counts().tolist())) for s in states])
    first = scipy.linalg.expm(rates * model.times[0]) @ start
    step = scipy.linalg.expm(rates * (model.times[1] - model.times[0]))
    law = np.zeros([m + 1 for m in model.most])
    joint = np.zeros((model.most[0] + 1, model.most[0] + 1))
    for state, p in zip(states, step @ first):
        law[state] = max(p, 0.0)
    first_count = np.array([s[0] for s in states])
    np.add.at(joint, (first_count[None, :], first_count[:, None]), np.maximum(step * first[None, :], 0.0))
    return network, law, joint


def _reachable(network: ReactionNetwork, state: tuple[int, ...]) -> bool:
    """Whether a state has the conserved quantities of the initial state."""
    return np.array_equal(network.conservation_laws @ np.array(state), network.conservation_laws @ network.counts())


def p_values(name: str, method: type, n: int, seed: int) -> list[tuple[str, float]]:
    """p-values of two laws: all species at the second time, and the first species at both times."""
    model = MODELS[name]
    network, law, joint = laws(name)
    counts = sample(network, method, model.times, n, seed, model.volume)
    return [
        (f"{name}, all species", chi_square(cells_of(counts[:, 1], law.shape), law.ravel())),
        (f"{name}, two times", chi_square(cells_of(counts[:, :, 0], joint.shape), joint.ravel())),
    ]


def cells_of(counts: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The number of the cell of each row of counts; rows outside the shape get the number after the last cell."""
    inside = ((counts >= 0) & (counts < np.array(shape))).all(axis=1)
    cells = np.full(len(counts), int(np.prod(shape)))
    cells[inside] = np.ravel_multi_index(counts[inside].T, shape)
    return cells


class MasterEquation(Check):
    name = "master-equation"
    summary = "joint distributions at one time and at two, against the master equation by matrix exponential"

    def run(self, method: str, seed: int, options: CheckOptions) -> list:
        cls = method_class(method)
        return [Outcome(*pair) for name in MODELS for pair in p_values(name, cls, options.replicates, seed)]


# Closed forms: networks whose law at one time is known, by a chi-square test of the whole distribution.

_N = np.arange(400)


def _linear_birth_death(birth: float, death: float, t: float) -> np.ndarray:
    """The law from one molecule: none with probability alpha, else geometric (Kendall 1948)."""
    grown = np.exp((birth - death) * t)
    alpha = death * (grown - 1) / (birth * grown - death)
    beta = birth * (grown - 1) / (birth * grown - death)
    return np.append(alpha, (1 - alpha) * (1 - beta) * beta ** (_N[1:] - 1))


def _wave(t: float) -> float:
    """Mean of immigration at 6 (1 + sin 4 t) and death at 0.9. It solves the rate equation, because the network is
    linear."""
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
"""Text, time [s], and the law of the first species."""


def p_value(name: str, method: type, n: int, seed: int) -> float:
    """The p-value that the counts of the first species have the law of the case."""
    text, time, law = CASES[name]
    return chi_square(sample(ReactionNetwork.from_text(text), method, [time], n, seed)[:, 0, 0], law())


class ClosedForms(Check):
    name = "closed-forms"
    summary = "distributions of small networks against closed forms"

    def run(self, method: str, seed: int, options: CheckOptions) -> list:
        cls = method_class(method)
        return [Outcome(name, p_value(name, cls, options.replicates, seed)) for name in CASES]


# Method against method, on networks whose law has no closed form: two exact methods must sample one law.
#
# One network is the training network of XOR, with learning on and an input switched half-way. The other has general
# rate laws, a rate that depends on the time, a rule, and events. Each method is compared with `direct`, which gets
# another seed, so `direct` is also compared with itself.

_MOST = 4000
_REFERENCE = "direct"
GENERAL = """
@parameter k = 4
@rule load = A + 2 * B
0 -> A @ propensity(k * (1 + sin(3 * time)))
A -> B @ propensity(6 * A / (4 + load))
2 B -> C @ 0.2
C -> 2 B @ 1
B -> 0 @ propensity(0.3 * B^2 / (2 + B))
0 -> A @ propensity(piecewise(5, A < 3, 0))
A -> 0 @ 0.3
@event purge: when C >= 4; set C = 0, B = B + 3; delay 0.2
@event feed: when time >= 1 && A < 6; set k = 0.5 * k + 3
A = 6
"""
_SHOWN: tuple[tuple, ...] = (
    (1, WEIGHTS, 1, 0, 0), (-1, WEIGHTS, 2, 0, 3), (1, BIASES, 1, 1), (-1, BIASES, 2, 0), (1, PREACTIVATIONS, 1, 2),
    (1, PREACTIVATIONS, 2, 0), (1, OUTPUTS, 1, 1), (1, SLOPES, 1, 3), (1, ERROR_SUMS, 1, 0), (-1, ERRORS, 1, 2),
    (1, ERRORS, 2, 0),
)  # fmt: skip
"""Rails of the training network: sign, meaning, layer, indices."""


def _xor() -> tuple:
    spec, initial = xor(3)
    schedule = spec.schedule([1, 1], [0], XOR_VOLUME, 1.5, start=1.5)
    shown = [spec.numbers.one(*place).rails.rail(sign) for sign, *place in _SHOWN]
    return spec.network, shown, [1.0, 3.0], {"volume": XOR_VOLUME, "initial": initial, "schedule": schedule}


def _general() -> tuple:
    return ReactionNetwork.from_text(GENERAL), ("A", "B", "C"), [0.6, 2.0, 4.0], {}


class MethodsAgree(Check):
    name = "methods-agree"
    summary = f"each method against {_REFERENCE}, on a training network and one with general rate laws and events"

    def run(self, method: str, seed: int, options: CheckOptions) -> list:
        n = min(options.replicates, _MOST)
        outcomes = []
        for name, case in (("training network", _xor), ("general laws and events", _general)):
            network, shown, time, settings = case()
            runs = [
                simulate(network, time=time, method=m, replicates=n, seed=seed + k, workers=2, **settings)
                for k, m in enumerate((method, _REFERENCE))
            ]
            for s in shown:
                for k, t in enumerate(time):
                    p = chi_square_two(*(r.of(s)[:, k] for r in runs))
                    outcomes.append(Outcome(f"{name}, {s} at t = {t:g}", p))
        return outcomes


# Random time change: if time is measured by the integral of its propensity, each reaction is a unit Poisson process.
#
# The integrals between its firings are therefore independent unit exponentials (D. F. Anderson, J. Chem. Phys. 127
# (2007) 214107, doi:10.1063/1.2799998, for the representation). Each reaction is followed to a fixed number of firings,
# because gaps cut off at a fixed time would not be exponential. Propensities are computed here from the reactions, not
# by the engine.

_N_FIRINGS = 1000
_MOST_EVENTS = 400_000
MIXED = (
    "0 -> A @ 6\nA -> 0 @ 0.4\n2 A -> B @ 0.5\nB -> 2 A @ 1\nA + B -> B @ 0.3\nB -> B + C @ 2\nA -> A + C @ 1\n"
    "C -> 0 @ 1 * step(A, B)\nC -> 0 @ 0.5\n0 -> D @ 0.7 * ramp(C, A)\nD -> 0 @ 1\nA = 3"
)


def propensities(network: ReactionNetwork, state: dict[str, int], volume: float) -> np.ndarray:
    """Propensities float64[reaction] [1/s] by their definition, in a state {species: count}."""
    values = []
    for reaction in network.reactions:
        if reaction.law is not None:
            values.append(reaction.rate * network.resolved(reaction.law).evaluate(state | {"volume": volume}))
            continue
        value: float = reaction.rate * volume ** (1 - reaction.order)
        for s, n in reaction.reactants:
            for k in range(n):
                value *= state[s] - k
        if reaction.threshold is not None:
            difference = state[reaction.threshold.above] - state[reaction.threshold.below]
            value *= max(difference, 0) if reaction.threshold.kind == "ramp" else difference > 0
        values.append(value)
    return np.array(values, dtype=np.float64)


def gaps(
    method: type[Method], network: ReactionNetwork, volume: float, rng: np.random.Generator, n_firings: int = _N_FIRINGS
) -> np.ndarray:
    """Integrated propensities between firings, float64[reaction, firing]; `method` is a class."""
    simulation = method(network, network.rates(), volume, network.counts(), rng, count_firings=True)
    result: list[list[float]] = [[] for _ in network.reactions]
    # States recur, so the propensities of each are computed once.
    integral, known, now = np.zeros(len(result)), {}, 0.0
    while min(map(len, result)) < n_firings:
        if simulation.n_events >= _MOST_EVENTS:
            raise UnfinishedError(f"a reaction fired fewer than {n_firings} times in {_MOST_EVENTS} events")
        key = simulation.counts.tobytes()
        if key not in known:
            known[key] = propensities(network, dict(zip(network.species, simulation.counts.tolist())), volume)
        before, target = simulation.firings.copy(), simulation.n_events + 1
        while simulation.n_events < target:
            simulation.advance(np.inf, event_limit=target)
        # Propensities are constant between events, and the time of the simulation is that of the event.
        integral += known[key] * (simulation.time - now)
        now = simulation.time
        (fired,) = np.flatnonzero(simulation.firings - before)
        result[fired].append(integral[fired])
        integral[fired] = 0.0
    return np.array([row[:n_firings] for row in result])


def time_change_p_values(rows: np.ndarray) -> list[float]:
    """p-values of the gaps of each reaction, of all gaps, and of a gap given the previous one."""
    rank = scipy.stats.spearmanr(rows[:, :-1].ravel(), rows[:, 1:].ravel()).statistic
    after = two_sided(abs(rank) * np.sqrt(rows[:, 1:].size - 1))
    return [*(float(scipy.stats.kstest(x, "expon").pvalue) for x in (*rows, rows.ravel())), float(after)]


class TimeChange(Check):
    name = "time-change"
    summary = "integrated propensities between firings are unit exponentials, reaction by reaction"

    def run(self, method: str, seed: int, options: CheckOptions) -> list:
        network = ReactionNetwork.from_text(MIXED)
        rng = seeds.stream(seed, Purpose.SIMULATION)
        rows = gaps(choose_method(method, network).method, network, 2.0, rng)
        what = [*(f"gaps of {r.name}" for r in network.reactions), "all gaps", "a gap given the one before"]
        return [Outcome(*pair) for pair in zip(what, time_change_p_values(rows))]
