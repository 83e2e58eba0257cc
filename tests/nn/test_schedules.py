"""Learning schedules: the environment lowers the licence L, and weights learn at the rate L eta."""

import numpy as np
import pytest
from scipy import stats

import gillespie_nn as gnn
from gillespie_nn.checks import InputError
from gillespie_nn.nn.chemistry import SAMPLE, SCHEDULED, SCHEDULES, Phase
from gillespie_nn.simulation.presentations import Presented, Samples
from helpers.checks_of_chance import accept, mean_is, rejects

FACTORS = [1.0, 0.2, 0.02]
X, T = [0.3, 0.8], [1.0]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_begins_at_one_and_never_rises(name):
    for n in (1, 4, 1000):
        f = np.array([SCHEDULES[name](k, n) for k in range(n)])
        assert f[0] == 1.0 and (np.diff(f) <= 0).all() and ((f > 0) & (f <= 1)).all()


def test_schedules_have_their_values():
    assert [SCHEDULES["steps"](k, 8) for k in range(8)] == [1, 1, 1, 1, 0.2, 0.2, 0.04, 0.04]
    np.testing.assert_allclose(
        [SCHEDULES["cosine"](k, 4) for k in (1, 2, 3)], [0.5 + 0.125**0.5, 0.5, 0.5 - 0.125**0.5]
    )
    assert SCHEDULES["constant"](99, 100) == 1.0


def test_a_schedule_brings_the_licence():
    sample = (("inputs", SAMPLE), ("targets", SAMPLE))
    scheduled = (("licence", SCHEDULED),)
    for chemistry in ("kang_kim", "feedback_alignment"):
        spec = gnn.training_network((2, 1), chemistry=chemistry, learning_schedule="cosine")
        assert spec.phases == (Phase("learn", None, (*sample, *scheduled)),) and spec.ports["licence"][0].plus == "L"
        held = gnn.training_network((2, 1), chemistry=chemistry, learning_schedule="steps", hold=2.0)
        assert held.phases[1:] == (Phase("learn", None, scheduled),)
        assert held.network == gnn.training_network((2, 1), chemistry=chemistry, hold=2.0).network
        forward = gnn.training_network((2, 1), chemistry=chemistry, learning_schedule="steps", learning=False)
        assert "L" not in forward.network.index
    with pytest.raises(InputError, match="unknown learning_schedule 'linear': choose one of constant, cosine, steps"):
        gnn.training_network((2, 1), learning_schedule="linear")


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_the_environment_sets_the_licence_to_the_factor(dtype):
    n, volume = 9, 333.0
    spec = gnn.training_network((2, 1), hold=1.0, learning_schedule="cosine")
    samples = Samples(spec, Presented([X], [T], np.zeros((n, 1)), schedule="cosine"), volume, dtype)
    for k in range(n):
        hold, learn = samples.steps(k, 0.0, 5.0)
        f = SCHEDULES["cosine"](k, n)
        assert hold.counts[list(hold.species).index(spec.network.index["L"])] == 0
        assert learn.counts.tolist() == [round(f * volume) if dtype == np.int64 else f * volume]
    assert spec.schedule(X, T, 100.0, 5.0, scheduled=0.25)[1] == (1.0, {"L": 25})


def _learnt(f, eta, method, volume, replicates=1, hold=10.0, time=30.0, **options):
    """Change of the weights float64[replicate, weight] in a presentation with licence f and learning rate eta."""
    spec = gnn.training_network((2, 2, 1), hold=hold, learning_rate=eta, learning_schedule="cosine", derivative="gain")
    weights = np.linspace(-0.6, 0.9, len(spec.weights))
    scale = 1.0 if method != "ode" else 1e9  # counts need not be whole where they are amounts
    entries = spec.schedule(X, T, volume * scale, time, scheduled=f)
    start = spec.initial(weights, volume * scale)
    if method == "ode":
        entries = [(t, {s: n / scale for s, n in counts.items()}) for t, counts in entries]
        start = {s: n / scale for s, n in start.items()}
    run = gnn.simulate(
        spec.network, time=[0.0, time], volume=volume, method=method, replicates=replicates, seed=3, initial=start,
        schedule=entries, **options,
    )  # fmt: skip
    moved = spec.read_weights(run.counts, volume if method != "ode" else 1.0)
    return moved[:, 1] - moved[:, 0]


@pytest.mark.parametrize("f", FACTORS)
def test_rate_equations_learn_at_the_rate_times_the_factor(f):
    """L f in place of L gives what eta f in place of eta gives, also where the weights change much."""
    precise = {"rtol": 1e-11, "atol": 1e-13}
    for eta in (0.001, 0.1):
        lowered, slower = _learnt(f, eta, "ode", 1.0, **precise), _learnt(1.0, eta * f, "ode", 1.0, **precise)
        np.testing.assert_allclose(lowered, slower, rtol=1e-4, atol=1e-7 * f)
    assert np.abs(lowered).max() > 0.1 * f


def test_counts_learn_at_the_rate_times_the_factor():
    """At f = 0.02, which is 20 molecules of L of 1,000; planted: 16 of them."""
    volume, eta, n = 1000.0, 0.02, 400
    lowered, slower, fewer = (
        _learnt(*which, "layered", volume, n) for which in ((0.02, eta), (1.0, 0.02 * eta), (0.016, eta))
    )
    z = (lowered.mean(axis=0) - slower.mean(axis=0)) / np.sqrt((lowered.var(axis=0) + slower.var(axis=0)) / n)
    accept(2 * stats.norm.sf(np.abs(z).max()), "licence of 20 molecules", family=len(z))
    direction = slower.mean(axis=0)
    along = (fewer - slower) @ direction
    assert rejects(mean_is(along, 0.0))


def test_descent_and_flow_take_scheduled_steps():
    for method, tolerance in (("gradient_descent", 1e-12), ("gradient_flow", 1e-6)):
        fit = gnn.train(
            "iris", method=method, batch=2, learning_schedule="cosine", learning_rate=1e-5, hold=4.0, seed=1,
            presentations=10,
        )  # fmt: skip
        plan, weights = fit.plan, fit.plan.learner.initial_weights
        for k in range(10):
            step = 1e-5 * (17.0 - 4.0) * SCHEDULES["cosine"](k, 10)
            weights = weights - step * plan.spec.floating.gradient(weights, plan.presented.x(k), plan.presented.t(k))
        np.testing.assert_allclose(fit.last_weights, weights, rtol=tolerance, atol=tolerance)
        if method == "gradient_descent":
            np.testing.assert_allclose(
                fit.scores["rmse"], fit.scores["rmse_gradient_descent"], rtol=1e-10
            )  # the twin has the same steps


def test_the_schedule_of_a_run_is_that_of_its_planned_presentations():
    plan = gnn.train("xor", learning_schedule="steps", presentations=8, running_time=0.5, volume=40.0, seed=1).plan
    assert [plan.presented.licence(k) for k in (3, 4, 6)] == [1.0, 0.2, 0.04]
