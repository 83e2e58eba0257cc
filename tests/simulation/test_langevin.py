"""The chemical Langevin equation: moments against closed forms and the master equation, the order of its scheme, and
what it does at zero.

Each statistical check rejects a right engine with probability 1e-7 (`checks_of_chance.ALPHA`).
"""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.checks import InputError, ModelError
from gillespie_nn.kernels.limits.langevin_steps import propensities
from gillespie_nn.simulation.methods import METHODS, Langevin
from helpers.checks_of_chance import accept, mean_is, rejects
from helpers.naive import master_equation

TWO_STATES = gnn.ReactionNetwork.from_text("A -> B @ 1\nB -> A @ 0.5\nA = 3000\nB = 0")
CHAIN = gnn.ReactionNetwork.from_text("0 -> A @ 10\nA -> B @ 0.5\nA -> 0 @ 1\nB -> 0 @ 2")


def _moments(name, method="langevin", **settings):
    """p-values of mean and variance of a linear network at one time, against their closed forms."""
    settings = {"method": method, "replicates": 5000, "seed": 5, "workers": 2} | settings
    if name == "two states":
        p = (1 + 2 * np.exp(-1.5 * 0.8)) / 3
        mean, variance, case = 3000 * p, 3000 * p * (1 - p), (TWO_STATES, 0.8, 1.0)
    else:  # Poisson
        mean = variance = 400 / 1.5 * (1 - np.exp(-1.5 * 2.0))
        case = CHAIN, 2.0, 40.0
    network, time, volume = case
    x = volume * gnn.simulate(network, time=[time], volume=volume, **settings).of("A")[:, 0]
    return mean_is(x, mean), mean_is((x - mean) ** 2, variance)


@pytest.mark.parametrize("name", ["two states", "chain"])
def test_mean_and_variance_of_linear_networks_are_those_of_the_counts(name):
    for settings in ({}, {"step": 0.02}):
        for what, p in zip(("mean", "variance"), _moments(name, **settings)):
            accept(p, f"{what} of {name} {settings}")


@pytest.mark.parametrize("name", ["two states", "chain"])
def test_noise_of_the_wrong_size_is_caught(name, monkeypatch):
    class Loud(Langevin):
        name = "loud"

        def __init__(self, network, rates, volume, *rest, **options):
            super().__init__(network, rates, volume, *rest, **options)
            # Twice the molecules that react at once, half as often: the mean stays.
            changes, terms = self._channels.changes.copy(), self._channels.terms.copy()
            changes["amount"] *= 2
            terms["coefficient"] /= 2
            self._channels = self._channels._replace(changes=changes, terms=terms)

    monkeypatch.setattr("gillespie_nn.simulation.methods.METHODS", (*METHODS, Loud))
    of_mean, of_variance = _moments(name, "loud", step=0.02)
    assert not rejects(of_mean) and rejects(of_variance)


def test_pairs_have_the_mean_and_variance_of_the_master_equation():
    """2 A <-> B in an open system, Omega = 100; 1 % is allowed beyond the interval, of which 0.2 % was seen."""
    network, volume, time = gnn.ReactionNetwork.from_text("0 -> A @ 1\n2 A -> 0 @ 1\nA -> 0 @ 0.5"), 100.0, 1.5
    law = master_equation(network, volume, {"A": 200}, time)
    n = np.arange(len(law))
    mean = law @ n
    variance = law @ (n - mean) ** 2
    r = gnn.simulate(network, time=[time], volume=volume, method="langevin", replicates=10_000, seed=6, workers=2)
    x = volume * r.of("A")[:, 0]
    accept(mean_is(x, mean, 0.01 * mean), "mean")
    accept(mean_is((x - mean) ** 2, variance, 0.01 * variance), "variance")


def _relative_error(steps):
    """Of the mean of two states from so many molecules that their noise is nothing."""
    exact = (1 + 2 * np.exp(-1.5 * 1.2)) / 3
    settings = {"time": [1.2], "initial": {"A": 10**13}, "method": "langevin", "seed": 1}
    return np.array([gnn.simulate(TWO_STATES, step=h, **settings).of("A")[0, 0] / (1e13 * exact) - 1 for h in steps])


def test_the_mean_is_of_second_order_in_the_step():
    errors = _relative_error([0.1, 0.05, 0.025])
    assert abs(errors[0]) < 3e-3 and 3.8 < errors[0] / errors[1] < 4.4 and 3.9 < errors[1] / errors[2] < 4.2


@pytest.mark.parametrize("step", [0.8, 0.4])
def test_the_variance_at_a_long_step_is_the_one_worked_out_by_hand(step):
    """Immigration and death at N molecules: with f = 1 - h + h^2/2 the deviation becomes f u + (1 - h) n + n', two
    noises of variance N h, so the variance at rest is N h (1 + (1 - h)^2) / (1 - f^2): an error of h^3 / 8."""
    size = 1e4
    network = gnn.ReactionNetwork.from_text(f"0 -> A @ {size}\nA -> 0 @ 1\nA = {size:.0f}")
    time = 16.0 + 8.0 * np.arange(200)
    x = gnn.simulate(network, time=time, method="langevin", step=step, replicates=60, seed=3).of("A")
    f = 1 - step + step**2 / 2
    variance = size * step * (1 + (1 - step) ** 2) / (1 - f**2)
    accept(mean_is(np.square(x - size).mean(axis=1), variance), f"variance at step {step}")
    if step == 0.8:
        assert rejects(mean_is(np.square(x - size).mean(axis=1), size))


def test_a_rate_that_depends_on_the_time_is_followed():
    """The mean solves m' = 6 N (1 + sin 4 t) - 0.9 m, with errors of second order in the step."""
    network = gnn.ReactionNetwork.from_text("0 -> A @ propensity(6e12 * (1 + sin(4 * time)))\nA -> 0 @ 0.9")
    t, w, k = 1.05, 4.0, 0.9
    mean = 6 / k * (1 - np.exp(-k * t)) + 6 * (k * np.sin(w * t) - w * np.cos(w * t) + w * np.exp(-k * t)) / (
        k**2 + w**2
    )
    errors = [
        gnn.simulate(network, time=[t], method="langevin", step=h, seed=2).of("A")[0, 0] / (1e12 * mean) - 1
        for h in (0.05, 0.025)
    ]
    assert abs(errors[1]) < 2e-4 and 3.5 < errors[0] / errors[1] < 4.5


def test_few_molecules_keep_their_mean_and_have_less_variance():
    """At a mean of one half the noise is at zero all the time."""
    network = gnn.ReactionNetwork.from_text("0 -> A @ 0.5\nA -> 0 @ 1")
    r = gnn.simulate(network, time=10 + 2.0 * np.arange(150), method="langevin", replicates=150, seed=3, workers=2)
    x = r.of("A")
    accept(mean_is(x.mean(axis=1), 0.5), "mean of few molecules")
    assert 0.7 < np.square(x - 0.5).mean() / 0.5 < 0.95
    assert x.min() == 0 and r.statistics["held_share"].min() > 0


def test_counts_stay_at_or_above_zero_and_invariants_hold():
    network = gnn.ReactionNetwork.from_text(
        "A -> B @ 5\nB -> A @ 0.2\n2 A -> A + B @ 1\nB + C -> D @ 3\nD -> B + C @ 1\nA = 6\nC = 3"
    )
    r = gnn.simulate(network, 5.0, 101, method="langevin", replicates=50, seed=2)
    a, b, c, d = (r.of(s) for s in "ABCD")
    assert r.counts.min() == 0 and r.statistics["held_share"].min() > 0
    np.testing.assert_allclose(a + b + d, 6.0, rtol=1e-12)
    np.testing.assert_allclose(c + d, 3.0, rtol=1e-12)


def test_falling_factorials_of_fractions_are_zero_below_their_last_molecule():
    network = gnn.ReactionNetwork.from_text("3 A -> 0 @ 2\n2 A -> 0 @ 1\nA = 3")
    method = Langevin(network, network.rates(), 1.0, network.counts(), np.random.Generator(np.random.SFC64(1)))
    found = []
    for x in (0.5, 1.5, 2.5):
        assert propensities(method._channels, None, 0.0, np.array([x, 1.0]), method._state.propensity)
        found.append(method._state.propensity.tolist())
    np.testing.assert_allclose(found, [[0, 0], [0, 0.75], [2 * 2.5 * 1.5 * 0.5, 3.75]])


def test_a_threshold_is_read_off_the_real_numbers():
    network = gnn.ReactionNetwork.from_text("0 -> A @ 1 * step(C, B)\n0 -> D @ 1 * step(B, C)\nB = 3\nC = 4")
    r = gnn.simulate(network, 2.0, 2, volume=100.0, method="langevin", seed=1)
    assert r.of("A")[0, -1] == pytest.approx(2.0, abs=0.8) and r.of("D")[0, -1] == 0


def test_scheduled_changes_are_taken_and_recorded_after():
    r = gnn.simulate(
        CHAIN,
        time=[0.0, 0.5, 1.0],
        volume=100.0,
        method="langevin",
        seed=1,
        schedule=[(1.0, {"A": 500}), (0.0, {"B": 7})],
    )
    assert r.counts[0, 0].tolist() == [0.0, 0.07] and r.of("A")[0, 1] > 1 and r.of("A")[0, 2] == 5.0


def test_steps_reach_the_recorded_times_and_events_are_the_mean_number_of_firings():
    r = gnn.simulate(CHAIN, time=[0.25, 1.0], volume=100.0, method="langevin", step=0.1, seed=1)
    assert r.statistics["steps"].tolist() == [3 + 8]
    exact = gnn.simulate(CHAIN, time=[0.25, 1.0], volume=100.0, method="rejection", replicates=200, seed=1)
    assert abs(r.n_events[0] / exact.n_events.mean() - 1) < 0.1
    assert gnn.simulate(CHAIN, 9.0, 2, method="langevin", max_events=20, seed=1).status[0] == gnn.Status.EVENT_LIMIT


def test_a_run_has_its_seed_and_survives_a_file(tmp_path):
    settings = {"volume": 10.0, "method": "langevin", "replicates": 5, "seed": 4}
    in_memory = gnn.simulate(CHAIN, 2.0, 5, **settings)
    assert in_memory.units == "concentration" and in_memory.counts.dtype == np.float64
    with gnn.simulate(CHAIN, 2.0, 5, output=tmp_path / "n.h5", workers=2, **settings) as run:
        assert run.units == "concentration"
        np.testing.assert_array_equal(run.counts[:], in_memory.counts)
        np.testing.assert_array_equal(run.statistics["steps"], in_memory.statistics["steps"])


def test_what_it_cannot_treat_is_refused():
    for step in (0, -1, np.nan, "x"):
        with pytest.raises(InputError, match="step must be"):
            gnn.simulate(CHAIN, 1.0, method="langevin", step=step)
    with pytest.raises(InputError, match="no single firings"):
        gnn.simulate(CHAIN, 1.0, method="langevin", count_firings=True)


@pytest.mark.parametrize("step", [None, 0.01])
def test_a_blow_up_names_the_level_the_time_and_the_species(step):
    network = gnn.ReactionNetwork.from_text("2 A -> 3 A @ 1\nA = 100\nB = 5")
    with pytest.raises(ModelError, match=r"method langevin diverged at t = [01]\.\d+ s, .* A with"):
        gnn.simulate(network, 10.0, method="langevin", volume=100.0, seed=1, step=step)


def test_a_law_without_a_value_is_named():
    network = gnn.ReactionNetwork.from_text("birth: 0 -> A @ propensity(10 / (3 - time))\nA -> 0 @ 1")
    with pytest.raises(ModelError, match="birth"):
        gnn.simulate(network, time=[1.0, 3.0, 4.0], method="langevin", seed=1)


def test_a_law_that_is_negative_at_the_start_is_named():
    network = gnn.ReactionNetwork.from_text("0 -> A @ 1\nback: A -> 0 @ propensity(A - 5)\nA = 3")
    with pytest.raises(ModelError, match="propensity of reaction back is negative, -2, at t = 0 s, A = 3"):
        gnn.simulate(network, 1.0, method="langevin", seed=1)


def test_training_from_many_molecules_is_that_of_the_rate_equations():
    """At Omega = 1e8 noise is nothing beside a step's error, and most rails rest near zero."""
    settings = {"presentations": 6, "volume": 1e8, "seed": 0}
    fit = gnn.train("xor", method="langevin", **settings)
    ode = gnn.train("xor", method="ode", **settings)
    moved = np.abs(ode.weights - fit.plan.learner.initial_weights).max()
    assert np.abs(fit.weights - ode.weights).max() < 0.02 * moved
    assert fit.trained.statistics["steps"] > 1000
    outputs = fit.predict(fit.plan.dataset.test_x)
    assert outputs.shape == (4, 1) and np.isfinite(outputs).all()
