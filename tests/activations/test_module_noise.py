"""Each module with finite numbers of molecules: mean, variance and relaxation of exact simulations against the
linear-noise approximation, whose covariance is computed here from the mass-action equations.

Each check rejects a right engine with probability 1e-7 (`checks_of_chance.ALPHA`). The linear-noise approximation is
off by a relative O(1 / Omega); at Omega = 2000 it is allowed 20 / Omega, a tenth of the statistical interval.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import orth, solve_continuous_lyapunov
from scipy.stats import norm

import gillespie_nn as gnn
from gillespie_nn.activations import SmoothReLU, make_activation
from gillespie_nn.crn.dual_rail import NetworkBuilder, Rails
from gillespie_nn.nn.chemistries import KangKim
from gillespie_nn.nn.reactions import Layers, add_equation
from helpers.checks_of_chance import accept, mean_is
from helpers.naive import mass_action

OMEGA = 2000
N = 2500
H = 0.1


def _equation(builder, label, sizes, layer):
    """The reactions of the first neuron of a layer by the equation `label` of the default chemistry."""
    layers = Layers(KangKim(annihilation_rate=5.0), sizes, [SmoothReLU(h=H)] * (len(sizes) - 2) + [None])
    (equation,) = [e for e in (*KangKim.forward, *KangKim.backward) if e.label == label]
    add_equation(builder, layers, layer, equation, {"i": 0})


def _pre_activation(builder):
    _equation(builder, "preactivation", (2, 1, 1), 1)
    return {"W1_0_0_p": 0.6, "W1_0_1_m": 0.4, "X_0_p": 1.0, "X_1_p": 0.2, "B1_0_m": 0.3}


def _smooth_relu(builder):
    make_activation("smooth_relu", h=H).forward(builder, Rails.signed("Z"), Rails("Y"), {})
    return {"Z_p": 0.3, "Z_m": 0.5}


def _slope(derivative):
    def add(builder):
        activation = make_activation("smooth_relu", h=H, derivative=derivative)
        helpers = {name: Rails(name) for name in activation.helpers}
        activation.backward(builder, Rails.signed("Z"), Rails("Y"), Rails("S"), helpers)
        return {"Z_p": 0.7, "Z_m": 0.2, "Y": float(activation.value(0.5)), **activation.helpers}

    return add


def _annihilation(name, **settings):
    """A neuron with both rails made, and what reads them."""

    def add(builder):
        activation = make_activation(name, kappa=20.0, **settings)
        layers = Layers(KangKim(), (2, 1, 1), [activation, None])
        for label in ("preactivation", "activation", "slope"):
            (equation,) = [e for e in (*KangKim.forward, *KangKim.backward) if e.label == label]
            add_equation(builder, layers, 1, equation, {"i": 0})
        inputs = {"W1_0_0_p": 0.6, "W1_0_1_m": 0.4, "X_0_p": 1.0, "X_1_p": 1.2, "B1_0_p": 0.1}
        return inputs | {f"{helper}1_0": value for helper, value in activation.helpers.items()}

    return add


def _output_error(builder):
    _equation(builder, "output_error", (1, 1), 1)
    return {"Z1_0_p": 0.9, "Z1_0_m": 0.1, "T_0_p": 0.4}


def _error_sum(builder):
    _equation(builder, "error_sum", (1, 1, 1), 1)
    return {"W2_0_0_p": 0.8, "W2_0_0_m": 0.1, "D2_0_p": 0.2, "D2_0_m": 0.6}


def _error(builder):
    _equation(builder, "error", (1, 1, 1), 1)
    return {"S1_0": 0.7, "E1_0_p": 0.5, "E1_0_m": 0.1}


def _relu(builder):
    make_activation("relu").forward(builder, Rails.signed("Z"), Rails("Y"), {})
    make_activation("relu").backward(builder, Rails.signed("Z"), Rails("Y"), Rails("S"), {"A": Rails("A")})
    return {"Z_p": 0.9, "Z_m": 0.2}


MODULES = {
    "pre-activation": (_pre_activation, ("Z1_0_p", "Z1_0_m")),
    "smooth ReLU": (_smooth_relu, ("Y", None)),
    "slope, switch": (_slope("switch"), ("S", None)),
    "annihilation, both rails": (_annihilation("annihilation_relu"), ("Z1_0_p", None)),
    "annihilation ReLU": (_annihilation("annihilation_relu"), ("Y1_0", None)),
    "annihilation ReLU, slope": (_annihilation("annihilation_relu", switch_rate=2.0), ("S1_0", None)),
    "leaky annihilation ReLU": (_annihilation("leaky_annihilation_relu"), ("Y1_0_p", "Y1_0_m")),
    "leaky annihilation ReLU, slope": (_annihilation("leaky_annihilation_relu"), ("S1_0", None)),
    "rail ReLU": (_annihilation("rail_relu", h=H), ("Y1_0", None)),
    "rail ReLU, slope": (_annihilation("rail_relu", h=H), ("S1_0", None)),
    "slope, gain": (_slope("gain"), ("S", None)),
    "slope, ratio": (_slope("ratio"), ("S", None)),
    "output error": (_output_error, ("D1_0_p", "D1_0_m")),
    "error sum": (_error_sum, ("E1_0_p", "E1_0_m")),
    "error": (_error, ("D1_0_p", "D1_0_m")),
    "ReLU": (_relu, ("Y", None)),
    "step": (_relu, ("S", None)),
}


def _module(name):
    add, output = MODULES[name]
    builder = NetworkBuilder()
    inputs = add(builder)
    builder.declare(*(Rails(s) for s in inputs))
    return builder.network(), inputs, output


def _weights(network, output):
    """The vector w with w @ c = output."""
    w = np.zeros(len(network.species))
    for s, sign in zip(output, (1.0, -1.0)):
        if s is not None:
            w[network.index[s]] = sign
    return w


def _path(network, inputs, times):
    start = np.array([inputs.get(s, 0.0) for s in network.species])
    right = mass_action(network)
    return solve_ivp(lambda t, c: right(c), (0, times[-1]), start, "LSODA", times, rtol=1e-10, atol=1e-12).y.T


def linear_noise(network, at):
    """Covariance of concentrations at rest times Omega, in the directions in which reactions move the state: what they
    conserve, as the total of a switch, does not vary."""
    right = mass_action(network)
    step = 1e-6 * np.eye(len(at))
    jacobian = np.array([(right(at + e) - right(at - e)) / 2e-6 for e in step]).T
    changes = np.array([[reaction.net_change().get(s, 0) for s in network.species] for reaction in network.reactions])
    noise = np.zeros((len(at), len(at)))
    for reaction, change in zip(network.reactions, changes):
        alone = mass_action(gnn.ReactionNetwork(network.species, (reaction,)))
        rate = alone(at) @ change / (change @ change)  # the equations of one reaction are its rate times its change
        noise += rate * np.outer(change, change)
    basis = orth(changes.T.astype(float))
    return basis @ solve_continuous_lyapunov(basis.T @ jacobian @ basis, -basis.T @ noise @ basis) @ basis.T


@pytest.fixture(scope="module")
def simulated():
    """Concentration of a module's output over time, float64[replicate, time], at rest from t = 30 on."""
    kept = {}

    def run(name):
        if name not in kept:
            network, inputs, output = _module(name)
            initial = {s: round(OMEGA * c) for s, c in inputs.items()}
            r = gnn.simulate(
                network, time=[0.5, 1.0, 30.0], volume=OMEGA, initial=initial, replicates=N, seed=77, workers=2
            )
            kept[name] = r.counts @ _weights(network, output) / OMEGA
        return kept[name]

    return run


@pytest.mark.parametrize("name", MODULES)
def test_the_variance_at_rest_is_that_of_linear_noise(name, simulated):
    network, inputs, output = _module(name)
    at = _path(network, inputs, [60.0])[-1]
    w = _weights(network, output)
    expected = w @ linear_noise(network, at) @ w / OMEGA
    samples = simulated(name)[:, -1]
    ratio = samples.var(ddof=1) / expected
    kurtosis = np.mean((samples - samples.mean()) ** 4) / samples.var() ** 2
    spread = np.sqrt((kurtosis - 1) / N)
    beyond = max(abs(ratio - 1) - 20 / OMEGA, 0.0) / spread
    accept(2 * norm.sf(beyond), f"variance of {name}: {ratio:.3f} of linear noise")


def test_the_variance_of_smooth_relu_is_the_published_formula():
    """[h + (z_p + z_m) y + y^2] / (2 Omega sqrt(z^2 + 4 h)), and the Lyapunov equation gives the same."""
    network, inputs, _ = _module("smooth ReLU")
    at = _path(network, inputs, [200.0])[-1]
    y = at[network.index["Y"]]
    z_p, z_m = inputs["Z_p"], inputs["Z_m"]
    formula = (H + (z_p + z_m) * y + y * y) / (2 * np.sqrt((z_p - z_m) ** 2 + 4 * H))
    assert linear_noise(network, at)[network.index["Y"], network.index["Y"]] == pytest.approx(formula, rel=1e-5)


@pytest.mark.parametrize("name", MODULES)
def test_mean_and_relaxation_follow_the_mass_action_path(name, simulated):
    """At t = 0.5, 1 and at rest: the mean is the ODE's but for O(1 / Omega); three p-values, Bonferroni."""
    network, inputs, output = _module(name)
    expected = _path(network, inputs, [0.5, 1.0, 30.0]) @ _weights(network, output)
    p = [mean_is(simulated(name)[:, k], value, slack=2 / OMEGA) for k, value in enumerate(expected)]
    accept(min(p), f"mean of {name}", family=3)
