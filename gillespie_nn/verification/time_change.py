"""Random time change: on the clock of its own integrated propensity every reaction is a unit Poisson process.

The integrals between its firings are independent unit exponentials (D. F. Anderson, J. Chem. Phys. 127 (2007) 214107,
doi:10.1063/1.2799998, for the representation). Each reaction is followed to a fixed number of firings, so that no gap
is cut off by the end of the run. Propensities are worked out here from the reactions, not by the engine.
"""

import numpy as np
import scipy

from .. import seeds
from ..checks import UnfinishedError
from ..crn import ReactionNetwork
from ..seeds import Purpose
from ..simulation.methods import Method, choose_method
from ..statistics.tests import two_sided
from .base import Check, Options, Outcome

_N_FIRINGS = 1000
_MOST_EVENTS = 400_000
MIXED = (
    "0 -> A @ 6\nA -> 0 @ 0.4\n2 A -> B @ 0.5\nB -> 2 A @ 1\nA + B -> B @ 0.3\nB -> B + C @ 2\nA -> A + C @ 1\n"
    "C -> 0 @ 1 * step(A, B)\nC -> 0 @ 0.5\n0 -> D @ 0.7 * ramp(C, A)\nD -> 0 @ 1\nA = 3"
)


def propensities(network: ReactionNetwork, state: dict[str, int], volume: float) -> np.ndarray:
    """float64[reaction] by the definition, in a state {species: count}."""
    found = []
    for reaction in network.reactions:
        if reaction.law is not None:
            found.append(reaction.rate * network.resolved(reaction.law).evaluate(state | {"volume": volume}))
            continue
        value: float = reaction.rate * volume ** (1 - reaction.order)
        for s, n in reaction.reactants:
            for k in range(n):
                value *= state[s] - k
        if reaction.threshold is not None:
            difference = state[reaction.threshold.above] - state[reaction.threshold.below]
            value *= max(difference, 0) if reaction.threshold.kind == "ramp" else difference > 0
        found.append(value)
    return np.array(found, dtype=np.float64)


def gaps(
    method: type[Method], network: ReactionNetwork, volume: float, rng: np.random.Generator, n_firings: int = _N_FIRINGS
) -> np.ndarray:
    """Integrated propensities between firings, float64[reaction, firing]; `method` is a class."""
    simulation = method(network, network.rates(), volume, network.counts(), rng, count_firings=True)
    found: list[list[float]] = [[] for _ in network.reactions]
    integral, known, now = np.zeros(len(found)), {}, 0.0
    while min(map(len, found)) < n_firings:
        if simulation.n_events >= _MOST_EVENTS:
            raise UnfinishedError(f"a reaction fired fewer than {n_firings} times in {_MOST_EVENTS} events")
        key = simulation.counts.tobytes()
        if key not in known:
            known[key] = propensities(network, dict(zip(network.species, simulation.counts.tolist())), volume)
        before, target = simulation.firings.copy(), simulation.n_events + 1
        while simulation.n_events < target:
            simulation.advance(np.inf, event_limit=target)
        # The clock stands at the last candidate, which is the event.
        integral += known[key] * (simulation.time - now)
        now = simulation.time
        (fired,) = np.flatnonzero(simulation.firings - before)
        found[fired].append(integral[fired])
        integral[fired] = 0.0
    return np.array([row[:n_firings] for row in found])


def p_values(rows: np.ndarray) -> list[float]:
    """Of the gaps of each reaction, of all together, and of a gap given the one before."""
    rank = scipy.stats.spearmanr(rows[:, :-1].ravel(), rows[:, 1:].ravel()).statistic
    after = two_sided(abs(rank) * np.sqrt(rows[:, 1:].size - 1))
    return [*(float(scipy.stats.kstest(x, "expon").pvalue) for x in (*rows, rows.ravel())), float(after)]


class TimeChange(Check):
    name = "time-change"
    summary = "integrated propensities between firings are unit exponentials, reaction by reaction"

    def run(self, method: str, seed: int, options: Options) -> list:
        network = ReactionNetwork.from_text(MIXED)
        rng = seeds.stream(seed, Purpose.SIMULATION)
        rows = gaps(choose_method(method, network).method, network, 2.0, rng)
        what = [*(f"gaps of {r.name}" for r in network.reactions), "all gaps", "a gap given the one before"]
        return [Outcome(*pair) for pair in zip(what, p_values(rows))]
