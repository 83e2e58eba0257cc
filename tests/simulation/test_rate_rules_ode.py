"""Rate rules under `ode`: against closed forms, in memory, in files, in sweeps; and what cannot take them."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import gillespie_nn as gnn
from gillespie_nn import checks
from gillespie_nn.simulation.methods import METHODS

read = gnn.ReactionNetwork.from_text
SOLVERS = ("auto", "DOP853", "LSODA", "BDF", "Radau")
GROWTH = "@parameter g = 0.3\n@parameter V = 2\n@rate V = g * V\n"
CIRCLE = "@parameter x = 1\n@parameter y = 0\n@rate x = y\n@rate y = -x\n"


def solved(text, t_end=10.0, n=21, **how):
    return gnn.simulate(read(text), t_end, n, method="ode", **{"rtol": 1e-9, "atol": 1e-11, **how})


@pytest.mark.parametrize("solver", SOLVERS)
def test_exponential_growth(solver):
    r = solved(GROWTH, solver=solver)
    np.testing.assert_allclose(r.of("V")[0], 2 * np.exp(0.3 * r.time), rtol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_logistic_growth(solver):
    r = solved("@parameter x = 0.1\n@rate x = 2 * x * (1 - x / 5)\n", solver=solver)
    np.testing.assert_allclose(r.of("x")[0], 5 / (1 + 49 * np.exp(-2 * r.time)), rtol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("volume", [1.0, 1e6])
def test_a_linear_pair_goes_below_zero_and_back_whatever_the_volume(solver, volume, recwarn):
    r = solved(CIRCLE + "0 -> A @ propensity(2 + x)\nA -> 0 @ 0.5\n", solver=solver, volume=volume)
    assert r.of("x").min() < -0.9 and not recwarn.list
    assert r.statistics["least_concentration"][0] == 0.0
    np.testing.assert_allclose(r.of("x")[0], np.cos(r.time), atol=1e-6)
    np.testing.assert_allclose(r.of("y")[0], -np.sin(r.time), atol=1e-6)


def test_counts_and_variables_read_one_another_in_their_own_units():
    # A' = 3 - V A, V' = (A / volume - 1) / 2: counts are read as molecules.
    text = "0 -> A @ 3\nA -> 0 @ propensity(V * A)\nA = 8\n@parameter V = 1.5\n@rate V = (A / volume - 1) / 2\n"
    r = solved(text, volume=4.0)
    plain = solve_ivp(
        lambda t, y: (3 - y[1] * y[0], (y[0] - 1) / 2), (0, 10), (2, 1.5), "DOP853", r.time, rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(r.of("A")[0], plain.y[0], rtol=1e-7)
    np.testing.assert_allclose(r.of("V")[0], plain.y[1], rtol=1e-7)


def test_the_time_and_rules_are_read():
    r = solved("@parameter x = 1\n@rule twice = 2 * x\n@rate x = twice * time\n", t_end=2.0)
    np.testing.assert_allclose(r.of("x")[0], np.exp(r.time**2), rtol=1e-7)
    np.testing.assert_allclose(r.of("twice")[0], 2 * np.exp(r.time**2), rtol=1e-7)


def test_a_species_with_a_rate_rule_is_an_amount_and_is_recorded_in_concentration():
    r = solved("S -> 0 @ 0\nS = 0\n@rate P = 0.5 * P\nP = 6\n0 -> S @ propensity(P)\n", volume=3.0)
    np.testing.assert_allclose(r.of("P")[0], 2 * np.exp(0.5 * r.time), rtol=1e-7)
    np.testing.assert_allclose(r.of("S")[0], 4 * np.expm1(0.5 * r.time), rtol=1e-7)
    assert (np.asarray(r.counts)[0, :, r.species.index("P")] == r.of("P")[0]).all()


def test_small_values_are_followed_by_their_own_absolute_tolerance():
    r = solved("@parameter x = 1e-6\n@rate x = -x\n0 -> A @ 1\n", volume=1e9, atol=1e-14)
    np.testing.assert_allclose(r.of("x")[0], 1e-6 * np.exp(-r.time), rtol=1e-4)


def test_initial_overrides_and_scheduled_parameters_count():
    r = gnn.simulate(read(GROWTH), 10.0, 21, method="ode", initial={"V": 5}, schedule=[(4.0, {"g": 0.0})])
    np.testing.assert_allclose(r.of("V")[0], 5 * np.exp(0.3 * np.minimum(r.time, 4.0)), rtol=1e-6)


def test_a_stiff_variable_reaches_an_implicit_solver():
    r = solved("@parameter x = 1\n@parameter y = 0\n@rate x = -1e5 * (x - y)\n@rate y = 1\n", t_end=100.0)
    assert r.statistics["switches"][0] == 1 and r.statistics["steps"][0] < 10_000
    np.testing.assert_allclose(r.of("x")[0, 1:], r.time[1:] - 1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [1.0, 1e-9])
def test_jacobians_of_small_variables_are_right(size):
    """The problem of Robertson, in units in which all values are small."""
    text = (
        f"@parameter a = {size}\n@parameter b = 0\n@parameter c = 0\n@rate a = 1e4 * b * c / {size} - 0.04 * a\n"
        f"@rate b = 0.04 * a - 1e4 * b * c / {size} - 3e7 * b^2 / {size}\n@rate c = 3e7 * b^2 / {size}\n"
    )
    r = gnn.simulate(read(text), time=[0, 40.0], method="ode", rtol=1e-8, atol=1e-12 * size, solver="BDF")
    assert r.of("a")[0, -1] / size == pytest.approx(0.7158270688, rel=1e-5)
    assert r.statistics["steps"][0] < 1000


def test_what_diverges_is_named():
    with pytest.raises(checks.ModelError, match=r"where x = .* changes fastest"):
        solved("@parameter x = 1\n@rate x = x^2\n0 -> A @ 1\n")


def test_a_network_for_ode_alone_is_simulated_by_it():
    r = solved("@only_ode reaction J0 makes 0.5 P\nP = 1\n@rate P = -0.5 * P\n")
    np.testing.assert_allclose(r.of("P")[0], np.exp(-0.5 * r.time), rtol=1e-7)


@pytest.mark.parametrize("method", [m.name for m in METHODS if not m.continuous])
def test_other_methods_refuse_rate_rules_by_name(method):
    with pytest.raises(checks.InputError, match=f"method {method} does not support rate rules, which .* V"):
        gnn.simulate(read(GROWTH), 1.0, method=method)


def test_files_and_sweeps_have_the_same_values(tmp_path):
    path = tmp_path / "growth.h5"
    network = read(GROWTH + "0 -> A @ propensity(V)\n")
    in_memory = gnn.simulate(network, 10.0, 11, method="ode")
    gnn.simulate(network, 10.0, 11, method="ode", output=path)
    with gnn.open_run(path) as run:
        assert (run.of("V") == in_memory.of("V")).all() and (run.of("A") == in_memory.of("A")).all()
    table = gnn.sweep(network, {"g": [0.1, 0.2]}, t_end=10.0, n_points=11, method="ode")
    for g, r in zip((0.1, 0.2), table):
        np.testing.assert_allclose(r.of("V")[0], 2 * np.exp(g * r.time), rtol=1e-6)


def test_rate_noise_leaves_the_variables_alone():
    network = read(GROWTH + "0 -> A @ 2\nA -> 0 @ 1\n")
    r = gnn.simulate(network, 10.0, 11, method="ode", noise=gnn.RateNoise(0.3, kind="bounded", step=0.5), seed=3)
    np.testing.assert_allclose(r.of("V")[0], 2 * np.exp(0.3 * r.time), rtol=1e-6)
    assert np.abs(r.of("A")[0] - 2 * -np.expm1(-r.time)).max() > 0.01
