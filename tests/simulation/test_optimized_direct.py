"""The running sum of the optimized direct method: how far it drifts, and that errors in it are caught."""

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.kernels import codes
from gillespie_nn.simulation.methods import Direct
from gillespie_nn.simulation.methods.exact import OptimizedDirect
from gillespie_nn.verification.planted import stale
from helpers.checks_of_chance import accept, chi_square, rejects

CHAIN = "0 -> Q1 @ 20\n" + "".join(f"Q{k} -> Q{k + 1} @ 1\n" for k in range(1, 9)) + "Q9 -> 0 @ 1\n"
"""Ten reactions, of which each changes the propensity of two: the sum is carried over."""
BURSTS = """
G -> H @ 0.05
H -> G @ 100
H -> H + M @ 1e6
M -> 0 @ 10
M + R -> R @ 10
0 -> R @ 1
R -> 0 @ 3
A -> B @ 1e-4
B -> A @ 1e-4
C -> D @ 1e-4
D -> C @ 1e-4
G = 1
A = 3
C = 5
"""


def _started(text, seed=1):
    network = gnn.ReactionNetwork.from_text(text)
    rng = seeds.stream(seed, seeds.Purpose.SIMULATION)
    return OptimizedDirect(network, network.rates(), 1.0, network.counts(), rng)


def test_the_sum_stays_within_its_bound():
    simulation = _started(BURSTS)
    worst, least, most = 0.0, np.inf, 0.0
    for n_events in range(100, 1_000_000, 97):
        simulation.advance(np.inf, event_limit=n_events)
        total, true = simulation._state.total[0], simulation._state.propensity.sum()
        worst, least, most = max(worst, abs(total - true) / true), min(least, true), max(most, true)
    assert most > 1e4 * least  # small sums behind large ones are what rounding spoils
    assert worst < 1e-11


def test_a_fall_in_one_event_leaves_no_error_behind():
    """What is left is smaller than what the first sum was rounded by."""
    idle = "".join(f"C{k} -> 0 @ 0\n" for k in range(9))
    simulation = _started(f"A -> 0 @ 1\nB -> 0 @ 1e-17\n{idle}A = 1\nB = 1\n")
    simulation.advance(np.inf, event_limit=1)
    assert simulation._state.total[0] == 1e-17 and simulation.can_react()
    assert simulation.advance(np.inf) == codes.REACHED_END and simulation.n_events == 2


@pytest.mark.parametrize("rate", [1e6, 1e12])
def test_the_sum_stays_within_its_bound_when_it_rises_and_falls_at_single_events(rate):
    slow = "".join(f"D{k} -> E{k} @ 0.01\n" for k in range(9))
    text = f"G -> H @ {rate / 1000}\nH -> G @ {rate / 1000}\nH + K -> H + K + M @ {rate}\nM -> 0 @ {rate}\n"
    text += f"K -> K + F @ 0.03\nF -> 0 @ 0.03\nG -> L @ {rate / 1000}\nL -> G @ 0.01\n{slow}G = 1\nK = 1\nD3 = 2\n"
    simulation = _started(text)
    worst = 0.0
    for n_events in range(1, 60_000, 7):
        simulation.advance(np.inf, event_limit=n_events)
        total, true = simulation._state.total[0], simulation._state.propensity.sum()
        worst = max(worst, abs(total - true) / true)
    assert worst < 1e-11


def test_the_sum_is_zero_when_nothing_can_react():
    simulation = _started(
        "A -> B @ 0.1\nB -> C @ 0.3\n" + "".join(f"D{k} -> E{k} @ 0.7\n" for k in range(20)) + "A = 1000\nD3 = 9"
    )
    assert simulation.advance(np.inf) == codes.REACHED_END
    assert simulation._state.total[0] == 0.0 and not simulation.can_react()


def _end(method):
    network = gnn.ReactionNetwork.from_text(CHAIN)
    result = gnn.simulate(network, time=[3.0], replicates=4000, seed=9, method=method)
    return np.asarray(result.counts)[:, 0]


def _p(counts):
    # Birth of rate 20, then stages of rate 1: Q1 and Q3 at time 3 are independent, Poisson, with these means.
    means = 20 * stats.gamma.cdf(3.0, [1, 3])
    laws = [stats.poisson(m).pmf(np.arange(80)) for m in means]
    return min(chi_square(counts[:, k], law) for k, law in zip((0, 2), laws))


def test_a_chain_has_the_law_of_its_closed_form():
    accept(_p(_end(OptimizedDirect)), "Q1 and Q3 of a chain", family=2)


def test_a_forgotten_dependency_is_caught():
    assert rejects(_p(_end(stale(OptimizedDirect))))


def test_a_drifting_sum_is_caught():
    class Drifting(OptimizedDirect):
        """At every event the sum loses a hundredth, and is never made afresh."""

        def _advance(self, t_stop, grid_time, grid_counts, event_limit):
            while True:
                code = super()._advance(t_stop, grid_time, grid_counts, min(event_limit, self.n_events + 1))
                self._state.total[0] *= 0.99
                self._state.drift.spent[0] = 0.0
                if code != codes.EVENT_LIMIT or self.n_events >= event_limit:
                    return code

    assert rejects(_p(_end(Drifting)))


@pytest.mark.parametrize("slice_size", [1, 7])
def test_slices_change_nothing(slice_size):
    whole, sliced = _started(CHAIN), _started(CHAIN)
    sliced._slice = slice_size
    whole.advance(50.0)
    while sliced.advance(50.0) == codes.SLICE_END:
        pass
    assert whole.n_events == sliced.n_events and (whole.counts == sliced.counts).all()
    assert whole._state.total[0] == sliced._state.total[0]


def test_it_fires_what_the_direct_method_fires():
    """As long as rounding does not decide, both draw the same numbers for the same reactions."""
    network = gnn.ReactionNetwork.from_text(CHAIN)
    one, other = (gnn.simulate(network, 20.0, 41, seed=4, method=m) for m in (Direct, OptimizedDirect))
    np.testing.assert_array_equal(one.counts, other.counts)
