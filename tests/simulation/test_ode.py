"""The rate equations and the method `ode`: against closed forms, plain twins of the definitions, scipy's solvers and
libRoadRunner, where it is installed; and what it refuses or cannot finish."""

import warnings

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import gillespie_nn as gnn
from gillespie_nn import checks
from gillespie_nn.kernels import codes
from gillespie_nn.simulation.methods.ode import Ode
from gillespie_nn.simulation.methods.rate_equations import RateEquations
from gillespie_nn.simulation.presentations import Presented, Samples
from helpers.naive import mass_action

SOLVERS = ("auto", "DOP853", "LSODA", "BDF", "Radau")
XOR_X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR_T = np.array([[0.0], [1.0], [1.0], [0.0]])
MIXED = gnn.ReactionNetwork.from_text(
    "0 -> A @ 2\nA -> 0 @ 0.5\n2 A -> B @ 1\nA + B -> C @ 0.3\n3 A -> B @ 0.1\n2 A + B + C -> A @ 0.2\n"
    "0 -> C @ 3 * step(A, B)\n0 -> D @ 2 * ramp(B, A)\nA + C -> D @ 1.5 * ramp(B, A)\nB -> 3 C @ 0.7\nD -> 0 @ 0.4\n"
    "A = 30\nB = 20\nC = 10\nD = 5"
)
LAWS = gnn.ReactionNetwork.from_text(
    "@parameter K = 4\n0 -> A @ 2\nA -> B @ propensity(9 * A / (K + A))\nB -> 0 @ propensity(B^1.5 / (1 + time))\n"
    "0 -> A @ propensity(volume * exp(-B / 10))\nA = 20"
)


def _random_network(rng, n_species=6, n_reactions=14):
    """Reactions of order 0 to 3 that lose molecules in the long run."""
    lines = [f"S{s} -> 0 @ {rng.uniform(0.5, 2):.3f}" for s in range(n_species)]
    for _ in range(n_reactions):
        sides = [" + ".join(f"S{s}" for s in rng.integers(0, n_species, rng.integers(low, 4))) for low in (0, 0)]
        if len(sides[1].split("+")) > len(sides[0].split("+")) and sides[0]:
            sides.reverse()
        lines.append(f"{sides[0] or 0} -> {sides[1] or 0} @ {rng.uniform(0.1, 1):.3f}")
    return gnn.ReactionNetwork.from_text("\n".join(lines + [f"S{s} = {rng.integers(5, 50)}" for s in range(n_species)]))


def _solve(right_hand_side, c, grid):
    """By scipy, with steps far shorter than needed."""
    found = solve_ivp(lambda t, c: right_hand_side(c), (0, grid[-1]), c, "DOP853", grid, rtol=1e-12, atol=1e-13)
    assert found.success
    return found.y.T


@pytest.mark.parametrize("solver", SOLVERS)
def test_birth_death_follows_its_closed_form_at_every_grid_point(solver):
    network = gnn.ReactionNetwork.from_text("0 -> A @ 5\nA -> 0 @ 0.5\nA = 30")
    r = gnn.simulate(network, 8.0, 81, volume=20.0, method="ode", solver=solver)
    assert r.units == "concentration" and r.counts.dtype == np.float64 and r.complete
    assert r.counts[0, 0, 0] == 1.5 and r.n_events[0] == 0
    np.testing.assert_allclose(r.of("A")[0], 10 - 8.5 * np.exp(-0.5 * r.time), rtol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_dimerisation_has_no_falling_factorial(solver):
    """2 A -> 0 at rate k: c' = -2 k c^2, so c = c0 / (1 + 2 k c0 t), whatever the volume."""
    network = gnn.ReactionNetwork.from_text("2 A -> 0 @ 0.7\nA = 3")
    r = gnn.simulate(network, 5.0, 11, volume=0.5, method="ode", solver=solver)
    np.testing.assert_allclose(r.of("A")[0], 6 / (1 + 8.4 * r.time), rtol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_logistic_growth_follows_its_closed_form(solver):
    network = gnn.ReactionNetwork.from_text("A -> 2 A @ 2\n2 A -> A @ 0.5\nA = 1")
    r = gnn.simulate(network, 10.0, 31, volume=100.0, method="ode", solver=solver)
    np.testing.assert_allclose(r.of("A")[0], 4 / (1 + 399 * np.exp(-2 * r.time)), rtol=2e-6)


@pytest.mark.parametrize("seed", range(5))
def test_random_networks_agree_with_scipy_on_the_plain_definition(seed):
    network = _random_network(np.random.default_rng(seed))
    volume = 10.0
    grid = np.linspace(0, 3, 16)
    expected = _solve(mass_action(network), network.counts() / volume, grid)
    for solver in ("auto", "LSODA"):
        r = gnn.simulate(network, time=grid, volume=volume, method="ode", solver=solver)
        np.testing.assert_allclose(r.counts[0], expected, rtol=1e-6, atol=1e-8)


def test_derivative_of_mass_action_and_thresholds_is_the_plain_definition():
    rng = np.random.default_rng(1)
    for network in (MIXED, gnn.training_network((3, 4, 2)).network, gnn.training_network((2, 3, 1), "relu").network):
        equations, plain = RateEquations(network, network.rates(), 7.0), mass_action(network)
        for _ in range(20):
            c = rng.uniform(0, 3, len(network.species)) * (rng.random(len(network.species)) < 0.9)
            found = equations.derivative(0.0, 7.0 * c)
            np.testing.assert_allclose(found, 7.0 * plain(c), rtol=1e-12, atol=1e-11)
            np.testing.assert_allclose(
                equations.stoichiometry @ equations.propensities(0.0, 7.0 * c), found, atol=1e-11
            )


@pytest.mark.parametrize("network", [MIXED, LAWS, gnn.training_network((2, 3, 2), "leaky_relu").network])
def test_jacobian_is_the_slope_of_the_derivative(network):
    rng = np.random.default_rng(2)
    equations = RateEquations(network, network.rates(), 5.0)
    for _ in range(10):
        x = rng.uniform(1, 15, len(network.species))
        jacobian = equations.jacobian(0.3, x).toarray()
        for j in range(len(x)):
            step = np.zeros(len(x))
            step[j] = 1e-5 * x[j]
            slope = (equations.derivative(0.3, x + step) - equations.derivative(0.3, x - step)) / (2 * step[j])
            np.testing.assert_allclose(jacobian[:, j], slope, rtol=1e-6, atol=1e-7 * np.abs(jacobian).max())


def test_jacobian_at_zero_is_that_of_the_powers():
    """Where a product rule that divides by a factor would fail: d(a^2 b)/da = 2 a b, d/db = a^2, at a, b = 0."""
    network = gnn.ReactionNetwork.from_text("2 A + B -> 0 @ 1\nC -> 0 @ 2")
    equations = RateEquations(network, network.rates(), 1.0)
    assert equations.jacobian(0.0, np.zeros(3)).toarray().tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, -2]]
    at_b = equations.jacobian(0.0, np.array([3.0, 0.0, 0.0])).toarray()
    assert at_b.tolist() == [[0, -18, 0], [0, -9, 0], [0, 0, -2]]


@pytest.mark.parametrize("derivative", ["gain", "ratio"])
def test_what_cannot_move_is_left_out_without_a_change(derivative):
    """The structured right-hand side of a training network with a sparse input equals the plain one."""
    spec = gnn.training_network((40, 6, 3), derivative=derivative)
    network, rng = spec.network, np.random.default_rng(3)
    equations = RateEquations(network, network.rates(), 50.0)
    state = np.append(spec.start(spec.floating.initial_weights(3), 50.0, np.float64), 1.0)
    for s, n in spec.presentation(rng.uniform(0, 1, 40) * (rng.random(40) < 0.2), rng.uniform(0, 1, 3), 50.0).items():
        state[network.index[s]] = n
    part = equations.live_part(state)
    assert len(part.moving) < len(network.species) / 2
    for _ in range(10):
        state[part.moving] = rng.uniform(0, 50, len(part.moving))
        found = np.zeros(len(network.species))
        found[part.moving] = part.derivative(0.0, state[part.moving])
        np.testing.assert_allclose(found, equations.derivative(0.0, state[:-1]), rtol=1e-12, atol=1e-9)
        whole = equations.jacobian(0.0, state[:-1]).toarray()[np.ix_(part.moving, part.moving)]
        np.testing.assert_allclose(part.jacobian(0.0, state[part.moving]).toarray(), whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
def test_time_dependent_rate_starts_at_the_right_time_after_a_restart(solver):
    """A' = 3 (1 + sin 2t) - A, set to 5 at t = 1.3."""
    network = gnn.ReactionNetwork.from_text("0 -> A @ propensity(3 * (1 + sin(2 * time)))\nA -> 0 @ 1")
    time = np.linspace(0, 4, 41)
    r = gnn.simulate(network, time=time, method="ode", solver=solver, schedule=[(1.3, {"A": 5})])

    def particular(t):
        return 3 + 0.6 * np.sin(2 * t) - 1.2 * np.cos(2 * t)

    start = np.where(time < 1.3, 0.0, 1.3)
    value = np.where(time < 1.3, 0.0, 5.0)
    expected = particular(time) + (value - particular(start)) * np.exp(start - time)
    np.testing.assert_allclose(r.of("A")[0], expected, rtol=1e-6, atol=1e-8)
    assert r.of("A")[0, 13] == 5.0  # the state at the time of a change comes after it
    assert r.statistics["restarts"][0] >= 2


@pytest.mark.parametrize("solver", ["auto", "LSODA", "BDF"])
def test_changes_are_never_integrated_through(solver):
    """Between changes that come more often than steps would, A decays from the last value set, to the last digit."""
    network = gnn.ReactionNetwork.from_text("A -> 0 @ 1\nA = 1")
    schedule = [(0.05 * k, {"A": 10 * k}) for k in range(1, 60)]
    time = np.linspace(0, 3, 241)
    r = gnn.simulate(network, time=time, method="ode", solver=solver, schedule=schedule)
    last = np.clip(np.floor(time / 0.05 + 1e-9), 0, 59)
    np.testing.assert_allclose(r.of("A")[0], np.where(last, 10 * last, 1) * np.exp(0.05 * last - time), rtol=1e-6)


def test_slices_and_grids_do_not_change_the_solution():
    network = MIXED
    fine = gnn.simulate(network, 4.0, 4001, volume=9.0, method="ode")
    coarse = gnn.simulate(network, 4.0, 5, volume=9.0, method="ode")
    np.testing.assert_array_equal(fine.counts[0, ::1000], coarse.counts[0])
    method = Ode(network, network.rates(), 9.0, network.counts(), None)
    rows = np.empty((1, 4))
    while method.advance(4.0, np.array([3.0]), rows) != codes.REACHED_END:
        assert method.time < 4.0
    np.testing.assert_array_equal(rows[0] / 9.0, coarse.counts[0, 3])
    assert method.time == 4.0 and method.grid_index == 1


def test_a_long_run_comes_back_in_slices_so_that_it_can_be_stopped():
    network = gnn.ReactionNetwork.from_text("A -> 0 @ 50\n0 -> A @ 50\nA = 5")
    method = Ode(network, network.rates(), 1.0, network.counts(), None, options={"solver": "DOP853"})
    times = []
    while method.advance(500.0) == codes.SLICE_END:
        times.append(method.time)
    assert len(times) > 5 and (np.diff([0.0, *times]) > 0).all() and times[-1] < 500.0
    assert method.statistics["stiff_share"] > 0.5 and method.time == 500.0


@pytest.mark.parametrize("n_species", [2, 500])
def test_auto_goes_on_with_an_implicit_solver_when_stability_keeps_steps_short(n_species):
    """A and B relax at 1e4, and a slow mode at 1 is left; a Jacobian of 500 species is sparse."""
    fast = [f"S{k} -> S{k + 1} @ 10000\nS{k + 1} -> S{k} @ 10000" for k in range(0, n_species, 2)]
    network = gnn.ReactionNetwork.from_text("\n".join([*fast, "S0 -> 0 @ 1", "S0 = 1000"]))
    r = gnn.simulate(network, 5.0, 6, volume=10.0, method="ode", rtol=1e-6)
    assert r.statistics["switches"][0] == 1 and r.statistics["jacobian_evaluations"][0] > 0
    assert r.statistics["steps"][0] < 5000
    rate = 10000.5 - np.sqrt(10000.5**2 - 10000)  # the slow eigenvalue
    np.testing.assert_allclose(r.of("S0")[0, 1:], 50 * np.exp(-rate * r.time[1:]), rtol=2e-4)


def test_conservation_laws_hold_to_rounding():
    network = gnn.ReactionNetwork.from_text("A + B -> C @ 1\nC -> A + B @ 0.3\n2 C -> D @ 0.2\nA = 50\nB = 30\nD = 7")
    for solver in SOLVERS:
        r = gnn.simulate(network, 20.0, 50, volume=10.0, method="ode", solver=solver)
        laws = network.conservation_laws @ r.counts[0].T
        np.testing.assert_allclose(laws, np.repeat(laws[:, :1], 50, axis=1), rtol=1e-11)


@pytest.mark.parametrize("solver", SOLVERS)
def test_blow_up_in_finite_time_ends_with_its_time_and_species(solver):
    """c' = c^2 from c = 1 ends at t = 1."""
    network = gnn.ReactionNetwork.from_text("2 A -> 3 A @ 1\nB -> 0 @ 1\nA = 10\nB = 20")
    with pytest.raises(
        checks.ModelError, match=r"ode: no solution beyond t = (0\.99999\d*|1(\.00000\d*)?) s, where A ="
    ):
        gnn.simulate(network, 2.0, 5, volume=10.0, method="ode", solver=solver)


def test_rates_too_slow_for_the_square_of_an_error_are_integrated():
    network = gnn.ReactionNetwork.from_text("A -> B @ 1e-300\n3 C -> 0 @ 1e-200\nA = 1000\nC = 5")
    r = gnn.simulate(network, 2.0, 3, method="ode")
    np.testing.assert_allclose(r.counts[0] / [1, 1e-297, 1], [[1000, t, 5] for t in (0, 1, 2)], rtol=1e-12)


def test_growth_beyond_float64_ends_with_an_error():
    network = gnn.ReactionNetwork.from_text("A -> 2 A @ 1\nA = 10")
    with pytest.raises(checks.ModelError, match=r"ode: no solution beyond t = 70\d\.\d+ s, where A ="):
        gnn.simulate(network, 1000.0, 5, method="ode")


def test_a_law_without_a_value_ends_with_an_error_naming_the_species_it_changes():
    network = gnn.ReactionNetwork.from_text("0 -> B @ 1\nA -> 0 @ propensity(sqrt(time - 1))\nA = 10")
    with pytest.raises(checks.ModelError, match="where A = 10 .* by nan a second"):
        gnn.simulate(network, 2.0, 5, method="ode")


def test_a_law_that_takes_from_an_empty_species_is_warned_of():
    network = gnn.ReactionNetwork.from_text("0 -> B @ 1\nA -> 0 @ propensity(3)\nA = 10")
    with pytest.warns(UserWarning, match=r"ode: A fell to -.* before t = .*below 0"):
        r = gnn.simulate(network, 10.0, 5, volume=2.0, method="ode")
    assert r.statistics["least_concentration"][0] == pytest.approx(-10.0)


@pytest.mark.parametrize("solver", ["auto", "DOP853", "LSODA"])
def test_a_law_of_a_fraction_of_a_power_can_reach_zero(solver):
    """A' = -sqrt(A) reaches 0 at t = 2 sqrt(10) and stays there, though errors of a step lie below 0."""
    network = gnn.ReactionNetwork.from_text("A -> 0 @ propensity(A^0.5)\nA = 10")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        r = gnn.simulate(network, 20.0, 81, method="ode", solver=solver)
    np.testing.assert_allclose(r.of("A")[0], np.maximum(np.sqrt(10) - r.time / 2, 0) ** 2, rtol=1e-6, atol=1e-7)


def test_bad_options_are_refused():
    network = gnn.ReactionNetwork.from_text("A -> 0 @ 1\nA = 10")
    bad = [{"rtol": 0.0}, {"rtol": 1}, {"rtol": 1e-14}, {"atol": 0}, {"solver": "Euler"}, {"epsilon": 0.1}]
    for options in bad:
        with pytest.raises(checks.InputError, match=next(iter(options))):
            gnn.simulate(network, 1.0, method="ode", **options)
    with pytest.raises(checks.InputError, match="replicates=2"):
        gnn.simulate(network, 1.0, method="ode", replicates=2)


def test_networks_that_stand_still_and_rules_are_recorded():
    still = gnn.ReactionNetwork.from_text("A + B -> C @ 1\nA = 10")
    r = gnn.simulate(still, 5.0, 6, volume=10.0, method="ode")
    assert (r.of("A") == 1.0).all() and (r.of("C") == 0.0).all() and r.statistics["steps"][0] == 0
    ruled = gnn.ReactionNetwork.from_text("A -> B @ 1\nA = 10\n@rule total = A + B\n@rule late = 2 * time")
    r = gnn.simulate(ruled, 5.0, 6, volume=10.0, method="ode")
    np.testing.assert_allclose(r.of("total")[0], 10.0)
    np.testing.assert_allclose(r.of("late")[0], 2 * r.time)


def test_storage_round_trip(tmp_path):
    network = gnn.ReactionNetwork.from_text("0 -> A @ 5\nA -> 0 @ 0.5\nA = 30")
    plain = gnn.simulate(network, 4.0, 9, volume=20.0, method="ode", seed=1)
    run = gnn.simulate(network, 4.0, 9, volume=20.0, method="ode", seed=1, output=tmp_path / "ode.h5")
    assert run.units == "concentration" and run.counts.dtype == np.float64
    np.testing.assert_array_equal(run.counts[:], plain.counts)
    assert run.to_xarray()["counts"].attrs["units"] == "concentration"
    assert {k: v[0] for k, v in run.statistics.items()} == {k: v[0] for k, v in plain.statistics.items()}


def test_points_that_a_blow_up_did_not_reach_are_nan(tmp_path):
    network = gnn.ReactionNetwork.from_text("2 A -> 3 A @ 1\nA = 10")
    path = tmp_path / "blown.h5"
    with pytest.raises(checks.ModelError):
        gnn.simulate(network, 2.0, 5, volume=10.0, method="ode", output=path)
    assert np.isnan(gnn.open_run(path).counts[:]).all()


def test_training_learns_like_gradient_descent():
    fit = gnn.train("xor", method="ode", seed=0, presentations=400)
    assert fit.accuracy == 1.0 and fit.scores["accuracy_gradient_descent"] == 1.0
    assert fit.scores["largest_error"] < 0.1 < fit.scores["largest_error_before"]
    assert fit.n_events == 0 and fit.statistics["restarts"] == 400
    predicted = fit.predict(fit.plan.dataset.test_x)
    np.testing.assert_allclose(predicted, fit.outputs, atol=2e-3)


def test_xor_presentations_agree_with_libroadrunner():
    """Ten presentations of the XOR training network as deterministic SBML, by CVODE, restarted at each."""
    roadrunner = pytest.importorskip("roadrunner")
    assert largest_difference_from_roadrunner(roadrunner) < 1e-6


def largest_difference_from_roadrunner(roadrunner):
    """Largest relative difference of any species at the end of any presentation; below 1e-6 [concentration], the
    difference over 1e-6."""
    volume, running_time = 50.0, 10.0
    spec = gnn.training_network((2, 4, 1), learning_rate=0.05)
    network = spec.network
    counts = np.rint(spec.start(spec.floating.initial_weights(4), volume, np.float64)).astype(np.int64)
    document = network.to_sbml(
        kinetics="deterministic", volume=volume, initial=dict(zip(network.species, counts.tolist()))
    )
    other = roadrunner.RoadRunner(document)
    other.integrator.relative_tolerance, other.integrator.absolute_tolerance = 1e-10, 1e-13
    other.integrator.maximum_num_steps = 1_000_000
    method = Ode(network, network.rates(), volume, counts, None, options={"rtol": 1e-11, "atol": 1e-14})
    samples = Samples(spec, Presented(XOR_X, XOR_T, np.arange(1000)[:, None] % 4), volume, np.float64)
    worst, theirs = 0.0, counts / volume
    for k in range(10):
        (shown,) = samples.present(method, k, k * running_time, (k + 1) * running_time)
        theirs[shown.species] = shown.counts / volume
        other.reset()
        for s, c in zip(network.species, theirs):
            other[f"[{s}]"] = c
        while method.advance((k + 1) * running_time) == codes.SLICE_END:
            pass
        other.simulate(0, running_time, 2)
        theirs = np.array([other[f"[{s}]"] for s in network.species])
        ours = method.counts / volume
        worst = max(worst, float((np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-6)).max()))
    return worst
