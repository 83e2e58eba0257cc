"""The chemical master equation, solved by matrix exponential: laws at one time, and jointly at two.

States beyond the largest counts are cut off; the probability that they hold is one more cell of the test.
"""

import itertools
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import scipy

from ..crn import ReactionNetwork
from ..statistics.tests import chi_square
from .base import Check, Options, Outcome
from .samples import method_class, sample
from .time_change import propensities


class Model(NamedTuple):
    """A network, the largest count of each species that is kept, two times [s] and a volume."""

    text: str
    most: tuple[int, ...]
    times: tuple[float, float]
    volume: float = 1.0


MODELS = {
    "dimerisation": Model("2 A -> B @ 1.5\nB -> 2 A @ 0.8\nA = 25\nB = 0", (25, 12), (0.2, 0.5), 20.0),
    "third order": Model("3 A -> A @ 2\n0 -> A @ 4\nA = 2", (60,), (0.5, 1.5), 6.0),
    "catalysis": Model("0 -> A @ 3\nA -> 0 @ 0.4\n2 A -> 0 @ 1\nA = 4", (40,), (0.5, 2.0), 4.0),
    "threshold": Model("0 -> A @ 3 * step(B, A)\nA -> 0 @ 0.5\n0 -> B @ 2\nB -> 0 @ 0.6", (20, 20), (0.7, 2.0)),
    "Hill": Model("0 -> A @ propensity(20 / (1 + (A / 5)^2))\nA -> 0 @ 0.8", (50,), (0.5, 2.0)),
    "Michaelis-Menten": Model(
        "A -> B @ propensity(9 * A / (3 + A))\nB -> A @ propensity(5 * B / (6 + B))\nA = 20", (20, 20), (0.4, 1.0)
    ),
    "not monotone": Model("0 -> A @ propensity(12 * A * exp(-A / 4) + 1)\nA -> 0 @ 1\nA = 2", (60,), (0.5, 1.5)),
    "piecewise": Model(
        "0 -> A @ propensity(piecewise(8, A < 4, 2))\nA -> 0 @ propensity(min(A, 3))", (40,), (0.5, 2.0)
    ),
    "two sources": Model(
        "0 -> A @ 2\nB -> B + A @ 1\nC -> C + A @ 3\nA -> 0 @ 1\nB -> C @ 1\nC -> B @ 1\nB = 2", (30, 2, 2), (0.4, 1.2)
    ),
}


def generator(network: ReactionNetwork, states: Sequence[tuple[int, ...]], volume: float) -> np.ndarray:
    """Rates from state to state, float64[to, from] [1/s]; what leaves `states` is lost."""
    place = {state: k for k, state in enumerate(states)}
    changes = [tuple(r.net_change().get(s, 0) for s in network.species) for r in network.reactions]
    found = np.zeros((len(states), len(states)))
    for k, state in enumerate(states):
        for rate, change in zip(propensities(network, dict(zip(network.species, state)), volume), changes):
            after = tuple(n + c for n, c in zip(state, change))
            if rate > 0 and after != state:
                found[k, k] -= rate
                if after in place:
                    found[place[after], k] += rate
    return found


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
    own = np.array([s[0] for s in states])
    np.add.at(joint, (own[None, :], own[:, None]), np.maximum(step * first[None, :], 0.0))
    return network, law, joint


def _reachable(network: ReactionNetwork, state: tuple[int, ...]) -> bool:
    """On the conservation laws of the initial state."""
    return np.array_equal(network.conservation_laws @ np.array(state), network.conservation_laws @ network.counts())


def p_values(name: str, method: type, n: int, seed: int) -> list[tuple[str, float]]:
    """p-values of the law at the second time, of all species together, and of the first at both times."""
    model = MODELS[name]
    network, law, joint = laws(name)
    counts = sample(network, method, model.times, n, seed, model.volume)
    return [
        (f"{name}, all species", chi_square(cells_of(counts[:, 1], law.shape), law.ravel())),
        (f"{name}, two times", chi_square(cells_of(counts[:, :, 0], joint.shape), joint.ravel())),
    ]


def cells_of(counts: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """One number for each row of counts; what is beyond the shape gets the number behind all."""
    inside = ((counts >= 0) & (counts < np.array(shape))).all(axis=1)
    cells = np.full(len(counts), int(np.prod(shape)))
    cells[inside] = np.ravel_multi_index(counts[inside].T, shape)
    return cells


class MasterEquation(Check):
    name = "master-equation"
    summary = "joint distributions at one time and at two, against the master equation by matrix exponential"

    def run(self, method: str, seed: int, options: Options) -> list:
        cls = method_class(method)
        return [Outcome(*pair) for name in MODELS for pair in p_values(name, cls, options.replicates, seed)]
