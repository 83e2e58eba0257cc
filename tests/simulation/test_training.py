"""Presentations and training: order, scores, predictions, and what the file holds."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.activations import ACTIVATIONS
from gillespie_nn.simulation import EXACT
from gillespie_nn.simulation.presentations import presentation_order

SHORT = {"volume": 60.0, "presentations": 12, "running_time": 2.0, "seed": 3}


def test_random_order_passes_over_all_samples_and_depends_on_the_seed():
    order = presentation_order(7, 21, "random", 1)
    assert order.shape == (21, 1)
    order = order.ravel()
    for k in range(3):
        assert sorted(order[7 * k : 7 * k + 7]) == list(range(7))
    assert not np.array_equal(order, presentation_order(7, 21, "random", 2).ravel())
    np.testing.assert_array_equal(presentation_order(3, 5, "cyclic", 1).ravel(), [0, 1, 2, 0, 1])
    # a batch shows the same samples, so many at once; the last pass goes on with the next permutation
    np.testing.assert_array_equal(presentation_order(7, 5, "random", 1, 4).ravel(), order[:20])


@pytest.mark.parametrize("method", [m.name for m in EXACT if m.trains])
@pytest.mark.parametrize("activation", [a.name for a in ACTIVATIONS])
def test_every_method_trains_every_activation(activation, method):
    fit = gnn.train("xor", activation=activation, method=method, **SHORT)
    assert fit.n_events > 1000 and np.isfinite(fit.weights).all()
    assert not np.array_equal(fit.weights, fit.plan.learner.initial_weights)


def test_a_training_run_is_a_function_of_its_seed():
    one, again = (gnn.train("xor", **SHORT) for _ in range(2))
    np.testing.assert_array_equal(one.weights, again.weights)
    assert one.n_events == again.n_events
    assert not np.array_equal(one.weights, gnn.train("xor", **(SHORT | {"seed": 4})).weights)


def test_recording_changes_no_reaction_and_keeps_the_last_presentation(tmp_path):
    plain = gnn.train("xor", **SHORT)
    fit = gnn.train("xor", output=tmp_path / "x.h5", record_every=5, **SHORT)
    np.testing.assert_array_equal(fit.weights, plain.weights)
    with gnn.open_run(tmp_path / "x.h5") as run:
        assert run.training["recorded"][:].tolist() == [4, 9, 11]
        np.testing.assert_allclose(run.time, [10.0, 20.0, 24.0])
        assert run.counts.shape == (1, 3, 82)
        spec = fit.spec
        np.testing.assert_array_equal(run.weights, spec.read_weights(run.counts[0], 60.0))
        np.testing.assert_array_equal(run.predictions, spec.read_outputs(run.counts[0], 60.0))
        # the last record still holds the last sample's input: it comes before any further change
        last = fit.plan.dataset.train_x[fit.plan.order[-1, 0]]
        np.testing.assert_array_equal(spec.read(spec.inputs, run.counts[0, -1], 60.0), last)
        assert run.complete and run.n_events.tolist() == [fit.n_events]


def test_gradient_descent_starts_where_the_molecules_start():
    fit = gnn.train("xor", **SHORT)
    plan = fit.plan
    np.testing.assert_allclose(plan.learner.initial_weights * 60.0, np.round(plan.learner.initial_weights * 60.0))
    expected = plan.spec.floating.gradient_descent(
        plan.learner.initial_weights, plan.dataset.train_x, plan.dataset.train_t, plan.order, 0.01 * 2.0, n_averaged=40
    )
    errors = np.abs(plan.spec.floating.forward(expected, plan.dataset.test_x) - plan.dataset.test_t)
    assert fit.scores["largest_error_gradient_descent"] == pytest.approx(errors.max())


def test_prediction_by_simulation_agrees_with_the_float_forward_pass():
    """Omega = 1e5: noise of the output is below 0.01, the transient gone after half a presentation of 40."""
    fit = gnn.train("xor", volume=1e5, presentations=2, running_time=0.5, seed=1)
    object.__setattr__(fit.plan.settings, "running_time", 40.0)
    x = fit.plan.dataset.test_x
    np.testing.assert_allclose(fit.predict(x), fit.predict(x, exact_forward=True), atol=0.05)


def test_own_data_with_negative_inputs_trains_as_regression():
    x = np.linspace(-1, 1, 8)[:, None]
    fit = gnn.train((x, x[:, 0] ** 2), hidden=(3,), volume=100.0, presentations=8, running_time=2.0, seed=0)
    assert fit.plan.dataset.signed and np.isnan(fit.accuracy) and np.isfinite(fit.scores["rmse"])
    assert "X_0_m" in fit.spec.network.species


def test_xor_learns_in_a_short_run():
    """A third of the default presentations at Omega = 1000: the error falls well below that of a constant 0.5.

    No sampling is judged here: the run is a function of its seed."""
    fit = gnn.train("xor", seed=0, presentations=500)
    assert fit.scores["rmse"] < 0.25 < fit.scores["rmse_before"]


def test_a_hold_keeps_the_errors_of_the_sample_before_out_of_the_weights():
    common, step, running_time = {"presentations": 12, "seed": 0, "running_time": 20.0}, 1e-3, 20.0
    descent = gnn.train("xor", method="gradient_descent", learning_rate=step / running_time, **common)
    learnt = descent.weights - descent.plan.learner.initial_weights
    errors = []
    for hold in (0.0, 12.0):
        rate = step / (running_time - hold)
        fit = gnn.train("xor", method="ode", hold=hold, learning_rate=rate, **common)
        assert fit.scores["rmse_gradient_descent"] == pytest.approx(descent.scores["rmse"], rel=1e-12)
        errors.append(np.linalg.norm(fit.weights - fit.plan.learner.initial_weights - learnt) / np.linalg.norm(learnt))
    assert errors[1] < 0.02 < 0.07 < errors[0], errors


def test_nothing_is_learnt_while_learning_is_held():
    spec = gnn.training_network((2, 3, 1), learning_rate=1.0, hold=5.0)
    weights = spec.floating.initial_weights(0)
    schedule = spec.schedule([1, 0], [1], 1000.0, 10.0)
    assert [time for time, _ in schedule] == [0.0, 5.0]
    initial = spec.initial(weights, 1000.0)
    run = gnn.simulate(spec.network, 10.0, 3, volume=1000.0, initial=initial, schedule=schedule, seed=1)
    read = spec.read_weights(run.counts[0], 1000.0)
    np.testing.assert_array_equal(read[1], read[0])
    assert np.abs(read[2] - read[0]).max() > 0.05


@pytest.mark.parametrize(
    "arguments, what",
    [
        ({"data": "xr"}, "unknown case 'xr' \\(did you mean 'xor'\\?\\)"),
        ({"data": 3}, "data must be a case's name"),
        ({"data": ([[1.0]], [[1.0], [2.0]])}, "inputs have 1 samples, but targets have 2"),
        ({"data": ([[np.nan]], [[1.0]])}, "inputs must be finite, got nan at \\(0, 0\\)"),
        ({"data": ([["a"]], [[1.0]])}, "inputs must be numbers"),
        ({"volume": -1}, "volume must be positive and finite, got -1"),
        ({"volume": 1e30}, "exceed the largest count"),
        ({"presentations": 0}, "presentations must be at least 1, got 0"),
        ({"running_time": 0}, "running_time must be positive"),
        ({"hold": -1}, "hold must be at least 0"),
        ({"hold": 20, "running_time": 20}, "hold must be shorter than running_time, got 20 s and 20 s"),
        ({"h": 0}, "h must be positive"),
        ({"learning_rate": float("nan")}, "learning_rate must be at least 0"),
        ({"annihilation_rate": 0}, "annihilation_rate must be positive"),
        ({"activation": "tanh"}, "unknown activation 'tanh'"),
        ({"derivative": "none"}, "unknown derivative 'none'"),
        ({"output_activation": "softmax"}, "unknown output 'softmax'"),
        ({"hidden": (0,)}, "hidden layer size must be at least 1"),
        ({"order": "sorted"}, "unknown order 'sorted'"),
        ({"method": "fast"}, "unknown method 'fast'"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"epochs": 3}, "unknown setting 'epochs'"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(arguments, what, tmp_path):
    arguments = {"data": "xor", "output": tmp_path / "x.h5"} | arguments
    with pytest.raises(gnn.InputError, match=what):
        gnn.train(arguments.pop("data"), **arguments)
    assert not list(tmp_path.iterdir())


def test_a_run_whose_weights_run_away_ends_and_says_so():
    """In the middle of a presentation, which would take hours by exact methods."""
    with pytest.raises(
        gnn.UnfinishedError, match="diverged: a weight is .* in presentation [12]; the likely cause: the learning rate"
    ):
        gnn.train("xor", method="rejection", learning_rate=1.0, presentations=20, seed=1)


def test_a_limit_takes_samples_of_every_class():
    fit = gnn.train("iris", method="gradient_descent", limit=30, presentations=1, seed=1)
    assert fit.plan.dataset.train_t.sum(axis=0).min() >= 8 and len(fit.plan.dataset.train_t) == 30
    whole = gnn.train("iris", method="gradient_descent", limit=10_000, presentations=1, seed=1)
    assert len(whole.plan.dataset.train_t) == 105
    assert whole.plan.dataset.test_t[:15].sum(axis=0).min() >= 1
