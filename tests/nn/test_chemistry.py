"""The chemistry: fixed points of its modules, relaxation rates, and gradients it computes, against the formulae.

By the mass-action equations, whose right-hand side comes from the plain twin in `naive`.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import gillespie_nn as gnn
from gillespie_nn.activations import ACTIVATIONS, make_activation
from gillespie_nn.crn.dual_rail import NetworkBuilder, Rails
from gillespie_nn.options import options_of
from helpers.naive import mass_action

Z_VALUES = (-2.0, -0.4, 0.0, 0.3, 1.7)


def settle(network, initial, time=400.0):
    """Concentrations by name at rest."""
    start = np.array([initial.get(s, 0.0) for s in network.species])
    right = mass_action(network)
    end = solve_ivp(lambda t, c: right(c), (0, time), start, method="LSODA", rtol=1e-10, atol=1e-12).y[:, -1]
    return dict(zip(network.species, end))


def _module(activation):
    builder = NetworkBuilder()
    helpers = {name: Rails(name) for name in activation.helpers}
    z = Rails.signed("Z")
    y = Rails.signed("Y") if activation.signed_output else Rails("Y")
    builder.declare(z)
    activation.forward(builder, z, y, helpers)
    activation.backward(builder, z, y, Rails("S"), helpers)
    return builder.network(), y


def _settled_in_every_way():
    """Every activation, and for each choice of an option one more."""
    for kind in ACTIVATIONS:
        h = {"h": 0.1} if "h" in options_of(kind) else {}
        yield kind(**h)
        for name, option in options_of(kind).items():
            for value in getattr(option.check, "names", ())[1:]:
                yield kind(**h, **{name: value})


@pytest.mark.parametrize("activation", list(_settled_in_every_way()), ids=repr)
@pytest.mark.parametrize("z", Z_VALUES)
def test_an_activation_settles_at_its_value_and_slope_and_leaves_z_alone(activation, z):
    network, y = _module(activation)
    rails = {"Z_p": max(z, 0) + 0.2, "Z_m": max(-z, 0) + 0.2}
    rest = settle(network, rails | activation.helpers)
    output = rest[y.plus] - (rest[y.minus] if y.minus else 0.0)
    right = activation.of_rails(np.array(rails["Z_p"]), np.array(rails["Z_m"]))
    assert output == pytest.approx(float(right.value), abs=1e-6)
    assert rest[y.plus] + (rest[y.minus] if y.minus else 0.0) == pytest.approx(float(right.rails), abs=1e-6)
    assert rest["S"] == pytest.approx(float(right.slope), abs=1e-6)
    if not activation.reads_rails:
        assert (right.value, right.slope) == (pytest.approx(activation.value(z)), pytest.approx(activation.slope(z)))
    assert (rest["Z_p"], rest["Z_m"]) == (rails["Z_p"], rails["Z_m"])
    assert all(set(r.net_change()) <= {"Y", "Y_p", "Y_m", "S", *activation.helpers} for r in network.reactions)


@pytest.mark.parametrize("name", [a.name for a in ACTIVATIONS if a.reads_rails])
@pytest.mark.parametrize("kappa", [7.0, 1e3, 1e6])
@pytest.mark.parametrize("plus, minus", [(0.0, 0.0), (1.3, 0.0), (0.0, 0.4), (2.0, 0.7), (0.5, 2.1), (3e3, 2.9e3)])
def test_rails_come_to_rest_where_they_annihilate_as_fast_as_they_are_made(name, kappa, plus, minus):
    """The equations of the rails, and the identity: z_p is a smooth ReLU of z with h' = z_p z_m."""
    f = make_activation(name, kappa=kappa)
    z, made = plus - minus, plus + minus
    p, m = map(float, f.rails_at_rest(np.array(z), np.array(made)))
    source = kappa * getattr(f, "h", 0.0)
    scale = max(made + 2 * source, 1e-300)
    assert p >= 0 and m >= 0 and p - m == pytest.approx(z, abs=1e-12 * scale)
    assert plus + source - p - kappa * p * m == pytest.approx(0.0, abs=1e-9 * scale)
    assert minus + source - m - kappa * p * m == pytest.approx(0.0, abs=1e-9 * scale)
    assert p == pytest.approx((z + np.sqrt(z * z + 4 * p * m)) / 2, abs=1e-12 * scale)
    p, m = map(float, f.rails_at_rest(np.array(z), np.array(made), decay=2.0))  # made at twice P and M
    assert 2 * plus + source - 2 * p - kappa * p * m == pytest.approx(0.0, abs=1e-9 * scale)
    assert 2 * minus + source - 2 * m - kappa * p * m == pytest.approx(0.0, abs=1e-9 * scale)


def test_a_large_kappa_makes_an_ideal_relu_and_a_source_a_smooth_one():
    z = np.array([-2.0, -0.1, 0.1, 3.0])
    ideals = {"annihilation_relu": "relu", "leaky_annihilation_relu": "leaky_relu", "rail_relu": "smooth_relu"}
    for name, ideal in ideals.items():
        rest = make_activation(name, kappa=1e9).at_rest(z, np.abs(z) + 1.0)
        np.testing.assert_allclose(rest.value, make_activation(ideal).value(z), atol=1e-7)
        np.testing.assert_allclose(rest.slope, make_activation(ideal).slope(z), atol=1e-6)


@pytest.mark.parametrize("h", [1e-3, 0.05, 0.25, 2.0])
def test_smooth_relu_has_its_published_properties(h):
    f = make_activation("smooth_relu", h=h)
    z = np.linspace(-20, 20, 4001)
    y, s = f.value(z), f.slope(z)
    np.testing.assert_allclose(y * y - z * y, h, rtol=1e-9)
    assert (y > np.maximum(z, 0)).all() and (y - np.maximum(z, 0) <= np.sqrt(h) * (1 + 1e-12)).all()
    np.testing.assert_allclose(s, np.gradient(y, z), atol=2e-3)
    assert np.abs(np.diff(s) / np.diff(z)).max() <= 1 / (4 * np.sqrt(h)) * (1 + 1e-9)


@pytest.mark.parametrize("derivative, rate", [("switch", lambda z, y, h: np.sqrt(z * z + 4 * h)),
                                               ("gain", lambda z, y, h: np.sqrt(z * z + 4 * h)),
                                               ("ratio", lambda z, y, h: y * y + h)])  # fmt: skip
@pytest.mark.parametrize("z", Z_VALUES)
def test_relaxation_rates(derivative, rate, z):
    """The Jacobian at rest: y relaxes at sqrt(z^2 + 4h), s at the rate of its module."""
    h = 0.1
    activation = make_activation("smooth_relu", h=h, derivative=derivative)
    network, _ = _module(activation)
    initial = {"Z_p": max(z, 0) + 0.2, "Z_m": max(-z, 0) + 0.2}
    rest = settle(network, initial | activation.helpers)
    right = mass_action(network)
    at = np.array([rest[s] for s in network.species])

    def slope(s):
        k = network.species.index(s)
        step = np.zeros(len(at))
        step[k] = 1e-6
        if s == "S" and derivative == "switch":
            step[network.species.index("A")] = -1e-6
        return ((right(at + step) - right(at - step)) / 2e-6)[k]

    y = rest["Y"]
    assert slope("Y") == pytest.approx(-np.sqrt(z * z + 4 * h), rel=1e-6)
    assert slope("S") == pytest.approx(-rate(z, y, h), rel=1e-6)


CASES = [
    ((2, 4, 1), "smooth_relu", "linear", "switch", False),
    ((2, 4, 1), "smooth_relu", "linear", "gain", False),
    ((2, 3, 2), "smooth_relu", "smooth_relu", "switch", False),
    ((3, 3, 2), "smooth_relu", "linear", "ratio", True),
    ((2, 3, 3, 2), "smooth_relu", "linear", "gain", True),
    ((2, 3, 3, 2), "smooth_relu", "smooth_relu", "ratio", False),
    ((2, 3, 2), "relu", "linear", "gain", True),
    ((2, 3, 2), "leaky_relu", "leaky_relu", "gain", True),
    ((3, 2), "smooth_relu", "linear", "gain", True),
    ((2, 3, 2), "annihilation_relu", "linear", "", True),
    ((2, 3, 3, 2), "annihilation_relu", "annihilation_relu", "", False),
    ((2, 3, 3, 2), "leaky_annihilation_relu", "leaky_annihilation_relu", "", True),
    ((2, 3, 2), "rail_relu", "smooth_relu", "switch", True),
    ((2, 3, 2), "rail_relu", "linear", "", False),
]
OF_ONE_NUMBER = [case for case in CASES if not make_activation(case[1]).reads_rails]
"""Their float gradients are those of the loss; the others' slope is that of z at a fixed common part of its rails."""


def _spec(case, **settings):
    layers, activation, output, derivative, signed = case
    smooth = {"h": 0.2, "derivative": derivative} if "smooth_relu" in (activation, output) else {}
    return gnn.training_network(layers, activation, output=output, signed_inputs=signed, **smooth, **settings)


def _sample(spec, signed, seed):
    rng = np.random.default_rng(seed)
    weights = rng.normal(0, 0.7, len(spec.weights))
    x = rng.uniform(-1 if signed else 0, 1, spec.layers[0])
    return weights, x, rng.uniform(-1, 1, spec.layers[-1])


@pytest.mark.parametrize("case", OF_ONE_NUMBER, ids=str)
def test_float_gradients_are_those_of_the_loss(case):
    spec = _spec(case)
    network = spec.floating
    weights, x, t = _sample(spec, case[-1], 1)

    def loss(w):
        return 0.5 * np.sum((network.forward(w, x) - t) ** 2)

    steps = 1e-6 * np.eye(len(weights))
    numeric = [(loss(weights + e) - loss(weights - e)) / 2e-6 for e in steps]
    np.testing.assert_allclose(network.gradient(weights, x, t), numeric, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_chemistry_at_rest_computes_output_and_gradient(case):
    """With learning off the network settles; the update reactions' net rate is then minus the gradient."""
    off, on = _spec(case, learning_rate=0.0), _spec(case, learning_rate=1.0)
    weights, x, t = _sample(off, case[-1], 2)
    initial = {s: n / 1e9 for s, n in (off.initial(weights, 1e9) | off.presentation(x, t, 1e9)).items()}
    rest = settle(off.network, initial)
    counts = np.array([rest[s] for s in off.network.species])
    np.testing.assert_allclose(off.read_outputs(counts, 1.0), off.floating.forward(weights, x), atol=1e-6)
    change = mass_action(on.network)(counts)
    np.testing.assert_allclose(on.read(on.weights, change, 1.0), -off.floating.gradient(weights, x, t), atol=1e-6)


@pytest.mark.parametrize("case", CASES[:3], ids=str)
def test_the_weights_wait_for_the_licence_and_then_learn_the_gradient(case):
    off, on = (_spec(case, learning_rate=rate, hold=1.0) for rate in (0.0, 1.0))
    weights, x, t = _sample(off, case[-1], 2)
    given = off.initial(weights, 1e9)
    for (_, shown), learnt in zip(
        off.schedule(x, t, 1e9, 2.0), (0.0, -off.floating.gradient(weights, x, t)), strict=True
    ):
        given |= shown
        rest = settle(off.network, {s: n / 1e9 for s, n in given.items()})
        counts = np.array([rest[s] for s in off.network.species])
        np.testing.assert_allclose(off.read_outputs(counts, 1.0), off.floating.forward(weights, x), atol=1e-6)
        np.testing.assert_allclose(on.read(on.weights, mass_action(on.network)(counts), 1.0), learnt, atol=1e-6)


@pytest.mark.parametrize("hold", [0.0, 1.0])
def test_every_reaction_is_at_most_bimolecular_and_catalysts_are_kept(hold):
    for case in CASES:
        for reaction in _spec(case, hold=hold).network.reactions:
            assert reaction.order <= 2
            for s in dict(reaction.reactants):
                if s.startswith(("X_", "T_", "L")):
                    assert s not in reaction.net_change()


def test_sizes_are_those_counted_by_hand():
    network = gnn.training_network((2, 4, 1)).network
    assert (len(network.species), len(network.reactions)) == (82, 195)
    network = gnn.training_network((16, 16, 10)).network
    assert (len(network.species), len(network.reactions)) == (1120, 3286)


def test_weights_inputs_and_outputs_come_back_from_their_rails():
    spec = gnn.training_network((2, 3, 1), signed_inputs=True)
    weights = np.linspace(-1, 1, len(spec.weights))
    counts = spec.network.counts(spec.initial(weights, 1e6) | spec.presentation([0.5, -0.25], [-1.0], 1e6))
    np.testing.assert_allclose(spec.read_weights(counts, 1e6), weights, atol=1e-6)
    np.testing.assert_allclose(spec.read(spec.inputs, counts, 1e6), [0.5, -0.25])
    np.testing.assert_allclose(spec.read(spec.targets, counts, 1e6), [-1.0])


def test_negative_input_without_minus_rails_is_refused():
    spec = gnn.training_network((2, 3, 1))
    with pytest.raises(gnn.InputError, match="X_1_p cannot represent -0.5.*signed_inputs=True"):
        spec.presentation([0.1, -0.5], [1.0], 100)


@pytest.mark.parametrize("name, common", [("smooth_relu", 0.2), ("relu", 0.0), ("annihilation_relu", None)])
def test_drives_are_what_the_rails_are_made_at(name, common):
    h = {"h": 0.2} if name == "smooth_relu" else {}
    network = gnn.training_network((2, 3, 1), name, **h).floating
    weights, x = np.random.default_rng(3).normal(0, 1, network.n_weights), np.array([[0.3, 0.8], [1.0, 0.1]])
    found = network.drives(weights, x)
    (w1, b1), (w2, b2) = network.matrices(weights)
    z = x @ w1.T + b1
    made = x @ np.abs(w1).T + np.abs(b1)
    if common is None:
        p, m = make_activation(name).rails_at_rest(z, made)
        y, common = p, p * m
    else:
        y = make_activation(name, **h).value(z)
    np.testing.assert_allclose(found.common, np.broadcast_to(common, z.shape), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found.output_made, y @ np.abs(w2).T + np.abs(b2))
    np.testing.assert_allclose(found.output, network.forward(weights, x))
