"""Pulses in rates: steps of solvers end where a condition on the time changes."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.checks import ModelError
from gillespie_nn.simulation import events
from gillespie_nn.simulation.edges import with_edges
from gillespie_nn.simulation.methods import Direct, Ode, Rejection

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
    assert str(with_edges(law, Ode).reactions[0].law) == "piecewise(1, edge0 && edge1, 0)"
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


@pytest.mark.parametrize(("height", "start"), [(1e5, 50.0), (100.0, 86_400.0), (10.0, 604_800.0)])
def test_a_law_that_begins_late_from_nothing_is_followed(height, start):
    network = gnn.ReactionNetwork.from_text(
        f"A = 0\n0 -> A @ propensity(piecewise({height}, time >= {start}, 0))\nA -> 0 @ 0.001"
    )
    a = gnn.simulate(network, t_end=start + 1000.0, n_points=2, method="ode").of("A")[0, -1]
    assert a == pytest.approx(1000 * height * (1 - np.exp(-1)), rel=1e-6)


@pytest.mark.parametrize("condition", ["time <= 0", "time == 0", "time < 1e-300", "rem(time, 10) == 0", "time == 5"])
def test_what_holds_for_a_moment_only_changes_no_integral(condition):
    network = gnn.ReactionNetwork.from_text(f"0 -> A @ propensity(piecewise(5, {condition}, 1))\nA -> 0 @ 0.1")
    a = gnn.simulate(network, t_end=10.0, n_points=2, method="ode").of("A")[0, -1]
    assert a == pytest.approx(10 * (1 - np.exp(-1)), rel=1e-6)


@pytest.mark.parametrize("method", ["ode", "direct", "rejection"])
def test_steps_have_their_accuracy_at_edges(method):
    network = gnn.ReactionNetwork.from_text(RULE.replace("x = 0", "x = 5").replace("A -> 0 @ 1", "A -> 0 @ 2"))
    x = gnn.simulate(network, t_end=100.0, n_points=3, method=method, seed=1).of("x").ravel()
    assert x == pytest.approx([5.0, 5.0, 6.0], abs=1e-12)
    often = gnn.ReactionNetwork.from_text(RULE.replace("time >= 50 && time < 51", "rem(time, 0.01) < 0.005"))
    assert gnn.simulate(often, 1.0, 2, method=method, seed=1).of("x")[0, -1] == pytest.approx(0.5, abs=1e-9)


def test_noise_around_rates_with_edges():
    network = gnn.ReactionNetwork.from_text(f"0 -> A @ propensity(10 * {PULSE} + 1)\nA -> 0 @ 1\nA = 1")
    noise = gnn.RateNoise(0.1, "bounded", step=0.5)
    result = gnn.simulate(network, 60.0, 3, method="linear_noise", seed=1, noise=noise)
    assert np.isfinite(result.of("A")).all()


def test_an_edge_is_solved_once_however_many_there_are(monkeypatch):
    solved = []
    solve = events.next_crossing
    monkeypatch.setattr(events, "next_crossing", lambda *arguments: solved.append(1) or solve(*arguments))
    pieces = ", ".join(f"{k % 3}, time < {k + 1}" for k in range(40))
    network = gnn.ReactionNetwork.from_text(f"@parameter x = 0\n@rate x = piecewise({pieces}, 0)\n0 -> A @ 1")
    x = gnn.simulate(network, 40.0, 2, method="direct", seed=1).of("x")[0, -1]
    assert x == pytest.approx(sum(k % 3 for k in range(40))) and len(solved) < 100


def test_a_run_has_no_edges_in_what_it_says(tmp_path):
    network = gnn.ReactionNetwork.from_text(RULE)
    result = gnn.simulate(network, 1.0, 2, method="direct", seed=1, output=tmp_path / "run.h5")
    assert "edge0" not in repr(result) + repr(network.describe())
    assert b"edge0" not in (tmp_path / "run.h5").read_bytes()
