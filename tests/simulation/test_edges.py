"""Pulses in rates: steps of solvers end where a condition on the time changes."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.checks import ModelError
from gillespie_nn.simulation.methods import Direct, Ode, Rejection
from gillespie_nn.simulation.replicate_events import with_edges

PULSE = "piecewise(1, time >= 50 && time < 51, 0)"
RULE = f"@parameter x = 0\n@rate x = {PULSE}\n0 -> A @ propensity(x)\nA -> 0 @ 1"


@pytest.mark.parametrize("method", ["ode", "direct", "rejection"])
def test_a_pulse_in_a_rate_rule_is_not_stepped_over(method):
    x = gnn.simulate(gnn.ReactionNetwork.from_text(RULE), t_end=100.0, n_points=11, method=method, seed=1).of("x")
    assert x.ravel() == pytest.approx([0.0] * 6 + [1.0] * 5, abs=1e-6)


def test_a_pulse_in_a_law_is_not_stepped_over_by_ode():
    network = gnn.ReactionNetwork.from_text(f"A = 0\n0 -> A @ propensity(1000 * {PULSE})")
    a = gnn.simulate(network, t_end=100.0, n_points=11, method="ode").of("A").ravel()
    assert a == pytest.approx([0.0] * 6 + [1000.0] * 5, abs=1e-3)


def test_pulses_come_again():
    network = gnn.ReactionNetwork.from_text(RULE.replace("time >= 50 && time < 51", "rem(time, 10) < 0.1"))
    x = gnn.simulate(network, t_end=100.0, n_points=6, method="ode").of("x").ravel()
    assert x == pytest.approx(0.2 * np.arange(6), abs=1e-6)


def test_an_event_moves_an_edge():
    text = RULE.replace("time >= 50 && time < 51", "time >= start && time < start + 1")
    text += "\n@parameter start = 50\n@event later: when time >= 20; set start = 70"
    x = gnn.simulate(gnn.ReactionNetwork.from_text(text), t_end=100.0, n_points=11, method="rejection", seed=1).of("x")
    assert x.ravel() == pytest.approx([0.0] * 8 + [1.0] * 3, abs=1e-6)


def test_edges_are_cut_only_where_a_step_needs_them():
    rule, law = gnn.ReactionNetwork.from_text(RULE), gnn.ReactionNetwork.from_text(f"0 -> A @ propensity({PULSE})")
    for method in (Direct, Rejection):
        assert len(with_edges(rule, method).events) == 2 and with_edges(law, method) is law
    assert [str(e.trigger) for e in with_edges(law, Ode).events] == ["time >= 50", "time < 51"]
    still = gnn.ReactionNetwork.from_text("0 -> A @ propensity(piecewise(1, A < 5, 2))")
    assert with_edges(still, Ode) is still


def test_an_edge_that_comes_ever_faster_is_an_error_of_the_model():
    network = gnn.ReactionNetwork.from_text(RULE.replace("time >= 50 && time < 51", "sin(1 / (time - 1)) > 0"))
    with pytest.raises(ModelError, match=r"condition sin\(1 / \(time - 1\)\) > 0 in a rate, at t"):
        gnn.simulate(network, t_end=2.0, n_points=2, method="ode")


def test_a_rate_rule_without_a_value_at_time_0_goes_on_where_an_event_mends_it():
    text = "@parameter x = 1\n@parameter k = 0\n@rate x = 1 / k\n0 -> A @ propensity(x)\n"
    text += "@event mend: when time >= 0; set k = 2"
    x = gnn.simulate(gnn.ReactionNetwork.from_text(text), t_end=1.0, n_points=2, method="direct", seed=1).of("x")
    assert x.ravel() == pytest.approx([1.0, 1.5], abs=1e-6)
