"""A simulation that is made anew from state, time, generator and memory of another goes on as it would have, in law."""

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn import seeds
from gillespie_nn.simulation import EXACT
from gillespie_nn.simulation.methods import Direct, Layered
from gillespie_nn.simulation.replicate import advance_to
from helpers.checks_of_chance import accept, chi_square, rejects

NAMES = [m for m in EXACT if m is not Layered]  # without a product family `layered` is `rejection`
TEXT = "0 -> A @ propensity(6 * (1 + sin(4 * time)))\nA -> 0 @ 0.9\nA = 0"
N_SAMPLES, TIMES = 2000, (0.11, 0.12, 0.7, 1.3, 1.9, 2.0)
MEAN = 6 * (1 / 0.9 + (0.9 * np.sin(8) - 4 * np.cos(8)) / (0.81 + 16))
MEAN -= 6 * (1 / 0.9 - 4 / (0.81 + 16)) * np.exp(-0.9 * 2.0)
"""Immigration at 6 (1 + sin 4t) and death at 0.9: Poisson with this mean at t = 2."""


def final_counts(method, restart_at=lambda time: time):
    network = gnn.ReactionNetwork.from_text(TEXT)
    found = []
    for replicate in range(N_SAMPLES):
        rng = seeds.stream(77, seeds.Purpose.SIMULATION, 0, replicate)
        counts, time, n_events, memory = network.counts(), 0.0, 0, np.empty(0)
        for stop in TIMES:
            simulation = method(network, network.rates(), 1.0, counts, rng, start_time=restart_at(time))
            simulation.recall(n_events, memory)
            advance_to(simulation, stop, lambda time: False)
            counts, time, n_events = simulation.counts.copy(), simulation.time, simulation.n_events
            memory = simulation.memory()
        found.append(counts[0])
    return np.array(found)


@pytest.mark.parametrize("method", NAMES, ids=lambda m: m.name)
def test_restarts_do_not_change_the_law_of_exact_methods(method):
    """A rate that depends on the time: the window of bounds, too, begins at the time of the restart."""
    law = stats.poisson.pmf(np.arange(60), MEAN)
    accept(chi_square(final_counts(method), law), f"restarts, {method.name}")


def test_a_clock_that_starts_again_at_zero_is_caught():
    """Planted: the time of the restart is lost, as an early one of 0 is, so that more fires and at other rates."""
    law = stats.poisson.pmf(np.arange(60), MEAN)
    assert rejects(chi_square(final_counts(Direct, lambda time: 0.0), law))
