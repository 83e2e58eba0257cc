"""The slow limit: gradients, gradient descent and flow as levels of training, and the rates at which levels meet.

Nothing here is random but for seeded weights.
"""

import json

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.activations import ACTIVATIONS, make_activation
from gillespie_nn.cli import main
from gillespie_nn.nn import FloatNetwork, floating
from gillespie_nn.simulation.presentations import Learner
from gillespie_nn.simulation.slow_limit import GradientFlow
from gillespie_nn.verification import ladder

LEVELS = ("gradient_descent", "gradient_flow")
NAMES = [a.name for a in ACTIVATIONS if not a.reads_rails]  # whose slope is that of y by z alone
SHORT = {"presentations": 12, "running_time": 2.0, "seed": 3}
H = 0.2


def _network(layers, hidden="smooth_relu", output="linear"):
    def made(name):
        return make_activation(name, **({"h": H} if name == "smooth_relu" else {}))

    return FloatNetwork(layers, made(hidden), None if output == "linear" else made(output))


def _sample(network, seed, scale=0.7):
    rng = np.random.default_rng(seed)
    sizes = network.n_weights, network.layers[0], network.layers[-1]
    return [scale * rng.normal(size=n) for n in sizes]


def _numeric_gradient(network, weights, x, t, step=1e-6):
    def loss(w):
        return 0.5 * np.sum((network.forward(w, x) - t) ** 2)

    return np.array([(loss(weights + e) - loss(weights - e)) / (2 * step) for e in step * np.eye(len(weights))])


def _without_biases(gradient):
    def wrong(self, weights, x, t):
        found = gradient(self, weights, x, t)
        for _, bias in self.matrices(found):
            bias[:] = 0.0
        return found

    return wrong


@pytest.mark.parametrize("layers", [(3, 2), (2, 3, 2), (2, 4, 3, 2)], ids=str)
@pytest.mark.parametrize("output", ["linear", *NAMES])
@pytest.mark.parametrize("hidden", NAMES)
def test_gradients_are_finite_differences_of_the_loss(hidden, output, layers):
    network = _network(layers, hidden, output)
    weights, x, t = _sample(network, 1)
    numeric = _numeric_gradient(network, weights, x, t)
    assert np.abs(numeric).max() > 0.01  # else the sample says nothing
    np.testing.assert_allclose(network.gradient(weights, x, t), numeric, rtol=1e-5, atol=1e-8)
    assert np.abs(_without_biases(FloatNetwork.gradient)(network, weights, x, t) - numeric).max() > 1e-3


@pytest.mark.parametrize("inputs", [1, 300])
def test_the_flow_of_a_linear_layer_is_an_exponential(inputs):
    """y - t decays at |x|^2 + 1, and weights move along (x, 1)."""
    network = _network((inputs, 1))
    weights, x, t = _sample(network, 2, scale=0.3)
    rate, time = x @ x + 1.0, 0.4
    error = network.forward(weights, x) - t
    expected = weights - np.append(x, 1.0) * error * -np.expm1(-rate * time) / rate
    np.testing.assert_allclose(network.gradient_flow(weights, x, t, time), expected, rtol=1e-8)


@pytest.mark.parametrize("hidden", ["relu", "leaky_relu"])
def test_the_flow_keeps_what_it_conserves_and_does_not_get_stuck_at_a_kink(hidden):
    """Of each hidden neuron |weights in|^2 + bias^2 - |weights out|^2 (Du, Hu, Lee 2018); descent changes it."""
    network = _network((2, 4, 1), hidden)
    weights = network.initial_weights(1)
    data = gnn.train("xor", method="gradient_descent", presentations=1).plan.dataset

    def difference(w):
        (W1, b1), (W2, _) = network.matrices(w)
        return np.sum(W1**2, axis=1) + b1**2 - np.sum(W2**2, axis=0)

    flowed, crossed = weights, 0
    for k in range(80):
        before = network.matrices(flowed)[0]
        flowed = network.gradient_flow(flowed, data.train_x[k % 4], data.train_t[k % 4], 0.2)
        after = network.matrices(flowed)[0]
        crossed += (
            (before[0] @ data.train_x[k % 4] + before[1] > 0) != (after[0] @ data.train_x[k % 4] + after[1] > 0)
        ).sum()
    assert crossed > 5
    np.testing.assert_allclose(difference(flowed), difference(weights), atol=1e-6)
    descended = network.gradient_descent(weights, data.train_x, data.train_t, np.arange(80) % 4, 0.2)
    assert np.abs(difference(descended) - difference(weights)).max() > 1e-2


def test_a_flow_that_gets_nowhere_says_so(monkeypatch):
    monkeypatch.setattr(floating, "_MOST_GRADIENTS", 30)
    with pytest.raises(
        gnn.UnfinishedError,
        match="gradient_flow, in the presentation from t = 0 s: .* with 30 evaluations of the gradient",
    ):
        gnn.train("xor", method="gradient_flow", learning_rate=10.0, **SHORT)


def test_descent_that_diverges_names_weight_and_time():
    with pytest.raises(
        gnn.UnfinishedError, match=r"gradient_descent diverged: \w+ is .* at t = \d+ s; use a smaller lea"
    ):
        gnn.train("xor", method="gradient_descent", learning_rate=5.0, presentations=100, seed=1)


def test_training_by_descent_is_descent():
    fit = gnn.train("xor", method="gradient_descent", **SHORT)
    plan, data = fit.plan, fit.plan.dataset
    path = [plan.learner.initial_weights]
    for k in plan.order:
        path.append(plan.spec.floating.gradient_descent(path[-1], data.train_x, data.train_t, [k], 0.01 * 2.0))
    np.testing.assert_allclose(fit.last_weights, path[-1], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(fit.weights, np.mean(path[1:], axis=0), rtol=1e-12, atol=1e-15)
    for score in ("rmse", "largest_error"):
        direct = gnn.train("xor", method="gradient_descent", **SHORT | {"presentations": 1}).scores
        assert direct[score] == pytest.approx(direct[f"{score}_gradient_descent"], rel=1e-12)


def test_training_by_flow_is_flow_at_the_tolerance_asked_for(monkeypatch):
    plain, calls = FloatNetwork.gradient, []
    monkeypatch.setattr(FloatNetwork, "gradient", lambda *arguments: calls.append(1) or plain(*arguments))
    gnn.train("xor", method="gradient_flow", flow_rtol=1e-2, **SHORT)
    n_coarse = len(calls)
    fine = gnn.train("xor", method="gradient_flow", flow_rtol=1e-12, **SHORT)
    assert len(calls) - n_coarse > 1.5 * n_coarse
    plan, data = fine.plan, fine.plan.dataset
    weights = plan.learner.initial_weights
    for k in plan.order:
        weights = plan.spec.floating.gradient_flow(weights, data.train_x[k], data.train_t[k], 0.02, 1e-12)
    np.testing.assert_allclose(fine.last_weights, weights, atol=1e-12)


@pytest.mark.parametrize("method", LEVELS)
def test_the_volume_changes_nothing_and_weights_are_not_rounded(method):
    small, large = (gnn.train("xor", method=method, volume=v, **SHORT) for v in (0.5, 1e6))
    np.testing.assert_allclose(small.last_weights, large.last_weights, rtol=1e-12, atol=1e-15)
    start = small.spec.floating.initial_weights(3, 1.0)
    np.testing.assert_allclose(small.plan.learner.initial_weights, start, rtol=1e-15)


@pytest.mark.parametrize("method", LEVELS)
@pytest.mark.parametrize("output_activation", ["linear", "leaky_relu", "smooth_relu"])
def test_a_run_file_holds_weights_sample_and_output_as_concentrations(output_activation, method, tmp_path):
    x = np.array([[-1.0, 0.5], [0.3, -0.2], [0.8, 0.9]])
    t = np.array([-0.5, 0.2, 1.0])
    settings = {"hidden": (3,), "output_activation": output_activation, "volume": 50.0, "record_every": 5}
    fit = gnn.train((x, t), method=method, output=tmp_path / "g.h5", **settings, **SHORT)
    spec, last = fit.spec, fit.plan.order[-1, 0]
    with gnn.open_run(tmp_path / "g.h5") as run:
        assert run.complete and run.units == "concentration" and run.n_events.tolist() == [0]
        np.testing.assert_allclose(run.time, [10.0, 20.0, 24.0])
        counts = run.counts[0]
        np.testing.assert_allclose(run.weights[-1], fit.last_weights, rtol=1e-12)
        np.testing.assert_allclose(spec.read_weights(counts, 1.0), run.weights, rtol=1e-12)
        np.testing.assert_allclose(spec.read_outputs(counts, 1.0), run.predictions, rtol=1e-12)
        np.testing.assert_allclose(spec.floating.forward(run.weights[-1], x[last]), run.predictions[-1], rtol=1e-12)
        np.testing.assert_allclose(spec.read(spec.inputs, counts[-1], 1.0), x[last], rtol=1e-12)
        np.testing.assert_allclose(spec.read(spec.targets, counts[-1], 1.0), [t[last]], rtol=1e-12)
        assert (counts >= 0).all()
        rails = np.array([[run.species.index(r.plus), run.species.index(r.minus)] for r in spec.weights])
        assert (counts[:, rails].min(axis=-1) == 0).all()  # a weight is on one rail


@pytest.mark.parametrize("method", LEVELS)
def test_predictions_are_the_float_forward_pass(method):
    fit = gnn.train("xor", method=method, **SHORT)
    x = fit.plan.dataset.test_x
    np.testing.assert_array_equal(fit.predict(x), fit.spec.floating.forward(fit.weights, x))
    np.testing.assert_array_equal(fit.outputs, fit.predict(x, exact_forward=True))


@pytest.mark.parametrize("method", LEVELS)
def test_they_are_levels_of_training_only(method, tmp_path, capsys):
    with pytest.raises(gnn.InputError, match=f"{method} is a training method.*use train\\("):
        gnn.simulate(gnn.training_network((2, 3, 1)).network, 1.0, method=method)
    model = tmp_path / "model.txt"
    model.write_text("A -> B @ 1\nA = 10\n")
    assert main(["simulate", str(model), "--t-end", "1", "--method", method]) == 2
    assert f"{method} is a training method" in capsys.readouterr().err


@pytest.mark.parametrize("method", LEVELS)
def test_the_command_trains_by_them(method, capsys):
    arguments = ["train", "xor", "--method", method, "--presentations", "300", "--seed", "0", "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert found["method"] == method and found["events"] == 0 and "accuracy_chemical" not in found
    assert found["rmse"] < found["rmse_before"]
    assert main([*arguments, "--predict"]) == 2
    assert f"predict simulates reactions, but {method} has none" in capsys.readouterr().err


def test_bad_tolerance_is_refused():
    with pytest.raises(gnn.InputError, match="flow_rtol must lie between 0 and 1, got 2"):
        gnn.train("xor", method="gradient_flow", flow_rtol=2, **SHORT)
    with pytest.raises(gnn.InputError, match="unknown option flow_rtol: method gradient_descent takes no options"):
        gnn.train("xor", method="gradient_descent", flow_rtol=1e-3, **SHORT)


RATES = {
    "ode to flow": ladder.ode_to_flow,
    "flow to descent": ladder.flow_to_descent,
    "bias at fixed T": ladder.bias_at_fixed_time,
}


@pytest.mark.parametrize("name", RATES)
def test_each_level_meets_the_next_at_first_order(name):
    rate = RATES[name]()
    assert rate.verdict == "holds" and abs(rate.exponent - rate.expected) < 0.1
    assert rate.interval[0] - 0.01 < rate.expected < rate.interval[1] + 0.01
    away_from_1 = np.abs(np.diff(np.log(rate.error)) / np.diff(np.log(rate.x)) - rate.expected)
    assert (np.diff(rate.error) * rate.expected * np.diff(rate.x) > 0).all()
    assert away_from_1[-1] < 0.03 and (np.diff(away_from_1) < 1e-3).all()  # local exponents approach it


def _step_too_long(monkeypatch):
    learn = GradientFlow._learn
    monkeypatch.setattr(GradientFlow, "_learn", lambda self, x, t, step: learn(self, x, t, 1.05 * step))


def _biases_forgotten(monkeypatch):
    monkeypatch.setattr(FloatNetwork, "gradient", _without_biases(FloatNetwork.gradient))


def _wrong_sign(monkeypatch):
    gradient = FloatNetwork.gradient
    monkeypatch.setattr(FloatNetwork, "gradient", lambda self, *sample: -gradient(self, *sample))


def _slow_rates_of_the_ode(monkeypatch):
    """The rate equations learn at 0.98 of the rate asked for."""
    plain = Learner.start

    def start(self, *rest):
        if not self.in_floating_point:
            slower = self.settings.learning_rate * 0.98
            spec = gnn.training_network(
                self.spec.layers, h=self.settings.h, learning_rate=slower,
                annihilation_rate=self.settings.annihilation_rate,
            )  # fmt: skip
            self = self._replace(spec=spec, rates=spec.network.rates())
        return plain(self, *rest)

    monkeypatch.setattr(Learner, "start", start)


@pytest.mark.parametrize(
    "name, plant",
    [
        ("ode to flow", _step_too_long),
        ("ode to flow", _biases_forgotten),
        ("ode to flow", _wrong_sign),
        ("ode to flow", _slow_rates_of_the_ode),
        ("flow to descent", _step_too_long),
        ("bias at fixed T", _step_too_long),
        ("bias at fixed T", _biases_forgotten),
        ("bias at fixed T", _slow_rates_of_the_ode),
    ],
)
def test_a_planted_error_is_caught(name, plant, monkeypatch):
    plant(monkeypatch)
    assert RATES[name]().verdict == "fails"
