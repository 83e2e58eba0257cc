"""Linear noise: covariances against closed forms, the plain definition, and the master equation as Omega grows."""

import tracemalloc

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import gillespie_nn as gnn
from gillespie_nn import checks
from gillespie_nn.checks import InputError, ModelError
from gillespie_nn.simulation.methods import METHODS, LinearNoise
from gillespie_nn.simulation.methods.linear_noise import flow
from helpers.naive import mass_action, master_equation

CHAIN = gnn.ReactionNetwork.from_text("0 -> A @ 10\nA -> B @ 0.5\nA -> 0 @ 1\nB -> 0 @ 2")
PAIRS = gnn.ReactionNetwork.from_text("0 -> A @ 1\n2 A -> 0 @ 1\nA -> 0 @ 0.5")
SOLVERS = ("auto", "LSODA", "BDF")


def _covariance(network, method="linear_noise", **settings):
    r = gnn.simulate(network, method=method, **settings)
    return r.counts[0], r.covariance[0]


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_linear_network_from_nothing_has_poisson_variances_and_no_covariance(solver):
    time = np.linspace(0.0, 3.0, 14)
    means, found = _covariance(CHAIN, time=time, volume=10.0, solver=solver)
    a = 10 / 1.5 * (1 - np.exp(-1.5 * time))
    b = 5 / 1.5 * ((1 - np.exp(-2 * time)) / 2 - 2 * (np.exp(-1.5 * time) - np.exp(-2 * time)))
    np.testing.assert_allclose(means, np.transpose([a, b]), rtol=1e-6, atol=1e-9)
    expected = np.array([np.diag(row) for row in np.transpose([a, b])]) / 10
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("rate", [1.0, 1000.0])
def test_conversion_is_multinomial_and_may_be_stiff(solver, rate):
    network = gnn.ReactionNetwork.from_text(f"A -> B @ {rate}\nB -> A @ {rate / 2}\nB -> C @ 1\nA = 3000")
    means, found = _covariance(network, time=[0.3 / rate, 0.5], solver=solver)
    assert len(means) == 2
    for mean, covariance in zip(means, found, strict=True):
        p = mean / 3000
        np.testing.assert_allclose(covariance, 3000 * (np.diag(p) - np.outer(p, p)), rtol=1e-4, atol=1e-3)


def _plain(network, volume, time, noise=1.0, solver="LSODA"):
    """Mean and covariance by one call of scipy on concentrations, slopes by differences."""
    slope, n = mass_action(network), len(network.species)
    changes = np.array([[r.net_change().get(s, 0) for r in network.reactions] for s in network.species])

    def both(t, y):
        c, covariance = y[:n], y[n:].reshape(n, n)
        jacobian = np.transpose([(slope(c + d) - slope(c - d)) / 2e-6 for d in 1e-6 * np.eye(n)])
        rates = [r.rate * np.prod([c[network.index[s]] ** k for s, k in r.reactants]) for r in network.reactions]
        spread = noise * (changes * np.array(rates)) @ changes.T / volume
        return np.concatenate([slope(c), (jacobian @ covariance + covariance @ jacobian.T + spread).ravel()])

    start = np.concatenate([network.counts() / volume, np.zeros(n * n)])
    y = solve_ivp(both, (0, time[-1]), start, solver, time, rtol=1e-9, atol=1e-14).y.T
    return y[:, :n], y[:, n:].reshape(-1, n, n)


NONLINEAR = gnn.ReactionNetwork.from_text(
    "0 -> A @ 2\n2 A -> B @ 1.5\nB -> 2 A @ 0.3\nA + B -> C @ 4\nC -> 3 A @ 0.5\nC -> C + D @ 8\nD + A -> A @ 1\n"
    "A = 100\nB = 40\nD = 7"
)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_nonlinear_network_has_the_covariance_of_the_plain_definition(solver):
    time = np.linspace(0.0, 4.0, 9)[1:]
    means, found = _covariance(NONLINEAR, time=time, volume=50.0, solver=solver)
    plain_means, plain = _plain(NONLINEAR, 50.0, time)
    np.testing.assert_allclose(means, plain_means, rtol=1e-6)
    deviation = np.sqrt(np.einsum("tii->ti", plain))
    assert _distance(found, plain, deviation) < 1e-5
    # A noise matrix of 1.001 times the size would be seen.
    assert _distance(_plain(NONLINEAR, 50.0, time, 1.001)[1], plain, deviation) > 5e-4


def _distance(one, other, deviation):
    return np.abs((one - other) / (deviation[:, :, None] * deviation[:, None, :])).max()


def test_the_variance_of_the_smooth_relu_is_the_formula():
    """[h + (z_p + z_m) y + y^2] / (2 Omega sqrt(z^2 + 4 h)) at fixed rails z."""
    h, z_plus, z_minus, volume = 0.25, 0.8, 0.3, 1e4
    text = f"0 -> Y @ {h}\nP + Y -> P + 2 Y @ 1\nM + Y -> M @ 1\n2 Y -> Y @ 1\nP = 8000\nM = 3000"
    means, found = _covariance(gnn.ReactionNetwork.from_text(text), time=[60.0], volume=volume)
    z = z_plus - z_minus
    y = 0.5 * (z + np.sqrt(z**2 + 4 * h))
    assert means[0, 0] == pytest.approx(y, rel=1e-6)
    variance = (h + (z_plus + z_minus) * y + y**2) / (2 * volume * np.sqrt(z**2 + 4 * h))
    assert found[0, 0, 0] == pytest.approx(variance, rel=1e-6)


def _errors(method="linear_noise"):
    """Relative errors of the variance of pairs against the master equation, at Omega = 100 and 200."""
    errors = []
    for volume in (100.0, 200.0):
        law = master_equation(PAIRS, volume, {"A": int(2 * volume)}, 1.5)
        n = np.arange(len(law))
        variance = law @ (n - law @ n) ** 2
        found = _covariance(PAIRS, method, time=[1.5], volume=volume)[1]
        errors.append(volume**2 * found[0, 0, 0] / variance - 1)
    return np.array(errors)


def _is_first_order(errors):
    return abs(errors[0]) < 2e-3 and 1.9 < errors[0] / errors[1] < 2.1


def test_the_variance_nears_that_of_the_master_equation_as_one_over_omega():
    assert _is_first_order(_errors())


def test_a_wrong_noise_matrix_does_not_near_it(monkeypatch):
    """As many changes as there are, but one molecule at a time: S diag(a) |S|^T would have the right size for most."""

    class Single(LinearNoise):
        name = "single"

        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self._changes = self._changes.sign()

    monkeypatch.setattr("gillespie_nn.simulation.methods.METHODS", (*METHODS, Single))
    assert not _is_first_order(_errors("single"))


def test_the_training_network_has_the_covariance_of_the_plain_definition():
    """XOR's 82 species with learning on."""
    spec = gnn.training_network((2, 4, 1), learning_rate=0.1)
    volume, network = 1000.0, spec.network
    initial = spec.initial(spec.floating.initial_weights(3), volume) | spec.presentation([0, 1], [1], volume)
    r = gnn.simulate(network, time=[0.2, 0.4], volume=volume, method="linear_noise", initial=initial)
    start = gnn.ReactionNetwork(network.species, network.reactions, dict(zip(network.species, network.counts(initial))))
    plain_means, plain = _plain(start, volume, [0.2, 0.4], solver="DOP853")
    np.testing.assert_allclose(r.counts[0], plain_means, atol=1e-7)
    moving = np.einsum("tii->ti", plain)[0] > 0
    inner = np.ix_([0, 1], moving, moving)
    deviation = np.sqrt(np.einsum("tii->ti", plain))[:, moving]
    assert _distance(r.covariance[0][inner], plain[inner], deviation) < 1e-5
    assert not r.covariance[0][:, ~moving].any()


def test_a_scheduled_count_ends_its_fluctuations_and_others_go_on():
    changes = [(0.5, {"A": 500})]
    means, found = _covariance(CHAIN, time=[0.4, 0.5, 1.1], volume=100.0, schedule=changes)
    np.testing.assert_array_equal(found[1, 0], 0.0)
    assert found[0, 0, 0] > 0 and means[1, 0] == 5.0
    # Of the 500 each is independently an A still, or a B, or gone; what came since is Poisson.
    gone = np.exp(-1.5 * 0.6)
    expected = 500 * gone * (1 - gone) + 1000 / 1.5 * (1 - gone)
    assert found[2, 0, 0] * 100.0**2 == pytest.approx(expected, rel=1e-5)


def test_what_stands_still_after_a_change_keeps_its_share_in_the_fluctuations():
    """E is made for a while, then its source is taken away: B goes on to be made at a rate as uncertain as E."""
    network = gnn.ReactionNetwork.from_text("S -> S + E @ 1\nE -> E + B @ 2\nS = 100")
    means, found = _covariance(network, time=[1.0, 3.0], schedule=[(1.0, {"S": 0})])
    v = found[0] + np.zeros_like(found[0])
    e, b = 1, 2
    assert v[e, e] == pytest.approx(100, rel=1e-6)
    assert found[1, e, e] == v[e, e]
    assert found[1, e, b] == pytest.approx(v[e, b] + 2 * 2 * v[e, e], rel=1e-6)
    after = v[b, b] + 2 * 4 * v[e, b] + 16 * v[e, e] + 2 * 2 * 100
    assert found[1, b, b] == pytest.approx(after, rel=1e-6)


def test_flow_is_the_solution_of_the_lyapunov_equation_for_any_size_of_the_matrix():
    rng = np.random.default_rng(1)
    a = rng.normal(size=(5, 5)) - 2 * np.eye(5)
    d, c = (x @ x.T for x in rng.normal(size=(2, 5, 5)))
    for size in (0.01, 1.0, 60.0):  # the last by doubling
        operator = size * (np.kron(a, np.eye(5)) + np.kron(np.eye(5), a))
        rest = np.linalg.solve(operator, -d.ravel())
        values, vectors = np.linalg.eig(operator)
        expected = rest + (vectors * np.exp(values)) @ np.linalg.solve(vectors, c.ravel() - rest)
        np.testing.assert_allclose(flow(size * a, d, c), expected.real.reshape(5, 5), rtol=1e-9, atol=1e-9)


def test_the_covariance_survives_a_file_and_any_grid(tmp_path, monkeypatch):
    settings = {"volume": 10.0, "method": "linear_noise"}
    in_memory = gnn.simulate(CHAIN, 2.0, 5, **settings)
    assert in_memory.units == "concentration" and in_memory.covariance.shape == (1, 5, 2, 2)
    with gnn.simulate(CHAIN, 2.0, 5, output=tmp_path / "n.h5", **settings) as run:
        assert run.units == "concentration"
        np.testing.assert_array_equal(run.counts[:], in_memory.counts)
        np.testing.assert_array_equal(run.covariance, in_memory.covariance)
    monkeypatch.setattr("gillespie_nn.simulation.replicate._CHUNK_BYTES", 64)  # four rows
    fine = gnn.simulate(CHAIN, 2.0, 41, **settings)
    np.testing.assert_allclose(fine.covariance[:, ::10], in_memory.covariance, rtol=1e-5, atol=1e-8)


def test_memory_does_not_grow_with_the_recorded_times(tmp_path, monkeypatch):
    """Of 300 matrices of 13 KB, 4 MB, only those of a slice are kept; slices change nothing."""
    network = gnn.ReactionNetwork.from_text("\n".join(f"0 -> S{k} @ 5\nS{k} -> 0 @ 1" for k in range(40)))
    settings = {"time": np.linspace(0.0, 0.5, 300), "volume": 10.0, "method": "linear_noise"}
    monkeypatch.setattr("gillespie_nn.simulation.methods.linear_noise._SLICE_BYTES", 1 << 16)
    for name in ("_GROUP_BYTES", "_MOST_BYTES"):  # what may wait to be written
        monkeypatch.setattr(f"gillespie_nn.storage.ensemble_file.{name}", 1 << 18)
    gnn.simulate(network, output=tmp_path / "first.h5", **settings | {"time": [0.0, 0.1]}).close()  # imports, compiles
    tracemalloc.start()
    with gnn.simulate(network, output=tmp_path / "n.h5", **settings) as run:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2e6
        monkeypatch.undo()
        whole = gnn.simulate(network, **settings)
        assert whole.covariance.nbytes > 3.8e6
        np.testing.assert_array_equal(run.counts[:], whole.counts)
        np.testing.assert_array_equal(run.covariance, whole.covariance)
        np.testing.assert_array_equal(run.covariance[0, 1::7, 3, 3], whole.covariance[0, 1::7, 3, 3])
        np.testing.assert_array_equal(run.covariance[0, -1][3], whole.covariance[0, -1, 3])
        with pytest.raises(IndexError, match="covariance have 4 axes"):
            run.covariance[0, 0, 0, 0, 0]


def test_covariances_too_large_for_memory_are_refused_before_anything_is_run(monkeypatch):
    monkeypatch.setattr(checks, "_free_memory", lambda: 3e9)
    network = gnn.ReactionNetwork.from_text("\n".join(f"0 -> S{k} @ 5" for k in range(1000)))
    with pytest.raises(InputError, match="1000 species at 501 recorded times need 4.01 GB, but only 3 GB of mem"):
        gnn.simulate(network, 1.0, 501, method="linear_noise")


def test_training_which_keeps_no_covariances_is_refused():
    with pytest.raises(InputError, match="linear_noise computes covariances.*use ode"):
        gnn.train("xor", method="linear_noise", presentations=1)


@pytest.mark.parametrize(
    "text, match",
    [
        (
            "0 -> A @ 5\n@event full: when A >= 10; set A = 0",
            "linear_noise does not support events, but the network has full",
        ),
        ("flip: 0 -> A @ 1 * step(B, A)\n0 -> B @ 1", "rate of reaction flip, which is a discontinuous"),
        ("flip: 0 -> A @ propensity(piecewise(8, A < 4, 2))", "rate of reaction flip, which is a discontinuous"),
    ],
)
def test_what_it_cannot_treat_is_refused(text, match):
    with pytest.raises(InputError, match=match):
        gnn.simulate(gnn.ReactionNetwork.from_text(text), 1.0, method="linear_noise")


def test_large_networks_and_replicates_are_refused():
    with pytest.raises(InputError, match="at most 1500"):
        gnn.simulate(gnn.training_network((40, 16, 10)).network, 1.0, method="linear_noise")
    with pytest.raises(InputError, match="method linear_noise is deterministic"):
        gnn.simulate(CHAIN, 1.0, method="linear_noise", replicates=2)


def test_laws_that_jump_with_the_time_alone_and_smooth_laws_are_followed():
    network = gnn.ReactionNetwork.from_text(
        "0 -> A @ propensity(piecewise(800, time < 1, 200))\nA -> 0 @ propensity(A / (1 + 0 * A))"
    )
    means, found = _covariance(network, time=[0.7, 2.0])
    np.testing.assert_allclose(found[:, 0, 0], means[:, 0], rtol=1e-4)
    assert means[1, 0] == pytest.approx(800 * (1 - np.exp(-1)) * np.exp(-1) + 200 * (1 - np.exp(-1)), rel=1e-4)


def test_a_blow_up_names_the_level_the_time_and_the_species():
    network = gnn.ReactionNetwork.from_text("2 A -> 3 A @ 1\nA = 100\nB = 5")
    with pytest.raises(
        ModelError,
        match=r"linear_noise: (the covariances cannot be computed|no solution) beyond t = 1\.?0*\d* s, where .*A",
    ):
        gnn.simulate(network, 10.0, method="linear_noise", volume=100.0)


def test_a_rate_below_zero_is_named():
    network = gnn.ReactionNetwork.from_text("0 -> A @ 1\nback: A -> 0 @ propensity(A - 5)\nA = 3")
    with pytest.raises(ModelError, match="the rate of reaction back is negative"):
        gnn.simulate(network, 1.0, method="linear_noise")
